//! Folders of runs: what kind one is, a new one, or the one to go on with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Usage;
use crate::files::{FileError, RunDir, numbered};
use crate::train::{RunPlan, compare};

/// What left a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `run`, `post-hoc` and the trials of `search`.
    Run,
    /// `encode train`.
    Encode,
    /// `snn train`.
    Snn,
    /// `hopfield recall` and `forget`.
    Hopfield,
    /// `hopfield capacity`.
    Capacity,
    /// `robustness`.
    Robustness,
    /// `search`.
    Search,
}

impl Kind {
    /// The command that leaves such folders, and those that read them.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Run => ("softhebb run", "`softhebb plot` and `softhebb robustness` read it"),
            Kind::Encode => ("softhebb encode train", "`softhebb encode features`, `cluster` and `neighbors` read it"),
            Kind::Snn => ("softhebb snn train", "`softhebb snn eval` and `softhebb snn show` read it"),
            Kind::Hopfield => ("softhebb hopfield", "its pictures and metrics.csv are its results"),
            Kind::Capacity => (
                "softhebb hopfield capacity",
                "`softhebb hopfield capacity --resume all --run-dir DIR` goes on with it",
            ),
            Kind::Robustness => {
                ("softhebb robustness", "`softhebb robustness --resume all --run-dir DIR` goes on with it")
            }
            Kind::Search => {
                ("softhebb search", "`softhebb search status` and `best` read it; its runs are below trials/")
            }
        }
    }

    /// The kind of a plan.
    fn of(plan: &Value) -> Option<Kind> {
        let has = |key: &str| plan.get(key).is_some();
        let command = plan["command"].as_str().unwrap_or_default();
        match () {
            () if command == "robustness" => Some(Kind::Robustness),
            () if command.starts_with("hopfield") => Some(Kind::Hopfield),
            () if has("phases") && has("network") => Some(Kind::Run),
            () if has("encoder_version") => Some(Kind::Encode),
            () if has("constants") && has("train_batches") => Some(Kind::Snn),
            () if has("loads") && has("rules") => Some(Kind::Capacity),
            () => None,
        }
    }
}

/// Reads the plan of a run of a kind.
///
/// # Errors
/// When the folder is none of such a run; says what it is.
pub fn read<T: DeserializeOwned>(dir: &RunDir, kind: Kind) -> anyhow::Result<T> {
    let (path, root) = (dir.config(), dir.root().display());
    let (command, _) = kind.words();
    let hint =
        format!("hint: give the folder that `{command}` left, with its config.json (`softhebb runs` lists them)");
    let other = |found: Kind| {
        let (left_by, readers) = found.words();
        Usage(format!("{root} was left by `{left_by}`, and the folder of a `{command}` is wanted\nhint: {readers}"))
    };
    let text = fs::read_to_string(&path).map_err(FileError::read(&path)).map_err(|e| {
        if dir.root().join("search.json").is_file() {
            return other(Kind::Search).into();
        }
        anyhow::anyhow!("{e}\n{hint}")
    })?;
    let not =
        |e: serde_json::Error| anyhow::anyhow!("{} is not the plan of a `{command}`: {e}\n{hint}", path.display());
    let value: Value = serde_json::from_str(&text).map_err(not)?;
    match Kind::of(&value) {
        Some(found) if found != kind => Err(other(found).into()),
        _ => serde_json::from_str(&text).map_err(not),
    }
}

/// Reads the plan of a `softhebb run`.
///
/// # Errors
/// As [`read`].
pub fn read_plan(dir: &RunDir) -> anyhow::Result<RunPlan> {
    read(dir, Kind::Run)
}

/// Whether a run goes on as it was planned: where it runs may change, what it computes may not. `command` is the one that goes on.
///
/// # Errors
/// When the plans differ; lists where.
pub fn same_plan(dir: &RunDir, there: &impl Serialize, asked: &impl Serialize, command: &str) -> anyhow::Result<()> {
    let mut found = Vec::new();
    compare::compare("", &serde_json::to_value(there)?, &serde_json::to_value(asked)?, &mut found);
    if found.is_empty() {
        return Ok(());
    }
    let list = found.iter().map(|d| format!("\n  {}", d.trim_start_matches('.'))).collect::<String>();
    let folder = dir.root().display();
    let hint = format!("`{command} --resume all --run-dir {folder}` goes on with it as it is");
    Err(Usage(format!("the run in {folder} has another plan:{list}\nhint: {hint}")).into())
}

/// Takes a run's folder for this process.
///
/// # Errors
/// When another process has it.
pub fn lock(dir: &RunDir) -> anyhow::Result<File> {
    dir.lock()?.ok_or_else(|| {
        let folder = dir.root().display();
        anyhow::anyhow!("another process is running in {folder}\nhint: wait for it, or stop it with Ctrl-C")
    })
}

/// Name of a plan's folder below `MODEL/`, before a number is added to it.
fn stem(plan: &RunPlan) -> String {
    let validation = if plan.dataset_sup.validation { "-validation" } else { "" };
    let mode = match plan.mode {
        crate::train::TrainingMode::Successive => "",
        crate::train::TrainingMode::Consecutive => "-consecutive",
        crate::train::TrainingMode::Simultaneous => "-simultaneous",
    };
    format!("{}-{}-seed{}{mode}{validation}", plan.dataset_unsup.config, plan.dataset_sup.config, plan.seed)
}

/// A new folder for a plan: `MODEL/STEM`, or `MODEL/STEM-2` … if that is taken.
///
/// # Errors
/// When no folder can be made.
pub fn new_folder(results: &Path, plan: &RunPlan) -> Result<PathBuf, FileError> {
    Ok(RunDir::create(&results.join(&plan.model), &stem(plan))?.root().to_path_buf())
}

/// The newest run of this plan's model, data and seed.
///
/// # Errors
/// When there is none; says where it looked.
pub fn latest(results: &Path, plan: &RunPlan) -> anyhow::Result<PathBuf> {
    newest(&results.join(&plan.model), &stem(plan))
}

/// The newest of the runs `STEM`, `STEM-2` … in a folder.
///
/// # Errors
/// When there is none; says where it looked.
pub fn newest(parent: &Path, stem: &str) -> anyhow::Result<PathBuf> {
    let folder = |n: usize| parent.join(numbered(stem, n));
    let there = (1..).map(folder).take_while(|folder| folder.is_dir());
    there.filter(|folder| RunDir::new(folder).config().is_file()).last().ok_or_else(|| {
        Usage(format!(
            "there is no run to go on with: {} is not there\nhint: --run-dir DIR names one, or start anew without --resume",
            folder(1).display()
        ))
        .into()
    })
}
