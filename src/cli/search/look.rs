//! `softhebb search status` and `best`: a search from its files, whoever runs it.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::cli::provenance::date;
use crate::report::format::{duration, plural, shell};
use crate::search::dir::{SearchDir, read_json};
use crate::search::live::Worker;
use crate::search::policy;
use crate::search::screen::{Counts, Running, View, best_in_full, table};
use crate::search::space::{Space, Trial};
use crate::search::state::Status;
use crate::search::store::Stored;
use crate::search::tables::{Row, best as best_of};
use crate::search::{Metric, SearchError};

/// Show how a search stands.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The search's folder.
    folder: PathBuf,
}

/// Print the best combination: its mean and deviation over the seeds, and each seed.
#[derive(Debug, Args)]
pub struct BestArgs {
    /// The search's folder.
    folder: PathBuf,

    /// What trials are compared by [default: the search's own].
    #[arg(long, value_enum, value_name = "METRIC")]
    metric: Option<Metric>,
}

fn read(folder: &PathBuf) -> Result<(SearchDir, Stored, Vec<Row>), SearchError> {
    let dir = SearchDir::new(folder);
    let stored = Stored::read(&dir)?;
    let rows = stored.rows(&dir)?;
    Ok((dir, stored, rows))
}

/// `softhebb search status FOLDER`.
///
/// # Errors
/// When there is no search, or it does not read.
pub fn status(args: &StatusArgs) -> anyhow::Result<()> {
    let (dir, stored, mut rows) = read(&args.folder)?;
    let is_worked_on = match dir.lock() {
        Err(SearchError::Locked { .. }) => true,
        Err(other) => return Err(other.into()),
        Ok(_free) => false,
    };
    let mut running = BTreeMap::new();
    for row in &mut rows {
        if row.state.status != Status::Running {
            continue;
        }
        if !is_worked_on {
            // Its runner died: it waits to go on.
            row.state.status = Status::Stopped;
            continue;
        }
        let folder = dir.trial(&row.trial);
        let position = read_json(&folder.live(), "the place of a trial").ok().flatten();
        running.insert(
            row.trial.index,
            Running {
                position,
                seconds: written(&folder.state()).map_or(0.0, |at| seconds_between(at, SystemTime::now())),
            },
        );
    }
    let worker: Option<Worker> = read_json(&dir.runner(), "a runner").ok().flatten().filter(|_| is_worked_on);
    let now = SystemTime::now();
    let ran = |worker: &Worker| seconds_between(UNIX_EPOCH + Duration::from_secs(worker.began), now);
    let left = worker.as_ref().and_then(|worker| {
        let (pending, running) = (Counts::of(&rows).pending, running.values().map(|r: &Running| r.seconds));
        policy::time_left(&worker.ended, pending, &running.collect::<Vec<_>>(), worker.parallel)
    });
    let view = View { space: &stored.space, rows: &rows, running: &running, seconds: worker.as_ref().map(ran), left };
    let width = terminal_size::terminal_size_of(io::stdout()).map_or(200, |(w, _)| usize::from(w.0));
    let mut out = io::stdout().lock();
    for line in table(&view, width, usize::MAX) {
        writeln!(out, "{line}")?;
    }
    let state = if is_worked_on { "running" } else { "nobody works on it" };
    writeln!(out, "{state}: {}", Counts::of(&rows).sentence())?;
    match (&worker, is_worked_on) {
        (Some(worker), _) => {
            let (pid, began) = (worker.pid, date(worker.began));
            writeln!(out, "runner       process {pid} since {began}, {} at once", worker.parallel)?;
        }
        (None, true) => writeln!(out, "runner       one is alive")?,
        (None, false) => writeln!(out, "runner       not alive")?,
    }
    if let Some(changed) = last_change(&dir, &stored) {
        let at = changed.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        writeln!(out, "last change  {}, {} ago", date(at), duration(seconds_between(changed, now)))?;
    }
    let left = match (left, is_worked_on) {
        (Some(left), _) => format!("about {}", duration(left)),
        (None, true) => "known when a trial has ended".to_string(),
        (None, false) => match Counts::of(&rows) {
            counts if counts.pending + counts.stopped == 0 => "no trial".to_string(),
            counts => plural((counts.pending + counts.stopped) as u64, "trial"),
        },
    };
    writeln!(out, "left         {left}")?;
    if !is_worked_on && rows.iter().any(|r| matches!(r.state.status, Status::Pending | Status::Stopped)) {
        writeln!(out, "goes on with:  softhebb search --resume {}", shell(&args.folder.display().to_string()))?;
    }
    Ok(())
}

/// When a file was written.
fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|meta| meta.modified()).ok()
}

/// Seconds from one moment to another; 0 where a clock went back.
fn seconds_between(from: SystemTime, to: SystemTime) -> f64 {
    to.duration_since(from).map_or(0.0, |d| d.as_secs_f64())
}

/// When a file of the search or of a trial was last written.
fn last_change(dir: &SearchDir, stored: &Stored) -> Option<SystemTime> {
    let trials = stored.trials.iter().flat_map(|trial| {
        let folder = dir.trial(trial);
        [folder.state(), folder.live(), folder.progress()]
    });
    [dir.json(), dir.log(), dir.trials(), dir.runner()]
        .into_iter()
        .chain(trials)
        .filter_map(|path| written(&path))
        .max()
}

/// `softhebb search best FOLDER`. Exit code 1 if no trial has finished.
///
/// # Errors
/// When there is no search, or it does not read.
pub fn best(args: &BestArgs) -> anyhow::Result<ExitCode> {
    let (dir, mut stored, rows) = read(&args.folder)?;
    stored.space.metric = args.metric.unwrap_or(stored.space.metric);
    let space = &stored.space;
    let Some(best) = best_of(space, &rows) else {
        return Err(anyhow::anyhow!(
            "no trial with {} has finished yet: {}",
            space.metric.name(),
            Counts::of(&rows).sentence()
        ));
    };
    let mut out = io::stdout().lock();
    for line in best_in_full(space, &best) {
        writeln!(out, "{line}")?;
    }
    for row in &best.first.trials {
        writeln!(out, "folder of trial {}:  {}", row.trial.index, dir.trial(&row.trial).root().display())?;
    }
    let again = if best.first.trials.len() > 1 { "run its first seed again:" } else { "run it again:" };
    writeln!(out, "{again}  {}", command(space, &best.first.trials[0].trial))?;
    Ok(ExitCode::SUCCESS)
}

/// The command that runs a trial by itself.
fn command(space: &Space, trial: &Trial) -> String {
    let request = space.request(Some(trial));
    let mut words = vec!["softhebb".to_string(), "run".to_string()];
    let mut option = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            words.extend([format!("--{name}"), shell(value)]);
        }
    };
    option("preset", request.preset.as_deref());
    option("model", request.model.as_deref().filter(|_| request.preset.is_none()));
    option("dataset", request.dataset.as_deref());
    option("dataset-unsup", request.dataset_unsup.as_deref());
    option("dataset-sup", request.dataset_sup.as_deref());
    let name = |value: &dyn Fn() -> Option<serde_json::Value>| value().and_then(|v| v.as_str().map(str::to_string));
    let mode = name(&|| serde_json::to_value(space.base.training_mode?).ok());
    option("training-mode", mode.as_deref());
    let blocks =
        request.training_blocks.as_ref().map(|b| b.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    option("training-blocks", blocks.as_deref());
    let precision = (request.precision != Default::default()).then_some(request.precision);
    option("precision", name(&|| serde_json::to_value(precision?).ok()).as_deref());
    option("presets", space.run.presets.as_ref().map(|p| p.display().to_string()).as_deref());
    option("data-dir", request.data_dir.as_ref().map(|p| p.display().to_string()).as_deref());
    // `run` has one switch for both data sets; where they differ, each has its key.
    let held_out = [("dataset_unsup", request.validation_unsup), ("dataset_sup", request.validation_sup)];
    for set in &request.set {
        option("set", Some(set));
    }
    for (data, _) in held_out.iter().filter(|(_, held_out)| *held_out) {
        option("set", Some(&format!("{data}.validation=true")));
    }
    option("seed", Some(&trial.seed.to_string()));
    words.join(" ")
}
