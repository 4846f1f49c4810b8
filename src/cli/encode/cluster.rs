//! `softhebb encode cluster`.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use rand::seq::index;
use serde::Serialize;

use super::look::{FindingsArgs, Look, LookArgs, write_table};
use crate::cli::Usage;
use crate::device;
use crate::draw::write_png;
use crate::encoder::features::By;
use crate::encoder::layout::{self, Layout};
use crate::encoder::{EncoderError, Features, neighbors, pictures, projector, scores};
use crate::files::write_atomic;
use crate::report::format::shell;

/// Images of which the silhouette and the nearest neighbours are taken at most; more are drawn by the seed.
const SAMPLE: usize = 5000;
/// Neighbours whose classes are looked at.
const NEIGHBORS: usize = 5;

/// Arguments of `cluster`.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// Clusters.
    #[arg(long, value_name = "N", default_value_t = 8)]
    clusters: usize,
    /// Pixels of the canvas, across and down.
    #[arg(long, value_name = "PIXELS", default_value_t = 2500)]
    canvas: u32,
    /// Pixels of an image on the canvas [default: such that all cover half of it].
    #[arg(long, value_name = "PIXELS")]
    picture: Option<u32>,
    /// How images are placed.
    #[arg(long, value_enum, default_value_t)]
    layout: Layout,
    /// Leave out the comparison with raw pixels and with an untrained encoder.
    #[arg(long)]
    no_baselines: bool,
    /// Seed of clusters and places.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    findings: FindingsArgs,
}

/// A row of the comparison.
#[derive(Debug, Serialize)]
struct Score {
    features: &'static str,
    silhouette: Option<f64>,
    nmi: Option<f64>,
    purity: Option<f64>,
    same_class: Option<f64>,
}

/// Clusters, draws and compares.
///
/// # Errors
/// When the run, the images or the files fail.
pub fn run(args: &ClusterArgs) -> anyhow::Result<()> {
    if args.clusters == 0 || args.clusters > 10_000 {
        return Err(Usage(format!("--clusters is {}, but it must be 1 to 10000", args.clusters)).into());
    }
    pictures::check_canvas(args.canvas, args.picture.unwrap_or(1))?;
    let mut look = args.look.open("cluster")?;
    // The projector's files are of the same name, so these stand for them.
    let files = ["canvas.png", "clusters.csv", "scores.json"];
    let folder = args.findings.folder(&look, "cluster", &files)?;
    let features = look.trained(&folder.join("features.npy"))?;
    let clusters = layout::clusters(&features, args.clusters, args.seed)?;
    let places = layout::place(&features, args.layout, args.seed)?;
    let side = args.picture.unwrap_or_else(|| pictures::side_on(args.canvas, features.len()));
    let canvas = folder.join("canvas.png");
    let by = if args.layout == Layout::Umap { "UMAP" } else { "PCA" };
    let title = format!("{} images of {}, placed by {by}, framed by cluster", features.len(), look.source.stem);
    let sides = [args.canvas, side];
    write_png(&canvas, &pictures::canvas(&title, &look.source, &features, &places, &clusters, sides))?;
    let names = features.names(&look.source);
    let rows = names.iter().zip(&places).zip(&clusters);
    let rows = rows.map(|((name, [x, y]), c)| vec![(*name).into(), x.to_string(), y.to_string(), c.to_string()]);
    let table = folder.join("clusters.csv");
    write_table(&table, &["file", "x", "y", "cluster"], rows)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let projector = projector::write(&look.dir, &name, &look.source, &features, &clusters)?;
    let scores = compare(args, &mut look, &features, &clusters, &folder)?;
    look.hub.close()?;
    let text = serde_json::to_string_pretty(&serde_json::json!({
        "clusters": args.clusters, "seed": args.seed, "layout": args.layout, "images": features.len(), "scores": scores,
    }))?;
    write_atomic(&folder.join("scores.json"), |out| writeln!(out, "{text}"))?;
    let mut out = io::stdout().lock();
    print(&mut out, &scores)?;
    writeln!(out, "{}: {} images placed by {by}, framed by cluster", canvas.display(), features.len())?;
    writeln!(out, "{}: file, x, y, cluster", table.display())?;
    let root = shell(&look.dir.root().display().to_string());
    writeln!(out, "{}: the embedding; next, turn it:  tensorboard --logdir {root}", projector.display())?;
    Ok(())
}

/// Scores of the trained encoder, an untrained one and raw pixels.
fn compare(
    args: &ClusterArgs,
    look: &mut Look,
    trained: &Features,
    clusters: &[u32],
    folder: &Path,
) -> anyhow::Result<Vec<Score>> {
    let mut all = vec![score("trained", look, trained, clusters, args.seed)?];
    if args.no_baselines {
        return Ok(all);
    }
    let path = folder.join("baseline.npy");
    let untrained = look.plan.encoder()?.to_device(look.device);
    for (name, by) in [("untrained", By::Encoder(&untrained)), ("pixels", By::Pixels)] {
        let features = look.features(by, &path)?;
        let clusters = layout::clusters(&features, args.clusters, args.seed)?;
        all.push(score(name, look, &features, &clusters, args.seed)?);
    }
    let _ = std::fs::remove_file(path); // a baseline's rows serve nothing else
    Ok(all)
}

fn score(
    name: &'static str,
    look: &Look,
    features: &Features,
    clusters: &[u32],
    seed: u64,
) -> Result<Score, EncoderError> {
    let n = features.len();
    let mut rng = device::rng(seed, &["scores".into()]);
    let mut sample: Vec<u32> = index::sample(&mut rng, n, SAMPLE.min(n)).into_iter().map(|i| i as u32).collect();
    sample.sort_unstable();
    let of = |list: &[u32]| -> Vec<u32> { sample.iter().map(|i| list[*i as usize]).collect() };
    let doing = "the silhouette";
    let silhouette = device::guard(doing, || scores::silhouette(&features.rows(&sample), &of(clusters)))?;
    let classes = features.classes(&look.source).filter(|c| c.iter().any(|x| *x != c[0]));
    let same_class = match &classes {
        Some(classes) => {
            let found = neighbors::nearest(features, &sample, NEIGHBORS)?;
            Some(scores::same_class(&sample, &found, classes))
        }
        None => None,
    };
    let of_classes = |f: fn(&[u32], &[u32]) -> f64| classes.as_ref().map(|c| f(clusters, c));
    let (nmi, purity) = (of_classes(scores::nmi), of_classes(scores::purity));
    Ok(Score { features: name, silhouette, nmi, purity, same_class })
}

fn print(out: &mut impl Write, scores: &[Score]) -> io::Result<()> {
    let classes = scores.iter().any(|s| s.nmi.is_some());
    let head =
        if classes { format!("{:>8}{:>9}{:>22}", "NMI", "purity", "5 nearest, same class") } else { String::new() };
    writeln!(out, "{:<11}{:>11}{head}", "features", "silhouette")?;
    let number = |x: Option<f64>| x.map_or("-".to_string(), |x| format!("{x:.3}"));
    for s in scores {
        write!(out, "{:<11}{:>11}", s.features, number(s.silhouette))?;
        if classes {
            write!(out, "{:>8}{:>9}{:>22}", number(s.nmi), number(s.purity), number(s.same_class))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
