//! What a search keeps in its folder, and what it is compared with when it goes on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dir::{SearchDir, read_json, write_json};
use super::error::SearchError;
use super::progress::Latest;
use super::read::parse;
use super::space::{Space, Trial};
use super::state::State;
use super::tables::Row;
use super::write::write;
use crate::device::Precision;
use crate::files::{FileError, RunDir, write_atomic};
use crate::preset::Catalogue;
use crate::train::compare::{compare, differences};
use crate::train::plan::phases;
use crate::train::{RunPlan, TrainError};

/// Version of `search.json`.
const VERSION: u32 = 1;

/// What the bits of all trials depend on beside the space: fixed when a search begins, and used again when it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arithmetic {
    /// Threads of each trial.
    pub threads: usize,
    /// Where trials are computed.
    pub device: Kind,
    /// How products are computed.
    pub precision: Precision,
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The processor.
    Cpu,
    /// GPUs.
    Cuda,
}

impl Kind {
    /// As options and messages say it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cpu => "cpu",
            Kind::Cuda => "cuda",
        }
    }
}

/// A search as its folder holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stored {
    version: u32,
    /// The space.
    pub space: Space,
    /// The run that the trials vary.
    pub base: RunPlan,
    /// All trials, with their numbers.
    pub trials: Vec<Trial>,
    /// What their bits depend on; absent in folders of earlier versions, whose trials take what the moment gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arithmetic: Option<Arithmetic>,
}

impl Stored {
    /// A new search.
    pub fn new(space: Space, base: RunPlan) -> Stored {
        let trials = space.trials();
        Stored { version: VERSION, space, base, trials, arithmetic: None }
    }

    /// The search in a folder.
    ///
    /// # Errors
    /// When there is none, or it does not read.
    pub fn read(dir: &SearchDir) -> Result<Stored, SearchError> {
        read_json(&dir.json(), "a search")?.ok_or_else(|| {
            let hint = "`softhebb search --preset NAME --config NAME --folder-name NAME` starts one";
            SearchError::Usage(format!("there is no search in {}\nhint: {hint}", dir.root().display()))
        })
    }

    /// Writes the search, for the program and for people.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, dir: &SearchDir) -> Result<(), FileError> {
        use std::io::Write as _;
        let head = "# This search, every key written out. Numbers of trials follow the order of the space.";
        let text = write(&self.space);
        write_atomic(&dir.toml(), |out| writeln!(out, "{head}\n{text}"))?;
        write_json(&dir.json(), self)
    }

    /// The space as `search.toml` has it now.
    ///
    /// # Errors
    /// When it is not there, or has a mistake.
    pub fn read_toml(dir: &SearchDir) -> Result<Space, SearchError> {
        let path = dir.toml();
        let text = std::fs::read_to_string(&path).map_err(FileError::read(&path))?;
        parse(&path.display().to_string(), &text)
    }

    /// Where the search that is asked for differs from this one.
    pub fn differences(&self, space: &Space, base: &RunPlan) -> Vec<String> {
        let plain = |space: &Space| {
            let mut value = serde_json::to_value(space).unwrap_or_default(); // plain data: cannot fail
            // How trials run may change; what they compute may not.
            if let Some(run) = value.get_mut("run").and_then(Value::as_object_mut) {
                run.retain(|key, _| key == "precision");
            }
            value
        };
        let mut found = Vec::new();
        let (there, asked) = (plain(&self.space), plain(space));
        if let (Value::Object(there), Value::Object(asked)) = (&there, &asked) {
            for (key, value) in there {
                compare(key, value, asked.get(key).unwrap_or(&Value::Null), &mut found);
            }
        }
        found.extend(differences(&self.base, base).into_iter().map(|d| format!("network and data: {d}")));
        found
    }

    /// This search with another space: trials that both have keep their numbers, those that are new follow, and those that
    /// are gone are returned with their numbers.
    pub fn change(&mut self, space: Space, base: RunPlan) -> Vec<Trial> {
        let mut left = std::mem::take(&mut self.trials);
        let mut next = left.iter().map(|t| t.index + 1).max().unwrap_or(0);
        for trial in space.trials() {
            let trial = match left.iter().position(|t| t.key() == trial.key()) {
                Some(at) => left.remove(at),
                None => {
                    next += 1;
                    Trial { index: next - 1, ..trial }
                }
            };
            self.trials.push(trial);
        }
        self.trials.sort_by_key(|t| t.index);
        (self.space, self.base) = (space, base);
        left
    }

    /// All trials as they stand; one whose state is damaged is pending, with a cause.
    ///
    /// # Errors
    /// When a trial's state cannot be read at all.
    pub fn rows(&self, dir: &SearchDir) -> Result<Vec<Row>, SearchError> {
        let row = |trial: &Trial| {
            let folder = dir.trial(trial);
            Ok(Row { trial: trial.clone(), state: State::read_or_pending(&folder)?, latest: Latest::read(&folder) })
        };
        self.trials.iter().map(row).collect()
    }
}

/// The plan of a trial, or of the run that the trials vary.
///
/// # Errors
/// When it cannot be planned.
pub fn plan(space: &Space, catalogue: &Catalogue, trial: Option<&Trial>) -> Result<RunPlan, TrainError> {
    let mut plan = space.request(trial).plan(catalogue)?;
    if let Some(run) = &space.base.blocks_from {
        let checkpoint = RunDir::new(run).checkpoint();
        if !checkpoint.is_file() {
            let hint = "--blocks-from names the folder that a run left, with its network";
            return Err(TrainError::Plan(format!("there is no {}\nhint: {hint}", checkpoint.display())));
        }
        let classifier = plan.network.blocks.len().saturating_sub(1);
        plan.training_blocks = Some(vec![classifier]);
        plan.phases = phases(&plan.network, &plan.dataset_unsup, &plan.dataset_sup, plan.mode, Some(&[classifier]))?;
        plan.blocks_from = Some(std::path::absolute(&checkpoint).map_err(FileError::read(&checkpoint))?);
    }
    Ok(plan)
}

/// The plan of each trial.
///
/// # Errors
/// Names the first trial that cannot be planned.
pub fn plans(space: &Space, catalogue: &Catalogue, trials: &[Trial]) -> Result<Vec<RunPlan>, SearchError> {
    let plan = |trial: &Trial| {
        self::plan(space, catalogue, Some(trial)).map_err(|source| SearchError::Trial {
            trial: trial.index,
            values: sets(space, trial).join(", "),
            source: Box::new(source),
        })
    };
    trials.iter().map(plan).collect()
}

/// What a trial sets of its own: `b0.layer.t_invert=0.7`.
pub fn sets(space: &Space, trial: &Trial) -> Vec<String> {
    let value = |name: &str| trial.values.get(name).map(super::axis::plain).unwrap_or_default();
    let axes = space.axes.iter().flat_map(|axis| axis.keys.iter().map(move |key| (key, &axis.name)));
    axes.map(|(key, name)| format!("{key}={}", value(name))).collect()
}

/// What a trial searches, as columns: `b0/layer/t_invert`, and its seed under the published name and its own.
pub fn config(space: &Space, trial: &Trial) -> Vec<(String, Value)> {
    let mut config = Vec::new();
    for axis in &space.axes {
        let value = trial.values.get(&axis.name).cloned().unwrap_or_default();
        config.extend(axis.keys.iter().map(|key| (key.replace('.', "/"), value.clone())));
    }
    for key in ["dataset_unsup/seed", "seed"] {
        if !config.iter().any(|(name, _)| name == key) {
            config.push((key.to_string(), trial.seed.into()));
        }
    }
    config
}

/// Checks every value of the space against the network and the data, so that a mistake is told with its place in the
/// file.
///
/// # Errors
/// Names the file, the line and the key.
pub fn check(space: &Space, file: &str, catalogue: &Catalogue) -> Result<(), SearchError> {
    for axis in &space.axes {
        let fail = |key: &str, message: String| SearchError::Space {
            file: file.to_string(),
            line: axis.line,
            key: Some(key.to_string()),
            message,
        };
        if axis.keys.is_empty() {
            let message = "none of its keys is one of this network's Hebbian blocks".to_string();
            return Err(fail(&axis.name, message));
        }
        for key in &axis.keys {
            for value in axis.values.probes() {
                let mut request = space.request(None);
                let set = format!("{key}={}", super::axis::plain(&value));
                request.set.push(set.clone());
                // Several keys of a space may only go together; alone, a value must be one of its key.
                let data = !key.starts_with('b');
                let tried =
                    if data { request.plan(catalogue).map(|_| ()) } else { request.network(catalogue).map(|_| ()) };
                if let Err(error) = tried {
                    let message = error.to_string();
                    let message = message.strip_prefix(&format!("override `{set}`: ")).unwrap_or(&message);
                    return Err(fail(key, message.to_string()));
                }
            }
        }
    }
    Ok(())
}
