//! `softhebb snn`: the two-layer spiking network.

mod args;
mod bench;
mod show;
mod train;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Train, score and look at a two-layer spiking network with Hebbian rules.
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
    /// Score a trained network.
    Eval(show::EvalArgs),
    /// Pictures of a trained network: class templates, weights, spikes and potentials of an example.
    Show(show::ShowArgs),
    /// Measure the speed against the loop written out, on this machine.
    Bench(bench::BenchArgs),
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &SnnArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Train(args) => train::run(args),
        Command::Eval(args) => show::eval(args).map(|()| ExitCode::SUCCESS),
        Command::Show(args) => show::run(args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => bench::run(args).map(|()| ExitCode::SUCCESS),
    }
}
