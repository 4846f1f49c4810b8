//! How a trial stands: one small file each, written by whoever ends it.
//!
//! The runner writes `running` before it starts a process; the process writes how it ended; if it ended without a word
//! (a crash, a kill), the runner does. So at any moment the files say all there is to know, and resuming is reading them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::dir::{TrialDir, read_json, write_json};
use super::error::SearchError;
use crate::files::{FileError, numbered};

/// Where a trial stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not started, or to be started again.
    #[default]
    Pending,
    /// Its process runs, or its runner died while it did.
    Running,
    /// Came to its end.
    Finished,
    /// Ended by a mistake, a crash or its time limit.
    Failed,
    /// Stopped by the user; goes on from where it was.
    Stopped,
}

impl Status {
    /// Whether nothing of it is still to come.
    pub fn is_end(self) -> bool {
        matches!(self, Status::Finished | Status::Failed)
    }

    /// As tables say it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Running => "running",
            Status::Finished => "finished",
            Status::Failed => "failed",
            Status::Stopped => "stopped",
        }
    }
}

/// What kind of failure ended a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The process died without a word: a signal, memory, a bug.
    Crash,
    /// The process said what went wrong.
    Error,
    /// Weights or loss became NaN or infinite: it would again.
    NotFinite,
    /// It ran longer than it may.
    Timeout,
}

/// How a trial stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// Where it stands.
    pub status: Status,
    /// How often it was started since it was last finished with.
    pub attempts: u32,
    /// Seconds of training, over all attempts that were told.
    pub seconds: f64,
    /// Why it failed, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What kind of failure that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The blocks that were taken from the store of layers: `b0-b1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<String>,
}

impl State {
    /// The state of a trial; that of one without a file is pending.
    ///
    /// # Errors
    /// When the file cannot be read or is broken.
    pub fn read(dir: &TrialDir) -> Result<State, SearchError> {
        Ok(read_json(&dir.state(), "the state of a trial")?.unwrap_or_default())
    }

    /// The same; a trial whose file does not read is pending, and says why.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    pub fn read_or_pending(dir: &TrialDir) -> Result<State, SearchError> {
        match State::read(dir) {
            Err(SearchError::Broken { cause, .. }) => Ok(State {
                cause: Some(format!("state.json is damaged ({cause}): the trial runs again")),
                ..State::default()
            }),
            other => other,
        }
    }

    /// Renames a file that does not read to `state.json.damaged` (or `….damaged-2`, …), so that nothing is lost when the
    /// trial runs again. Returns the new name if it did.
    ///
    /// # Errors
    /// When the file cannot be read at all, or not be renamed.
    pub fn set_aside(dir: &TrialDir) -> Result<Option<PathBuf>, SearchError> {
        if !matches!(State::read(dir), Err(SearchError::Broken { .. })) {
            return Ok(None);
        }
        let (path, folder) = (dir.state(), dir.root());
        let mut names = (1..).map(|n| folder.join(numbered("state.json.damaged", n)));
        let Some(aside) = names.find(|name| !name.exists()) else { return Ok(None) };
        std::fs::rename(&path, &aside).map_err(FileError::write(&aside))?;
        Ok(Some(aside))
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, dir: &TrialDir) -> Result<(), FileError> {
        write_json(&dir.state(), self)
    }

    /// This state after a failure.
    pub fn failed(self, failure: Failure, cause: impl Into<String>) -> State {
        State { status: Status::Failed, failure: Some(failure), cause: Some(cause.into()), ..self }
    }
}
