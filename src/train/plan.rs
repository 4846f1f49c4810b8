//! The plan of a run: everything resolved before anything is touched.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::TrainError;
use crate::device::{DeviceChoice, Precision};
use crate::preset::config::{Arch, DatasetConfig, NetworkConfig};
use crate::report::PhaseKind;

/// Version of the plan's format in config.json.
pub const VERSION: u32 = 1;

/// Which blocks learn together (§5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TrainingMode {
    /// One phase a block, in order.
    Successive,
    /// All Hebbian blocks together, then all others.
    Consecutive,
    /// All blocks in each step.
    Simultaneous,
}

/// What a run is compared with: the same classifier, seed, data and epochs on something that did not learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// The layers as they are initialised.
    Random,
    /// The images alone.
    Pixels,
}

/// Which networks of a run are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The last epoch's.
    #[default]
    Last,
    /// That, and the one of the best validation score, in checkpoint-best.safetensors.
    Best,
}

/// A phase: some blocks learn for some epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What kind of learning.
    pub kind: PhaseKind,
    /// Blocks that learn, ascending.
    pub blocks: Vec<usize>,
    /// Epochs.
    pub epochs: u64,
    /// Images a step.
    pub batch_size: u64,
    /// Metrics at epoch 1, every so many epochs, and at the last.
    pub print_freq: u64,
    /// Adam's learning rate (unused by Hebbian phases).
    pub lr: f64,
}

impl Phase {
    /// Whether metrics are due after this epoch (from 1).
    pub fn reports(&self, epoch: u64) -> bool {
        epoch == 1 || epoch == self.epochs || epoch.is_multiple_of(self.print_freq.max(1))
    }

    /// Whether it trains on the unsupervised data set.
    pub fn is_unsupervised(&self) -> bool {
        self.kind == PhaseKind::Unsupervised
    }
}

/// Everything that a run needs; written to config.json and read back by `--resume`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPlan {
    /// Version of this format.
    pub version: u32,
    /// Name of the model: the preset's unless `--model-name` gave another.
    pub model: String,
    /// The network, all keys resolved.
    pub network: NetworkConfig,
    /// What Hebbian phases train on.
    pub dataset_unsup: DatasetConfig,
    /// What supervised phases train on.
    pub dataset_sup: DatasetConfig,
    /// Which blocks learn together.
    pub mode: TrainingMode,
    /// The blocks that learn; all if absent.
    pub training_blocks: Option<Vec<usize>>,
    /// The phases, in order.
    pub phases: Vec<Phase>,
    /// Seed of initial weights, order of images and dropout.
    pub seed: u64,
    /// The device asked for.
    pub device: DeviceChoice,
    /// Threads; 0 leaves the choice to libtorch.
    pub threads: usize,
    /// How products are computed.
    #[serde(default)]
    pub precision: Precision,
    /// Whether stored outputs of frozen blocks go into a file and not into memory.
    #[serde(default)]
    pub features_on_disk: bool,
    /// Whether decoded pictures and whitenings are left beside the data for the next run (false) or not.
    #[serde(default)]
    pub no_cache: bool,
    /// Hebbian blocks are recorded in `steps.csv` every so many steps; 0: not at all.
    #[serde(default)]
    pub record_every: u64,
    /// What the trained layers are compared with at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<Baseline>,
    /// Which networks are kept.
    #[serde(default)]
    pub keep: Keep,
    /// Whether the run's folder is written.
    pub save: bool,
    /// The run's folder.
    pub folder: PathBuf,
    /// The data folder asked for, if one was.
    pub data_dir: Option<PathBuf>,
    /// Blocks but the last are taken from this run's checkpoint (`--resume without-classifier`).
    pub blocks_from: Option<PathBuf>,
}

impl RunPlan {
    /// Epochs in all.
    pub fn epochs(&self) -> u64 {
        self.phases.iter().map(|p| p.epochs).sum()
    }

    /// The data set of a phase.
    pub fn dataset(&self, phase: &Phase) -> &DatasetConfig {
        if phase.is_unsupervised() { &self.dataset_unsup } else { &self.dataset_sup }
    }

    /// Checks that the best network can be chosen, if it is to be kept: by images that are no test images.
    ///
    /// # Errors
    /// When the last phase scores none.
    pub fn check_keep(&self) -> Result<(), TrainError> {
        let Some(last) = self.phases.last().filter(|_| self.keep == Keep::Best) else { return Ok(()) };
        let wrong = |why: &str, hint: &str| Err(TrainError::Plan(format!("--keep best: {why}\nhint: {hint}")));
        let in_units = |i: &usize| self.network.blocks[*i].arch == Arch::Mlp;
        if last.is_unsupervised() && !last.blocks.last().is_some_and(in_units) {
            return wrong("the last phase scores nothing", "leave it out, or let the classifier learn too");
        }
        if !self.dataset(last).validation {
            let why =
                "without --validation there are only test images to choose by, and their score would mean nothing";
            return wrong(why, "--validation holds out a fifth of the training images for it");
        }
        if !self.save {
            return wrong("with --save false nothing is kept", "leave one of them out");
        }
        Ok(())
    }

    /// The data sets that are read, unsupervised and supervised: where no phase is Hebbian, the first is not.
    pub fn sets_read(&self) -> [&DatasetConfig; 2] {
        let unsupervised = self.phases.iter().any(Phase::is_unsupervised);
        [if unsupervised { &self.dataset_unsup } else { &self.dataset_sup }, &self.dataset_sup]
    }

    /// Whether a phase's reports score the test images.
    pub fn tests(&self, phase: &Phase) -> bool {
        let ends_in_units = |i: &usize| self.network.blocks[*i].arch == Arch::Mlp;
        !phase.is_unsupervised() || phase.blocks.last().is_some_and(ends_in_units)
    }

    /// Blocks before the first that this phase or a later one trains.
    pub fn frozen(&self, phase: usize) -> usize {
        self.phases.iter().skip(phase).filter_map(|p| p.blocks.first().copied()).min().unwrap_or(0)
    }

    /// Hebbian blocks of the network, first to last.
    pub fn hebbian_blocks(&self) -> Vec<usize> {
        let blocks = self.network.blocks.iter().enumerate();
        blocks.filter(|(_, b)| b.layer.method.is_hebbian()).map(|(i, _)| i).collect()
    }
}

/// The phases of a mode (§5).
///
/// # Errors
/// When a block that is to be trained does not exist, or nothing would learn.
pub fn phases(
    network: &NetworkConfig,
    unsup: &DatasetConfig,
    sup: &DatasetConfig,
    mode: TrainingMode,
    training_blocks: Option<&[usize]>,
) -> Result<Vec<Phase>, TrainError> {
    let count = network.blocks.len();
    let mut blocks: Vec<usize> = training_blocks.map_or_else(|| (0..count).collect(), <[usize]>::to_vec);
    blocks.sort_unstable();
    blocks.dedup();
    if let Some(i) = blocks.iter().find(|i| **i >= count) {
        let last = count.saturating_sub(1);
        return Err(TrainError::Plan(format!(
            "--training-blocks names block {i}; {} has blocks 0 to {last}",
            network.name
        )));
    }
    if blocks.is_empty() {
        return Err(TrainError::Plan("--training-blocks names no block: nothing would learn".to_string()));
    }
    let layer = |i: usize| &network.blocks[i].layer;
    // A Hebbian classifier learns from labels, so it takes part where backpropagation does.
    let unsupervised = |i: &usize| layer(*i).method.is_hebbian() && !layer(*i).supervised;
    let phase = |kind: PhaseKind, blocks: Vec<usize>| {
        let data = if kind == PhaseKind::Unsupervised { unsup } else { sup };
        let positive = |n: i64| u64::try_from(n).unwrap_or(0);
        let lr = blocks.iter().filter(|i| !layer(**i).method.is_hebbian()).map(|i| layer(*i).lr_sup);
        let lr = lr.fold(f64::INFINITY, f64::min);
        Phase {
            kind,
            epochs: positive(data.nb_epoch),
            batch_size: positive(data.batch_size).max(1),
            print_freq: positive(data.print_freq).max(1),
            lr: if lr.is_finite() { lr } else { 0.0 },
            blocks,
        }
    };
    let kind = |i: &usize| if unsupervised(i) { PhaseKind::Unsupervised } else { PhaseKind::Supervised };
    let phases: Vec<Phase> = match mode {
        TrainingMode::Successive => blocks.iter().map(|i| phase(kind(i), vec![*i])).collect(),
        TrainingMode::Consecutive => {
            let (first, second): (Vec<usize>, Vec<usize>) = blocks.iter().partition(|i| unsupervised(i));
            [(PhaseKind::Unsupervised, first), (PhaseKind::Supervised, second)]
                .into_iter()
                .filter(|(_, blocks)| !blocks.is_empty())
                .map(|(kind, blocks)| phase(kind, blocks))
                .collect()
        }
        TrainingMode::Simultaneous => {
            if blocks.iter().all(unsupervised) {
                let why = "--training-mode simultaneous needs a block that learns from labels among those trained";
                return Err(TrainError::Plan(why.to_string()));
            }
            vec![phase(PhaseKind::Hybrid, blocks)]
        }
    };
    Ok(phases.into_iter().filter(|p| p.epochs > 0).collect())
}
