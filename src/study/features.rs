//! The outputs of a block, a row an image, for NumPy.

use std::path::Path;

use clap::ValueEnum;
use tch::{Device, Kind, Tensor};

use crate::device;
use crate::files::{FileError, npy};
use crate::layer::Network;
use crate::preset::config::NetworkConfig;
use crate::train::TrainError;
use crate::train::bank::Bank;

/// What becomes of a channel's positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pooling {
    /// Their mean.
    Avg,
    /// The largest.
    Max,
    /// All of them: a row is channel after channel, each row by row.
    None,
}

/// Numbers an image.
pub fn width(network: &NetworkConfig, block: usize, pool: Pooling) -> usize {
    let [c, h, w] = network.blocks[block].out_shape.map(|n| usize::try_from(n).unwrap_or(0));
    if pool == Pooling::None { c * h * w } else { c }
}

/// Outputs `(B, C, H, W)` or `(B, C)` as rows `(B, D)`.
fn pooled(y: &Tensor, pool: Pooling) -> Tensor {
    let rows = y.size()[0];
    match pool {
        _ if y.dim() == 2 => y.shallow_clone(),
        Pooling::None => y.reshape([rows, -1]),
        Pooling::Avg => y.flatten(2, -1).mean_dim([2i64].as_slice(), false, Kind::Float),
        Pooling::Max => y.flatten(2, -1).amax([2i64].as_slice(), false),
    }
}

/// What is written.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// The outputs of this block.
    pub block: usize,
    /// Over their positions.
    pub pool: Pooling,
    /// Images at once.
    pub batch: usize,
}

/// Writes the outputs of a block for these rows of a bank, as they come: no more than a batch is held. `progress` is told how
/// many images are done and says whether to go on. Returns whether it finished; if not, there is no file.
///
/// # Errors
/// When the file cannot be written.
pub fn write(
    network: &mut Network,
    bank: &Bank,
    rows: &[i64],
    how: How,
    path: &Path,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<bool, TrainError> {
    let (mut done, mut stopped) = (0, false);
    let written = npy::write(path, width(network.config(), how.block, how.pool), |out| -> Result<(), TrainError> {
        for chunk in rows.chunks(how.batch.max(1)) {
            let values = device::guard("computing a block's outputs", || {
                let y = bank.outputs(&Tensor::from_slice(chunk), network, how.block + 1);
                let y = pooled(&y, how.pool).to_kind(Kind::Float).to_device(Device::Cpu).contiguous();
                Vec::<f32>::try_from(y.flatten(0, -1)).unwrap_or_default()
            })?;
            out.push(&values).map_err(FileError::write(path))?;
            done += chunk.len();
            if !progress(done) {
                stopped = true;
                return Err(TrainError::Plan("stopped".to_string()));
            }
        }
        Ok(())
    });
    match written {
        Err(_) if stopped => Ok(false),
        other => other.map(|_| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_pooled_and_kept_in_order() {
        let y = Tensor::from_slice(&[1f32, 2.0, 3.0, 6.0, -1.0, -2.0, -3.0, -6.0]).view([1, 2, 2, 2]);
        let list = |t: Tensor| Vec::<f32>::try_from(t.contiguous().flatten(0, -1)).unwrap();
        assert_eq!(list(pooled(&y, Pooling::Avg)), [3.0, -3.0]);
        assert_eq!(list(pooled(&y, Pooling::Max)), [6.0, -1.0]);
        assert_eq!(list(pooled(&y, Pooling::None)), [1.0, 2.0, 3.0, 6.0, -1.0, -2.0, -3.0, -6.0]);
        // As a convolution may leave it: channels last in memory.
        let last = y.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        assert_eq!(list(pooled(&last, Pooling::None)), list(pooled(&y, Pooling::None)));
        let flat = Tensor::from_slice(&[1f32, 2.0]).view([1, 2]);
        assert_eq!(list(pooled(&flat, Pooling::Avg)), [1.0, 2.0]);
    }
}
