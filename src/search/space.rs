//! A search space and its expansion: a pure function from the space and the sampler's seed to the list of trials.
//!
//! ```text
//! trials = samples × (product of the listed axes, the last one fastest) × seeds
//! ```
//!
//! What is drawn depends on the sampler's seed, the axis' name, the sample and the place in the grid, and on nothing else:
//! asking for more samples leaves the first ones as they are, and the seeds of a combination share its draws.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::axis::{Axis, plain};
use super::metric::Metric;
use crate::device::{DeviceChoice, Precision};
use crate::preset::{Catalogue, ModelSpec};
use crate::report::format::number;
use crate::train::{Request, TrainingMode};

/// More trials than anyone runs; a space beyond this is a mistake.
pub const MOST_TRIALS: usize = 100_000;

/// A search: what is run, what varies, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// What all trials share.
    pub base: Base,
    /// What varies, in the order of the file.
    pub axes: Vec<Axis>,
    /// Seeds of each combination.
    pub seeds: Vec<u64>,
    /// Draws of each place of the grid.
    pub num_samples: usize,
    /// Seed of the draws.
    pub sampler_seed: u64,
    /// What trials are compared by.
    pub metric: Metric,
    /// How they run.
    pub run: How,
}

/// What all trials share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// A preset's name.
    pub preset: Option<String>,
    /// A typed network, in place of a preset.
    pub model: Option<String>,
    /// Data set of all phases.
    pub dataset: Option<String>,
    /// Data set of the Hebbian phases.
    pub dataset_unsup: Option<String>,
    /// Data set of the supervised phases.
    pub dataset_sup: Option<String>,
    /// Which blocks learn together.
    pub training_mode: Option<TrainingMode>,
    /// The blocks that learn.
    pub training_blocks: Option<Vec<usize>>,
    /// A run whose blocks, but for the classifier, all trials take; each trains a classifier on them.
    #[serde(default)]
    pub blocks_from: Option<PathBuf>,
    /// Overrides that all trials share, before their own.
    pub set: Vec<String>,
    /// Whether the Hebbian phases test on a share of the training images.
    pub validation_unsup: bool,
    /// The same of the supervised phases.
    pub validation_sup: bool,
}

/// How trials run. Does not change what is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [run]")]
pub struct How {
    /// The device.
    pub device: DeviceChoice,
    /// How products are computed.
    pub precision: Precision,
    /// Whether stored outputs of frozen blocks go into a file.
    pub features_on_disk: bool,
    /// Whether decoded pictures and whitenings are left beside the data (false) or not.
    pub no_cache: bool,
    /// Whether finished trials keep their network.
    pub save_model: bool,
    /// Whether trials share trained blocks through the store of layers.
    pub reuse_layers: bool,
    /// Folder of that store.
    pub layers_dir: PathBuf,
    /// Another name for the model.
    pub model_name: Option<String>,
    /// The data folder, if one was named.
    pub data_dir: Option<PathBuf>,
    /// Presets in place of those inside the program.
    pub presets: Option<PathBuf>,
}

impl Default for How {
    fn default() -> How {
        How {
            device: DeviceChoice::Auto,
            precision: Precision::Float32,
            features_on_disk: false,
            no_cache: false,
            save_model: false,
            reuse_layers: true,
            layers_dir: PathBuf::from("results/layers"),
            model_name: None,
            data_dir: None,
            presets: None,
        }
    }
}

/// One trial of a space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number, from 0; never changes.
    pub index: usize,
    /// First letters of the hash of its values and seed.
    pub hash: String,
    /// The value of each axis, by the axis' name.
    pub values: Map<String, Value>,
    /// The run's seed.
    pub seed: u64,
}

impl Trial {
    /// Its folder's name: `0012-9f86d081`.
    pub fn name(&self) -> String {
        format!("{:04}-{}", self.index, self.hash)
    }

    /// What tensorboard calls it: `0012 t_invert=0.5 seed=1`. A folder's name, so what no file system likes is a dash.
    pub fn label(&self) -> String {
        const LONGEST: usize = 160;
        let safe = |c: char| if c.is_ascii_alphanumeric() || "._-+=,".contains(c) { c } else { '-' };
        let sets = short(&self.values).into_iter().map(|set| set.chars().map(safe).collect::<String>());
        let sets = sets.map(|set| format!(" {set}")).collect::<String>();
        format!("{:04}{:.LONGEST$} seed={}", self.index, sets, self.seed)
    }

    /// What makes two trials the same.
    pub fn key(&self) -> (String, u64) {
        (Value::Object(self.values.clone()).to_string(), self.seed)
    }
}

impl Space {
    /// How many trials it has; `None` where the number does not fit.
    pub fn count(&self) -> Option<usize> {
        let sizes = self.axes.iter().map(|a| a.values.count()).chain([self.seeds.len(), self.num_samples]);
        sizes.into_iter().try_fold(1usize, usize::checked_mul)
    }

    /// Its trials, in their order.
    pub fn trials(&self) -> Vec<Trial> {
        let grid: usize = self.axes.iter().map(|a| a.values.count()).product();
        let places = (0..self.num_samples).flat_map(|sample| (0..grid).map(move |place| (sample, place)));
        let mut trials = Vec::new();
        for (sample, place) in places {
            let values = self.values(sample, place);
            for seed in &self.seeds {
                let hash = hash(&values, *seed);
                trials.push(Trial { index: trials.len(), hash, values: values.clone(), seed: *seed });
            }
        }
        trials
    }

    /// The values of one place of the grid; the last axis runs fastest.
    fn values(&self, sample: usize, place: usize) -> Map<String, Value> {
        let (mut rest, mut at) = (place, Vec::new());
        for axis in self.axes.iter().rev() {
            let n = axis.values.count().max(1);
            at.push(rest % n);
            rest /= n;
        }
        let pick = |(axis, at): (&Axis, usize)| {
            let stream = ["search".into(), axis.name.as_str().into(), (sample as u64).into(), (place as u64).into()];
            (axis.name.clone(), axis.values.pick(at, self.sampler_seed, &stream))
        };
        self.axes.iter().zip(at.into_iter().rev()).map(pick).collect()
    }

    /// What a trial asks to be run.
    pub fn request(&self, trial: Option<&Trial>) -> Request {
        let base = &self.base;
        let mut set = base.set.clone();
        if let Some(trial) = trial {
            for axis in &self.axes {
                let value = trial.values.get(&axis.name).map(plain).unwrap_or_default();
                set.extend(axis.keys.iter().map(|key| format!("{key}={value}")));
            }
        }
        Request {
            preset: base.preset.clone(),
            model: base.model.clone(),
            dataset: base.dataset.clone(),
            dataset_unsup: base.dataset_unsup.clone(),
            dataset_sup: base.dataset_sup.clone(),
            mode: base.training_mode.unwrap_or(TrainingMode::Successive),
            training_blocks: base.training_blocks.clone(),
            set,
            validation_unsup: base.validation_unsup,
            validation_sup: base.validation_sup,
            seed: trial.map_or_else(|| self.seeds.first().copied().unwrap_or(0), |t| t.seed),
            device: self.run.device,
            precision: self.run.precision,
            threads: 0,
            features_on_disk: self.run.features_on_disk,
            no_cache: self.run.no_cache,
            record_every: 0,
            save: true,
            model_name: self.run.model_name.clone(),
            data_dir: self.run.data_dir.clone(),
        }
    }

    /// Leaves out the keys that their axes allow to be missing from this network. Returns what was left out.
    pub fn fit(&mut self, network: &ModelSpec) -> Vec<String> {
        let learns = |key: &str| {
            let block = key.split('.').next().and_then(|head| head.strip_prefix('b')?.parse::<usize>().ok());
            block.is_none_or(|i| network.blocks.get(i).is_some_and(|b| b.block.method.is_hebbian()))
        };
        let mut left_out = Vec::new();
        for axis in self.axes.iter_mut().filter(|axis| axis.if_present) {
            left_out.extend(axis.keys.iter().filter(|key| !learns(key)).cloned());
            axis.keys.retain(|key| learns(key));
        }
        left_out
    }

    /// The catalogue that the presets come from.
    ///
    /// # Errors
    /// When the file that was named cannot be read.
    pub fn catalogue(&self) -> Result<Catalogue, crate::preset::PresetError> {
        match &self.run.presets {
            Some(path) => Catalogue::load(path),
            None => Catalogue::embedded(),
        }
    }
}

/// The values of a trial in short: `b0.t_invert=0.5`.
pub fn short(values: &Map<String, Value>) -> Vec<String> {
    let value = |value: &Value| value.as_f64().map_or_else(|| plain(value), number);
    values.iter().map(|(name, v)| format!("{}={}", name.replace(".layer.", "."), value(v))).collect()
}

/// The first letters of the hash of a trial's values and seed.
fn hash(values: &Map<String, Value>, seed: u64) -> String {
    let text = json!({"values": values, "seed": seed}).to_string();
    Sha256::digest(text.as_bytes()).iter().take(4).map(|b| format!("{b:02x}")).collect()
}
