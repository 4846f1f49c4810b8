//! `softhebb run`: arguments to a plan, a plan to a run.

mod args;
mod baseline;
mod config;
mod images;
mod place;
mod prepare;
mod words;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

pub use args::{Resume, RunArgs};
use prepare::Start;

use super::provenance;
use crate::data::DataDirs;
use crate::device;
use crate::files::RunDir;
use crate::report::format::shell;
use crate::report::{
    Closing, Console, Hub, LogFile, MetricsTable, PictureFiles, StepTable, Tensorboard, Verbosity, closing,
};
use crate::train::data::RunData;
use crate::train::{RunPlan, Trainer, TrainingMode, checkpoint, steps};

/// Interrupted by the user.
pub(super) const INTERRUPTED: u8 = 130;

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &mut RunArgs) -> anyhow::Result<ExitCode> {
    args.settle()?;
    let demo = prepare::demo(args)?;
    run_then(demo.as_ref().unwrap_or(args), "run", &mut |_| Ok(true))
}

/// What a run that was not interrupted leaves in memory.
#[derive(Debug)]
pub struct Finished<'a> {
    /// Its plan.
    pub plan: &'a RunPlan,
    /// The trained network.
    pub network: crate::layer::Network,
    /// Its images.
    pub data: RunData,
    /// Set by Ctrl-C.
    pub stop: &'a AtomicBool,
}

/// What goes on with a finished run; false if the user stopped it.
pub type Then<'a> = &'a mut dyn FnMut(Finished) -> anyhow::Result<bool>;

/// Ending of the model's name in the results folder of `softhebb post-hoc`.
pub const POST_HOC: &str = "-post-hoc";

/// Gives the arguments of a post-hoc run what it takes: a folder of its own name, and a first block by backpropagation that is trained together
/// with its classifier.
///
/// # Errors
/// When the arguments make no plan, or one of another kind of network.
pub fn settle_post_hoc(args: &mut RunArgs) -> anyhow::Result<()> {
    args.settle()?;
    if args.preset.is_none() && args.model.is_none() {
        return Ok(());
    }
    let plan = prepare::typed_plan(args)?;
    crate::train::post_hoc::check(&plan)?;
    if !plan.network.blocks[0].layer.method.is_hebbian() {
        args.training_mode = Some(TrainingMode::Simultaneous);
    }
    args.name.get_or_insert_with(|| format!("{}{POST_HOC}", plan.model));
    Ok(())
}

/// Runs, then hands what there is to `then`. `command` is the subcommand that goes on with an interrupted run.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run_then(args: &RunArgs, command: &str, then: Then) -> anyhow::Result<ExitCode> {
    let (mut plan, start) = prepare::plan(args)?;
    if args.dry_run {
        let text = match args.json {
            true => format!("{:#}\n", serde_json::to_value(&plan)?),
            false => words::plan_text(&plan, &prepare::notes(args, &plan)?)?,
        };
        io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    // The device comes before the first tensor: libtorch's CUDA part must be loaded by then.
    let on = plan.device.resolve(plan.precision)?;
    device::set_threads(plan.threads);
    plan.threads = device::threads();
    let dirs = DataDirs::resolve(plan.data_dir.as_deref())?;
    let stop = stop_flag()?;
    let mut data = match images::load(args, command, &plan, &dirs, on, &stop) {
        Ok(data) => data,
        // Ctrl-C before the run began: what was decoded is kept, and there is no run to go on with.
        Err(error) if stop.load(Ordering::Relaxed) => {
            let _ = writeln!(io::stderr(), "{error:#}"); // nobody is left to tell
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => return Err(error),
    };
    data.notes.extend(prepare::notes(args, &plan)?);
    let lock = prepare::claim(args, &mut plan, &start)?;
    let job = Job { args, plan: &plan, start: &start, on, stop: &stop, command };
    let code = train(&job, data, then);
    drop(lock);
    code
}

/// Everything that a run is given.
struct Job<'a> {
    args: &'a RunArgs,
    plan: &'a RunPlan,
    start: &'a Start,
    on: tch::Device,
    stop: &'a AtomicBool,
    command: &'a str,
}

fn train(job: &Job, data: RunData, then: Then) -> anyhow::Result<ExitCode> {
    let Job { args, plan, start, on, stop, command } = *job;
    let dir = RunDir::new(&plan.folder);
    let mut hub = Hub::new();
    let mut last_words = Closing::default();
    if plan.save {
        let folder = shell(&plan.folder.display().to_string());
        let baselines = if plan.baseline.is_empty() { vec![] } else { vec![dir.baselines()] };
        last_words = closing(&dir, &baselines, &format!("softhebb {command} --resume all --run-dir {folder}"));
    }
    hub.add(Console::standard(verbosity(args), last_words.clone()));
    if plan.save {
        hub.add(LogFile::new(&dir, last_words));
        hub.add(MetricsTable::new(&dir, &plan.hebbian_blocks()));
        hub.add(PictureFiles::new(&dir));
        let mut tensorboard = Tensorboard::new(&dir);
        if plan.record_every > 0 {
            let progress = match start {
                Start::GoOn(dir) if dir.checkpoint().exists() => checkpoint::load(dir)?.progress,
                _ => None,
            };
            let done = progress.map_or(0, |progress| steps::done(plan, &data, &progress));
            // A row stands where its step has finished.
            hub.add(StepTable::new(&dir, &steps::RECORDED, done + 1));
            tensorboard = tensorboard.with_steps(done);
        }
        hub.add(tensorboard);
    }
    let mut trainer = Trainer::new(plan, data, on, &mut hub, stop);
    match start {
        Start::Fresh => {}
        Start::GoOn(dir) if !dir.checkpoint().exists() => {
            // Stopped before the first save: as it began.
            if let Some(from) = plan.blocks_from.as_deref().and_then(std::path::Path::parent) {
                let from = RunDir::new(from);
                trainer.take_blocks(&checkpoint::load(&from)?).with_context(|| fits_not(&from))?;
            }
        }
        Start::GoOn(dir) => {
            let checkpoint = checkpoint::load(dir)?;
            let done = checkpoint.progress.as_ref().map_or(0, |p| p.global_epoch);
            trainer.go_on(checkpoint, seconds_until(dir, done)).with_context(|| fits_not(dir))?;
        }
        Start::TakeBlocks(dir) => {
            trainer.take_blocks(&checkpoint::load(dir)?).with_context(|| fits_not(dir))?;
        }
    }
    if plan.save {
        provenance::record(&dir, on)?;
    }
    trainer.announce(words::title(plan, on))?;
    let outcome = trainer.learn();
    let (network, data) = trainer.into_parts();
    let ended = outcome.map_err(anyhow::Error::from).and_then(|mut outcome| {
        let mut data = data;
        if !outcome.interrupted && !plan.baseline.is_empty() {
            let compared;
            (compared, data) = baseline::run(job, &mut hub, &outcome, &network, data)?;
            outcome.interrupted = !compared;
        }
        outcome.tell(&mut hub)?;
        Ok((outcome, data))
    });
    let closed = hub.close();
    let (outcome, data) = ended?;
    closed?;
    let done = !outcome.interrupted && then(Finished { plan, network, data, stop })?;
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
}

/// How much the console says.
fn verbosity(args: &RunArgs) -> Verbosity {
    match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

fn fits_not(dir: &RunDir) -> String {
    format!("{} does not fit this network", dir.checkpoint().display())
}

/// Set by Ctrl-C (and SIGTERM): the run stops after its step and saves. A second Ctrl-C ends it at once.
///
/// # Errors
/// When the system takes no handler.
pub fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and sets it, the second finds it set.
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Seconds that the earlier parts of a run took, from its table.
pub(super) fn seconds_until(dir: &RunDir, global_epoch: u64) -> f64 {
    let Ok(mut table) = csv::Reader::from_path(dir.metrics()) else { return 0.0 };
    let rows = table.deserialize::<std::collections::HashMap<String, String>>().flatten();
    let number = |row: &std::collections::HashMap<String, String>, key: &str| row.get(key)?.parse::<f64>().ok();
    rows.filter(|row| number(row, "global_step").is_some_and(|n| n <= global_epoch as f64))
        .filter_map(|row| number(&row, "seconds"))
        .fold(0.0, f64::max)
}
