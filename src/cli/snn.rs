//! `softhebb snn`: the two-layer spiking network; arguments to a plan, a plan to a run.

mod bench;
mod constants;
mod look;
mod train;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::images;
use super::options::{IN_RUN, written};
use crate::snn::Plan;
use crate::snn::train::RunData;

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
        Command::Show(args) => look::show(args).map_err(written(IN_RUN)).map(done),
        Command::Bench(args) => bench::run(args).map(done),
    }
}

/// Reads the data set of a plan, downloaded if it is missing and may be; `instead` is a command that does the same without it.
fn load(plan: &Plan, download: bool, instead: Option<&str>) -> anyhow::Result<RunData> {
    images::load(download, plan.data_dir.as_deref(), instead, || Ok(RunData::load(plan)?))
}

/// So many threads; 0: as many as there are cores.
fn pool(threads: usize) -> anyhow::Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")
}
