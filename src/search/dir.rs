//! The folder of a search; owns every file name in it.
//!
//! ```text
//! FOLDER/search.toml        the space, resolved
//! FOLDER/search.json        the same for the program, with the list of trials and the plan that they vary
//! FOLDER/trials.csv         a row a trial
//! FOLDER/summary.csv        a row a combination: mean and deviation over its seeds
//! FOLDER/log.txt            what happened, with dates
//! FOLDER/provenance.json    command, commit and machine of each time that it was started or went on
//! FOLDER/runner.json       who works on it, since when
//! FOLDER/tensorboard/0012 t_invert=0.5 seed=1/
//!                          events of a trial; tensorboard calls it by this folder (earlier versions: in the trial's folder)
//! FOLDER/trials/0012-9f86d081/
//!     plan.json             all that the trial's process needs
//!     params.json           the values searched
//!     state.json            how it stands
//!     progress.csv          a row a report
//!     result.json           the same as JSON lines
//!     live.json             how far it is, every second
//!     stderr.txt            what its process said
//!     config.json metrics.csv log.txt …   as every run leaves them
//! ```

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::SearchError;
use super::space::Trial;
use crate::files::{FileError, RunDir, write_atomic};

/// The folder of a search.
#[derive(Debug, Clone)]
pub struct SearchDir {
    root: PathBuf,
}

impl SearchDir {
    /// The search in this folder; nothing is touched.
    pub fn new(root: impl Into<PathBuf>) -> SearchDir {
        SearchDir { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The space as people read and write it.
    pub fn toml(&self) -> PathBuf {
        self.root.join("search.toml")
    }

    /// The space, the trials and the plan that they vary.
    pub fn json(&self) -> PathBuf {
        self.root.join("search.json")
    }

    /// A row a trial.
    pub fn trials(&self) -> PathBuf {
        self.root.join("trials.csv")
    }

    /// A row a combination.
    pub fn summary(&self) -> PathBuf {
        self.root.join("summary.csv")
    }

    /// What happened.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.txt")
    }

    /// The decoded images that trials share.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Who works on it.
    pub fn runner(&self) -> PathBuf {
        self.root.join("runner.json")
    }

    /// The folder of a trial.
    pub fn trial(&self, trial: &Trial) -> TrialDir {
        let dir = TrialDir::new(self.root.join("trials").join(trial.name()));
        // What an earlier version began keeps its events where they are.
        if dir.run.events().is_dir() { dir } else { dir.with_events(&TrialDir::events_of(trial)) }
    }

    /// What tensorboard is to be started with: the folder whose folders are the trials' names, unless an earlier version
    /// left events in the folders of trials.
    pub fn logdir(&self, trials: &[Trial]) -> PathBuf {
        let own = |trial: &Trial| self.root.join("trials").join(trial.name()).join("tensorboard").is_dir();
        if trials.iter().any(own) { self.root.clone() } else { self.root.join("tensorboard") }
    }

    /// Takes the folder for this process. The lock goes with the process: a dead owner keeps nothing.
    ///
    /// # Errors
    /// When another process has it, or the lock's file cannot be made.
    pub fn lock(&self) -> Result<File, SearchError> {
        RunDir::new(&self.root).lock()?.ok_or_else(|| SearchError::Locked { path: self.root.clone() })
    }
}

/// The folder of a trial: a run's folder and what a search adds.
#[derive(Debug, Clone)]
pub struct TrialDir {
    /// The run.
    pub run: RunDir,
}

impl TrialDir {
    /// The trial in this folder; nothing is touched.
    pub fn new(root: impl Into<PathBuf>) -> TrialDir {
        TrialDir { run: RunDir::new(root) }
    }

    /// Where a trial's events lie, as seen from its folder.
    pub fn events_of(trial: &Trial) -> PathBuf {
        Path::new("../../tensorboard").join(trial.label())
    }

    /// The same trial with its events in this folder, as seen from its own.
    pub fn with_events(self, events: &Path) -> TrialDir {
        let events = self.root().join(events);
        TrialDir { run: self.run.with_events(events) }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        self.run.root()
    }

    /// All that its process needs.
    pub fn plan(&self) -> PathBuf {
        self.root().join("plan.json")
    }

    /// The values searched.
    pub fn params(&self) -> PathBuf {
        self.root().join("params.json")
    }

    /// How it stands.
    pub fn state(&self) -> PathBuf {
        self.root().join("state.json")
    }

    /// A row a report.
    pub fn progress(&self) -> PathBuf {
        self.root().join("progress.csv")
    }

    /// The same as JSON lines.
    pub fn result(&self) -> PathBuf {
        self.root().join("result.json")
    }

    /// How far it is.
    pub fn live(&self) -> PathBuf {
        self.root().join("live.json")
    }

    /// What its process said on standard error.
    pub fn stderr(&self) -> PathBuf {
        self.root().join("stderr.txt")
    }

    /// Removes what an attempt left of its results, so that the next one begins anew; the plan and the log stay.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn begin_anew(&self) -> Result<(), FileError> {
        let results = [self.run.checkpoint(), self.run.metrics(), self.progress(), self.result(), self.live()];
        for path in results.into_iter().chain(self.run.optimizers()) {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(FileError::write(&path)(e)),
                _ => {}
            }
        }
        match fs::remove_dir_all(self.run.events()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(FileError::write(&self.run.events())(e)),
            _ => Ok(()),
        }
    }
}

/// Writes a value as JSON for people too.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    write_atomic(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)
    })
}

/// Reads JSON; `None` if the file is not there.
///
/// # Errors
/// When it cannot be read, or is something else.
pub fn read_json<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<Option<T>, SearchError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(FileError::read(path)(e).into()),
    };
    let broken = |e: serde_json::Error| SearchError::Broken { path: path.to_path_buf(), what, cause: e.to_string() };
    serde_json::from_slice(&bytes).map(Some).map_err(broken)
}
