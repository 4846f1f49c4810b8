//! A run folder and its listeners, as every `hopfield` command has them.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use tch::Device;

use crate::cli::options::{DryRunArgs, ResultsArgs, TalkArgs, ThreadArgs};
use crate::cli::run::{INTERRUPTED, stop_flag};
use crate::cli::{provenance, resume};
use crate::device;
use crate::files::{RunDir, write_atomic};
use crate::report::format::shell;
use crate::report::{Closing, Console, Event, Hub, LogFile, Picture, PictureFiles, ReportError, Tensorboard};

/// The folder of these runs below that of all.
pub const FOLDER: &str = "hopfield";

/// Where a run goes and how much it says.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    threads: ThreadArgs,
    #[command(flatten)]
    pub results: ResultsArgs,
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

impl RunArgs {
    /// Prints a plan in place of carrying it out.
    pub fn print(&self, title: &str, plan: &impl Serialize) -> anyhow::Result<ExitCode> {
        let folder = self.results.results_dir.join(FOLDER);
        self.dry_run.print(title, plan, self.results.saves().then_some(folder.as_path()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A run that goes on.
pub struct Run {
    /// Its folder, if it saves.
    pub dir: Option<RunDir>,
    hub: Hub,
    stop: Arc<AtomicBool>,
    began: Instant,
    _lock: Option<fs::File>,
}

impl Run {
    /// Makes the folder (or goes on in `there`) and says what runs. `again` is the command that goes on with it, where there is one.
    pub fn start(
        args: &RunArgs,
        stem: &str,
        title: String,
        plan: &impl Serialize,
        there: Option<RunDir>,
        again: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Run> {
        device::set_threads(args.threads.count());
        let resumed_at = u64::from(there.is_some());
        let dir = match there {
            Some(dir) => Some(dir),
            None => args.results.create(FOLDER, stem)?,
        };
        let verbosity = args.talk.verbosity();
        let (mut hub, mut lock) = (Hub::new(), None);
        match &dir {
            None => drop(hub.add(Console::standard(verbosity, Closing::default()))),
            Some(dir) => {
                lock = Some(resume::lock(dir)?);
                let text = serde_json::to_string_pretty(plan)?;
                write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
                provenance::record(dir, Device::Cpu)?;
                let words = closing(dir, &again);
                hub.add(Console::standard(verbosity, words.clone())).add(LogFile::new(dir, words));
                hub.add(Tensorboard::new(dir)).add(PictureFiles::new(dir));
            }
        }
        let folder = dir.as_ref().map(|d| d.root().to_path_buf());
        let config = serde_json::to_value(plan)?;
        hub.send(Event::RunStarted { title, config, folder, resumed_at })?;
        Ok(Run { dir, hub, stop: stop_flag()?, began: Instant::now(), _lock: lock })
    }

    /// Whether to go on: false after Ctrl-C.
    pub fn goes_on(&self) -> impl Fn() -> bool + use<> {
        let stop = Arc::clone(&self.stop);
        move || !stop.load(Ordering::Relaxed)
    }

    /// Says something to know.
    pub fn note(&mut self, text: impl Into<String>) -> Result<(), ReportError> {
        self.hub.send(Event::Note(text.into()))
    }

    /// Says something to act on.
    pub fn warn(&mut self, text: impl Into<String>) -> Result<(), ReportError> {
        self.hub.send(Event::Warning(text.into()))
    }

    /// Says a result.
    pub fn table(&mut self, text: impl Into<String>) -> Result<(), ReportError> {
        self.hub.send(Event::Table(text.into()))
    }

    /// A number for tensorboard.
    pub fn scalar(&mut self, tag: impl Into<String>, global_step: usize, value: f64) -> Result<(), ReportError> {
        self.hub.send(Event::Scalar { tag: tag.into(), global_step: global_step as u64, value })
    }

    /// A picture for the folder and tensorboard.
    pub fn picture(&mut self, tag: &str, picture: Picture) -> Result<(), ReportError> {
        self.hub.send(Event::Image { tag: tag.into(), global_step: 0, picture })
    }

    /// The run's table, `metrics.csv`, whole.
    pub fn metrics<R: Serialize>(&mut self, rows: &[R]) -> anyhow::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let path = dir.metrics();
        write_atomic(&path, |file| {
            let mut out = csv::Writer::from_writer(file);
            rows.iter().try_for_each(|row| out.serialize(row))?;
            out.flush()
        })?;
        self.hub.send(Event::Saved(path))?;
        Ok(())
    }

    /// A file was written.
    pub fn saved(&mut self, path: PathBuf) -> Result<(), ReportError> {
        self.hub.send(Event::Saved(path))
    }

    /// Ends the run.
    pub fn end(mut self, interrupted: bool) -> anyhow::Result<ExitCode> {
        let seconds = self.began.elapsed().as_secs_f64();
        self.hub.send(Event::RunFinished { test_acc: None, test_loss: None, seconds, interrupted })?;
        self.hub.close()?;
        Ok(if interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
    }
}

/// Where things are, and what to type next.
fn closing(dir: &RunDir, resume: &impl Fn(&str) -> Option<String>) -> Closing {
    let pictures = dir.picture("any").parent().unwrap_or(dir.root()).to_path_buf();
    let command = resume(&shell(&dir.root().display().to_string()));
    Closing::of(dir, &[pictures, dir.metrics()], command.as_deref())
}
