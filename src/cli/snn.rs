//! `softhebb snn`: the two-layer spiking network; arguments to a plan, a plan to a run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Context;
use clap::{ArgAction, Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Usage;
use crate::files::{FileError, RunDir, write_atomic};
use crate::report::format::shell;
use crate::report::{
    Closing, Console, Event, Hub, LogFile, MetricsTable, PictureFiles, Tensorboard, Verbosity, closing,
};
use crate::snn::checkpoint::{self, Progress};
use crate::snn::eval::{evaluate, fits};
use crate::snn::train::{RunData, initial, train};
use crate::snn::{Mode, Network, Plan, Preset, Readout, bench, pictures};

/// Interrupted by the user.
const INTERRUPTED: u8 = 130;

/// A two-layer spiking network with Hebbian rules: train it, score it, look at it.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct SnnArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network on a data set and score it.
    Train(Box<TrainArgs>),
    /// Score a trained network on test images.
    Eval(EvalArgs),
    /// Pictures of a trained network: class templates, weights, spikes and potentials of an example.
    Show(ShowArgs),
    /// Measure the sparse network against the loop written out line by line, on this machine.
    Bench(Box<BenchArgs>),
}

/// The constants; one that is not given is the preset's.
#[derive(Debug, Default, Args)]
struct ConstantArgs {
    /// Constants and data of the notebook, or of the network that was searched for.
    #[arg(long, value_enum, default_value = "notebook")]
    preset: Preset,
    /// Data set: FashionMini (inside the program), MNIST, FashionMNIST, … [notebook: FashionMini].
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Hidden units [notebook: 256].
    #[arg(long, value_name = "N")]
    hidden: Option<usize>,
    /// Hidden units that may fire in a step; of equal potentials the lowest index wins [notebook: 32].
    #[arg(long, value_name = "K")]
    k_hidden: Option<usize>,
    /// Output units that may fire in a step [notebook: 1].
    #[arg(long, value_name = "K")]
    k_output: Option<usize>,
    /// Steps an image [notebook: 20].
    #[arg(long, value_name = "T")]
    steps: Option<usize>,
    /// Length of a step, seconds [notebook: 0.005].
    #[arg(long, value_name = "S")]
    dt: Option<f64>,
    /// Rate of an input at full intensity; at most 1/dt [notebook: 30].
    #[arg(long, value_name = "HZ")]
    rate_hz: Option<f64>,
    /// Time constant of hidden potentials, seconds [notebook: 0.02].
    #[arg(long, value_name = "S")]
    tau_h: Option<f64>,
    /// Time constant of output potentials, seconds [notebook: 0.02].
    #[arg(long, value_name = "S")]
    tau_o: Option<f64>,
    /// What a spike takes from a hidden potential [notebook: 1].
    #[arg(long, value_name = "V")]
    vth_h: Option<f64>,
    /// What a spike takes from an output potential [notebook: 1].
    #[arg(long, value_name = "V")]
    vth_o: Option<f64>,
    /// Learning rate of Oja's rule [notebook: 0.01].
    #[arg(long, value_name = "RATE")]
    eta1: Option<f64>,
    /// Learning rate of the weights to the output [notebook: 0.02].
    #[arg(long, value_name = "RATE")]
    eta2: Option<f64>,
    /// Learning rate of depression at the output [notebook: 0.01].
    #[arg(long, value_name = "RATE")]
    eta2_neg: Option<f64>,
    /// Rate of the teacher's spikes; at most 1/dt [notebook: 80].
    #[arg(long, value_name = "HZ")]
    teacher_rate_hz: Option<f64>,
    /// Decay of the weights to the hidden layer, a step [notebook: 5e-5].
    #[arg(long, value_name = "SHARE")]
    decay1: Option<f64>,
    /// Decay of the weights to the output, a step [notebook: 5e-5].
    #[arg(long, value_name = "SHARE")]
    decay2: Option<f64>,
    /// Standard deviation of the initial weights [notebook: 0.01].
    #[arg(long, value_name = "STD")]
    init_std: Option<f64>,
    /// How the weights to the output learn [notebook: notebook].
    #[arg(long, value_enum)]
    readout: Option<Readout>,
    /// Scale every image to so many input spikes a step on average; 0: as it is [notebook: 0].
    #[arg(long, value_name = "N")]
    input_spikes: Option<f64>,
    /// Homeostasis: how much a threshold rises by a spike; 0: thresholds stay 0 [notebook: 0].
    #[arg(long, value_name = "V")]
    theta: Option<f64>,
    /// What eta1 falls to until the end [notebook: it stays].
    #[arg(long, value_name = "RATE")]
    eta1_end: Option<f64>,
    /// What eta2 falls to until the end [notebook: it stays].
    #[arg(long, value_name = "RATE")]
    eta2_end: Option<f64>,
    /// What theta falls to until the end [notebook: it stays].
    #[arg(long, value_name = "V")]
    theta_end: Option<f64>,
    /// Passes [notebook: 20].
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Images a batch, after which weights are clipped to -1…1 [notebook: 64].
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Batches an epoch, drawn anew each epoch; 0: all images [notebook: 100].
    #[arg(long, value_name = "N")]
    train_batches: Option<usize>,
    /// Batches of test images; 0: all images [notebook: 50].
    #[arg(long, value_name = "N")]
    test_batches: Option<usize>,
    /// Hold out 20 % of the training images and test on them [notebook: its own 10,000].
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    validation: Option<bool>,
    /// In which order images change the weights [notebook: online].
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Seed of weights, order, spikes and teacher [notebook: 3].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl ConstantArgs {
    /// Puts what was typed into a plan.
    fn apply(&self, plan: &mut Plan) {
        fn set<T: Clone>(to: &mut T, typed: &Option<T>) {
            if let Some(value) = typed {
                to.clone_from(value);
            }
        }
        let c = &mut plan.constants;
        set(&mut c.hidden, &self.hidden);
        set(&mut c.k_hidden, &self.k_hidden);
        set(&mut c.k_output, &self.k_output);
        set(&mut c.steps, &self.steps);
        set(&mut c.dt, &self.dt);
        set(&mut c.rate_hz, &self.rate_hz);
        set(&mut c.tau_h, &self.tau_h);
        set(&mut c.tau_o, &self.tau_o);
        set(&mut c.vth_h, &self.vth_h);
        set(&mut c.vth_o, &self.vth_o);
        set(&mut c.eta1, &self.eta1);
        set(&mut c.eta2, &self.eta2);
        set(&mut c.eta2_neg, &self.eta2_neg);
        set(&mut c.teacher_rate_hz, &self.teacher_rate_hz);
        set(&mut c.decay1, &self.decay1);
        set(&mut c.decay2, &self.decay2);
        set(&mut c.init_std, &self.init_std);
        set(&mut c.readout, &self.readout);
        set(&mut c.input_spikes, &self.input_spikes);
        set(&mut c.theta, &self.theta);
        plan.ends.eta1 = self.eta1_end.or(plan.ends.eta1);
        plan.ends.eta2 = self.eta2_end.or(plan.ends.eta2);
        plan.ends.theta = self.theta_end.or(plan.ends.theta);
        set(&mut plan.dataset, &self.dataset);
        set(&mut plan.epochs, &self.epochs);
        set(&mut plan.batch_size, &self.batch_size);
        set(&mut plan.train_batches, &self.train_batches);
        set(&mut plan.test_batches, &self.test_batches);
        set(&mut plan.validation, &self.validation);
        set(&mut plan.mode, &self.mode);
        set(&mut plan.seed, &self.seed);
        set(&mut plan.threads, &self.threads);
        plan.data_dir = self.data_dir.clone().or(plan.data_dir.take());
    }

    fn plan(&self) -> Plan {
        let mut plan = Plan::of(self.preset);
        self.apply(&mut plan);
        plan
    }
}

/// What a run goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Resume {
    /// The same run, from where it stopped.
    All,
}

#[derive(Debug, Args)]
struct TrainArgs {
    #[command(flatten)]
    constants: ConstantArgs,
    /// Go on with a run.
    #[arg(long, value_enum, value_name = "WHAT")]
    resume: Option<Resume>,
    /// The run to go on with [default: the newest of the same plan].
    #[arg(long, value_name = "DIR", requires = "resume")]
    run_dir: Option<PathBuf>,
    /// Folder of the runs.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    results_dir: PathBuf,
    /// Whether to leave a run folder.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "true", hide_default_value = true)]
    save: bool,
    /// Print the plan as JSON and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Say only warnings and the result.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: every file written.
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Debug, Args)]
struct EvalArgs {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Another data set of the same shape [default: the run's].
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Batches of test images; 0: all images.
    #[arg(long, value_name = "N", default_value_t = 0)]
    test_batches: usize,
    /// Steps an image [default: the run's].
    #[arg(long, value_name = "T")]
    steps: Option<usize>,
    /// Seed of the spikes [default: the run's].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder of the data sets [default: the run's].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Print JSON, with the table of confusions.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Which test image is the example.
    #[arg(long, value_name = "I", default_value_t = 0)]
    image: usize,
    /// Steps of the example.
    #[arg(long, value_name = "T", default_value_t = 30)]
    steps: usize,
    /// Inputs in the raster, from the first.
    #[arg(long, value_name = "N", default_value_t = 200)]
    inputs: usize,
    /// Seed of the example's spikes.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Folder of the data sets [default: the run's].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct BenchArgs {
    #[command(flatten)]
    constants: ConstantArgs,
    /// Images that the dense loop computes in each repetition.
    #[arg(long, value_name = "N", default_value_t = 64)]
    images: usize,
    /// Repetitions, of which the median is taken.
    #[arg(long, value_name = "N", default_value_t = 5)]
    repeats: usize,
    /// A command that prints {"train_us": …, "eval_us": …}, run once a repetition and compared with.
    #[arg(long, value_name = "COMMAND")]
    peer: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &SnnArgs) -> anyhow::Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match &args.command {
        Command::Train(args) => run_train(args),
        Command::Eval(args) => run_eval(args).map(done),
        Command::Show(args) => run_show(args).map(done),
        Command::Bench(args) => run_bench(args).map(done),
    }
}

fn run_train(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let (plan, found) = prepare(args)?;
    // Before the data are read: ten classes are what all but a few data sets have, and the rest is checked later.
    plan.check(usize::MAX)?;
    if args.dry_run {
        writeln!(io::stdout().lock(), "{:#}", serde_json::to_value(&plan)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = RunData::load(&plan)?;
    let network = initial(&plan, data.dataset.train.stride(), data.classes())?;
    fits(&network, &data.dataset.train)?;
    let dir = match (&found, args.save) {
        (Some(dir), _) => Some(dir.clone()),
        (None, true) => Some(new_folder(&args.results_dir, &plan)?),
        (None, false) => None,
    };
    let mut start = (network, Progress::default());
    let mut lock = None;
    if let Some(dir) = &dir {
        lock = Some(dir.lock()?.ok_or_else(|| {
            let folder = dir.root().display();
            anyhow::anyhow!("another process is running in {folder}\nhint: wait for it, or stop it with Ctrl-C")
        })?);
        if dir.checkpoint().exists() {
            start = checkpoint::load(dir, &plan.constants)?;
        }
        let text = serde_json::to_string_pretty(&plan)?;
        write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
    }
    let (mut hub, stop) = (hub(args, dir.as_ref()), stop_flag()?);
    let resumed_at = start.1.epochs;
    hub.send(Event::RunStarted {
        title: title(&plan, &data),
        config: serde_json::to_value(&plan)?,
        folder: dir.as_ref().map(|d| d.root().to_path_buf()),
        resumed_at,
    })?;
    for note in &data.dataset.notes {
        hub.send(Event::Note(note.clone()))?;
    }
    let outcome = pool(plan.threads)?.install(|| train(&plan, &data, start, dir.as_ref(), &mut hub, &stop));
    let closed = hub.close();
    drop(lock);
    let outcome = outcome?;
    closed?;
    Ok(if outcome.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// The plan, and the folder of the run that it goes on with.
fn prepare(args: &TrainArgs) -> anyhow::Result<(Plan, Option<RunDir>)> {
    let plan = args.constants.plan();
    if args.resume.is_none() {
        return Ok((plan, None));
    }
    let dir = match &args.run_dir {
        Some(dir) => RunDir::new(dir),
        None => newest(&args.results_dir, &plan)?,
    };
    let there = read_plan(&dir)?;
    let mut asked = there.clone();
    args.constants.apply(&mut asked);
    // Where it runs may change; what it computes may not.
    let neutral = |plan: &Plan| Plan { threads: 0, data_dir: None, ..plan.clone() };
    let differences = differences(&json!(neutral(&there)), &json!(neutral(&asked)), "");
    if !differences.is_empty() {
        let folder = dir.root().display();
        let hint = format!("`softhebb snn train --resume all --run-dir {folder}` goes on with it as it is");
        let list = differences.join("\n  ");
        return Err(Usage(format!("the run in {folder} has another plan:\n  {list}\nhint: {hint}")).into());
    }
    Ok((asked, Some(dir)))
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

fn stem(plan: &Plan, n: usize) -> String {
    let preset = json!(plan.preset);
    let validation = if plan.validation { "-validation" } else { "" };
    let number = if n == 1 { String::new() } else { format!("-{n}") };
    let (data, hidden, seed) = (&plan.dataset, plan.constants.hidden, plan.seed);
    format!("{data}-{}-h{hidden}-seed{seed}{validation}{number}", preset.as_str().unwrap_or_default())
}

/// A new folder below `snn/`, made at once, so that two runs that begin together get two.
fn new_folder(results: &Path, plan: &Plan) -> anyhow::Result<RunDir> {
    let parent = results.join("snn");
    fs::create_dir_all(&parent).map_err(FileError::write(&parent))?;
    let mut n = 1;
    loop {
        let folder = parent.join(stem(plan, n));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(RunDir::new(folder)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => n += 1,
            Err(e) => return Err(FileError::write(&folder)(e).into()),
        }
    }
}

/// The newest run of this name.
fn newest(results: &Path, plan: &Plan) -> anyhow::Result<RunDir> {
    let folder = |n: &usize| RunDir::new(results.join("snn").join(stem(plan, *n)));
    let there = (1..).take_while(|n| folder(n).root().is_dir()).filter(|n| folder(n).config().is_file()).last();
    there.map(|n| folder(&n)).ok_or_else(|| {
        let first = folder(&1).root().display().to_string();
        let hint = "--run-dir DIR names one, or start anew without --resume";
        Usage(format!("there is no run to go on with: {first} is not there\nhint: {hint}")).into()
    })
}

fn read_plan(dir: &RunDir) -> anyhow::Result<Plan> {
    let path = dir.config();
    let text = fs::read_to_string(&path).map_err(FileError::read(&path))?;
    serde_json::from_str(&text).map_err(|e| anyhow::anyhow!("{} is not the plan of an `snn` run: {e}", path.display()))
}

fn title(plan: &Plan, data: &RunData) -> String {
    let c = &plan.constants;
    let of = if data.held_out { "held-out" } else { "test" };
    format!(
        "snn {} · {} · {} hidden units, {} of them fire · {} {of} images · seed {}",
        json!(plan.preset).as_str().unwrap_or_default(),
        plan.dataset,
        c.hidden,
        c.k_hidden,
        data.test.len(),
        plan.seed
    )
}

fn hub(args: &TrainArgs, dir: Option<&RunDir>) -> Hub {
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
    let mut words = closing(dir, &format!("softhebb snn train --resume all --run-dir {folder}"));
    words.finished.push(format!("next, look at it:  softhebb snn show {folder}"));
    hub.add(Console::standard(verbosity, words.clone()));
    hub.add(LogFile::new(dir, words)).add(MetricsTable::new(dir, &[])).add(Tensorboard::new(dir));
    hub.add(PictureFiles::new(dir));
    hub
}

fn pool(threads: usize) -> anyhow::Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")
}

/// Set by Ctrl-C (and SIGTERM): the run stops after its batch and saves. A second Ctrl-C ends it at once.
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

/// A trained network, its plan and its progress.
fn open(run: &Path, data_dir: Option<&PathBuf>) -> anyhow::Result<(RunDir, Plan, Network, Progress)> {
    let dir = RunDir::new(run);
    let mut plan = read_plan(&dir)?;
    plan.data_dir = data_dir.cloned().or(plan.data_dir);
    let (network, progress) = checkpoint::load(&dir, &plan.constants)?;
    Ok((dir, plan, network, progress))
}

fn run_eval(args: &EvalArgs) -> anyhow::Result<()> {
    let (dir, mut plan, _, progress) = open(&args.run, args.data_dir.as_ref())?;
    plan.test_batches = args.test_batches;
    plan.dataset = args.dataset.clone().unwrap_or(plan.dataset);
    plan.constants.steps = args.steps.unwrap_or(plan.constants.steps);
    let (network, _) = checkpoint::load(&dir, &plan.constants)?;
    let data = RunData::load(&plan)?;
    let seed = args.seed.unwrap_or(plan.seed);
    let pool = pool(args.threads)?;
    let clock = Instant::now();
    let score = pool.install(|| evaluate(&network, data.test_images(), &data.test, seed))?;
    let speed = score.images as f64 / clock.elapsed().as_secs_f64().max(1e-9);
    let mut out = io::stdout().lock();
    if args.json {
        let value = json!({
            "run": args.run, "dataset": plan.dataset, "epochs": progress.epochs, "accuracy": score.accuracy(),
            "images_per_second": speed, "threads": pool.current_num_threads(), "score": score,
        });
        writeln!(out, "{value:#}")?;
        return Ok(());
    }
    let (accuracy, of) = (score.accuracy().unwrap_or(f64::NAN), if data.held_out { "held-out" } else { "test" });
    let (images, name, silent) = (score.images, &plan.dataset, score.silent);
    writeln!(out, "{accuracy:.2} % of {images} {of} images of {name}; no output fired for {silent}")?;
    let threads = pool.current_num_threads();
    writeln!(out, "{speed:.0} images/s on {threads} threads, after {} epochs", progress.epochs)?;
    Ok(())
}

fn run_show(args: &ShowArgs) -> anyhow::Result<()> {
    let (dir, plan, network, progress) = open(&args.run, args.data_dir.as_ref())?;
    let data = RunData::load(&plan)?;
    let images = &data.dataset.test;
    fits(&network, images)?;
    if args.image >= images.len() {
        return Err(Usage(format!("--image is {}, there are {} test images", args.image, images.len())).into());
    }
    if args.steps == 0 || args.steps > 1000 || args.inputs == 0 {
        return Err(Usage("--steps must be 1 to 1000 and --inputs at least 1".into()).into());
    }
    let example = pictures::example(&network, images.image(args.image), args.steps, args.seed);
    let mut all = pictures::of_weights(&network, images);
    all.extend(pictures::of_example(&network, &example, args.inputs));
    let mut hub = Hub::new();
    hub.add(Tensorboard::new(&dir)).add(PictureFiles::new(&dir));
    let mut out = io::stdout().lock();
    let class = |c: usize| data.dataset.classes.get(c).cloned().unwrap_or_default();
    let label = images.labels[args.image] as usize; // fits: a class
    writeln!(
        out,
        "test image {}: true class {label} ({}), found {} ({})",
        args.image,
        class(label),
        example.predicted,
        class(example.predicted)
    )?;
    for (tag, picture) in all {
        writeln!(out, "{}", dir.picture(&tag).display())?;
        hub.send(Event::Image { tag, global_step: progress.epochs, picture })?;
    }
    hub.close()?;
    writeln!(out, "next, the same in a browser:  tensorboard --logdir {}", shell(&dir.root().display().to_string()))?;
    Ok(())
}

fn run_bench(args: &BenchArgs) -> anyhow::Result<()> {
    let plan = args.constants.plan();
    let data = RunData::load(&plan)?.dataset;
    let one = pool(1)?;
    let measure = |repeats| one.install(|| bench::speed(&plan, &data, args.images, repeats));
    let speed = measure(args.repeats)?;
    let (mut peers, mut ratios) = (Vec::new(), Vec::new());
    for command in args.peer.iter().cycle().take(args.repeats) {
        // In turns: what else the machine does changes from minute to minute.
        let (theirs, ours) = (peer(command)?, measure(1)?);
        ratios.push([theirs[0] / ours.train.sparse_us, theirs[1] / ours.eval.sparse_us]);
        peers.push(theirs);
    }
    let middle = |list: &[[f64; 2]], i: usize| bench::median(list.iter().map(|x| x[i]).collect());
    let peer = args.peer.as_ref().map(|command| {
        json!({"command": command, "train_us": middle(&peers, 0), "eval_us": middle(&peers, 1),
               "train_ratio": middle(&ratios, 0), "eval_ratio": middle(&ratios, 1)})
    });
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{:#}", json!({"speed": speed, "peer": peer}))?;
        return Ok(());
    }
    let c = &plan.constants;
    writeln!(
        out,
        "{} hidden units, {} steps, {:.1} input spikes a step; one thread, medians of {}",
        c.hidden, c.steps, speed.spikes_a_step, speed.repeats
    )?;
    writeln!(out, "{:<11}{:>14}{:>14}{:>9}  (of each repetition)", "", "dense", "sparse", "ratio")?;
    for (name, p) in [("training", &speed.train), ("evaluation", &speed.eval)] {
        let [low, high] = p.range;
        let (dense, sparse, ratio) = (p.dense_us, p.sparse_us, p.ratio);
        writeln!(out, "{name:<11}{dense:>11.1} µs{sparse:>11.1} µs{ratio:>9.1}  ({low:.1} to {high:.1})")?;
    }
    writeln!(out, "drawing the spikes of an image: {:.1} µs", speed.encode_us)?;
    if !peers.is_empty() {
        writeln!(
            out,
            "peer: training {:.0} µs, {:.0} times ours; evaluation {:.0} µs, {:.0} times ours",
            middle(&peers, 0),
            middle(&ratios, 0),
            middle(&peers, 1),
            middle(&ratios, 1)
        )?;
    }
    Ok(())
}

/// Runs the peer once: microseconds an image in training and in evaluation.
fn peer(command: &str) -> anyhow::Result<[f64; 2]> {
    let output = std::process::Command::new("sh").args(["-c", command]).output().context("cannot run the peer")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let value: Value = serde_json::from_str(text.trim())
        .with_context(|| format!("`{command}` printed no JSON: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
    let number = |key: &str| value[key].as_f64().with_context(|| format!("`{command}` printed no number `{key}`"));
    Ok([number("train_us")?, number("eval_us")?])
}
