//! Finding the folder of a run: a new one, or the one to go on with.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Usage;
use crate::files::{FileError, RunDir};
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

/// A new folder for a plan: `MODEL/STEM`, or `MODEL/STEM-2` … if that is taken. It is made at once, so that two runs
/// that begin together get two folders.
///
/// # Errors
/// When no folder can be made.
pub fn new_folder(results: &Path, plan: &RunPlan) -> anyhow::Result<PathBuf> {
    let parent = results.join(&plan.model);
    fs::create_dir_all(&parent).map_err(FileError::write(&parent))?;
    for n in 1.. {
        let folder = parent.join(numbered(&stem(plan), n));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(FileError::write(&folder)(e).into()),
        }
    }
    unreachable!("some number is free")
}

fn numbered(stem: &str, n: usize) -> String {
    if n == 1 { stem.to_string() } else { format!("{stem}-{n}") }
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
    let hint = "hint: --run-dir names the folder that a run left, with its config.json";
    let text = fs::read_to_string(&path).map_err(FileError::read(&path)).map_err(|e| anyhow::anyhow!("{e}\n{hint}"))?;
    serde_json::from_str(&text).map_err(|e| anyhow::anyhow!("{} is not the plan of a run: {e}", path.display()))
}

/// Where two plans differ in what a run computes: `phases.1.epochs: 5 there, 50 asked for`.
pub fn differences(there: &RunPlan, asked: &RunPlan) -> Vec<String> {
    let (Ok(there), Ok(asked)) = (serde_json::to_value(there), serde_json::to_value(asked)) else { return vec![] };
    let mut found = Vec::new();
    // Where and how it runs may change; what it computes may not.
    const FREE: [&str; 9] =
        ["features_on_disk", "no_cache", "device", "threads", "save", "folder", "data_dir", "model", "blocks_from"];
    if let (Value::Object(there), Value::Object(asked)) = (&there, &asked) {
        for (key, value) in there.iter().filter(|(key, _)| !FREE.contains(&key.as_str())) {
            compare(key, value, asked.get(key).unwrap_or(&Value::Null), &mut found);
        }
    }
    found
}

fn compare(path: &str, there: &Value, asked: &Value, found: &mut Vec<String>) {
    match (there, asked) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let get = |m: &serde_json::Map<String, Value>| m.get(key).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}.{key}"), &get(a), &get(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}.{i}"), a, b, found);
            }
        }
        (a, b) if a != b => found.push(format!("{path}: {a} there, {b} asked for")),
        _ => {}
    }
}
