//! What can be wrong with an encoder, its images and its files.

use std::path::PathBuf;

use crate::data::DataError;
use crate::device::DeviceError;
use crate::files::FileError;
use crate::plane::PlaneError;
use crate::report::ReportError;

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// A setting that no encoder can have.
    #[error("{name} is {value}, but {rule}")]
    Setting {
        /// Its flag: `--layers`.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// Tensors that do not fit the encoder.
    #[error("{what}: {found}, the encoder wants {wanted}")]
    Shape {
        /// What does not fit.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// Images are wanted from something that has none.
    #[error("no images in {place}: {cause}")]
    NoImages {
        /// The folder, sheet or data set.
        place: String,
        /// Why there are none.
        cause: String,
        /// A way out.
        hint: Option<String>,
    },
    /// Numbers that are none any more.
    #[error("{what} became {value} in step {step}: the images or --rate are out of range")]
    NotFinite {
        /// `the energy` or `the lateral weights`.
        what: &'static str,
        /// NaN or infinite.
        value: f64,
        /// The step, from 0.
        step: u64,
    },
    /// A file that is not what it should be.
    #[error("cannot use {path}: {cause}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Images whose rows have no clusters or places.
    #[error("the images cannot be arranged")]
    Plane(#[from] PlaneError),
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

impl EncoderError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            EncoderError::Data(e) => e.hint(),
            EncoderError::Report(e) => e.hint().map(str::to_string),
            EncoderError::NoImages { hint, .. } => hint.clone(),
            _ => None,
        }
    }

    /// Whether it is the command that is wrong, not the machine or a file.
    pub fn is_wrong_use(&self) -> bool {
        matches!(self, EncoderError::Setting { .. } | EncoderError::Data(DataError::UnknownName { .. }))
    }
}
