//! NaN and infinity: found at the step, named with the block and the likely cause.

use tch::Device;

use super::TrainError;
use crate::layer::block::Layer;
use crate::layer::{Block, Network};
use crate::report::format::number;

/// Where a run is, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Phase, from 0.
    pub phase: usize,
    /// Epoch, from 1.
    pub epoch: u64,
    /// Step, from 1.
    pub step: u64,
}

/// Whether a check is due after this step: every step on the CPU; elsewhere every 100th and the last, because reading
/// a number back makes the host wait for the device.
pub fn due(device: Device, step: u64, last: bool) -> bool {
    device == Device::Cpu || last || step.is_multiple_of(100)
}

fn verdict(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some("infinite")
    } else {
        None
    }
}

/// Checks the pending updates and the radii of the Hebbian blocks that learn.
///
/// # Errors
/// Names the first block that is not finite.
pub fn updates(network: &Network, blocks: &[usize], place: Place) -> Result<(), TrainError> {
    for &i in blocks {
        let Some(block) = network.blocks.get(i) else { continue };
        let Some(layer) = block.hebbian() else { continue };
        if let Some(value) = verdict(layer.soundness()) {
            return Err(not_finite("the weights", format!("block {i}"), value, place, weight_cause(i, block)));
        }
    }
    Ok(())
}

/// Checks a loss.
///
/// # Errors
/// When it is not finite.
pub fn loss(value: f64, blocks: &[usize], place: Place) -> Result<(), TrainError> {
    let Some(value) = verdict(value) else { return Ok(()) };
    let i = blocks.last().copied().unwrap_or(0);
    let cause = format!(
        "a learning rate of Adam that is too large (try --set b{i}.layer.lr_sup=… with a tenth of it), or inputs that are not finite"
    );
    Err(not_finite("the loss", "the network".to_string(), value, place, cause))
}

fn weight_cause(i: usize, block: &Block) -> String {
    let Layer::Hebbian(layer) = &block.layer else { return String::new() };
    let config = layer.config();
    format!(
        "a learning rate that is too large (lr is {lr}, power_lr {power}; try --set b{i}.layer.lr={tenth}), or inputs \
         of the block that are not finite",
        lr = number(config.lr),
        power = number(config.power_lr),
        tenth = number(config.lr / 10.0)
    )
}

fn not_finite(what: &'static str, place: String, value: &'static str, at: Place, cause: String) -> TrainError {
    TrainError::NotFinite { what, place, value, phase: at.phase + 1, epoch: at.epoch, step: at.step, cause }
}
