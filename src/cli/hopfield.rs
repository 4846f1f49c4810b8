//! `softhebb hopfield`: associative memory; arguments to a plan, a plan to a run folder.

mod bench;
mod capacity;
mod forget;
mod recall;
mod run;
mod score;
mod settings;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Hopfield networks: store patterns, recall them from noise, measure capacity, unlearn.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct HopfieldArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Store images of some classes and recall them from other images and from noise.
    Recall(Box<recall::RecallArgs>),
    /// Error of recall against load P/N, for each rule, with random patterns.
    Capacity(Box<capacity::CapacityArgs>),
    /// Store images, unlearn one by the anti-Hebbian rule, recall before and after.
    Forget(Box<forget::ForgetArgs>),
    /// Measure batches against this machine's own large product, and asynchronous sweeps against their plain form.
    Bench(bench::BenchArgs),
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &HopfieldArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Recall(args) => recall::run(args),
        Command::Capacity(args) => capacity::run(args),
        Command::Forget(args) => forget::run(args),
        Command::Bench(args) => bench::run(args).map(|()| ExitCode::SUCCESS),
    }
}
