//! What can be wrong with a spiking network, its constants and its files.

use std::path::PathBuf;

use crate::data::DataError;
use crate::files::FileError;
use crate::report::ReportError;

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum SnnError {
    /// A constant that no network can have.
    #[error("{name} is {value}, but {rule}")]
    Constant {
        /// Its flag: `--k-hidden`.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it must be, and a way there.
        rule: String,
    },
    /// Images or spikes that do not fit the network.
    #[error("{what}: {found}, the network wants {wanted}")]
    Shape {
        /// What does not fit.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// Weights that are not finite numbers.
    #[error("weights of {layer} became {value} in epoch {epoch}, image {image}\nlikely cause: {cause}")]
    NotFinite {
        /// `the hidden layer` or `the output layer`.
        layer: &'static str,
        /// NaN or infinite.
        value: f32,
        /// Epoch, from 1.
        epoch: u64,
        /// Images done in it.
        image: u64,
        /// What to look at.
        cause: String,
    },
    /// A file that is not what it should be.
    #[error("cannot use {path}: {cause}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
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

impl SnnError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            SnnError::Data(e) => e.hint(),
            SnnError::Report(e) => e.hint().map(str::to_string),
            SnnError::Broken { .. } => {
                Some("name the folder of another run, or train anew without --resume".to_string())
            }
            SnnError::File(FileError::Write { .. }) => {
                Some("is there space, and may you write there? --results-dir DIR names another folder".to_string())
            }
            _ => None,
        }
    }

    /// Whether it is the command that is wrong, not the machine or a file.
    pub fn is_wrong_use(&self) -> bool {
        matches!(self, SnnError::Constant { .. } | SnnError::Data(DataError::UnknownName { .. }))
    }
}
