//! `softhebb encode train`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::source::SourceArgs;
use crate::cli::options::{DryRunArgs, MachineArgs, ResultsArgs, ResumeArgs, TalkArgs};
use crate::cli::provenance;
use crate::cli::resume::{self, Kind};
use crate::cli::run::{INTERRUPTED, stop_flag};
use crate::device::{self, DeviceChoice, Precision};
use crate::encoder::checkpoint::{self, Progress};
use crate::encoder::plan::VERSION;
use crate::encoder::train::train;
use crate::encoder::{Encoder, Plan, Rule, Source, SourceSpec, Variant};
use crate::files::{RunDir, write_atomic};
use crate::report::format::shell;
use crate::report::{
    Closing, Console, Event, Hub, LogFile, MetricsTable, PictureFiles, StepAxis, StepTable, Tensorboard, closing,
};

/// The folder of these runs below that of all.
const FOLDER: &str = "encode";
/// What does the same with images that are inside the program.
const INSTEAD: &str = "softhebb encode train FashionMini";

/// What is trained and how.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    /// The published encoder: v2, or the first prototype [default: v2].
    #[arg(long, value_enum, help_heading = "Network")]
    variant: Option<Variant>,
    /// Channels of each layer; each halves rows and columns [default: 16,32,64,128; v1: 16].
    #[arg(long, value_name = "C", value_delimiter = ',', help_heading = "Network")]
    layers: Option<Vec<i64>>,
    /// Rows and columns that images are resized to [default: 96; v1: 64; a data set's own].
    #[arg(long, value_name = "PIXELS", help_heading = "Network")]
    size: Option<u32>,
    /// Keep alpha as a fourth channel; without it images lie on white.
    #[arg(long, help_heading = "Network")]
    rgba: bool,
    /// Passes through the images [default: 50].
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub epochs: Option<u64>,
    /// Images a step [default: 8].
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch_size: Option<usize>,
    /// Learning rate of the lateral weights [default: 0.001].
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    rate: Option<f64>,
    /// Bound of a lateral weight [default: 1].
    #[arg(long, value_name = "BOUND", help_heading = "Training")]
    clamp: Option<f64>,
    /// Seed of the convolutions and of the order of images [default: 0].
    #[arg(long, value_name = "N", help_heading = "Training")]
    seed: Option<u64>,
    #[command(flatten)]
    machine: MachineArgs,
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    resume: ResumeArgs,
    #[command(flatten)]
    results: ResultsArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    talk: TalkArgs,
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
            device: self.machine.choice(),
            threads: self.machine.threads(),
            data_dir: self.source.folder.data_dir.clone(),
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
        plan.device = self.machine.device.unwrap_or(plan.device);
        plan.threads = self.machine.typed_threads().unwrap_or(plan.threads);
        plan.data_dir = self.source.folder.data_dir.clone().or(plan.data_dir);
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
    if args.dry_run.dry_run {
        let folder = args.results.results_dir.join(FOLDER);
        let folder = found.as_ref().map_or(folder.as_path(), RunDir::root);
        let (stem, images, shapes) = (&source.stem, source.items.len(), plan.shapes());
        let title = format!("encoder · {stem}, {images} images · {shapes}");
        args.dry_run.print(&title, &plan, args.results.saves().then_some(folder))?;
        return Ok(ExitCode::SUCCESS);
    }
    let on = plan.device.resolve(Precision::Float32)?;
    device::set_threads(plan.threads);
    let dir = match &found {
        Some(dir) => Some(dir.clone()),
        None => args.results.create(FOLDER, &stem(&plan, &source))?,
    };
    let mut start: (Encoder, Progress) = (plan.encoder()?, Progress::default());
    let mut lock = None;
    if let Some(dir) = &dir {
        lock = Some(resume::lock(dir)?);
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
    let open = |spec: &SourceSpec, data_dir: Option<&Path>| args.plan.source.open(spec, data_dir, INSTEAD);
    if args.resume.resume.is_none() {
        let source = open(&args.plan.spec(), None)?;
        return Ok((args.plan.plan(&source), source, None));
    }
    let dir = match &args.resume.run_dir {
        Some(dir) => RunDir::new(dir),
        None => {
            let source = open(&args.plan.spec(), None)?;
            args.results.newest(FOLDER, &stem(&args.plan.plan(&source), &source))?
        }
    };
    let there: Plan = resume::read(&dir, Kind::Encode)?;
    let asked = args.plan.over(&there);
    // Where it runs and how long may change; what it computes may not.
    let neutral = |p: &Plan| Plan { threads: 0, data_dir: None, epochs: 0, device: DeviceChoice::Auto, ..p.clone() };
    resume::same_plan(&dir, &neutral(&there), &neutral(&asked), "softhebb encode train")?;
    let source = open(&asked.source, asked.data_dir.as_deref())?;
    Ok((asked, source, Some(dir)))
}

fn stem(plan: &Plan, source: &Source) -> String {
    let variant = if plan.rule.variant == Variant::V1 { "-v1" } else { "" };
    let alpha = if plan.channels == 4 { "-rgba" } else { "" };
    format!("{}{variant}{alpha}-{}px-seed{}", source.stem, plan.size, plan.seed)
}

fn title(plan: &Plan, source: &Source, on: tch::Device) -> String {
    let variant = if plan.rule.variant == Variant::V1 { " v1" } else { "" };
    let (images, on) = (source.items.len(), format!("{on:?}").to_lowercase());
    let threads = device::threads();
    let (stem, shapes, seed) = (&source.stem, plan.shapes(), plan.seed);
    format!("encoder{variant} · {stem}, {images} images · {shapes} · seed {seed} · {on}, {threads} threads")
}

fn hub(args: &TrainArgs, dir: Option<&RunDir>, progress: &Progress) -> Hub {
    let verbosity = args.talk.verbosity();
    let mut hub = Hub::new();
    let Some(dir) = dir else {
        hub.add(Console::standard(verbosity, Closing::default()));
        return hub;
    };
    let folder = shell(&dir.root().display().to_string());
    let mut words = closing(dir, &[], &format!("softhebb encode train --resume all --run-dir {folder}"));
    words.finished.push(format!("next, arrange images:  softhebb encode cluster {folder}"));
    hub.add(Console::standard(verbosity, words.clone())).add(LogFile::new(dir, words));
    hub.add(StepTable::new(dir, &["energy", "delta", "norm"], progress.steps));
    hub.add(StepAxis::new(MetricsTable::new(dir, &[]), progress.steps));
    hub.add(StepAxis::new(Tensorboard::new(dir), progress.steps)).add(PictureFiles::new(dir));
    hub
}
