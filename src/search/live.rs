//! How far a running trial is: `live.json`, for whoever looks.

use std::fs;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::dir::TrialDir;
use crate::files::FileError;
use crate::report::{Event, PhaseInfo, PhaseKind, ReportError, Subscriber};

/// How far a running trial is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Phase, from 1.
    pub phase: usize,
    /// Phases.
    pub phases: usize,
    /// Whether outputs of frozen blocks are being stored.
    pub storing: bool,
    /// Epoch of the phase, from 1.
    pub epoch: u64,
    /// Epochs of the phase.
    pub epochs: u64,
    /// Images done in the epoch.
    pub images: u64,
    /// Images of an epoch.
    pub images_of: u64,
    /// Seconds of training, over all attempts.
    #[serde(default)]
    pub seconds: f64,
}

/// Who works on a search: `runner.json`, for whoever looks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Its process.
    pub pid: u32,
    /// When it began, seconds since 1970.
    pub began: u64,
    /// Trials at once.
    pub parallel: usize,
    /// Seconds of each trial that it saw end, from start to end of its process.
    pub ended: Vec<f64>,
}

/// Writes `live.json`, once a second at most.
#[derive(Debug)]
pub struct Live {
    dir: TrialDir,
    phase: Option<PhaseInfo>,
    /// Seconds of earlier attempts.
    earlier: f64,
    began: Instant,
    written: Option<Instant>,
}

impl Live {
    /// That of this trial, whose earlier attempts took so many seconds.
    pub fn new(dir: &TrialDir, earlier: f64) -> Live {
        Live { dir: dir.clone(), phase: None, earlier, began: Instant::now(), written: None }
    }

    fn write(&mut self, epoch: u64, images: u64) -> Result<(), ReportError> {
        let Some(phase) = &self.phase else { return Ok(()) };
        if self.written.is_some_and(|at| at.elapsed() < Duration::from_secs(1)) {
            return Ok(());
        }
        self.written = Some(Instant::now());
        let position = Position {
            phase: phase.index + 1,
            phases: phase.count,
            storing: phase.kind == PhaseKind::Features,
            epoch,
            epochs: phase.epochs,
            images,
            images_of: phase.images,
            seconds: self.earlier + self.began.elapsed().as_secs_f64(),
        };
        // Renamed into place but not synced: it is worth nothing after a power cut, and the disk has more to do.
        let (path, part) = (self.dir.live(), self.dir.live().with_extension("part"));
        let text = serde_json::to_string(&position).unwrap_or_default(); // plain numbers: cannot fail
        fs::write(&part, text).and_then(|()| fs::rename(&part, &path)).map_err(FileError::write(&path))?;
        Ok(())
    }
}

impl Subscriber for Live {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::PhaseStarted(phase) => {
                self.phase = Some(phase.clone());
                self.write(1, 0)
            }
            Event::Progress { epoch, images } => self.write(*epoch, *images),
            _ => Ok(()),
        }
    }
}
