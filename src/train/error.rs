//! What can end a run early.

use std::path::PathBuf;

use crate::data::DataError;
use crate::device::DeviceError;
use crate::files::FileError;
use crate::layer::network::StateError;
use crate::preset::PresetError;
use crate::report::ReportError;

/// What can end a run early.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// NaN or infinity.
    #[error("{what} of {place} became {value} in phase {phase}, epoch {epoch}, step {step}\nlikely cause: {cause}")]
    NotFinite {
        /// Weights or loss.
        what: &'static str,
        /// `block 1`, or `the network`.
        place: String,
        /// NaN or infinite.
        value: &'static str,
        /// Phase, from 1.
        phase: usize,
        /// Epoch, from 1.
        epoch: u64,
        /// Step, from 1: the one, or the last of those since the check before.
        step: u64,
        /// What to look at.
        cause: String,
    },
    /// The plan cannot be run.
    #[error("{0}")]
    Plan(String),
    /// A checkpoint cannot be used.
    #[error("cannot use checkpoint {path}: {cause}", path = path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A name, a block or an override.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// A state that does not fit.
    #[error(transparent)]
    State(#[from] StateError),
    /// libtorch or the device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A listener.
    #[error(transparent)]
    Report(#[from] ReportError),
}
