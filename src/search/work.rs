//! One trial, in its own process: a full run from nothing but its plan file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dir::{TrialDir, read_json, write_json};
use super::error::SearchError;
use super::layers::{Entry, LayerStore, Publisher, is_usable, leading_phases};
use super::live::Live;
use super::progress::ProgressTable;
use super::space::Trial;
use super::state::{Failure, State, Status};
use crate::data::{DataDirs, DataError};
use crate::device;
use crate::files::{FileError, RunDir};
use crate::report::{Closing, Event, Hub, LogFile, Metrics, MetricsTable, PictureFiles, Tensorboard};
use crate::train::data::{Loading, RunData};
use crate::train::{RunPlan, TrainError, Trainer, bank, checkpoint};

/// Version of the plan file's format.
pub const VERSION: u32 = 1;

/// All that a trial's process needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialPlan {
    /// Version of this format.
    pub version: u32,
    /// Which trial it is.
    pub trial: Trial,
    /// What it searches, as columns: `b0/layer/t_invert`.
    pub config: Vec<(String, Value)>,
    /// The run. Its folder is that of this file.
    pub run: RunPlan,
    /// Whether the network is kept at the end.
    pub save_model: bool,
    /// The store of layers, if it is used.
    pub layers: Option<PathBuf>,
    /// First phases that another trial of the search has too.
    pub shared_phases: usize,
    /// Where decoded images are shared.
    pub images: Option<PathBuf>,
    /// Trials that share this machine's memory.
    pub beside: usize,
    /// Where tensorboard's events lie, as seen from the folder of this file; absent: in it.
    #[serde(default)]
    pub events: Option<PathBuf>,
}

/// Runs the trial of a plan file to its end, or until `stop`; how it ended is in its `state.json`. `on_device` is told the
/// folder and the device before the first step.
///
/// # Errors
/// When there is no such trial, or its own files cannot be written. Failures of the run itself are told in the state.
pub fn work(
    file: &Path,
    stop: &AtomicBool,
    on_device: &mut dyn FnMut(&RunDir, tch::Device) -> Result<(), FileError>,
) -> Result<Status, SearchError> {
    let mut plan: TrialPlan = read_json(file, "the plan of a trial")?
        .ok_or_else(|| SearchError::Usage(format!("there is no plan {}", file.display())))?;
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    plan.run.folder = folder.to_path_buf();
    let dir = TrialDir::new(folder);
    let dir = plan.events.as_deref().map_or(dir.clone(), |events| dir.with_events(events));
    // An earlier process of this trial, whose runner died, may still be saving.
    let Some(_lock) = patiently(stop, || dir.run.lock())? else { return Ok(Status::Stopped) };
    let state = State::read(&dir)?;
    if state.status == Status::Finished {
        return Ok(Status::Finished);
    }
    let mut table = ProgressTable::new(&dir, &plan.run.hebbian_blocks(), &plan.config);
    table.take_over(u64::MAX);
    let earlier = table.seconds();
    let mut reused = state.reused.clone();
    let outcome = run(&plan, &dir, stop, earlier, &mut reused, on_device);
    let table = || ProgressTable::new(&dir, &plan.run.hebbian_blocks(), &plan.config);
    let state = State { reused, cause: None, failure: None, ..state };
    let state = match outcome {
        Ok((true, seconds)) => State { status: Status::Stopped, seconds, ..state },
        Ok((false, seconds)) => State { status: Status::Finished, seconds, ..state },
        Err(error) => {
            let (seconds, text) = (earlier, sentence(&error));
            eprintln!("error: {text}");
            let failure = match &error {
                SearchError::Train(TrainError::NotFinite { phase, epoch, what, .. }) => {
                    // The table ends with the line that tells of it.
                    let _ = table().note_not_finite(phase.saturating_sub(1), *epoch, seconds, *what == "the loss");
                    Failure::NotFinite
                }
                _ => Failure::Error,
            };
            State { seconds, ..state }.failed(failure, text)
        }
    };
    state.write(&dir)?;
    if state.status == Status::Finished && !plan.save_model {
        forget_network(&dir.run);
    }
    Ok(state.status)
}

/// Removes what only a trial that goes on needs.
pub fn forget_network(dir: &RunDir) {
    for path in dir.optimizers().into_iter().chain([dir.checkpoint()]) {
        let _ = std::fs::remove_file(path); // what is left over does no harm
    }
}

/// Asks until there is something, or the trial is to stop.
fn patiently<T>(
    stop: &AtomicBool,
    mut ask: impl FnMut() -> Result<Option<T>, FileError>,
) -> Result<Option<T>, SearchError> {
    loop {
        if let Some(found) = ask()? {
            return Ok(Some(found));
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An error and its causes in one line.
fn sentence(error: &SearchError) -> String {
    let text = error.to_string();
    text.split("\nhint: ").next().unwrap_or_default().replace('\n', "; ")
}

/// How a trial's blocks begin.
enum Start {
    Fresh,
    GoOn(checkpoint::Checkpoint),
    Reuse(Entry),
}

/// The run itself: whether it was interrupted, and its seconds.
fn run(
    plan: &TrialPlan,
    dir: &TrialDir,
    stop: &AtomicBool,
    earlier: f64,
    reused: &mut Option<String>,
    on_device: &mut dyn FnMut(&RunDir, tch::Device) -> Result<(), FileError>,
) -> Result<(bool, f64), SearchError> {
    // The device comes before the first tensor.
    let on = plan.run.device.resolve(plan.run.precision).map_err(TrainError::from)?;
    device::set_threads(plan.run.threads);
    bank::share_memory(plan.beside);
    let dirs = DataDirs::resolve(plan.run.data_dir.as_deref()).map_err(TrainError::from)?;
    let mut how = Loading { cache: !plan.run.no_cache, on: &mut |_| {}, stop: Some(stop) };
    let data = match RunData::load_shared(plan.run.sets_read(), &dirs, on, plan.images.as_deref(), &mut how) {
        Err(DataError::Stopped { .. }) => return Ok((true, earlier)), // what was decoded is kept
        other => other.map_err(TrainError::from)?,
    };
    write_json(&dir.run.config(), &plan.run)?;
    on_device(&dir.run, on)?;
    let arithmetic = format!("{on:?}, {} threads, data {}", device::threads(), data.digest);
    let store = plan.layers.as_ref().filter(|root| is_usable(root)).map(|root| LayerStore::new(root, arithmetic));
    let (start, claim) = match begin(plan, dir, store.as_ref(), stop)? {
        Some(found) => found,
        None => return Ok((true, earlier)),
    };
    let mut hub = Hub::new();
    let twice = |key: &str, value: &Value| key == PUBLISHED_SEED && *value == plan.trial.seed;
    let hparams = params(plan).filter(|(key, value)| !twice(key, value)).collect::<serde_json::Map<_, _>>();
    hub.add(LogFile::new(&dir.run, Closing::default()))
        .add(MetricsTable::new(&dir.run, &plan.run.hebbian_blocks()))
        .add(ProgressTable::new(dir, &plan.run.hebbian_blocks(), &plan.config))
        .add(Tensorboard::new(&dir.run).with_hparams(Value::Object(hparams)))
        .add(PictureFiles::new(&dir.run))
        .add(Live::new(dir, earlier));
    if let Some(store) = store.filter(|_| plan.shared_phases > 0) {
        hub.add(Publisher::new(store, &plan.run, plan.shared_phases, claim));
    }
    let mut trainer = Trainer::new(&plan.run, data, on, &mut hub, stop);
    let title = format!("trial {} · {} · seed {}", plan.trial.index, plan.run.model, plan.run.seed);
    match start {
        Start::Fresh => {
            if let Some(from) = plan.run.blocks_from.as_deref().and_then(Path::parent) {
                trainer.take_blocks(&checkpoint::load(&RunDir::new(from))?)?;
            }
            trainer.announce(title)?;
        }
        Start::GoOn(checkpoint) => {
            trainer.go_on(checkpoint, earlier)?;
            trainer.announce(title)?;
        }
        Start::Reuse(entry) => {
            trainer.take_over(&entry.state, entry.blocks, entry.progress)?;
            trainer.announce(title)?;
            let names = if entry.blocks == 1 { "b0".to_string() } else { format!("b0-b{}", entry.blocks - 1) };
            trainer.tell(Event::Note(format!("{names} come from the store of trained layers")))?;
            retell(&mut trainer, entry.phases, entry.blocks)?;
            *reused = Some(names);
            State { reused: reused.clone(), ..State::read(dir)? }.write(dir)?;
        }
    }
    let outcome = trainer.run();
    drop(trainer);
    let closed = hub.close();
    let outcome = outcome?;
    closed.map_err(TrainError::from)?;
    let mut table = ProgressTable::new(dir, &plan.run.hebbian_blocks(), &plan.config);
    table.take_over(u64::MAX);
    Ok((outcome.interrupted, table.seconds()))
}

/// Where a trial begins: at its checkpoint, at what the store has, or at the beginning. `None` if it was stopped while
/// another trial trained the blocks that it waits for.
fn begin(
    plan: &TrialPlan,
    dir: &TrialDir,
    store: Option<&LayerStore>,
    stop: &AtomicBool,
) -> Result<Option<(Start, Option<std::fs::File>)>, SearchError> {
    // A checkpoint that does not read is begun anew: nobody is there to repair it.
    let there = dir.run.checkpoint().exists().then(|| checkpoint::load(&dir.run).ok()).flatten();
    if let Some(checkpoint) = there.filter(|c| c.progress.is_some()) {
        return Ok(Some((Start::GoOn(checkpoint), None)));
    }
    dir.begin_anew()?;
    // The table is there with its header, whatever happens next.
    ProgressTable::new(dir, &plan.run.hebbian_blocks(), &plan.config).write().map_err(TrainError::from)?;
    let Some(store) = store else { return Ok(Some((Start::Fresh, None))) };
    let found = patiently(stop, || {
        let entry = store.longest(&plan.run);
        let have = entry.as_ref().map_or(0, |entry| entry.progress.phase);
        if have >= plan.shared_phases.min(leading_phases(&plan.run)) {
            return Ok(Some((entry, None)));
        }
        let Some(claim) = store.claim(&plan.run, have)? else { return Ok(None) };
        // Whoever had it before may have put the blocks there.
        let now = store.longest(&plan.run);
        let more = now.as_ref().map_or(0, |entry| entry.progress.phase) > have;
        Ok(Some((now, (!more).then_some(claim))))
    })?;
    Ok(found.map(|(entry, claim)| (entry.map_or(Start::Fresh, Start::Reuse), claim)))
}

/// Tells the reports of blocks that were taken over, as this trial would have made them: its later blocks stand as they
/// are initialised, whatever those of the trial that trained the first ones were.
fn retell(
    trainer: &mut Trainer,
    phases: Vec<(crate::report::PhaseInfo, Vec<Metrics>)>,
    blocks: usize,
) -> Result<(), TrainError> {
    let own = trainer.statistics();
    for (phase, reports) in phases {
        let index = phase.index;
        trainer.tell(Event::PhaseStarted(crate::report::PhaseInfo { count: phase.count, ..phase }))?;
        for metrics in reports {
            let stored = metrics.blocks.iter().filter(|b| b.block < blocks).cloned();
            let later = own.iter().filter(|b| b.block >= blocks).cloned();
            let blocks = stored.chain(later).collect();
            trainer.tell(Event::Report(Box::new(Metrics { blocks, seconds: 0.0, ..metrics })))?;
        }
        trainer.tell(Event::PhaseFinished { index, seconds: 0.0 })?;
    }
    Ok(())
}

/// The seed under its published name, beside which tables have it under its own.
const PUBLISHED_SEED: &str = "dataset_unsup.seed";

/// What a trial searches: `b0.layer.t_invert`, and its seed under both names.
fn params(plan: &TrialPlan) -> impl Iterator<Item = (String, Value)> {
    plan.config.iter().map(|(key, value)| (key.replace('/', "."), value.clone()))
}

/// Writes what a trial's process needs, and the header of its table, before it starts.
///
/// # Errors
/// When a file cannot be written.
pub fn prepare(dir: &TrialDir, plan: &TrialPlan) -> Result<(), SearchError> {
    write_json(&dir.plan(), plan)?;
    write_json(&dir.params(), &params(plan).collect::<serde_json::Map<_, _>>())?;
    if !dir.progress().exists() {
        let table = ProgressTable::new(dir, &plan.run.hebbian_blocks(), &plan.config);
        table.write().map_err(TrainError::from)?;
    }
    Ok(())
}
