//! `softhebb snn train`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{ArgAction, Args, ValueEnum};
use serde_json::{Value, json};

use super::constants::ConstantArgs;
use super::{pool, read_plan};
use crate::cli::{Usage, provenance};
use crate::device;
use crate::files::{FileError, RunDir, write_atomic};
use crate::report::format::shell;
use crate::report::{
    Closing, Console, Event, Hub, LogFile, MetricsTable, PictureFiles, Tensorboard, Verbosity, closing,
};
use crate::snn::Plan;
use crate::snn::checkpoint::{self, Progress};
use crate::snn::eval::fits;
use crate::snn::train::{RunData, initial, train};

/// Interrupted by the user.
const INTERRUPTED: u8 = 130;

/// What a run goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Resume {
    /// The same run, from where it stopped.
    All,
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
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

/// Trains by what was typed.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
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
        device::set_threads(plan.threads);
        provenance::record(dir, tch::Device::Cpu)?;
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
