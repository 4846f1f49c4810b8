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
    /// Overrides that all trials share, before their own.
    pub set: Vec<String>,
    /// Whether the Hebbian phases test on a share of the training images.
    pub validation_unsup: bool,
    /// The same of the supervised phases.
    pub validation_sup: bool,
}

/// How trials run. Does not change what is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct How {
    /// The device.
    pub device: DeviceChoice,
    /// How products are computed.
    pub precision: Precision,
    /// Whether stored outputs of frozen blocks go into a file.
    pub features_on_disk: bool,
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

/// The first letters of the hash of a trial's values and seed.
fn hash(values: &Map<String, Value>, seed: u64) -> String {
    let text = json!({"values": values, "seed": seed}).to_string();
    Sha256::digest(text.as_bytes()).iter().take(4).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::axis::Values;
    use crate::search::read::parse;
    use crate::search::write::write;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn space(axes: Vec<Values>, seeds: Vec<u64>, num_samples: usize, sampler_seed: u64) -> Space {
        // Keys that exist, so that the space can be written and read back.
        let keys = ["b0.layer.t_invert", "b1.layer.lr", "dataset_sup.noise_std", "b0.layer.radius", "b2.dropout"];
        let axis = |(values, key): (Values, &str)| {
            let keys = vec![key.to_string()];
            Axis { name: key.to_string(), keys, if_present: false, values, line: 0 }
        };
        Space {
            base: Base { preset: Some("4SoftHebbCnnCIFAR".into()), ..Base::default() },
            axes: axes.into_iter().zip(keys).map(axis).collect(),
            seeds,
            num_samples,
            sampler_seed,
            metric: Metric::TestAcc,
            run: How::default(),
        }
    }

    fn listed() -> impl Strategy<Value = Values> {
        let grid = vec(-1e3..1e3f64, 1..5).prop_filter_map("distinct", |list| {
            let distinct: BTreeSet<String> = list.iter().map(ToString::to_string).collect();
            (distinct.len() == list.len()).then(|| Values::Grid(list.into_iter().map(Value::from).collect()))
        });
        let geometric = (1.01..3.0f64, -6..3i32, 0..4i32).prop_map(|(base, from, more)| Values::Geometric {
            base,
            from,
            to: from + more,
        });
        prop_oneof![grid, geometric]
    }

    fn drawn() -> impl Strategy<Value = Values> {
        prop_oneof![
            (-5.0..5.0f64, 0.1..5.0f64).prop_map(|(lo, more)| Values::Uniform(lo, lo + more)),
            (0.001..5.0f64, 0.1..5.0f64).prop_map(|(lo, more)| Values::LogUniform(lo, lo + more)),
            (-9..9i64, 1..9i64).prop_map(|(lo, more)| Values::IntUniform(lo, lo + more)),
            (-5.0..5.0f64, 0.1..5.0f64).prop_map(|(mean, std)| Values::Normal { mean, std }),
            Just(Values::Choice(vec!["max_2_2_0".into(), "avg_2_2_0".into()])),
        ]
    }

    fn seeds() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::btree_set(0u64..99, 1..4).prop_map(|set| set.into_iter().collect())
    }

    fn pick<'a>(trials: &'a [Trial], name: &str) -> Vec<&'a Value> {
        trials.iter().map(|t| &t.values[name]).collect()
    }

    proptest! {
        #[test]
        fn a_grid_has_every_combination_once(axes in vec(listed(), 0..5), seeds in seeds()) {
            let space = space(axes, seeds.clone(), 1, 0);
            let trials = space.trials();
            let product: usize = space.axes.iter().map(|a| a.values.listed().unwrap().len()).product();
            prop_assert_eq!(trials.len(), product * seeds.len());
            prop_assert_eq!(space.count(), Some(trials.len()));
            let distinct: BTreeSet<_> = trials.iter().map(Trial::key).collect();
            prop_assert_eq!(distinct.len(), trials.len());
            prop_assert!(trials.iter().enumerate().all(|(i, t)| t.index == i));
            for axis in &space.axes {
                let all = axis.values.listed().unwrap();
                prop_assert!(trials.iter().all(|t| all.contains(&t.values[&axis.name])));
            }
            // Trials of one combination stand side by side and differ in the seed alone.
            for group in trials.chunks(seeds.len()) {
                prop_assert!(group.iter().all(|t| t.values == group[0].values));
                prop_assert_eq!(group.iter().map(|t| t.seed).collect::<Vec<_>>(), seeds.clone());
            }
        }

        #[test]
        fn draws_follow_from_the_space_and_the_seed(
            axes in vec(prop_oneof![listed(), drawn()], 1..5), seeds in seeds(), samples in 1..4usize, seed in any::<u64>(),
        ) {
            let a = space(axes.clone(), seeds.clone(), samples, seed);
            let trials = a.trials();
            prop_assert_eq!(&trials, &a.trials());
            prop_assert_eq!(Some(trials.len()), a.count());
            // One more sample leaves the first ones as they are.
            let more = space(axes.clone(), seeds.clone(), samples + 1, seed).trials();
            prop_assert_eq!(&more[..trials.len()], &trials[..]);
            // Seeds of a combination share its draws.
            for group in trials.chunks(seeds.len()) {
                prop_assert!(group.iter().all(|t| t.values == group[0].values));
            }
            for axis in &a.axes {
                for value in pick(&trials, &axis.name) {
                    let x = value.as_f64().unwrap_or(0.0);
                    let is_one = match &axis.values {
                        Values::Uniform(lo, hi) => (*lo..*hi).contains(&x),
                        Values::LogUniform(lo, hi) => (*lo..=*hi).contains(&x),
                        Values::IntUniform(lo, hi) => value.as_i64().is_some_and(|n| (*lo..=*hi).contains(&n)),
                        Values::Normal { .. } => x.is_finite(),
                        Values::Choice(list) | Values::Grid(list) => list.contains(value),
                        Values::Geometric { .. } => axis.values.listed().unwrap().contains(value),
                    };
                    prop_assert!(is_one, "{} is none of {:?}", value, axis.values);
                }
            }
        }

        #[test]
        fn what_is_written_reads_back(
            axes in vec(prop_oneof![listed(), drawn()], 0..5), seeds in seeds(), samples in 1..4usize, seed in 0..i64::MAX as u64,
            set in prop::bool::ANY,
        ) {
            let mut space = space(axes, seeds, samples, seed);
            if set {
                space.base.set = vec!["b3.dropout=none".into(), "dataset_sup.nb_epoch=5".into(), "b0.layer.lr=0.10".into()];
                space.base.training_blocks = Some(vec![0, 3]);
                space.base.training_mode = Some(TrainingMode::Consecutive);
                space.run.data_dir = Some("a b/ü\"x".into());
                space.run.precision = Precision::Bf16;
            }
            let text = write(&space);
            let mut back = parse("search.toml", &text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
            back.axes.iter_mut().for_each(|axis| axis.line = 0);
            prop_assert_eq!(&back, &space);
            prop_assert_eq!(back.trials(), space.trials());
        }
    }

    #[test]
    fn draws_of_a_normal_have_its_mean_and_deviation() {
        let n = 4000;
        let trials = space(vec![Values::Normal { mean: 3.0, std: 0.5 }], vec![0], n, 7).trials();
        let x: Vec<f64> = trials.iter().map(|t| t.values["b0.layer.t_invert"].as_f64().unwrap()).collect();
        let mean = x.iter().sum::<f64>() / n as f64;
        let std = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
        assert!((mean - 3.0).abs() < 0.05 && (std - 0.5).abs() < 0.05, "{mean} {std}");
    }

    #[test]
    fn the_last_axis_runs_fastest_and_names_stay_short() {
        let grid = |list: &[f64]| Values::Grid(list.iter().map(|x| Value::from(*x)).collect());
        let trials = space(vec![grid(&[1.0, 2.0]), grid(&[0.1, 0.2])], vec![4], 1, 0).trials();
        let values: Vec<(f64, f64)> = trials
            .iter()
            .map(|t| (t.values["b0.layer.t_invert"].as_f64().unwrap(), t.values["b1.layer.lr"].as_f64().unwrap()))
            .collect();
        assert_eq!(values, [(1.0, 0.1), (1.0, 0.2), (2.0, 0.1), (2.0, 0.2)]);
        assert!(trials.iter().all(|t| t.name().len() == 13 && t.name().starts_with("000")), "{trials:?}");
    }
}
