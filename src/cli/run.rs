//! `softhebb run`: arguments to a plan, a plan to a run.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::{ArgAction, Args, ValueEnum};

use super::{Usage, data as data_cli, progress, provenance, resume};
use crate::data::{DataDirs, DataError, FetchOptions};
use crate::device::{self, DeviceChoice, Precision};
use crate::files::{RunDir, write_atomic};
use crate::preset::{Catalogue, describe};
use crate::report::format::shell;
use crate::report::{
    Closing, Console, Hub, LogFile, MetricsTable, PictureFiles, StepTable, Tensorboard, Verbosity, closing,
};
use crate::train::data::RunData;
use crate::train::{Request, RunPlan, TrainError, Trainer, TrainingMode, checkpoint, compare, plan, steps};

/// Interrupted by the user.
pub(super) const INTERRUPTED: u8 = 130;

/// What a run goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Resume {
    /// The same run, from where it stopped.
    All,
    /// The blocks of an earlier run; a new classifier is trained.
    #[value(alias = "without_classifier")]
    WithoutClassifier,
}

/// Train a preset (or a typed network) on a data set and score it.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The network: a preset's name (`softhebb show` lists them).
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    preset: Option<String>,

    /// A network typed here: 'Soft-c96-k5-p2-t1-lr0.08; BP-c10'.
    #[arg(long, value_name = "BLOCKS")]
    model: Option<String>,

    /// Data set of all phases: CIFAR10, or CIFAR10_50 with its configuration [default: the preset's own].
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,

    /// Data set of the Hebbian phases: CIFAR10_1.
    #[arg(long, value_name = "NAME")]
    dataset_unsup: Option<String>,

    /// Data set of the supervised phases: CIFAR10_50.
    #[arg(long, value_name = "NAME")]
    dataset_sup: Option<String>,

    /// Which blocks learn together [default: successive].
    #[arg(long, value_enum, value_name = "MODE")]
    training_mode: Option<TrainingMode>,

    /// The blocks that learn (from 0); the others stay as they are initialised [default: all].
    #[arg(long, value_name = "BLOCK", num_args = 1.., value_delimiter = ',')]
    training_blocks: Option<Vec<usize>>,

    /// Change one key: b0.layer.t_invert=0.7, b1.pool=avg_4_2_1, dataset_sup.nb_epoch=5. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,

    /// Hold out 20 % of the training images and test on them.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "false", hide_default_value = true)]
    validation: bool,

    /// Go on with a run, or with its blocks.
    #[arg(long, value_enum, value_name = "WHAT")]
    resume: Option<Resume>,

    /// The run to go on with [default: the newest of the same model, data and seed].
    #[arg(long, value_name = "DIR", requires = "resume")]
    run_dir: Option<PathBuf>,

    /// Seed of initial weights, order of images and dropout [default: 0].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// auto, cpu, cuda or cuda:N [default: auto; of a run that goes on, its own].
    #[arg(long, value_name = "DEVICE", conflicts_with = "gpu_id")]
    device: Option<DeviceChoice>,

    /// The same as --device cuda:N.
    #[arg(long, value_name = "N")]
    gpu_id: Option<usize>,

    /// How products are computed.
    #[arg(long, value_enum, default_value = "float32")]
    precision: Precision,

    /// Keep stored outputs of frozen blocks in a file of the run's folder, not in memory.
    #[arg(long)]
    features_on_disk: bool,

    /// Keep nothing beside the data: neither decoded pictures nor whitenings; both are then made anew, in memory.
    #[arg(long)]
    no_cache: bool,

    /// Record learning rate, convergence and R1 of the Hebbian block that learns in steps.csv, every so many steps.
    #[arg(long, value_name = "STEPS", default_value_t = 0, hide_default_value = true)]
    record_every: u64,

    /// Threads [default: all cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,

    /// Folder of the runs.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    results_dir: PathBuf,

    /// Name of the model in the results folder [default: the preset's].
    #[arg(long, value_name = "NAME")]
    model_name: Option<String>,

    /// Whether to leave a run folder.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "true", hide_default_value = true)]
    save: bool,

    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Download a data set that is missing, without asking.
    #[arg(long)]
    download: bool,

    /// Read presets and data sets from this file, not from those inside the program.
    #[arg(long, value_name = "FILE")]
    presets: Option<PathBuf>,

    /// Print the plan and do nothing.
    #[arg(long)]
    dry_run: bool,

    /// With --dry-run: print the plan as JSON.
    #[arg(long, requires = "dry_run")]
    json: bool,

    /// Say only warnings and the result.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Say more: the numbers of each block, every file written.
    #[arg(short, long)]
    verbose: bool,
}

impl RunArgs {
    /// The device, if one was typed.
    fn device(&self) -> Option<DeviceChoice> {
        self.gpu_id.map(DeviceChoice::Cuda).or(self.device)
    }

    /// The first argument typed that a run which goes on with its own plan would ignore.
    fn of_a_new_plan(&self) -> Option<&'static str> {
        let typed = [
            (self.dataset.is_some(), "--dataset"),
            (self.dataset_unsup.is_some(), "--dataset-unsup"),
            (self.dataset_sup.is_some(), "--dataset-sup"),
            (self.training_mode.is_some(), "--training-mode"),
            (self.training_blocks.is_some(), "--training-blocks"),
            (!self.set.is_empty(), "--set"),
            (self.validation, "--validation"),
            (self.seed.is_some(), "--seed"),
            (self.model_name.is_some(), "--model-name"),
            (!self.save, "--save false"),
            (self.record_every > 0, "--record-every"),
        ];
        typed.into_iter().find(|(typed, _)| *typed).map(|(_, name)| name)
    }
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    run_then(args, "run", &mut |_| Ok(true))
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
    if args.preset.is_none() && args.model.is_none() {
        return Ok(());
    }
    let plan = typed_plan(args)?;
    crate::train::post_hoc::check(&plan)?;
    if !plan.network.blocks[0].layer.method.is_hebbian() {
        args.training_mode = Some(TrainingMode::Simultaneous);
    }
    args.model_name.get_or_insert_with(|| format!("{}{POST_HOC}", plan.model));
    Ok(())
}

/// The folder of a run of these arguments that is finished, if there is one.
///
/// # Errors
/// When the arguments make no plan.
pub fn finished(args: &RunArgs) -> anyhow::Result<Option<PathBuf>> {
    let plan = typed_plan(args)?;
    let Ok(folder) = resume::latest(&args.results_dir, &plan) else { return Ok(None) };
    let dir = RunDir::new(&folder);
    let (Ok(there), Ok(checkpoint)) = (resume::read_plan(&dir), checkpoint::load(&dir)) else { return Ok(None) };
    let done = checkpoint.progress.is_some_and(|p| p.phase >= there.phases.len());
    Ok((done && compare::differences(&there, &plan).is_empty()).then_some(folder))
}

/// Runs, then hands what there is to `then`. `command` is the subcommand that goes on with an interrupted run.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run_then(args: &RunArgs, command: &str, then: Then) -> anyhow::Result<ExitCode> {
    let (mut plan, start) = prepare(args)?;
    if args.dry_run {
        let text = if args.json { format!("{:#}\n", serde_json::to_value(&plan)?) } else { plan_text(&plan) };
        io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    // The device comes before the first tensor: libtorch's CUDA part must be loaded by then.
    let on = plan.device.resolve(plan.precision)?;
    device::set_threads(plan.threads);
    plan.threads = device::threads();
    let dirs = DataDirs::resolve(plan.data_dir.as_deref())?;
    let stop = stop_flag()?;
    let data = match load_data(args, &plan, &dirs, on, &stop) {
        Ok(data) => data,
        // Ctrl-C before the run began: what was decoded is kept, and there is no run to go on with.
        Err(error) if stop.load(Ordering::Relaxed) => {
            let _ = writeln!(io::stderr(), "{error:#}"); // nobody is left to tell
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => return Err(error),
    };
    let lock = claim(args, &mut plan, &start)?;
    let job = Job { args, plan: &plan, start: &start, on, stop: &stop, command };
    let code = train(&job, data, then);
    drop(lock);
    code
}

/// How a run begins.
#[derive(Debug)]
enum Start {
    Fresh,
    GoOn(RunDir),
    TakeBlocks(RunDir),
}

/// Resolves everything; touches nothing.
fn prepare(args: &RunArgs) -> anyhow::Result<(RunPlan, Start)> {
    if args.preset.is_none() && args.model.is_none() {
        if let (Some(Resume::All), Some(dir)) = (args.resume, &args.run_dir) {
            let dir = RunDir::new(dir);
            let mut plan = resume::read_plan(&dir)?;
            if let Some(typed) = args.of_a_new_plan() {
                return Err(Usage(format!(
                    "{typed} belongs to the plan of a run, and the one in {} has its plan\n\
                     hint: leave it out, or start a new run without --resume",
                    dir.root().display()
                ))
                .into());
            }
            here(args, &mut plan, &dir);
            return Ok((plan, Start::GoOn(dir)));
        }
        let hint = "`softhebb run --preset 4SoftHebbCnnCIFAR`, or `softhebb show` for the names of all presets";
        return Err(Usage(format!("no network is named\nhint: give --preset NAME or --model 'BLOCKS': {hint}")).into());
    }
    let plan = typed_plan(args)?;
    match args.resume {
        None => Ok((plan, Start::Fresh)),
        Some(Resume::All) => {
            let dir = RunDir::new(args.run_dir.clone().map_or_else(|| resume::latest(&args.results_dir, &plan), Ok)?);
            let mut there = resume::read_plan(&dir)?;
            let differences = compare::differences(&there, &plan);
            if !differences.is_empty() {
                let list = differences.iter().map(|d| format!("\n  {d}")).collect::<String>();
                let hint =
                    format!("`softhebb run --resume all --run-dir {}` goes on with it as it is", dir.root().display());
                return Err(Usage(format!(
                    "the run in {} has another plan:{list}\nhint: {hint}",
                    dir.root().display()
                ))
                .into());
            }
            here(args, &mut there, &dir);
            Ok((there, Start::GoOn(dir)))
        }
        Some(Resume::WithoutClassifier) => {
            let dir = RunDir::new(args.run_dir.clone().map_or_else(|| resume::latest(&args.results_dir, &plan), Ok)?);
            let mut plan = plan;
            let classifier = plan.network.blocks.len() - 1;
            plan.training_blocks = Some(vec![classifier]);
            plan.phases =
                plan::phases(&plan.network, &plan.dataset_unsup, &plan.dataset_sup, plan.mode, Some(&[classifier]))?;
            plan.blocks_from = Some(std::path::absolute(dir.checkpoint())?);
            Ok((plan, Start::TakeBlocks(dir)))
        }
    }
}

/// Where and how a resumed run goes on may differ from where it began.
fn here(args: &RunArgs, plan: &mut RunPlan, dir: &RunDir) {
    plan.folder = dir.root().to_path_buf();
    plan.device = args.device().unwrap_or(plan.device);
    plan.features_on_disk |= args.features_on_disk;
    plan.no_cache |= args.no_cache;
    if args.threads > 0 {
        plan.threads = args.threads;
    }
    if args.data_dir.is_some() {
        plan.data_dir.clone_from(&args.data_dir);
    }
}

/// The plan that the arguments describe.
fn typed_plan(args: &RunArgs) -> anyhow::Result<RunPlan> {
    let catalogue = match &args.presets {
        Some(path) => Catalogue::load(path)?,
        None => Catalogue::embedded()?,
    };
    let request = Request {
        preset: args.preset.clone(),
        model: args.model.clone(),
        dataset: args.dataset.clone(),
        dataset_unsup: args.dataset_unsup.clone(),
        dataset_sup: args.dataset_sup.clone(),
        mode: args.training_mode.unwrap_or(TrainingMode::Successive),
        training_blocks: args.training_blocks.clone(),
        set: args.set.clone(),
        validation_unsup: args.validation,
        validation_sup: args.validation,
        seed: args.seed.unwrap_or(0),
        device: args.device().unwrap_or(DeviceChoice::Auto),
        precision: args.precision,
        threads: args.threads,
        features_on_disk: args.features_on_disk,
        no_cache: args.no_cache,
        record_every: args.record_every,
        save: args.save,
        model_name: args.model_name.clone(),
        data_dir: args.data_dir.clone(),
    };
    Ok(request.plan(&catalogue)?)
}

/// Makes the run's folder (or opens the one that is there), takes its lock and writes the plan.
fn claim(args: &RunArgs, plan: &mut RunPlan, start: &Start) -> anyhow::Result<Option<std::fs::File>> {
    if !plan.save {
        return Ok(None);
    }
    if !matches!(start, Start::GoOn(_)) {
        plan.folder = resume::new_folder(&args.results_dir, plan)?;
    }
    let dir = RunDir::new(&plan.folder);
    let lock = dir.lock()?.ok_or_else(|| {
        let folder = plan.folder.display();
        anyhow::anyhow!("another process is running in {folder}\nhint: wait for it, or stop it with Ctrl-C")
    })?;
    // A run that goes on keeps its plan as it was written; how it went on is in its provenance.
    if !matches!(start, Start::GoOn(_)) {
        let text = serde_json::to_string_pretty(plan)?;
        write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
    }
    Ok(Some(lock))
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
    let last_words = if plan.save {
        closing(
            &dir,
            &format!("softhebb {command} --resume all --run-dir {}", shell(&plan.folder.display().to_string())),
        )
    } else {
        Closing::default()
    };
    let verbosity = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    hub.add(Console::standard(verbosity, last_words.clone()));
    if plan.save {
        hub.add(LogFile::new(&dir, last_words));
        hub.add(MetricsTable::new(&dir, &plan.hebbian_blocks()));
        hub.add(Tensorboard::new(&dir));
        hub.add(PictureFiles::new(&dir));
        if plan.record_every > 0 {
            let progress = match start {
                Start::GoOn(dir) if dir.checkpoint().exists() => checkpoint::load(dir)?.progress,
                _ => None,
            };
            let done = progress.map_or(0, |progress| steps::done(plan, &data, &progress));
            // A row stands where its step has finished.
            hub.add(StepTable::new(&dir, &steps::RECORDED, done + 1));
        }
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
    trainer.announce(title(plan, on))?;
    let outcome = trainer.run();
    let (network, data) = trainer.into_parts();
    let closed = hub.close();
    let outcome = outcome?;
    closed?;
    let done = !outcome.interrupted && then(Finished { plan, network, data, stop })?;
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
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
    stop.store(false, Ordering::Relaxed);
    Ok(stop)
}

/// Seconds that the earlier parts of a run took, from its table.
fn seconds_until(dir: &RunDir, global_epoch: u64) -> f64 {
    let Ok(mut table) = csv::Reader::from_path(dir.metrics()) else { return 0.0 };
    let rows = table.deserialize::<std::collections::HashMap<String, String>>().flatten();
    let number = |row: &std::collections::HashMap<String, String>, key: &str| row.get(key)?.parse::<f64>().ok();
    rows.filter(|row| number(row, "global_step").is_some_and(|n| n <= global_epoch as f64))
        .filter_map(|row| number(&row, "seconds"))
        .fold(0.0, f64::max)
}

fn load_data(
    args: &RunArgs,
    plan: &RunPlan,
    dirs: &DataDirs,
    on: tch::Device,
    stop: &AtomicBool,
) -> anyhow::Result<RunData> {
    let load = || progress::load(plan, dirs, on, Some(stop));
    match load() {
        Ok(data) => Ok(data),
        Err(DataError::NotFound { name, looked, fetch }) => {
            let missing = DataError::NotFound { name, looked, fetch };
            if !(args.download || asked(&missing)?) {
                let retry = format!("the same network on the images inside the program: {}", on_fashion_mini(args));
                let hint = missing.hint().map(|h| format!("\nhint: {h}\nhint: {retry}")).unwrap_or_default();
                return Err(anyhow::anyhow!("{missing}{hint}"));
            }
            let options = FetchOptions { mirror: std::env::var("SOFTHEBB_MIRROR").ok(), ..FetchOptions::default() };
            data_cli::fetch_with_bar(name, dirs, &options)?;
            Ok(load()?)
        }
        Err(error) => Err(TrainError::Data(error).into()),
    }
}

/// Asks whether to download, where somebody can answer.
fn asked(missing: &DataError) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    let mut err = io::stderr().lock();
    write!(err, "{missing}\ndownload it from its official site now? [Y/n] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}

/// The command that runs the same network on the embedded images.
fn on_fashion_mini(args: &RunArgs) -> String {
    let network = match (&args.preset, &args.model) {
        (Some(name), _) => format!("--preset {}", shell(name)),
        (None, Some(text)) => format!("--model {}", shell(text)),
        (None, None) => String::new(),
    };
    format!("softhebb run {network} --dataset {}", "FashionMini")
}

/// One line for people.
fn title(plan: &RunPlan, on: tch::Device) -> String {
    let device = match on {
        tch::Device::Cpu => format!("cpu, {} threads", device::threads()),
        tch::Device::Cuda(i) => format!("cuda:{i}"),
        other => format!("{other:?}"),
    };
    let (unsup, sup) = (&plan.dataset_unsup.config, &plan.dataset_sup.config);
    let validation = if plan.dataset_sup.validation { " · validation" } else { "" };
    format!("{} · {unsup} → {sup} · seed {} · {device}{validation}", plan.model, plan.seed)
}

/// The plan for people.
fn plan_text(plan: &RunPlan) -> String {
    let mut text = describe::network_table(&plan.network, &plan.dataset_sup);
    text.push('\n');
    for (i, phase) in plan.phases.iter().enumerate() {
        let data = plan.dataset(phase);
        let info = crate::report::PhaseInfo {
            index: i,
            count: plan.phases.len(),
            kind: phase.kind,
            blocks: phase.blocks.clone(),
            epochs: phase.epochs,
            images: u64::try_from(data.training_sample).unwrap_or(0),
            batch_size: phase.batch_size,
        };
        text.push_str(&format!(
            "{} ({}, batches of {})\n",
            crate::report::phase_title(&info),
            data.config,
            phase.batch_size
        ));
    }
    text.push_str(&format!(
        "seed {}, device {}, results in a new folder below {}\n",
        plan.seed, plan.device, plan.model
    ));
    text
}
