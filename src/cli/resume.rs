//! Finding the folder of a run: a new one, or the one to go on with.

use std::fs;
use std::path::{Path, PathBuf};

use super::Usage;
use crate::files::{FileError, RunDir, numbered};
use crate::train::RunPlan;

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
    let parent = results.join(&plan.model);
    let there = |n: &usize| parent.join(numbered(&stem(plan), *n)).is_dir();
    let with_plan = |n: &usize| RunDir::new(parent.join(numbered(&stem(plan), *n))).config().is_file();
    match (1..).take_while(there).filter(with_plan).last() {
        Some(n) => Ok(parent.join(numbered(&stem(plan), n))),
        None => Err(Usage(format!(
            "there is no run to go on with: {} is not there\nhint: --run-dir DIR names one, or start anew without --resume",
            parent.join(stem(plan)).display()
        ))
        .into()),
    }
}

/// Reads the plan of a run.
///
/// # Errors
/// When the file is missing or is not a plan.
pub fn read_plan(dir: &RunDir) -> anyhow::Result<RunPlan> {
    let path = dir.config();
    let hint = "hint: give the folder that a run left, with its config.json (`softhebb runs` lists them)";
    let text = fs::read_to_string(&path).map_err(FileError::read(&path)).map_err(|e| anyhow::anyhow!("{e}\n{hint}"))?;
    serde_json::from_str(&text).map_err(|e| anyhow::anyhow!("{} is not the plan of a run: {e}", path.display()))
}
