//! `softhebb encode train`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::look::read_plan;
use super::source::SourceArgs;
use crate::cli::{Usage, provenance};
use crate::device::{self, DeviceChoice, Precision};
use crate::encoder::checkpoint::{self, Progress};
use crate::encoder::plan::VERSION;
use crate::encoder::train::train;
use crate::encoder::{Encoder, Plan, Rule, Source, SourceSpec, Variant};
use crate::files::{FileError, RunDir, write_atomic};
use crate::report::format::shell;
use crate::report::{
    Closing, Console, Event, Hub, LogFile, MetricsTable, PictureFiles, StepAxis, StepTable, Tensorboard, Verbosity,
    closing,
};

/// Interrupted by the user.
const INTERRUPTED: u8 = 130;

/// What a run goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Resume {
    /// The same run, from where it stopped.
    All,
}

/// What is trained and how.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    /// The published encoder: v2, or the first prototype [default: v2].
    #[arg(long, value_enum)]
    variant: Option<Variant>,
    /// Channels of each layer; each halves rows and columns [default: 16,32,64,128; v1: 16].
    #[arg(long, value_name = "C", value_delimiter = ',')]
    layers: Option<Vec<i64>>,
    /// Rows and columns that images are resized to [default: 96; v1: 64; a data set's own].
    #[arg(long, value_name = "PIXELS")]
    size: Option<u32>,
    /// Keep alpha as a fourth channel; without it images lie on white.
    #[arg(long)]
    rgba: bool,
    /// Passes through the images [default: 50].
    #[arg(long, value_name = "N")]
    pub epochs: Option<u64>,
    /// Images a step [default: 8].
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Learning rate of the lateral weights [default: 0.001].
    #[arg(long, value_name = "RATE")]
    rate: Option<f64>,
    /// Bound of a lateral weight [default: 1].
    #[arg(long, value_name = "BOUND")]
    clamp: Option<f64>,
    /// Seed of the convolutions and of the order of images [default: 0].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// auto, cpu, cuda or cuda:N [default: auto].
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceChoice>,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    plan: PlanArgs,
    /// Go on with a run.
    #[arg(long, value_enum, value_name = "WHAT")]
    resume: Option<Resume>,
    /// The run to go on with [default: the newest of the same plan].
    #[arg(long, value_name = "DIR", requires = "resume")]
    run_dir: Option<PathBuf>,
    /// Folder of the runs.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    results_dir: PathBuf,
    /// Leave no run folder.
    #[arg(long)]
    no_save: bool,
    /// Print the plan as JSON and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Say only warnings and the result.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: every step, every file written.
    #[arg(short, long)]
    verbose: bool,
}

impl PlanArgs {
    /// The plan of what was typed, for a source whose natural channels and size are known.
    pub fn plan(&self, source: &Source) -> Plan {
        let variant = self.variant.unwrap_or_default();
        let (layers, size) = match variant {
            Variant::V1 => (vec![16], 64),
            Variant::V2 => (vec![16, 32, 64, 128], 96),
        };
        let natural = |i: fn((usize, u32)) -> u32| source.natural.map(i);
        Plan {
            encoder_version: VERSION,
            source: source.spec.clone(),
            channels: if self.rgba { 4 } else { natural(|n| n.0 as u32).unwrap_or(3) as usize },
            size: self.size.or(natural(|n| n.1)).unwrap_or(size),
            layers: self.layers.clone().unwrap_or(layers),
            rule: Rule { variant, rate: self.rate.unwrap_or(0.001), clamp: self.clamp.unwrap_or(1.0) },
            epochs: self.epochs.unwrap_or(50),
            batch_size: self.batch_size.unwrap_or(8),
            seed: self.seed.unwrap_or(0),
            device: self.device.unwrap_or(DeviceChoice::Auto),
            threads: self.threads.unwrap_or(0),
            data_dir: self.source.data_dir.clone(),
        }
    }

    /// What was typed.
    pub fn spec(&self) -> SourceSpec {
        let default = SourceSpec { place: "FashionMini".into(), tile: None, test: false, limit: 0 };
        self.source.over(&default)
    }

    /// A run's plan with what was typed in place of its own; `--epochs` may be more than it was.
    fn over(&self, there: &Plan) -> Plan {
        let mut plan = there.clone();
        plan.source = self.source.typed().unwrap_or(plan.source);
        plan.rule.variant = self.variant.unwrap_or(plan.rule.variant);
        plan.rule.rate = self.rate.unwrap_or(plan.rule.rate);
        plan.rule.clamp = self.clamp.unwrap_or(plan.rule.clamp);
        plan.layers = self.layers.clone().unwrap_or(plan.layers);
        plan.size = self.size.unwrap_or(plan.size);
        plan.channels = if self.rgba { 4 } else { plan.channels };
        plan.epochs = self.epochs.unwrap_or(plan.epochs);
        plan.batch_size = self.batch_size.unwrap_or(plan.batch_size);
        plan.seed = self.seed.unwrap_or(plan.seed);
        plan.device = self.device.unwrap_or(plan.device);
        plan.threads = self.threads.unwrap_or(plan.threads);
        plan.data_dir = self.source.data_dir.clone().or(plan.data_dir);
        plan
    }
}

/// Trains by what was typed.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let (plan, source, found) = prepare(args)?;
    plan.check()?;
    if args.dry_run {
        writeln!(io::stdout().lock(), "{:#}", serde_json::to_value(&plan)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let on = plan.device.resolve(Precision::Float32)?;
    device::set_threads(plan.threads);
    let dir = match (&found, args.no_save) {
        (Some(dir), _) => Some(dir.clone()),
        (None, false) => Some(new_folder(&args.results_dir, &plan, &source)?),
        (None, true) => None,
    };
    let mut start: (Encoder, Progress) = (plan.encoder()?, Progress::default());
    let mut lock = None;
    if let Some(dir) = &dir {
        lock = Some(dir.lock()?.ok_or_else(|| {
            let folder = dir.root().display();
            anyhow::anyhow!("another process is running in {folder}\nhint: wait for it, or stop it with Ctrl-C")
        })?);
        if dir.checkpoint().exists() {
            start = checkpoint::load(dir, &plan)?;
        }
        let text = serde_json::to_string_pretty(&plan)?;
        write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
        provenance::record(dir, on)?;
    }
    let (mut hub, stop) = (hub(args, dir.as_ref(), &start.1), stop_flag()?);
    hub.send(Event::RunStarted {
        title: title(&plan, &source, on),
        config: serde_json::to_value(&plan)?,
        folder: dir.as_ref().map(|d| d.root().to_path_buf()),
        resumed_at: start.1.epochs,
    })?;
    for note in &source.notes {
        hub.send(Event::Note(note.clone()))?;
    }
    let outcome = train(&plan, &source, start, on, dir.as_ref(), &mut hub, &stop);
    let closed = hub.close();
    drop(lock);
    let outcome = outcome?;
    closed?;
    Ok(if outcome.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// The plan, its images, and the folder of the run that it goes on with.
fn prepare(args: &TrainArgs) -> anyhow::Result<(Plan, Source, Option<RunDir>)> {
    let data_dir = args.plan.source.data_dir.as_deref();
    if args.resume.is_none() {
        let source = Source::open(&args.plan.spec(), data_dir)?;
        return Ok((args.plan.plan(&source), source, None));
    }
    let dir = match &args.run_dir {
        Some(dir) => RunDir::new(dir),
        None => {
            let source = Source::open(&args.plan.spec(), data_dir)?;
            newest(&args.results_dir, &args.plan.plan(&source), &source)?
        }
    };
    let there = read_plan(&dir)?;
    let asked = args.plan.over(&there);
    // Where it runs and how long may change; what it computes may not.
    let neutral = |p: &Plan| Plan { threads: 0, data_dir: None, epochs: 0, device: DeviceChoice::Auto, ..p.clone() };
    let differences = differences(&json!(neutral(&there)), &json!(neutral(&asked)), "");
    if !differences.is_empty() {
        let folder = dir.root().display();
        let hint = format!("`softhebb encode train --resume all --run-dir {folder}` goes on with it as it is");
        let list = differences.join("\n  ");
        return Err(Usage(format!("the run in {folder} has another plan:\n  {list}\nhint: {hint}")).into());
    }
    let source = Source::open(&asked.source, asked.data_dir.as_deref())?;
    Ok((asked, source, Some(dir)))
}

fn differences(there: &Value, asked: &Value, path: &str) -> Vec<String> {
    match (there, asked) {
        (Value::Object(a), Value::Object(b)) => {
            let below = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
            a.iter().flat_map(|(key, a)| differences(a, b.get(key).unwrap_or(&Value::Null), &below(key))).collect()
        }
        (a, b) if a != b => vec![format!("{path}: {a} there, {b} asked for")],
        _ => vec![],
    }
}

fn stem(plan: &Plan, source: &Source, n: usize) -> String {
    let variant = if plan.rule.variant == Variant::V1 { "-v1" } else { "" };
    let alpha = if plan.channels == 4 { "-rgba" } else { "" };
    let number = if n == 1 { String::new() } else { format!("-{n}") };
    format!("{}{variant}{alpha}-{}px-seed{}{number}", source.stem, plan.size, plan.seed)
}

/// A new folder below `encode/`, made at once, so that two runs that begin together get two.
fn new_folder(results: &Path, plan: &Plan, source: &Source) -> anyhow::Result<RunDir> {
    let parent = results.join("encode");
    fs::create_dir_all(&parent).map_err(FileError::write(&parent))?;
    let mut n = 1;
    loop {
        let folder = parent.join(stem(plan, source, n));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(RunDir::new(folder)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => n += 1,
            Err(e) => return Err(FileError::write(&folder)(e).into()),
        }
    }
}

/// The newest run of this name.
fn newest(results: &Path, plan: &Plan, source: &Source) -> anyhow::Result<RunDir> {
    let folder = |n: &usize| RunDir::new(results.join("encode").join(stem(plan, source, *n)));
    let there = (1..).take_while(|n| folder(n).root().is_dir()).filter(|n| folder(n).config().is_file()).last();
    there.map(|n| folder(&n)).ok_or_else(|| {
        let first = folder(&1).root().display().to_string();
        let hint = "--run-dir DIR names one, or start anew without --resume";
        Usage(format!("there is no run to go on with: {first} is not there\nhint: {hint}")).into()
    })
}

fn title(plan: &Plan, source: &Source, on: tch::Device) -> String {
    let variant = if plan.rule.variant == Variant::V1 { " v1" } else { "" };
    let (images, on) = (source.items.len(), format!("{on:?}").to_lowercase());
    let threads = device::threads();
    let (stem, shapes, seed) = (&source.stem, plan.shapes(), plan.seed);
    format!("encoder{variant} · {stem}, {images} images · {shapes} · seed {seed} · {on}, {threads} threads")
}

fn hub(args: &TrainArgs, dir: Option<&RunDir>, progress: &Progress) -> Hub {
    let verbosity = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let mut hub = Hub::new();
    let Some(dir) = dir else {
        hub.add(Console::standard(verbosity, Closing::default()));
        return hub;
    };
    let folder = shell(&dir.root().display().to_string());
    let mut words = closing(dir, &format!("softhebb encode train --resume all --run-dir {folder}"));
    words.finished.push(format!("next, arrange images:  softhebb encode cluster {folder}"));
    hub.add(Console::standard(verbosity, words.clone())).add(LogFile::new(dir, words));
    hub.add(StepTable::new(dir, &["energy", "delta", "norm"], progress.steps));
    hub.add(StepAxis::new(MetricsTable::new(dir, &[]), progress.steps));
    hub.add(StepAxis::new(Tensorboard::new(dir), progress.steps)).add(PictureFiles::new(dir));
    hub
}

/// Set by Ctrl-C (and SIGTERM): the run stops after its step and saves. A second Ctrl-C ends it at once.
fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and sets it, the second finds it set.
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
