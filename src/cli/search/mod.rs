//! `softhebb search`: arguments to a search, a search to its runner.

mod ask;
mod begin;
mod dry;
mod look;
mod screen;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Args, Subcommand};

use crate::cli::keys::{DATA, Keys, MACHINE, NETWORK, OUTPUT, RESULTS, TRAINING};
use crate::cli::number;
use crate::device::{DeviceChoice, Precision};
use crate::files;
use crate::search::Metric;
use crate::train::TrainingMode;
use crate::train::plan::Keep;

pub use ask::gpu_slots;

/// Heading of the help: what varies.
const SPACE: &str = "Search space";

/// Run a network over a space of keys and seeds; resume, watch and read such sweeps.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SearchArgs {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    sweep: Box<SweepArgs>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how a search stands, from any terminal.
    Status(look::StatusArgs),
    /// Print the best combination over its seeds, and the command that runs it again.
    Best(look::BestArgs),
}

/// Arguments of a sweep.
#[derive(Debug, Clone, Default, Args)]
pub struct SweepArgs {
    /// The network: a preset's name (`softhebb show` lists them).
    #[arg(value_name = "PRESET", conflicts_with_all = ["preset", "model"], help_heading = NETWORK)]
    named: Option<String>,

    /// The same as PRESET.
    #[arg(long, value_name = "NAME", conflicts_with = "model", help_heading = NETWORK)]
    preset: Option<String>,

    /// A network typed here: 'Soft-c96-k5-p2-t1-lr0.08; BP-c10'.
    #[arg(long, value_name = "BLOCKS", help_heading = NETWORK)]
    model: Option<String>,

    /// Read presets and data sets from this file.
    #[arg(long, value_name = "FILE", help_heading = NETWORK)]
    presets: Option<PathBuf>,

    /// Change one key in all trials: dataset_sup.nb_epoch=5. May be repeated.
    #[arg(long, value_name = "PATH=VALUE", help_heading = NETWORK)]
    set: Vec<String>,

    /// Take all blocks but the classifier from this run; each trial trains a classifier on them.
    #[arg(long, value_name = "RUN_DIR", conflicts_with = "training_blocks", help_heading = NETWORK)]
    blocks_from: Option<PathBuf>,

    /// The search space: configs/NAME.toml, one that the program brings along (seed, one_seed, regimes, radius, 1, 2, 3a,
    /// 3b), or a path [default: seed].
    #[arg(long, value_name = "NAME", help_heading = SPACE)]
    config: Option<String>,

    /// The seeds that each combination is run with, in place of the space's own: 0,1.
    #[arg(long, value_name = "SEED", num_args = 1.., value_delimiter = ',', help_heading = SPACE)]
    seeds: Option<Vec<u64>>,

    /// Draws of each place of the grid, for spaces with random values.
    #[arg(long, value_name = "N", value_parser = number::count::<u64>, help_heading = SPACE)]
    num_samples: Option<u64>,

    /// Seed of the draws: the same space and seed give the same trials [default: the space's own, or 0].
    #[arg(long, value_name = "N", help_heading = SPACE)]
    seed: Option<u64>,

    /// What trials are compared by [default: test_acc].
    #[arg(long, value_enum, value_name = "METRIC", hide_possible_values = true, help_heading = SPACE)]
    metric: Option<Metric>,

    /// Data set of all phases: CIFAR10, CIFAR10_50 with its configuration, folder:PATH [default: the preset's own].
    #[arg(long, value_name = "NAME", help_heading = DATA)]
    dataset: Option<String>,

    /// Data set of the Hebbian phases: CIFAR10_1.
    #[arg(long, value_name = "NAME", help_heading = DATA)]
    dataset_unsup: Option<String>,

    /// Data set of the supervised phases: CIFAR10_50.
    #[arg(long, value_name = "NAME", help_heading = DATA)]
    dataset_sup: Option<String>,

    /// Supervised phases hold out 20 % of the training images and test on them.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, help_heading = DATA)]
    validation_sup: Option<bool>,

    /// The same of the Hebbian phases.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, help_heading = DATA)]
    validation_unsup: Option<bool>,

    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR", help_heading = DATA)]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    keys: Keys,

    /// Which blocks learn together [default: successive].
    // The published README shortens it so.
    #[arg(long, value_enum, value_name = "MODE", alias = "train", help_heading = TRAINING)]
    training_mode: Option<TrainingMode>,

    /// The blocks that learn (from 0) [default: all].
    #[arg(long, value_name = "BLOCK", num_args = 1.., value_delimiter = ',', help_heading = TRAINING)]
    training_blocks: Option<Vec<usize>>,

    /// auto, cpu, cuda or cuda:N [default: auto].
    #[arg(long, value_name = "DEVICE", help_heading = MACHINE)]
    device: Option<DeviceChoice>,

    /// How products are computed [default: float32].
    #[arg(long, value_enum, help_heading = MACHINE)]
    precision: Option<Precision>,

    /// Trials at once [default: as many as cores and memory allow].
    #[arg(long, value_name = "N", value_parser = number::count::<usize>, help_heading = MACHINE)]
    parallel: Option<usize>,

    /// Threads of all trials together [default: all cores].
    #[arg(long, value_name = "N", value_parser = number::threads, help_heading = MACHINE)]
    threads: Option<usize>,

    /// Use the first N GPUs [default: all, where --device is auto or cuda].
    #[arg(long, value_name = "N", conflicts_with = "gpu_ids", alias = "gpu-exp", help_heading = MACHINE)]
    gpus: Option<usize>,

    /// Use these GPUs.
    #[arg(long, value_name = "ID", value_delimiter = ',', num_args = 1.., help_heading = MACHINE)]
    gpu_ids: Vec<usize>,

    /// Trials that share a GPU, a whole number.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number::count::<usize>, help_heading = MACHINE)]
    trials_per_gpu: usize,

    /// Keep stored outputs of frozen blocks in files, not in memory.
    #[arg(long, help_heading = MACHINE)]
    features_on_disk: bool,

    /// Keep nothing beside the data: neither decoded pictures nor whitenings; each trial makes both anew, in memory.
    #[arg(long, help_heading = MACHINE)]
    no_cache: bool,

    /// Take and leave trained first blocks in results/layers.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, help_heading = MACHINE)]
    reuse_layers: Option<bool>,

    /// How often a trial that crashed or failed is started again. NaN and --timeout are not tried twice.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = MACHINE)]
    max_retries: u32,

    /// How long a trial may run: 90s, 30m, 2h.
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = MACHINE)]
    timeout: Option<Duration>,

    /// End the search at the first trial that fails for good.
    #[arg(long, help_heading = MACHINE)]
    fail_fast: bool,

    /// Name of the results: the search's folder [default: MODEL-CONFIG].
    #[arg(long, value_name = "NAME", alias = "folder-name", conflicts_with = "resume", value_parser = files::name, help_heading = RESULTS)]
    name: Option<String>,

    /// Name of the model in tables [default: the preset's].
    #[arg(long, value_name = "NAME", value_parser = files::name, help_heading = RESULTS)]
    model_name: Option<String>,

    /// Folder of all searches.
    #[arg(long, value_name = "DIR", default_value = "results/search", help_heading = RESULTS)]
    search_dir: PathBuf,

    /// Keep each trial's trained network (checkpoint.safetensors).
    #[arg(long, help_heading = RESULTS)]
    save_model: bool,

    /// best: each trial keeps the network of its best validation score, in checkpoint-best.safetensors (with --validation).
    #[arg(long, value_enum, value_name = "WHICH", help_heading = RESULTS)]
    keep: Option<Keep>,

    /// Go on with the search in this folder.
    #[arg(long, value_name = "DIR", help_heading = RESULTS)]
    resume: Option<PathBuf>,

    /// With --resume: run failed trials again, too.
    #[arg(long, requires = "resume", help_heading = RESULTS)]
    retry_failed: bool,

    /// With --resume: go on although space, network or data have changed.
    #[arg(long, requires = "resume", help_heading = RESULTS)]
    accept_changes: bool,

    /// Print a page about the sweep (space, number of trials, time and disk, first and last trials) and do nothing.
    #[arg(long, help_heading = OUTPUT)]
    dry_run: bool,

    /// With --dry-run: print all trials.
    #[arg(long, requires = "dry_run", help_heading = OUTPUT)]
    all: bool,

    /// With --dry-run: print JSON.
    #[arg(long, requires = "dry_run", conflicts_with = "all", help_heading = OUTPUT)]
    json: bool,

    /// Say only failures and the result.
    #[arg(short, long, help_heading = OUTPUT)]
    quiet: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &SearchArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        None => begin::run(&args.sweep),
        Some(Command::Status(args)) => look::status(args).map(|()| ExitCode::SUCCESS),
        Some(Command::Best(args)) => look::best(args),
    }
}

/// `90`, `90s`, `30m`, `2h`, `1.5h`, `1d`.
fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let seconds = match unit {
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("the units are s, m, h and d".to_string()),
    };
    let number: f64 = number.trim().parse().map_err(|_| "a time such as 90s, 30m or 2h is expected".to_string())?;
    let duration = Duration::try_from_secs_f64(number * seconds).map_err(|e| e.to_string())?;
    if duration.is_zero() { Err("a time above 0 is expected".to_string()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, seconds) in [("90", 90.0), ("90s", 90.0), ("30m", 1800.0), ("2h", 7200.0), ("1.5h", 5400.0)] {
            assert_eq!(time(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "0", "-1s", "2 weeks", "h", "nan", "1e99d"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
