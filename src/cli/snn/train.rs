//! `softhebb snn train`.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::constants::ConstantArgs;
use super::{load, pool};
use crate::cli::options::{DryRunArgs, ResultsArgs, ResumeArgs, TalkArgs};
use crate::cli::provenance;
use crate::cli::resume::{self, Kind};
use crate::cli::run::{INTERRUPTED, stop_flag};
use crate::device;
use crate::files::{RunDir, write_atomic};
use crate::report::format::shell;
use crate::report::{Closing, Console, Event, Hub, LogFile, MetricsTable, PictureFiles, Tensorboard, closing};
use crate::snn::Plan;
use crate::snn::checkpoint::{self, Progress};
use crate::snn::eval::fits;
use crate::snn::train::{RunData, initial, train};

/// The folder of these runs below that of all.
const FOLDER: &str = "snn";

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    constants: ConstantArgs,
    #[command(flatten)]
    resume: ResumeArgs,
    #[command(flatten)]
    results: ResultsArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Trains by what was typed.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let (plan, found) = prepare(args)?;
    // Before the data are read: ten classes are what all but a few data sets have, and the rest is checked later.
    plan.check(usize::MAX)?;
    if args.dry_run.dry_run {
        let folder = args.results.results_dir.join(FOLDER);
        let folder = found.as_ref().map_or(folder.as_path(), RunDir::root);
        let title = format!("spiking network · {}", plan.dataset);
        args.dry_run.print(&title, &plan, args.results.saves().then_some(folder))?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = load(&plan, args.constants.folder.download, Some("softhebb snn train --dataset FashionMini"))?;
    let network = initial(&plan, data.dataset.train.stride(), data.classes())?;
    fits(&network, &data.dataset.train)?;
    let dir = match &found {
        Some(dir) => Some(dir.clone()),
        None => args.results.create(FOLDER, &stem(&plan))?,
    };
    let mut start = (network, Progress::default());
    let mut lock = None;
    if let Some(dir) = &dir {
        lock = Some(resume::lock(dir)?);
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
    if args.resume.resume.is_none() {
        return Ok((plan, None));
    }
    let dir = match &args.resume.run_dir {
        Some(dir) => RunDir::new(dir),
        None => args.results.newest(FOLDER, &stem(&plan))?,
    };
    let there: Plan = resume::read(&dir, Kind::Snn)?;
    let mut asked = there.clone();
    args.constants.apply(&mut asked);
    // Where it runs may change; what it computes may not.
    let neutral = |plan: &Plan| Plan { threads: 0, data_dir: None, ..plan.clone() };
    resume::same_plan(&dir, &neutral(&there), &neutral(&asked), "softhebb snn train")?;
    Ok((asked, Some(dir)))
}

fn stem(plan: &Plan) -> String {
    let preset = json!(plan.preset);
    let validation = if plan.validation { "-validation" } else { "" };
    let (data, hidden, seed) = (&plan.dataset, plan.constants.hidden, plan.seed);
    format!("{data}-{}-h{hidden}-seed{seed}{validation}", preset.as_str().unwrap_or_default())
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
    let verbosity = args.talk.verbosity();
    let mut hub = Hub::new();
    let Some(dir) = dir else {
        hub.add(Console::standard(verbosity, Closing::default()));
        return hub;
    };
    let folder = shell(&dir.root().display().to_string());
    let mut words = closing(dir, &[], &format!("softhebb snn train --resume all --run-dir {folder}"));
    words.finished.push(format!("next, look at it:  softhebb snn show {folder}"));
    hub.add(Console::standard(verbosity, words.clone()));
    hub.add(LogFile::new(dir, words)).add(MetricsTable::new(dir, &[])).add(Tensorboard::new(dir));
    hub.add(PictureFiles::new(dir));
    hub
}
