//! `softhebb post-hoc`: train a layer and its classifier, then the layer anew while the classifier is asked at each batch.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::Usage;
use super::run::{self, Finished, RunArgs};
use crate::draw::chart::{Chart, Series};
use crate::draw::scene::Scene;
use crate::files::{FileError, RunDir, write_atomic};
use crate::report::format::shell;
use crate::train::post_hoc::{self, Point};

/// Points of the drawn curve.
const DRAWN: usize = 60;
/// Size of the figure, pixels.
const FIGURE: [u32; 2] = [860, 380];

/// The loss of a classifier while the layer under it learns, batch by batch.
#[derive(Debug, Args)]
pub struct PostHocArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Draw the curves of these earlier runs beside this one's.
    #[arg(long, value_name = "RUN", num_args = 1.., help_heading = "Output")]
    beside: Vec<PathBuf>,
}

/// The file of the curve in a run's folder.
fn curve(dir: &RunDir) -> PathBuf {
    dir.root().join("post-hoc.csv")
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &mut PostHocArgs) -> anyhow::Result<ExitCode> {
    for other in &args.beside {
        read(&RunDir::new(other))?; // a wrong name is better known now than in an hour
    }
    run::settle_post_hoc(&mut args.run)?;
    let beside = std::mem::take(&mut args.beside);
    run::run_then(&args.run, "post-hoc", &mut |finished| third_part(finished, &beside))
}

/// The third part, its table and its figure.
fn third_part(finished: Finished, beside: &[PathBuf]) -> anyhow::Result<bool> {
    let Finished { plan, mut network, data, stop } = finished;
    post_hoc::check(plan)?;
    let phase = post_hoc::phase(plan);
    let batches = data.unsup.train.rows.len().div_ceil(phase.batch_size as usize) as u64 * phase.epochs;
    let quiet = !crate::report::has_screen();
    let mut err = io::stderr().lock();
    writeln!(err, "the first layer anew, {batches} batches of {}", phase.batch_size)?;
    let (mut told, mut sum) = (0, [0.0, 0.0, 0.0]);
    let mut each = |p: &Point| {
        sum = [sum[0] + p.loss, sum[1] + p.accuracy, sum[2] + 1.0];
        let tenth = p.step * if quiet { 10 } else { 100 } / batches.max(1);
        if tenth > told {
            told = tenth;
            let line = format!(
                "  batch {} of {batches}: loss {:.4}, accuracy {:.2} %",
                p.step,
                sum[0] / sum[2],
                sum[1] / sum[2]
            );
            // A closed standard error does not stop a measurement.
            let _ = if quiet { writeln!(err, "{line}") } else { write!(err, "\r{line}  ").and_then(|()| err.flush()) };
            sum = [0.0; 3];
        }
    };
    let points = post_hoc::retrain(plan, &mut network, &data, stop, &mut each)?;
    if !quiet {
        let _ = writeln!(err);
    }
    let dir = RunDir::new(&plan.folder);
    let Some(points) = points else {
        let again = shell(&plan.folder.display().to_string());
        if plan.save {
            writeln!(io::stdout(), "next, go on:  softhebb post-hoc --resume all --run-dir {again}")?;
        }
        return Ok(false);
    };
    let out = &mut io::stdout().lock();
    let ends = post_hoc::smoothed(&points, 10);
    if let (Some(first), Some(last)) = (ends.first(), ends.last()) {
        writeln!(
            out,
            "post-hoc loss {:.4} in the first tenth, {:.4} in the last; accuracy {:.2} % and {:.2} %",
            first.loss, last.loss, first.accuracy, last.accuracy
        )?;
    }
    if !plan.save {
        return Ok(true);
    }
    write(&curve(&dir), &points)?;
    let mut all = vec![(name(&dir), points)];
    for other in beside {
        let other = RunDir::new(other);
        all.push((name(&other), read(&other)?));
    }
    writeln!(out, "  curve        {}", curve(&dir).display())?;
    for path in figure(&all).write(&dir.root().join("pictures").join("post-hoc"))? {
        writeln!(out, "  figure       {}", path.display())?;
    }
    Ok(true)
}

/// The model's name without the ending that this command gave it.
fn name(dir: &RunDir) -> String {
    let model = dir.root().parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    model.strip_suffix(run::POST_HOC).unwrap_or(&model).to_string()
}

fn write(path: &Path, points: &[Point]) -> Result<(), FileError> {
    write_atomic(path, |out| {
        let mut table = csv::Writer::from_writer(out);
        points.iter().try_for_each(|p| table.serialize(p))?;
        table.flush()
    })
}

fn read(dir: &RunDir) -> anyhow::Result<Vec<Point>> {
    let path = curve(dir);
    let mut table = csv::Reader::from_path(&path).map_err(|e| {
        let hint = "hint: --beside names the folder that an earlier `softhebb post-hoc` left";
        Usage(format!("there is no curve of a post-hoc run in {}: {e}\n{hint}", dir.root().display()))
    })?;
    let mut points = Vec::new();
    for row in table.deserialize::<(u64, u64, f64, f64)>() {
        let (step, images, loss, accuracy) = row.with_context(|| format!("{} is not a curve", path.display()))?;
        points.push(Point { step, images, loss, accuracy });
    }
    Ok(points)
}

/// Loss at the left, accuracy at the right.
fn figure(all: &[(String, Vec<Point>)]) -> Scene {
    let chart = |y: &str, of: fn(&Point) -> f64| Chart {
        x: "training images".into(),
        y: y.into(),
        series: all
            .iter()
            .map(|(name, points)| {
                let drawn = post_hoc::smoothed(points, DRAWN);
                Series {
                    name: name.clone(),
                    points: drawn.iter().map(|p| [p.images as f64, of(p)]).collect(),
                    ..Series::default()
                }
            })
            .collect(),
        ..Chart::default()
    };
    let mut scene = Scene::new(FIGURE[0], FIGURE[1]);
    let half = f64::from(FIGURE[0]) / 2.0;
    let height = f64::from(FIGURE[1]);
    let left = Chart { title: "post-hoc cross entropy".into(), ..chart("cross entropy", |p| p.loss) };
    left.draw(&mut scene, [0.0, 0.0, half, height]);
    let right = Chart { title: "accuracy".into(), ..chart("accuracy, %", |p| p.accuracy) };
    right.draw(&mut scene, [half, 0.0, half, height]);
    scene
}
