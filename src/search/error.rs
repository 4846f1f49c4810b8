//! What can go wrong in a search.

use std::path::PathBuf;

use crate::files::FileError;
use crate::preset::PresetError;
use crate::train::TrainError;

/// What can go wrong in a search.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A mistake in the file of a search space.
    #[error("{file}, line {line}{}: {message}", key.as_ref().map(|k| format!(", `{k}`")).unwrap_or_default())]
    Space {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The key, if the mistake is at one.
        key: Option<String>,
        /// What is wrong, with a way out.
        message: String,
    },
    /// Arguments that do not go together, or a search that is not as they say.
    #[error("{0}")]
    Usage(String),
    /// One trial cannot be planned.
    #[error("trial {trial} ({values}): {source}")]
    Trial {
        /// Its number.
        trial: usize,
        /// What it sets.
        values: String,
        /// Why.
        source: Box<TrainError>,
    },
    /// The folder of a search does not read as one.
    #[error("cannot read {path} as {what}: {cause}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        cause: String,
    },
    /// Another process works in the folder.
    #[error(
        "another `softhebb search` is running in {path}\n\
         hint: `softhebb search status {path}` shows it; stop it with Ctrl-C there, or wait for its end",
        path = path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A trial's process could not be started.
    #[error("cannot start a trial: {0}")]
    Start(std::io::Error),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name of the catalogue.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// A run.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl SearchError {
    /// Whether it was called wrongly, and nothing failed.
    pub fn is_wrong_use(&self) -> bool {
        match self {
            SearchError::Space { .. }
            | SearchError::Usage(_)
            | SearchError::Trial { .. }
            | SearchError::Preset(_)
            | SearchError::Train(TrainError::Plan(_) | TrainError::Preset(_)) => true,
            SearchError::Broken { .. }
            | SearchError::Locked { .. }
            | SearchError::Start(_)
            | SearchError::File(_)
            | SearchError::Train(_) => false,
        }
    }
}
