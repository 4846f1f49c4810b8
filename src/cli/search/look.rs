//! `softhebb search status` and `best`: a search from its files, whoever runs it.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Args;

use crate::report::format::shell;
use crate::search::dir::{SearchDir, read_json};
use crate::search::screen::{Counts, Running, View, metric, table};
use crate::search::space::{Space, Trial};
use crate::search::state::Status;
use crate::search::store::{Stored, sets};
use crate::search::tables::{Row, best as best_of, combinations};
use crate::search::{Metric, SearchError};

/// Show how a search stands.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The search's folder.
    folder: PathBuf,
}

/// Print the best trial.
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
        running.insert(row.trial.index, Running { position, seconds: since(&folder.state()) });
    }
    let seconds = if is_worked_on { since(&dir.json()) } else { 0.0 };
    let view = View { space: &stored.space, rows: &rows, running: &running, seconds, left: None };
    let width = terminal_size::terminal_size_of(io::stdout()).map_or(200, |(w, _)| usize::from(w.0));
    let mut out = io::stdout().lock();
    for line in table(&view, width, usize::MAX) {
        writeln!(out, "{line}")?;
    }
    let state = if is_worked_on { "running" } else { "nobody works on it" };
    writeln!(out, "{state}: {}", Counts::of(&rows).sentence())?;
    if !is_worked_on && rows.iter().any(|r| matches!(r.state.status, Status::Pending | Status::Stopped)) {
        writeln!(out, "goes on with:  softhebb search --resume {}", shell(&args.folder.display().to_string()))?;
    }
    Ok(())
}

/// Seconds since a file was written.
fn since(path: &std::path::Path) -> f64 {
    let written = path.metadata().and_then(|meta| meta.modified()).ok();
    written.and_then(|at| SystemTime::now().duration_since(at).ok()).map_or(0.0, |d| d.as_secs_f64())
}

/// `softhebb search best FOLDER`. Exit code 1 if no trial has finished.
///
/// # Errors
/// When there is no search, or it does not read.
pub fn best(args: &BestArgs) -> anyhow::Result<ExitCode> {
    let (dir, mut stored, rows) = read(&args.folder)?;
    stored.space.metric = args.metric.unwrap_or(stored.space.metric);
    let space = &stored.space;
    let Some(row) = best_of(space, &rows) else {
        return Err(anyhow::anyhow!(
            "no trial with {} has finished yet: {}",
            space.metric.name(),
            Counts::of(&rows).sentence()
        ));
    };
    let mut out = io::stdout().lock();
    let value = row.latest.of(space.metric).unwrap_or(f64::NAN);
    writeln!(out, "trial {}: {} {}", row.trial.index, space.metric.name(), metric(space.metric, value))?;
    for set in sets(space, &row.trial) {
        writeln!(out, "  {set}")?;
    }
    writeln!(out, "  seed={}", row.trial.seed)?;
    writeln!(out, "  folder {}", dir.trial(&row.trial).root().display())?;
    if let Some(first) = combinations(space, &rows).first().filter(|c| c.trials.len() > 1) {
        let at = Metric::ALL.iter().position(|m| *m == space.metric).unwrap_or(0);
        if let Some((mean, std)) = first.metrics[at] {
            let numbers: Vec<String> = first.trials.iter().map(ToString::to_string).collect();
            writeln!(
                out,
                "best combination over its seeds: {} {} ± {} (trials {})",
                space.metric.name(),
                metric(space.metric, mean),
                std.map_or("?".into(), |s| metric(space.metric, s)),
                numbers.join(", ")
            )?;
        }
    }
    writeln!(out, "run it again:  {}", command(space, &row.trial))?;
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
