//! What `softhebb plot` is told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::options::{FolderArgs, ForceArgs, MachineArgs};
use crate::plane::Umap;

/// Pictures of a trained network: its filters, what excites its units, how it sees the classes.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct PlotArgs {
    #[command(subcommand)]
    pub(super) what: What,
}

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// The first layer's filters.
    Filters(FiltersArgs),
    /// Inputs that excite a layer's units most, by projected gradient ascent through the network.
    ReceptiveFields(FieldsArgs),
    /// A layer's outputs for the test images in two dimensions (PCA to 100, then UMAP), coloured by class.
    Embedding(EmbeddingArgs),
    /// The patches of test images that excite a layer's units most.
    Patches(PatchesArgs),
}

/// What all of them are told.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// The folder of the run, a checkpoint in it, or a search's folder (its best trial).
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// The network of the best validation score (`run --keep best`), not the last one.
    #[arg(long)]
    pub(super) best: bool,
    /// The block, from 0 [default: the last that is not the classifier].
    #[arg(long, value_name = "B")]
    pub(super) block: Option<usize>,
    /// The files, without their endings; or a folder for them [default: RUN/pictures/NAME].
    #[arg(short, long, value_name = "PATH", help_heading = "Results")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) force: ForceArgs,
    #[command(flatten)]
    pub(super) machine: MachineArgs,
}

/// Which images.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(super) struct Images {
    /// Another data set of the same shape, with its configuration [default: the run's].
    #[arg(long, value_name = "NAME")]
    pub(super) dataset: Option<String>,
    /// At most so many test images, from the first.
    #[arg(long, value_name = "N", default_value_t = 10_000, alias = "images", value_parser = crate::cli::number::count::<usize>)]
    pub(super) limit: usize,
    #[command(flatten)]
    pub(super) folder: FolderArgs,
}

/// Which units come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Order {
    /// Those whose weights vary least within a filter: as weights shrink to radius 1, the units that learned.
    Learned,
    /// As they are numbered.
    Index,
}

#[derive(Debug, Args)]
pub(super) struct FiltersArgs {
    /// Which units come first.
    #[arg(long, value_enum, default_value = "learned")]
    pub(super) order: Order,
    /// At most so many units, from the first.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = crate::cli::number::count::<usize>)]
    pub(super) units: usize,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct FieldsArgs {
    /// Which units come first.
    #[arg(long, value_enum, default_value = "learned")]
    pub(super) order: Order,
    /// At most so many units, from the first.
    #[arg(long, value_name = "N", default_value_t = 72, value_parser = crate::cli::number::count::<usize>)]
    pub(super) units: usize,
    /// Steps of the ascent.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = crate::cli::number::count::<usize>)]
    pub(super) steps: usize,
    /// Contrast of the input: the root mean square of its difference from the mean image, whose pixels are in [0, 1].
    #[arg(long, value_name = "X", default_value_t = 0.2)]
    pub(super) contrast: f64,
    /// Seed of the noise that the ascent begins with.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct EmbeddingArgs {
    /// Neighbours of a point.
    #[arg(long, value_name = "K", default_value_t = Umap::default().neighbours, alias = "neighbours", value_parser = crate::cli::number::count::<usize>)]
    pub(super) neighbors: usize,
    /// Rounds of the layout.
    #[arg(long, value_name = "N", default_value_t = Umap::default().epochs, value_parser = crate::cli::number::count::<usize>)]
    pub(super) epochs: usize,
    /// Seed of the layout.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) images: Images,
}

#[derive(Debug, Args)]
pub(super) struct PatchesArgs {
    /// The units [default: the five whose weights vary least within a filter].
    #[arg(long, value_name = "UNIT", num_args = 1.., value_delimiter = ',')]
    pub(super) units: Option<Vec<i64>>,
    /// Patches a unit.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = crate::cli::number::count::<usize>)]
    pub(super) count: usize,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) images: Images,
}
