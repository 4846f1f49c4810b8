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

use crate::device::{DeviceChoice, Precision};
use crate::search::Metric;
use crate::train::TrainingMode;

pub use ask::gpu_slots;

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
    /// The search space: configs/NAME.toml, one that the program brings along (seed, one_seed, regimes, radius, 1, 2, 3a,
    /// 3b), or a path [default: seed].
    #[arg(long, value_name = "NAME")]
    config: Option<String>,

    /// The network: a preset's name.
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    preset: Option<String>,

    /// A network typed here: 'Soft-c96-k5-p2-t1-lr0.08; BP-c10'.
    #[arg(long, value_name = "BLOCKS")]
    model: Option<String>,

    /// Data set of all phases.
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,

    /// Data set of the Hebbian phases: CIFAR10_1.
    #[arg(long, value_name = "NAME")]
    dataset_unsup: Option<String>,

    /// Data set of the supervised phases: CIFAR10_50.
    #[arg(long, value_name = "NAME")]
    dataset_sup: Option<String>,

    /// Which blocks learn together.
    // The published README shortens it so.
    #[arg(long, value_enum, value_name = "MODE", alias = "train")]
    training_mode: Option<TrainingMode>,

    /// The blocks that learn (from 0) [default: all].
    #[arg(long, value_name = "BLOCK", num_args = 1.., value_delimiter = ',')]
    training_blocks: Option<Vec<usize>>,

    /// Take all blocks but the classifier from this run; each trial trains a classifier on them.
    #[arg(long, value_name = "RUN_DIR", conflicts_with = "training_blocks")]
    blocks_from: Option<PathBuf>,

    /// Change one key in all trials: dataset_sup.nb_epoch=5. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,

    /// Supervised phases hold out 20 % of the training images and test on them.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    validation_sup: Option<bool>,

    /// The same of the Hebbian phases.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    validation_unsup: Option<bool>,

    /// The seeds that each combination is run with, in place of the space's own: 0,1.
    #[arg(long, value_name = "SEED", num_args = 1.., value_delimiter = ',')]
    seeds: Option<Vec<u64>>,

    /// Draws of each place of the grid, for spaces with random values.
    #[arg(long, value_name = "N")]
    num_samples: Option<usize>,

    /// Seed of the draws: the same space and seed give the same trials.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// What trials are compared by: train_loss, train_acc, test_loss, test_acc, convergence or R1 [default: test_acc].
    #[arg(long, value_enum, value_name = "METRIC", hide_possible_values = true)]
    metric: Option<Metric>,

    /// Name of the search's folder [default: MODEL-CONFIG].
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    folder_name: Option<String>,

    /// Folder of all searches.
    #[arg(long, value_name = "DIR", default_value = "results/search")]
    search_dir: PathBuf,

    /// Go on with the search in this folder.
    #[arg(long, value_name = "DIR")]
    resume: Option<PathBuf>,

    /// With --resume: run failed trials again, too.
    #[arg(long, requires = "resume")]
    retry_failed: bool,

    /// With --resume: go on although space, network or data have changed.
    #[arg(long, requires = "resume")]
    accept_changes: bool,

    /// Trials at once [default: as many as cores and memory allow].
    #[arg(long, value_name = "N", value_parser = positive)]
    parallel: Option<usize>,

    /// Threads of all trials together [default: all cores].
    #[arg(long, value_name = "N", value_parser = positive)]
    threads: Option<usize>,

    /// Use the first N GPUs [default: all, where --device is auto or cuda].
    #[arg(long, value_name = "N", conflicts_with = "gpu_ids", alias = "gpu-exp")]
    gpus: Option<usize>,

    /// Use these GPUs.
    #[arg(long, value_name = "ID", value_delimiter = ',', num_args = 1..)]
    gpu_ids: Vec<usize>,

    /// Trials that share a GPU, a whole number.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    trials_per_gpu: usize,

    /// How often a trial that crashed or failed is started again. NaN and --timeout are not tried twice.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_retries: u32,

    /// How long a trial may run: 90s, 30m, 2h.
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<Duration>,

    /// End the search at the first trial that fails for good.
    #[arg(long)]
    fail_fast: bool,

    /// Keep each trial's trained network (checkpoint.safetensors).
    #[arg(long)]
    save_model: bool,

    /// Take and leave trained first blocks in results/layers.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    reuse_layers: Option<bool>,

    /// auto, cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceChoice>,

    /// How products are computed.
    #[arg(long, value_enum)]
    precision: Option<Precision>,

    /// Keep stored outputs of frozen blocks in files, not in memory.
    #[arg(long)]
    features_on_disk: bool,

    /// Keep nothing beside the data: neither decoded pictures nor whitenings; each trial makes both anew, in memory.
    #[arg(long)]
    no_cache: bool,

    /// Name of the model in tables [default: the preset's].
    #[arg(long, value_name = "NAME")]
    model_name: Option<String>,

    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Read presets and data sets from this file.
    #[arg(long, value_name = "FILE")]
    presets: Option<PathBuf>,

    /// Print a page about the sweep (space, number of trials, time and disk, first and last trials) and do nothing.
    #[arg(long)]
    dry_run: bool,

    /// With --dry-run: print all trials.
    #[arg(long, requires = "dry_run")]
    all: bool,

    /// With --dry-run: print JSON.
    #[arg(long, requires = "dry_run", conflicts_with = "all")]
    json: bool,

    /// Say only failures and the result.
    #[arg(short, long)]
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

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("a whole number of at least 1 is expected".to_string()),
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
        assert!(positive("0").is_err() && positive("1.5").is_err() && positive("2") == Ok(2));
    }
}
