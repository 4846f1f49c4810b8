//! `softhebb snn eval` and `softhebb snn show`: what a trained network can do and what it looks like.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::{load, pool};
use crate::cli::Usage;
use crate::cli::options::{FolderArgs, ForceArgs, ThreadArgs};
use crate::cli::resume::{self, Kind};
use crate::draw::write_png;
use crate::files::RunDir;
use crate::report::format::shell;
use crate::report::{Event, Hub, Tensorboard};
use crate::snn::checkpoint::{self, Progress};
use crate::snn::eval::{evaluate, fits};
use crate::snn::{Network, Plan, pictures};

/// The pictures of `show`, by their tags.
const DRAWN: [&str; 7] =
    ["templates", "weights", "raster/input", "raster/hidden", "raster/output", "potential/hidden", "potential/output"];

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Another data set of the same shape [default: the run's].
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    dataset: Option<String>,
    /// At most so many test images, from the first [default: all].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, help_heading = "Data")]
    limit: usize,
    // The older form of --limit, in batches.
    #[arg(long, value_name = "N", default_value_t = 0, hide = true, conflicts_with = "limit")]
    test_batches: usize,
    /// Steps an image [default: the run's].
    #[arg(long, value_name = "T")]
    steps: Option<usize>,
    /// Seed of the spikes [default: the run's].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    threads: ThreadArgs,
    /// Print JSON, with the table of confusions.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Which test image is the example.
    #[arg(long, value_name = "I", default_value_t = 0)]
    image: usize,
    /// Steps of the example.
    #[arg(long, value_name = "T", default_value_t = 30)]
    steps: usize,
    /// Inputs in the raster: those that spike most [default: all].
    #[arg(long, value_name = "N")]
    inputs: Option<usize>,
    /// Seed of the example's spikes.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    folder: FolderArgs,
    /// Name of the folder of the pictures below RUN/show [default: image-I].
    #[arg(long, value_name = "NAME", value_parser = crate::files::name, help_heading = "Results")]
    name: Option<String>,
    #[command(flatten)]
    force: ForceArgs,
}

/// A trained network, its plan and its progress.
fn open(run: &Path, folder: &FolderArgs) -> anyhow::Result<(RunDir, Plan, Network, Progress)> {
    let dir = RunDir::new(run);
    let mut plan: Plan = resume::read(&dir, Kind::Snn)?;
    plan.data_dir = folder.data_dir.clone().or(plan.data_dir);
    let (network, progress) = checkpoint::load(&dir, &plan.constants)?;
    Ok((dir, plan, network, progress))
}

/// Scores a run's network.
///
/// # Errors
/// When the run, its data or the screen fail.
pub fn eval(args: &EvalArgs) -> anyhow::Result<()> {
    let (dir, mut plan, _, progress) = open(&args.run, &args.folder)?;
    plan.test_batches = args.test_batches;
    plan.dataset = args.dataset.clone().unwrap_or(plan.dataset);
    plan.constants.steps = args.steps.unwrap_or(plan.constants.steps);
    let (network, _) = checkpoint::load(&dir, &plan.constants)?;
    // Other images fit where they are of the same size.
    let instead = format!("softhebb snn eval {} --dataset FashionMini", shell(&args.run.display().to_string()));
    let instead = (network.inputs() == 28 * 28).then_some(instead.as_str());
    let mut data = load(&plan, args.folder.download, instead)?;
    if args.limit > 0 {
        data.test.truncate(args.limit);
    }
    let seed = args.seed.unwrap_or(plan.seed);
    let pool = pool(args.threads.count())?;
    let clock = Instant::now();
    let score = pool.install(|| evaluate(&network, data.test_images(), &data.test, seed))?;
    let speed = score.images as f64 / clock.elapsed().as_secs_f64().max(1e-9);
    let mut out = io::stdout().lock();
    if args.json {
        let value = json!({
            "run": args.run, "dataset": plan.dataset, "epochs": progress.epochs, "accuracy": score.accuracy(),
            "images_per_second": speed, "threads": pool.current_num_threads(), "score": score,
        });
        writeln!(out, "{value:#}")?;
        return Ok(());
    }
    let (accuracy, of) = (score.accuracy().unwrap_or(f64::NAN), if data.held_out { "held-out" } else { "test" });
    let (images, name, silent) = (score.images, &plan.dataset, score.silent);
    writeln!(out, "{accuracy:.2} % of {images} {of} images of {name}; no output fired for {silent}")?;
    let threads = pool.current_num_threads();
    writeln!(out, "{speed:.0} images/s on {threads} threads, after {} epochs", progress.epochs)?;
    Ok(())
}

/// Draws a run's network and an example.
///
/// # Errors
/// When the run, its data or its folder fail.
pub fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let (dir, plan, network, progress) = open(&args.run, &args.folder)?;
    if args.steps == 0 || args.steps > 1000 || args.inputs == Some(0) {
        return Err(Usage("--steps must be 1 to 1000 and --inputs at least 1".into()).into());
    }
    let folder = dir.findings("show", &args.name.clone().unwrap_or_else(|| format!("image-{}", args.image)));
    let file = |tag: &str| folder.join(format!("{}.png", tag.replace('/', "-")));
    args.force.check(&DRAWN.map(file), "--name NAME")?;
    let data = load(&plan, args.folder.download, None)?;
    let images = &data.dataset.test;
    fits(&network, images)?;
    if args.image >= images.len() {
        return Err(Usage(format!("--image is {}, there are {} test images", args.image, images.len())).into());
    }
    let example = pictures::example(&network, images.image(args.image), args.steps, args.seed);
    let class = |c: usize| data.dataset.classes.get(c).cloned().unwrap_or_default();
    let label = images.labels[args.image] as usize; // fits: a class
    let of = format!("test image {}: {}, found {}", args.image, class(label), class(example.predicted));
    let inputs = args.inputs.unwrap_or(network.inputs());
    let mut all = pictures::of_weights(&network, &data.dataset);
    all.extend(pictures::of_example(&network, &example, inputs, &data.dataset.classes, &of));
    let mut hub = Hub::new();
    hub.add(Tensorboard::new(&dir));
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "test image {}: true class {label} ({}), found {} ({})",
        args.image,
        class(label),
        example.predicted,
        class(example.predicted)
    )?;
    for (tag, picture) in all {
        write_png(&file(&tag), &picture)?;
        writeln!(out, "{}", file(&tag).display())?;
        hub.send(Event::Image { tag, global_step: progress.epochs, picture })?;
    }
    hub.close()?;
    writeln!(out, "next, the same in a browser:  tensorboard --logdir {}", shell(&dir.root().display().to_string()))?;
    Ok(())
}
