//! The runs below a folder, each from its own files.
//!
//! What a folder is, its `config.json` tells: the plan of a network's run, or of one of the sibling models. Trials are looked at
//! only if they are asked for. A folder that cannot be read is a line with the reason.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::files::{FileError, RunDir};
use crate::train::checkpoint::{self, Progress};
use crate::train::{RunPlan, TrainError, compare};

/// Folders below each other that are looked into.
const DEEPEST: usize = 8;

/// What made a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `softhebb run`, and `post-hoc`.
    Run,
    /// A trial of a search.
    Trial,
    /// `softhebb encode train`.
    Encode,
    /// `softhebb snn train`.
    Snn,
    /// `softhebb hopfield …`.
    Hopfield,
    /// `softhebb robustness`.
    Robustness,
}

/// A run as its files tell it. What they do not is absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Its folder.
    pub folder: PathBuf,
    /// What made it.
    pub kind: Option<Kind>,
    /// The network's name, or the folder's.
    pub name: String,
    /// What it learned from.
    pub data: Option<String>,
    /// Its seed.
    pub seed: Option<u64>,
    /// Epochs finished.
    pub epochs: Option<u64>,
    /// Epochs planned.
    pub planned: Option<u64>,
    /// `finished`, `running`, `interrupted at …`, `failed: …`, `damaged: …`.
    pub status: String,
    /// Its last accuracy on test or validation images, percent.
    pub accuracy: Option<f64>,
    /// What it took so far.
    pub seconds: Option<f64>,
    /// When it was started, or went on, for the last time.
    pub date: Option<String>,
}

/// Every run below a folder, in the order of their paths.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn list(root: &Path, trials: bool) -> Result<Vec<Listed>, FileError> {
    fs::read_dir(root).map_err(FileError::read(root))?;
    let mut found = Vec::new();
    walk(root, trials, 0, &mut found);
    Ok(found)
}

fn walk(folder: &Path, trials: bool, depth: usize, found: &mut Vec<Listed>) {
    let dir = RunDir::new(folder);
    let is_search = folder.join("search.json").is_file();
    if dir.config().is_file() || folder.join("plan.json").is_file() {
        found.push(read(&dir));
        return;
    }
    let remains = [dir.checkpoint(), dir.metrics(), dir.provenance(), dir.log()];
    if !is_search && depth > 0 && remains.iter().any(|path| path.is_file()) {
        found.push(damaged(&dir, "there is no config.json"));
        return;
    }
    if depth >= DEEPEST || (is_search && !trials) {
        return;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) => return found.push(damaged(&dir, &format!("cannot be read: {e}"))),
    };
    let hidden = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    // A link may lead back up.
    let below = entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path());
    let mut below: Vec<PathBuf> = below.filter(|p| !hidden(p)).collect();
    below.sort();
    below.iter().for_each(|p| walk(p, trials, depth + 1, found));
}

fn damaged(dir: &RunDir, why: &str) -> Listed {
    let folder = dir.root().to_path_buf();
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Listed {
        folder,
        kind: None,
        name,
        data: None,
        seed: None,
        epochs: None,
        planned: None,
        status: format!("damaged: {why}"),
        accuracy: None,
        seconds: None,
        date: date(dir),
    }
}

/// Reads a run's folder.
pub fn read(dir: &RunDir) -> Listed {
    let config = match fs::read_to_string(dir.config()) {
        Ok(text) => text,
        // A trial that has not begun has its plan.
        Err(_) if dir.root().join("plan.json").is_file() => return unbegun(dir),
        Err(e) => return damaged(dir, &format!("config.json cannot be read: {e}")),
    };
    let value: Value = match serde_json::from_str(&config) {
        Ok(value) => value,
        Err(e) => return damaged(dir, &format!("config.json is no JSON: {e}")),
    };
    let sibling = if value.get("encoder_version").is_some() {
        Some(Kind::Encode)
    } else if value.get("constants").is_some() {
        Some(Kind::Snn)
    } else if value["command"] == "robustness" {
        Some(Kind::Robustness)
    } else if value.get("network").is_none() {
        Some(Kind::Hopfield)
    } else {
        None
    };
    match sibling {
        Some(kind) => of_sibling(dir, kind, &value),
        None => match serde_json::from_value::<RunPlan>(value) {
            Ok(plan) => of_network(dir, &plan),
            Err(e) => damaged(dir, &format!("config.json is not the plan of a run: {e}")),
        },
    }
}

/// Kind and status of a trial in its state's file.
fn state(dir: &RunDir) -> Option<(String, Option<String>)> {
    let text = fs::read_to_string(dir.root().join("state.json")).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    Some((value["status"].as_str()?.to_string(), value["cause"].as_str().map(str::to_string)))
}

fn unbegun(dir: &RunDir) -> Listed {
    let status = match state(dir) {
        Some((status, Some(cause))) if status == "failed" => format!("failed: {}", first_line(&cause)),
        Some((status, _)) => status,
        None => "pending".to_string(),
    };
    Listed { kind: Some(Kind::Trial), status, ..damaged(dir, "") }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn of_network(dir: &RunDir, plan: &RunPlan) -> Listed {
    let trial = dir.root().join("plan.json").is_file();
    let (unsup, sup) = (&plan.dataset_unsup.config, &plan.dataset_sup.config);
    let data = if unsup == sup { sup.clone() } else { format!("{unsup} → {sup}") };
    let last = last_row(dir);
    let number = |key: &str| last.as_ref()?.get(key)?.parse::<f64>().ok();
    let saved = match dir.checkpoint() {
        path if path.is_file() => checkpoint::read_progress(&path),
        _ => Ok(None),
    };
    let progress = saved.as_ref().ok().cloned().flatten();
    let reported = number("phase").zip(number("epoch")).map(|(phase, epoch)| (phase as usize, epoch as u64));
    let at = progress.as_ref().map(|p| (p.phase, p.epoch)).or(reported);
    let ended = match (&progress, reported) {
        (Some(p), _) => p.phase >= plan.phases.len(),
        // The network of a finished trial is not kept unless somebody asks for it.
        (None, Some((phase, epoch))) => {
            phase + 1 == plan.phases.len() && plan.phases.last().is_some_and(|last| last.epochs == epoch)
        }
        (None, None) => false,
    };
    let status = match (state(dir).filter(|_| trial), saved) {
        (Some((status, cause)), _) if status == "failed" => {
            format!("failed: {}", first_line(cause.as_deref().unwrap_or("no cause is known")))
        }
        (Some((status, _)), _) if status == "finished" => status,
        _ if dir.is_locked() => "running".to_string(),
        (_, Err(TrainError::Checkpoint { cause, .. })) => format!("damaged: checkpoint: {}", first_line(&cause)),
        (_, Err(e)) => format!("damaged: {}", first_line(&e.to_string())),
        _ if ended => "finished".to_string(),
        _ => match at {
            Some((phase, epoch)) => {
                let of = plan.phases.len();
                let epochs = plan.phases.get(phase).map_or(0, |p| p.epochs);
                format!("interrupted at phase {}/{of}, epoch {epoch}/{epochs}", (phase + 1).min(of))
            }
            None => "interrupted before an epoch".to_string(),
        },
    };
    let epochs = progress.map(|p: Progress| p.global_epoch).or(number("global_step").map(|n| n as u64)).unwrap_or(0);
    Listed {
        folder: dir.root().to_path_buf(),
        kind: Some(if trial { Kind::Trial } else { Kind::Run }),
        name: plan.model.clone(),
        data: Some(data),
        seed: Some(plan.seed),
        epochs: Some(epochs),
        planned: Some(plan.epochs()),
        status,
        accuracy: number("test_acc"),
        seconds: number("seconds"),
        date: date(dir),
    }
}

fn of_sibling(dir: &RunDir, kind: Kind, plan: &Value) -> Listed {
    let metadata = match dir.checkpoint() {
        path if path.is_file() => checkpoint::metadata(&path),
        _ => Ok(Default::default()),
    };
    let told = |key: &str| -> Option<Value> { serde_json::from_str(metadata.as_ref().ok()?.get(key)?).ok() };
    let progress = match kind {
        Kind::Encode => told("encode"),
        _ => told("snn"),
    };
    let epochs = progress.as_ref().and_then(|p| p["epochs"].as_u64());
    let planned = plan["epochs"].as_u64();
    let last = last_row(dir);
    let number = |key: &str| last.as_ref()?.get(key)?.parse::<f64>().ok();
    let status = match metadata {
        _ if dir.is_locked() => "running".to_string(),
        _ if kind == Kind::Robustness && dir.root().join("table.md").is_file() => "finished".to_string(),
        _ if kind == Kind::Robustness => "interrupted".to_string(),
        Err(e) => format!("damaged: {}", first_line(&e.to_string())),
        // A Hopfield command has no epochs: it writes its table when it is done.
        Ok(_) if planned.is_none() && last.is_some() => "finished".to_string(),
        Ok(_) if planned.is_some() && epochs >= planned => "finished".to_string(),
        Ok(_) => match epochs.zip(planned) {
            Some((epoch, of)) => format!("interrupted at epoch {epoch}/{of}"),
            None => "interrupted".to_string(),
        },
    };
    let data = plan.pointer("/source/place").or(plan.get("dataset")).and_then(Value::as_str);
    Listed {
        folder: dir.root().to_path_buf(),
        kind: Some(kind),
        name: dir.root().file_name().unwrap_or_default().to_string_lossy().into_owned(),
        data: data.map(str::to_string),
        seed: plan["seed"].as_u64(),
        epochs,
        planned,
        status,
        accuracy: number("test_acc"),
        seconds: number("seconds").or(progress.and_then(|p| p["seconds"].as_f64())),
        date: date(dir),
    }
}

/// The last row of a run's metrics.
fn last_row(dir: &RunDir) -> Option<std::collections::HashMap<String, String>> {
    csv::Reader::from_path(dir.metrics()).ok()?.deserialize().flatten().last()
}

/// When a run was started, or went on, for the last time.
fn date(dir: &RunDir) -> Option<String> {
    let text = fs::read_to_string(dir.provenance()).ok()?;
    let all: Vec<Value> = serde_json::from_str(&text).ok()?;
    Some(all.last()?["date"].as_str()?.to_string())
}

/// Where two runs differ: a key of the plan, and its value in each; absent ones are null.
///
/// # Errors
/// When a plan cannot be read.
pub fn differences(a: &RunDir, b: &RunDir) -> Result<Vec<(String, Value, Value)>, TrainError> {
    let plan = |dir: &RunDir| -> Result<Value, TrainError> {
        let path = dir.config();
        let text = fs::read_to_string(&path).map_err(FileError::read(&path))?;
        serde_json::from_str(&text).map_err(|e| TrainError::Plan(format!("{} is no JSON: {e}", path.display())))
    };
    let mut found = Vec::new();
    compare::walk("", &plan(a)?, &plan(b)?, &mut found);
    // Shapes follow from the keys that differ.
    found.retain(|(key, ..)| key != "folder" && !key.contains("_shape."));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_run_is_a_line_and_the_others_are_listed() {
        let root = tempfile::tempdir().unwrap();
        for (name, file, text) in [
            ("a/none", "metrics.csv", "phase\n"),
            ("b/half", "config.json", "{\"network\": "),
            ("c/other", "config.json", "{\"network\": 1}"),
            ("d/empty", "nothing.txt", ""),
            ("e/hopfield", "config.json", "{\"seed\": 3}"),
            (".hidden/x", "config.json", "{}"),
        ] {
            fs::create_dir_all(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join(file), text).unwrap();
        }
        let all = list(root.path(), false).unwrap();
        let told: Vec<(&str, &str)> = all.iter().map(|l| (l.name.as_str(), l.status.as_str())).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert_eq!(told[0], ("none", "damaged: there is no config.json"));
        assert!(told[1].1.starts_with("damaged: config.json is no JSON"), "{told:?}");
        assert!(told[2].1.starts_with("damaged: config.json is not the plan of a run"), "{told:?}");
        assert_eq!((all[3].kind, all[3].seed, told[3].1), (Some(Kind::Hopfield), Some(3), "interrupted"));
        assert!(list(&root.path().join("nowhere"), false).is_err());
    }
}
