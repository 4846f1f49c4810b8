//! What `softhebb run` is told.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::device::{DeviceChoice, Precision};
use crate::train::TrainingMode;

/// What a run goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Resume {
    /// The same run, from where it stopped.
    All,
    /// The blocks of an earlier run; a new classifier is trained.
    #[value(alias = "without_classifier")]
    WithoutClassifier,
}

/// Train a preset (or a typed network) on a data set and score it.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The network: a preset's name (`softhebb show` lists them).
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    pub(super) preset: Option<String>,

    /// A network typed here: 'Soft-c96-k5-p2-t1-lr0.08; BP-c10'.
    #[arg(long, value_name = "BLOCKS")]
    pub(super) model: Option<String>,

    /// Data set of all phases: CIFAR10, or CIFAR10_50 with its configuration [default: the preset's own].
    #[arg(long, value_name = "NAME")]
    pub(super) dataset: Option<String>,

    /// Data set of the Hebbian phases: CIFAR10_1.
    #[arg(long, value_name = "NAME")]
    pub(super) dataset_unsup: Option<String>,

    /// Data set of the supervised phases: CIFAR10_50.
    #[arg(long, value_name = "NAME")]
    pub(super) dataset_sup: Option<String>,

    /// Which blocks learn together [default: successive].
    // The published README shortens it so.
    #[arg(long, value_enum, value_name = "MODE", alias = "train")]
    pub(super) training_mode: Option<TrainingMode>,

    /// The blocks that learn (from 0); the others stay as they are initialised [default: all].
    #[arg(long, value_name = "BLOCK", num_args = 1.., value_delimiter = ',')]
    pub(super) training_blocks: Option<Vec<usize>>,

    /// Change one key: b0.layer.t_invert=0.7, b1.pool=avg_4_2_1, dataset_sup.nb_epoch=5. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,

    /// Hold out 20 % of the training images and test on them.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "false", hide_default_value = true)]
    pub(super) validation: bool,

    /// Go on with a run, or with its blocks.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) resume: Option<Resume>,

    /// The run to go on with [default: the newest of the same model, data and seed].
    #[arg(long, value_name = "DIR", requires = "resume")]
    pub(super) run_dir: Option<PathBuf>,

    /// Seed of initial weights, order of images and dropout [default: 0].
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// auto, cpu, cuda or cuda:N [default: auto; of a run that goes on, its own].
    #[arg(long, value_name = "DEVICE", conflicts_with = "gpu_id")]
    pub(super) device: Option<DeviceChoice>,

    /// The same as --device cuda:N.
    #[arg(long, value_name = "N")]
    pub(super) gpu_id: Option<usize>,

    /// How products are computed.
    #[arg(long, value_enum, default_value = "float32")]
    pub(super) precision: Precision,

    /// Keep stored outputs of frozen blocks in a file of the run's folder, not in memory.
    #[arg(long)]
    pub(super) features_on_disk: bool,

    /// Keep nothing beside the data: neither decoded pictures nor whitenings; both are then made anew, in memory.
    #[arg(long)]
    pub(super) no_cache: bool,

    /// Record learning rate, convergence and R1 of the Hebbian block that learns in steps.csv and tensorboard, every so many steps.
    #[arg(long, value_name = "STEPS", default_value_t = 0, hide_default_value = true)]
    pub(super) record_every: u64,

    /// Threads [default: all cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(super) threads: usize,

    /// Folder of the runs.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    pub(super) results_dir: PathBuf,

    /// Name of the model in the results folder [default: the preset's].
    #[arg(long, value_name = "NAME")]
    pub(super) model_name: Option<String>,

    /// Whether to leave a run folder.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "true", hide_default_value = true)]
    pub(super) save: bool,

    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,

    /// Download a data set that is missing, without asking.
    #[arg(long)]
    pub(super) download: bool,

    /// Read presets and data sets from this file, not from those inside the program.
    #[arg(long, value_name = "FILE")]
    pub(super) presets: Option<PathBuf>,

    /// Print the plan and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,

    /// With --dry-run: print the plan as JSON.
    #[arg(long, requires = "dry_run")]
    pub(super) json: bool,

    /// Say only warnings and the result.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Say more: the numbers of each block, every file written.
    #[arg(short, long)]
    pub(super) verbose: bool,
}

impl RunArgs {
    /// The device, if one was typed.
    pub(super) fn device(&self) -> Option<DeviceChoice> {
        self.gpu_id.map(DeviceChoice::Cuda).or(self.device)
    }

    /// The first argument typed that a run which goes on with its own plan would ignore.
    pub(super) fn of_a_new_plan(&self) -> Option<&'static str> {
        let typed = [
            (self.dataset.is_some(), "--dataset"),
            (self.dataset_unsup.is_some(), "--dataset-unsup"),
            (self.dataset_sup.is_some(), "--dataset-sup"),
            (self.training_mode.is_some(), "--training-mode"),
            (self.training_blocks.is_some(), "--training-blocks"),
            (!self.set.is_empty(), "--set"),
            (self.validation, "--validation"),
            (self.seed.is_some(), "--seed"),
            (self.model_name.is_some(), "--model-name"),
            (!self.save, "--save false"),
            (self.record_every > 0, "--record-every"),
        ];
        typed.into_iter().find(|(typed, _)| *typed).map(|(_, name)| name)
    }
}
