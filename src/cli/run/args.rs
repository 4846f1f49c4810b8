//! What `softhebb run` is told.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};

use super::config;
use crate::cli::keys::{DATA, Keys, MACHINE, NETWORK, OUTPUT, RESULTS, TRAINING};
use crate::cli::number;
use crate::device::{DeviceChoice, Precision};
use crate::files;
use crate::train::plan::Keep;
use crate::train::{Baseline, TrainingMode};

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
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The network: a preset's name (`softhebb show` lists them) [default: the demo].
    #[arg(value_name = "PRESET", conflicts_with_all = ["preset", "model"], help_heading = NETWORK)]
    pub(super) named: Option<String>,

    /// The same as PRESET.
    #[arg(long, value_name = "NAME", conflicts_with = "model", help_heading = NETWORK)]
    pub(super) preset: Option<String>,

    /// A network typed here: 'Soft-c96-k5-p2-t1-lr0.08; BP-c10'.
    #[arg(long, value_name = "BLOCKS", help_heading = NETWORK)]
    pub(super) model: Option<String>,

    /// Read presets and data sets from this file, not from those inside the program.
    #[arg(long, value_name = "FILE", help_heading = NETWORK)]
    pub(super) presets: Option<PathBuf>,

    /// Change one key: b0.layer.t_invert=0.7, b1.pool=avg_4_2_1, dataset_sup.nb_epoch=5. May be repeated.
    #[arg(long, value_name = "PATH=VALUE", help_heading = NETWORK)]
    pub(super) set: Vec<String>,

    /// Take what is not typed from this file: TOML with the long options as keys (preset = "…", epochs = 5, [set]), or the
    /// config.json of a run.
    #[arg(long, value_name = "FILE", help_heading = NETWORK)]
    pub(super) config: Option<PathBuf>,

    /// Data set of all phases: CIFAR10, CIFAR10_50 with its configuration, folder:PATH [default: the preset's own].
    #[arg(long, value_name = "NAME", help_heading = DATA)]
    pub(super) dataset: Option<String>,

    /// Data set of the Hebbian phases: CIFAR10_1.
    #[arg(long, value_name = "NAME", help_heading = DATA)]
    pub(super) dataset_unsup: Option<String>,

    /// Data set of the supervised phases: CIFAR10_50.
    #[arg(long, value_name = "NAME", help_heading = DATA)]
    pub(super) dataset_sup: Option<String>,

    /// Hold out 20 % of the training images and test on them.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, help_heading = DATA)]
    pub(super) validation: Option<bool>,

    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR", help_heading = DATA)]
    pub(super) data_dir: Option<PathBuf>,

    /// Download a data set that is missing, without asking.
    #[arg(long, help_heading = DATA)]
    pub(super) download: bool,

    #[command(flatten)]
    pub(super) keys: Keys,

    /// Which blocks learn together [default: successive].
    // The published README shortens it so.
    #[arg(long, value_enum, value_name = "MODE", alias = "train", help_heading = TRAINING)]
    pub(super) training_mode: Option<TrainingMode>,

    /// The blocks that learn (from 0); the others stay as they are initialised [default: all].
    #[arg(long, value_name = "BLOCK", num_args = 1.., value_delimiter = ',', help_heading = TRAINING)]
    pub(super) training_blocks: Option<Vec<usize>>,

    /// Train the classifier also on the layers as they are initialised (random), on the images alone (pixels), and compare.
    #[arg(long, value_enum, value_name = "WHAT", num_args = 1.., value_delimiter = ',', help_heading = TRAINING)]
    pub(super) baseline: Vec<Baseline>,

    /// Seed of initial weights, order of images and dropout [default: 0].
    #[arg(long, value_name = "N", help_heading = TRAINING)]
    pub(super) seed: Option<u64>,

    /// auto, cpu, cuda or cuda:N [default: auto; of a run that goes on, its own].
    #[arg(long, value_name = "DEVICE", conflicts_with = "gpu_id", help_heading = MACHINE)]
    pub(super) device: Option<DeviceChoice>,

    /// The same as --device cuda:N.
    #[arg(long, value_name = "N", help_heading = MACHINE)]
    pub(super) gpu_id: Option<usize>,

    /// How products are computed [default: float32].
    #[arg(long, value_enum, help_heading = MACHINE)]
    pub(super) precision: Option<Precision>,

    /// Threads [default: all cores].
    #[arg(long, value_name = "N", value_parser = number::threads, help_heading = MACHINE)]
    pub(super) threads: Option<usize>,

    /// Keep stored outputs of frozen blocks in a file of the run's folder, not in memory.
    #[arg(long, help_heading = MACHINE)]
    pub(super) features_on_disk: bool,

    /// Keep nothing beside the data: neither decoded pictures nor whitenings; both are then made anew, in memory.
    #[arg(long, help_heading = MACHINE)]
    pub(super) no_cache: bool,

    /// Name of the results: their folder below that of the runs [default: the preset's].
    #[arg(long, value_name = "NAME", alias = "model-name", value_parser = files::name, help_heading = RESULTS)]
    pub(super) name: Option<String>,

    /// Folder of the runs [default: results/runs].
    #[arg(long, value_name = "DIR", help_heading = RESULTS)]
    pub(super) results_dir: Option<PathBuf>,

    /// Leave no run folder.
    #[arg(long, conflicts_with = "save", help_heading = RESULTS)]
    pub(super) no_save: bool,

    /// best: keep the network of the best validation score, too, in checkpoint-best.safetensors (with --validation).
    #[arg(long, value_enum, value_name = "WHICH", help_heading = RESULTS)]
    pub(super) keep: Option<Keep>,

    // The published program's word.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, hide = true)]
    pub(super) save: Option<bool>,

    /// Go on with a run, or with its blocks.
    #[arg(long, value_enum, value_name = "WHAT", help_heading = RESULTS)]
    pub(super) resume: Option<Resume>,

    /// The run to go on with [default: the newest of the same model, data and seed].
    #[arg(long, value_name = "DIR", requires = "resume", help_heading = RESULTS)]
    pub(super) run_dir: Option<PathBuf>,

    /// Record learning rate, convergence and R1 of the Hebbian block that learns in steps.csv and tensorboard, every so many steps.
    #[arg(long, value_name = "STEPS", help_heading = RESULTS)]
    pub(super) record_every: Option<u64>,

    /// Print the plan and do nothing.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) dry_run: bool,

    /// With --dry-run: print the plan as JSON.
    #[arg(long, requires = "dry_run", help_heading = OUTPUT)]
    pub(super) json: bool,

    /// Say only warnings and the result.
    #[arg(short, long, conflicts_with = "verbose", help_heading = OUTPUT)]
    pub(super) quiet: bool,

    /// Say more: the numbers of each block, every file written.
    #[arg(short, long, help_heading = OUTPUT)]
    pub(super) verbose: bool,

    /// What the file of --config says.
    #[arg(skip)]
    pub(super) file: config::Base,
}

impl RunArgs {
    /// The device, if one was typed.
    pub(super) fn device(&self) -> Option<DeviceChoice> {
        self.gpu_id.map(DeviceChoice::Cuda).or(self.device)
    }

    /// Whether a run folder is left.
    pub(super) fn saves(&self) -> bool {
        self.save.unwrap_or(!self.no_save)
    }

    /// Folder of the runs.
    pub(super) fn results_dir(&self) -> &Path {
        self.results_dir.as_deref().unwrap_or(Path::new("results/runs"))
    }

    /// Makes one of the two ways to name a preset, and takes what was not typed from the file of `--config`.
    ///
    /// # Errors
    /// When the file cannot be read, or has a mistake.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        self.preset = self.named.take().or_else(|| self.preset.take());
        match self.config.take() {
            Some(path) => config::take(self, &path),
            None => Ok(()),
        }
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
            (self.validation.is_some(), "--validation"),
            (self.seed.is_some(), "--seed"),
            (self.name.is_some(), "--name"),
            (!self.saves(), "--no-save"),
            (self.record_every.is_some(), "--record-every"),
            (self.precision.is_some(), "--precision"),
        ];
        self.keys.typed().or_else(|| typed.into_iter().find(|(typed, _)| *typed).map(|(_, name)| name))
    }
}
