//! `softhebb encode`: the deep Hebbian image encoder; arguments to a plan, a plan to a run, a run to pictures.

mod bench;
mod cluster;
mod features;
mod look;
mod neighbors;
mod source;
mod train;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::options::{IN_RUN, written};

/// Arrange images by likeness, learned without labels: train an encoder, embed, cluster, find neighbours.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct EncodeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train an encoder on a folder, a sprite sheet or a data set.
    Train(Box<train::TrainArgs>),
    /// Write the encoder's output of each image as rows of length one.
    Features(features::FeaturesArgs),
    /// Cluster images and draw them at their places on one canvas.
    Cluster(Box<cluster::ClusterArgs>),
    /// Draw the images most similar to some, and the similarity of all.
    Neighbors(neighbors::NeighborsArgs),
    /// Measure an epoch against the published (C, N, N) form, on this machine.
    Bench(Box<bench::BenchArgs>),
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &EncodeArgs) -> anyhow::Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match &args.command {
        Command::Train(args) => train::run(args),
        Command::Features(args) => features::run(args).map(done),
        Command::Cluster(args) => cluster::run(args).map_err(written(IN_RUN)).map(done),
        Command::Neighbors(args) => neighbors::run(args).map_err(written(IN_RUN)).map(done),
        Command::Bench(args) => bench::run(args).map(done),
    }
}
