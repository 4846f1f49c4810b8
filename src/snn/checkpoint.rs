//! Checkpoints: the weights as safetensors (`w1` (D, H), `w2` (H, C), `thresholds` (H)), and how far the run is.
//!
//! A checkpoint is taken after a batch, when nothing is folded into scales: a resumed run goes on with the same bits.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::{Constants, Network, SnnError};
use crate::files::{FileError, RunDir, write_atomic};

/// Key of the metadata.
const KEY: &str = "snn";

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs finished.
    pub epochs: u64,
    /// Batches finished of the next one.
    pub batches: usize,
    /// Seconds so far.
    pub seconds: f64,
}

/// Writes a checkpoint into a run's folder.
///
/// # Errors
/// When the file cannot be written.
pub fn save(dir: &RunDir, network: &Network, progress: Progress) -> Result<(), SnnError> {
    let path = dir.checkpoint();
    let broken = |cause: String| SnnError::Broken { path: path.clone(), cause };
    let hidden = network.constants().hidden;
    let bytes = |w: &[f32]| w.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let tensors = [
        ("thresholds", vec![hidden], bytes(network.thresholds())),
        ("w1", vec![network.inputs(), hidden], bytes(&network.w1())),
        ("w2", vec![hidden, network.classes()], bytes(&network.w2())),
    ];
    let views =
        tensors.iter().map(|(name, shape, data)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), data)?)));
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>().map_err(|e| broken(e.to_string()))?;
    let text = serde_json::to_string(&progress).map_err(|e| broken(e.to_string()))?;
    let metadata = HashMap::from([(KEY.to_string(), text)]);
    let data = safetensors::serialize(views, Some(metadata)).map_err(|e| broken(e.to_string()))?;
    Ok(write_atomic(&path, |out| out.write_all(&data))?)
}

/// Reads a checkpoint as a network with these constants.
///
/// # Errors
/// When the file is missing, broken, or does not fit the constants.
pub fn load(dir: &RunDir, constants: &Constants) -> Result<(Network, Progress), SnnError> {
    let path = dir.checkpoint();
    let data = std::fs::read(&path).map_err(FileError::read(&path))?;
    read(&path, &data, constants)
}

fn read(path: &Path, data: &[u8], constants: &Constants) -> Result<(Network, Progress), SnnError> {
    let broken = |cause: String| SnnError::Broken { path: path.to_path_buf(), cause };
    let whole = |e: safetensors::SafeTensorError| broken(format!("it is not a whole safetensors file ({e})"));
    let file = SafeTensors::deserialize(data).map_err(whole)?;
    let (_, header) = SafeTensors::read_metadata(data).map_err(whole)?;
    let metadata = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let text = metadata.ok_or_else(|| broken(format!("it is no checkpoint of `snn`: its metadata has no `{KEY}`")))?;
    let progress: Progress = serde_json::from_str(text).map_err(|e| broken(format!("its metadata: {e}")))?;
    let tensor = |name: &str| -> Result<(Vec<usize>, Vec<f32>), SnnError> {
        let view = file.tensor(name).map_err(|e| broken(format!("tensor {name}: {e}")))?;
        if view.dtype() != Dtype::F32 {
            return Err(broken(format!("tensor {name} is of type {:?}, not f32", view.dtype())));
        }
        let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok((view.shape().to_vec(), values))
    };
    let ((shape1, w1), (shape2, w2), (shape_t, thresholds)) = (tensor("w1")?, tensor("w2")?, tensor("thresholds")?);
    let (&[inputs, hidden], &[also_hidden, classes], &[units]) = (&shape1[..], &shape2[..], &shape_t[..]) else {
        return Err(broken(format!("its tensors have shapes {shape1:?}, {shape2:?} and {shape_t:?}")));
    };
    if [hidden, also_hidden, units] != [constants.hidden; 3] {
        return Err(broken(format!("it has {hidden} hidden units, the plan {}", constants.hidden)));
    }
    let mut network = Network::new(constants, inputs, classes, &w1, &w2)?;
    network.set_thresholds(&thresholds);
    match network.not_finite() {
        Some((layer, value)) => Err(broken(format!("a weight of {layer} is {value}"))),
        None => Ok((network, progress)),
    }
}
