//! `softhebb snn`: the two-layer spiking network; arguments to a plan, a plan to a run.

mod bench;
mod constants;
mod look;
mod train;

use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::files::{FileError, RunDir};
use crate::snn::Plan;

/// A two-layer spiking network with Hebbian rules: train it, score it, look at it.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct SnnArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network on a data set and score it.
    Train(Box<train::TrainArgs>),
    /// Score a trained network on test images.
    Eval(look::EvalArgs),
    /// Pictures of a trained network: class templates, weights, spikes and potentials of an example.
    Show(look::ShowArgs),
    /// Measure the sparse network against the loop written out line by line, on this machine.
    Bench(Box<bench::BenchArgs>),
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &SnnArgs) -> anyhow::Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match &args.command {
        Command::Train(args) => train::run(args),
        Command::Eval(args) => look::eval(args).map(done),
        Command::Show(args) => look::show(args).map(done),
        Command::Bench(args) => bench::run(args).map(done),
    }
}

/// The plan of a run.
fn read_plan(dir: &RunDir) -> anyhow::Result<Plan> {
    let path = dir.config();
    let hint = "hint: RUN is the folder that `softhebb snn train` left, with its config.json";
    let text = fs::read_to_string(&path).map_err(FileError::read(&path)).map_err(|e| anyhow::anyhow!("{e}\n{hint}"))?;
    serde_json::from_str(&text)
        .map_err(|e| anyhow::anyhow!("{} is not the plan of an `snn` run: {e}\n{hint}", path.display()))
}

/// So many threads; 0: as many as there are cores.
fn pool(threads: usize) -> anyhow::Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")
}
