//! How a run talks: a stream of [`Event`]s and those who listen.
//!
//! The engine sends events to one [`Hub`]; the hub hands each to its subscribers:
//!
//! | subscriber | writes |
//! |---|---|
//! | [`Console`] | a bar a phase on a terminal, else a line an epoch |
//! | [`LogFile`] | the same lines, all of them, into `log.txt` |
//! | [`MetricsTable`] | `metrics.csv`, a row an epoch |
//! | [`StepTable`] | `steps.csv`, a row a step, of models that log steps and of runs that record them |
//! | [`Tensorboard`] | scalars, images, the configuration as text and hparams |
//! | [`PictureFiles`] | each picture as PNG |
//! | [`Recorder`] | nothing; keeps the events for a test or a search |
//!
//! What a report measures is one table, [`columns`], from which they all are made.
//!
//! What is said and when is decided by pure functions (`lines`, `format`); subscribers only write.

mod bar;
mod closing;
pub mod columns;
mod console;
pub mod event;
pub mod format;
mod hparams;
mod hub;
mod lines;
mod log;
mod picture;
mod records;
mod sentences;
mod steps;
mod table;
mod tensorboard;

use std::io;
use std::path::PathBuf;

pub use closing::{Closing, closing};
pub use console::{Console, has_screen};
pub use event::{BlockStats, Event, Metrics, PhaseInfo, PhaseKind, Subscriber};
pub use hub::{Hub, Recorder};
pub use lines::{Kind, Line, Lines, Verbosity, shown};
pub use log::LogFile;
pub use picture::PictureFiles;
pub use sentences::phase_title;
pub use steps::{StepAxis, StepTable};
pub use table::{MetricsTable, Table};
pub use tensorboard::Tensorboard;

pub use crate::draw::Picture;
use crate::files::FileError;

/// Something that a run had to say could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file of the run's folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// Standard output or standard error. A closed pipe is not reported: the console then stays silent.
    #[error("cannot write to {stream}: {source}")]
    Stream {
        /// `standard output` or `standard error`.
        stream: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The table of an earlier part of the run does not read as one.
    #[error("cannot go on with {path}, line {line}: {cause}", path = path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong there.
        cause: String,
    },
    /// More than one subscriber failed at the same event.
    #[error("{}", join(.0))]
    Several(Vec<ReportError>),
}

impl ReportError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ReportError::File(FileError::Write { source, .. }) | ReportError::Stream { source, .. } => {
                match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        Some("free some space, or choose another folder with --results-dir")
                    }
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        Some("choose a folder that you may write to with --results-dir")
                    }
                    _ => None,
                }
            }
            ReportError::Table { .. } => {
                Some("repair or move that table away; the run goes on from its checkpoint either way")
            }
            ReportError::Several(all) => all.iter().find_map(ReportError::hint),
            _ => None,
        }
    }
}

/// The messages of several errors in one sentence.
fn join(errors: &[ReportError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
