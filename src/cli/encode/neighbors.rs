//! `softhebb encode neighbors`.

use std::io::{self, Write};

use clap::Args;
use rand::seq::index;

use super::look::{FindingsArgs, Look, LookArgs, write_table};
use crate::cli::Usage;
use crate::device;
use crate::draw::write_png;
use crate::encoder::{Features, neighbors, pictures};

/// Images up to which the matrix of all similarities is written without being asked for.
const MATRIX: usize = 5000;
/// Cells of the heat map, across and down, at most.
const HEAT: usize = 1000;

/// Arguments of `neighbors`.
#[derive(Debug, Args)]
pub struct NeighborsArgs {
    /// Images to ask about, drawn by the seed; each is a row of the grid.
    #[arg(long, value_name = "N", default_value_t = 10)]
    rows: usize,
    /// Similar images of each.
    #[arg(long, value_name = "N", default_value_t = 5)]
    k: usize,
    /// Ask about every image in neighbors.csv; the grid stays as it is.
    #[arg(long)]
    all: bool,
    /// Write the matrix of all similarities, however large (4·N² bytes) [default: up to 5000 images].
    #[arg(long)]
    matrix: bool,
    /// Pixels of an image in the grid.
    #[arg(long, value_name = "PIXELS", default_value_t = 96)]
    picture: u32,
    /// Seed of the choice.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    findings: FindingsArgs,
}

/// Finds, draws and writes.
///
/// # Errors
/// When the run, the images or the files fail.
pub fn run(args: &NeighborsArgs) -> anyhow::Result<()> {
    for (name, value, high) in
        [("--rows", args.rows, 100), ("--k", args.k, 100), ("--picture", args.picture as usize, 512)]
    {
        if value == 0 || value > high {
            return Err(Usage(format!("{name} is {value}, but it must be 1 to {high}")).into());
        }
    }
    let mut look = args.look.open("neighbors")?;
    let files = ["grid.png", "neighbors.csv", "similarity.png", "similarity.npy"];
    let folder = args.findings.folder(&look, "neighbors", &files)?;
    let features = look.trained(&folder.join("features.npy"))?;
    look.hub.close()?;
    let n = features.len();
    let mut rng = device::rng(args.seed, &["neighbors".into()]);
    let asked: Vec<u32> = index::sample(&mut rng, n, args.rows.min(n)).into_iter().map(|i| i as u32).collect();
    let found = neighbors::nearest(&features, &asked, args.k)?;
    let grid = folder.join("grid.png");
    write_png(&grid, &pictures::rows_of_similar(&look.source, &features, &asked, &found, args.picture))?;
    let every: Vec<u32> = if args.all { (0..n as u32).collect() } else { asked };
    let found = if args.all { neighbors::nearest(&features, &every, args.k)? } else { found };
    let table = folder.join("neighbors.csv");
    let names = features.names(&look.source);
    let rows = every.iter().zip(&found).flat_map(|(own, list)| {
        let row = |(rank, (j, s)): (usize, &(u32, f32))| {
            vec![names[*own as usize].into(), (rank + 1).to_string(), names[*j as usize].into(), s.to_string()]
        };
        list.iter().enumerate().map(row).collect::<Vec<Vec<String>>>()
    });
    write_table(&table, &["file", "rank", "neighbor", "cosine"], rows)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {} images and the {} most similar to each", grid.display(), args.rows.min(n), args.k)?;
    writeln!(out, "{}: their names and cosines", table.display())?;
    similarity(args, &look, &features, &folder, &mut out)
}

/// The heat map and the matrix.
fn similarity(
    args: &NeighborsArgs,
    look: &Look,
    features: &Features,
    folder: &std::path::Path,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    // Classes together, where there are any: blocks on the diagonal are classes that are alike.
    let mut order: Vec<u32> = (0..features.len() as u32).collect();
    if let Some(classes) = features.classes(&look.source) {
        order.sort_by_key(|i| classes[*i as usize]);
    }
    let heat = folder.join("similarity.png");
    let (side, cells) = neighbors::blocks(features, &order, HEAT)?;
    let low = cells.iter().copied().fold(f32::INFINITY, f32::min);
    let high = cells.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    write_png(&heat, &pictures::similarity(&look.source, features, cells, side))?;
    writeln!(out, "{}: cosines of all pairs, {low:.3} (dark) to {high:.3} (light)", heat.display())?;
    let matrix = folder.join("similarity.npy");
    if args.matrix || features.len() <= MATRIX {
        neighbors::write_matrix(features, &matrix)?;
        writeln!(out, "{}: the same, unrounded, in the order of the images", matrix.display())?;
    } else {
        writeln!(out, "note: the matrix of {} images is written with --matrix only", features.len())?;
    }
    Ok(())
}
