//! What somebody asks to be run, before anything is resolved: names and overrides to a [`RunPlan`].
//!
//! `softhebb run` fills one from its arguments, a search fills one for each of its trials.

use std::path::PathBuf;

use super::plan::{self, Keep, RunPlan, TrainingMode};
use super::{TrainError, folder};
use crate::device::{DeviceChoice, Precision};
use crate::preset::config::DatasetConfig;
use crate::preset::{Catalogue, ModelSpec, Override, Target, apply_overrides, resolve};

/// A run by names: a preset or a typed network, data sets, what is changed of them, and how it is to run.
#[derive(Debug, Clone)]
pub struct Request {
    /// The network's name in the catalogue.
    pub preset: Option<String>,
    /// A typed network, if no preset is named.
    pub model: Option<String>,
    /// Data set of all phases.
    pub dataset: Option<String>,
    /// Data set of the Hebbian phases.
    pub dataset_unsup: Option<String>,
    /// Data set of the supervised phases.
    pub dataset_sup: Option<String>,
    /// Which blocks learn together.
    pub mode: TrainingMode,
    /// The blocks that learn; all if absent.
    pub training_blocks: Option<Vec<usize>>,
    /// Overrides, `PATH=VALUE`, in their order.
    pub set: Vec<String>,
    /// Whether the Hebbian phases hold out and test on a share of the training images.
    pub validation_unsup: bool,
    /// The same of the supervised phases.
    pub validation_sup: bool,
    /// Seed of initial weights, order of images and dropout.
    pub seed: u64,
    /// The device.
    pub device: DeviceChoice,
    /// How products are computed.
    pub precision: Precision,
    /// Threads; 0 leaves the choice to libtorch.
    pub threads: usize,
    /// Whether stored outputs of frozen blocks go into a file.
    pub features_on_disk: bool,
    /// Whether nothing is left beside the data for the next run.
    pub no_cache: bool,
    /// Hebbian blocks are recorded every so many steps; 0: not at all.
    pub record_every: u64,
    /// Which networks are kept.
    pub keep: Keep,
    /// Whether a folder is written.
    pub save: bool,
    /// Another name for the model's results.
    pub model_name: Option<String>,
    /// The data folder, if one was named.
    pub data_dir: Option<PathBuf>,
}

impl Request {
    /// A typed network on the images inside the program, for tests.
    #[cfg(test)]
    pub fn typed(model: &str) -> Request {
        Request {
            preset: None,
            model: Some(model.to_string()),
            dataset: None,
            dataset_unsup: None,
            dataset_sup: None,
            mode: TrainingMode::Successive,
            training_blocks: None,
            set: Vec::new(),
            validation_unsup: false,
            validation_sup: false,
            seed: 0,
            device: DeviceChoice::Cpu,
            precision: Precision::Float32,
            threads: 1,
            features_on_disk: false,
            no_cache: false,
            record_every: 0,
            keep: plan::Keep::Last,
            save: false,
            model_name: None,
            data_dir: None,
        }
    }

    /// The network with its overrides, before shapes are known.
    ///
    /// # Errors
    /// When it is unknown, or an override does not fit it.
    pub fn network(&self, catalogue: &Catalogue) -> Result<ModelSpec, TrainError> {
        let mut model = match (&self.preset, &self.model) {
            (Some(name), _) => catalogue.model(name)?,
            (None, Some(text)) => catalogue.custom_model(text)?,
            (None, None) => return Err(TrainError::Plan("no network is named".to_string())),
        };
        apply_overrides(&self.overrides()?, &mut model)?;
        Ok(model)
    }

    fn overrides(&self) -> Result<Vec<Override>, TrainError> {
        Ok(self.set.iter().map(|s| Override::parse(s)).collect::<Result<Vec<_>, _>>()?)
    }

    /// The whole plan; its folder is left empty. Touches nothing.
    ///
    /// # Errors
    /// When a name is unknown, or what was asked for does not go together.
    pub fn plan(&self, catalogue: &Catalogue) -> Result<RunPlan, TrainError> {
        let overrides = self.overrides()?;
        let model = self.network(catalogue)?;
        let choose = |own: &str, given: &Option<String>| -> Result<String, TrainError> {
            Ok(match (given, &self.dataset) {
                (Some(name), _) => name.clone(),
                // A bare name takes the configuration that stands for the preset's own (CIFAR10_50: FashionMini_50).
                (None, Some(name)) if name != "folder" && catalogue.datasets().iter().any(|d| d.name == *name) => {
                    catalogue.counterpart(own, name)?
                }
                (None, Some(name)) => name.clone(),
                (None, None) => own.to_string(),
            })
        };
        let config = |own: &str, given: &Option<String>, validation, target| -> Result<DatasetConfig, TrainError> {
            let name = choose(own, given)?;
            folder::config(
                catalogue,
                &name,
                folder::Use { own, validation, seed: self.seed, target, overrides: &overrides },
            )
        };
        let mut dataset_unsup =
            config(&model.dataset_unsup, &self.dataset_unsup, self.validation_unsup, Target::DatasetUnsup)?;
        let dataset_sup = config(&model.dataset_sup, &self.dataset_sup, self.validation_sup, Target::DatasetSup)?;
        let network = resolve(catalogue, &model, &dataset_sup)?;
        let shape = |d: &DatasetConfig| [d.channels, d.height, d.width];
        let hebbian_first = network.blocks.first().is_some_and(|b| b.layer.method.is_hebbian());
        let phases = plan::phases(&network, &dataset_unsup, &dataset_sup, self.mode, self.training_blocks.as_deref())?;
        if !phases.iter().any(plan::Phase::is_unsupervised) && shape(&dataset_unsup) != shape(&dataset_sup) {
            // The preset's own data set, which nothing would read.
            dataset_unsup = dataset_sup.clone();
        }
        if hebbian_first && shape(&dataset_unsup) != shape(&dataset_sup) {
            let (a, b) = (&dataset_unsup.config, &dataset_sup.config);
            let why = format!("the images of {a} and {b} have different shapes: one network cannot see both");
            return Err(TrainError::Plan(why));
        }
        let plan = RunPlan {
            version: plan::VERSION,
            model: self.model_name.clone().unwrap_or_else(|| network.name.clone()),
            network,
            dataset_unsup,
            dataset_sup,
            mode: self.mode,
            training_blocks: self.training_blocks.clone(),
            phases,
            seed: self.seed,
            device: self.device,
            threads: self.threads,
            precision: self.precision,
            features_on_disk: self.features_on_disk,
            no_cache: self.no_cache,
            record_every: self.record_every,
            baseline: Vec::new(),
            keep: self.keep,
            save: self.save,
            folder: PathBuf::new(),
            data_dir: self.data_dir.clone(),
            blocks_from: None,
        };
        plan.check_keep()?;
        Ok(plan)
    }
}
