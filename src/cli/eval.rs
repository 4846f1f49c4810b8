//! `softhebb eval`: a trained network's accuracy, class by class.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Args;
use serde_json::{Value, json};

use super::progress::said;
use super::provenance;
use super::run::{INTERRUPTED, stop_flag};
use super::trained::{Found, LookArgs};
use crate::files::{FileError, RunDir, write_atomic};
use crate::report::format::{count, percent};
use crate::study::choice;
use crate::study::confusion::{Confusion, wilson};
use crate::study::draw;
use crate::study::eval::{self, Predictions, Readout};

/// Classes up to which the whole table is printed.
const PRINTED: usize = 20;
/// Rows that are printed of what has more.
const SOME: usize = 10;

/// Score a trained network: accuracy with its interval, classes, confusions.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct EvalArgs {
    #[command(flatten)]
    look: LookArgs,

    /// Write over an earlier result of the same images [default: into a new folder, NAME-2].
    #[arg(long, help_heading = "Output")]
    force: bool,

    /// Print the result as JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// When the run, its data or the files fail.
pub fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let stop = stop_flag()?;
    let (look, found) = (&args.look, Found::new(&args.look.run, args.look.best)?);
    let (mut network, kept) = found.network(look.device, look.threads)?;
    let stand = eval::stand(&found.plan, kept.progress.as_ref())?;
    let in_units = matches!(stand.readout, Readout::Units(_));
    let chosen = choice::choose(&found.plan, Some(stand.phase), look.dataset.as_deref(), look.split, in_units)?;
    let mut data = look.load(&found.plan, &chosen, network.device(), &stop)?;
    let at = choice::rows(&data, look.split, look.limit())?;
    let (of, batch) = (at.rows.len(), usize::try_from(look.batch_size).unwrap_or(500));
    let mut progress = |done| {
        said(done, of, "images");
        !stop.load(Ordering::Relaxed)
    };
    let Some(p) = eval::predict(&mut network, stand, &mut data, &at, batch, &mut progress)? else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let folders = data.banks[at.bank].files(&[])?.map(|(classes, _)| classes);
    let names = choice::class_names(&chosen.shown, folders.as_deref());
    let classes = usize::try_from(found.plan.network.classes).unwrap_or(0);
    let confusion = Confusion::new(classes, p.labels.iter().copied().zip(p.named.iter().copied()));
    let title = found.title(&kept);
    let folder = match args.force {
        true => RunDir::new(found.dir.findings("eval", &look.stem(&chosen))),
        false => {
            let first = found.dir.findings("eval", &look.stem(&chosen));
            let stem = first.file_name().unwrap_or_default().to_string_lossy().into_owned();
            RunDir::create(first.parent().unwrap_or(found.dir.root()), &stem)?
        }
    };
    let ids: Vec<u32> = p.rows.iter().map(|row| data.ids[at.bank][*row as usize]).collect();
    let summary = json!({
        "run": found.dir.root(),
        "network": found.file,
        "trial": found.trial,
        "model": found.plan.model,
        "seed": found.plan.seed,
        "epoch": kept.progress.as_ref().map(|p| p.global_epoch),
        "finished": kept.progress.as_ref().is_none_or(|p| p.phase >= found.plan.phases.len()),
        "validation_acc": kept.best.as_ref().map(|b| b.validation_acc),
        "readout": match stand.readout {
            Readout::Classifier => "classifier".to_string(),
            Readout::Units(block) => format!("labels of the units of block {block}"),
        },
        "dataset": chosen.shown.config,
        "split": look.split.name(),
        "images": confusion.n(),
        "unlabelled": at.rows.len() - p.rows.len(),
        "correct": confusion.correct(),
        "accuracy": confusion.accuracy(),
        "interval": wilson(confusion.correct(), confusion.n()),
        "top5": top5(&p, &confusion),
        "loss": p.loss,
        "classes": (0..classes).map(|i| class_row(i, &confusion, &names)).collect::<Vec<_>>(),
        "folder": folder.root(),
    });
    write(&folder, &summary, &confusion, &names, &ids, &p)?;
    let images = format!("{} {}", chosen.shown.config, look.split.name());
    let (right, n) = (percent(confusion.accuracy()), count(confusion.n()));
    let about = format!("{}, {images}: {right} of {n} images right", found.plan.model);
    let scene = draw::confusion(&about, &confusion, &names);
    let pictures = scene.write(&folder.root().join("confusion"))?;
    provenance::record(&folder, network.device())?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{summary:#}")?;
        return Ok(ExitCode::SUCCESS);
    }
    out.write_all(text(&title, &images, &p, &confusion, &names).as_bytes())?;
    for name in ["summary.json", "classes.csv", "confusion.csv", "predictions.csv"] {
        writeln!(out, "  {}", folder.root().join(name).display())?;
    }
    pictures.iter().try_for_each(|path| writeln!(out, "  {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The share of images whose label is among the five largest outputs, where five are few.
fn top5(p: &Predictions, c: &Confusion) -> Option<f64> {
    p.top5.filter(|_| c.classes() > SOME).map(|n| 100.0 * n as f64 / c.n().max(1) as f64)
}

fn class_row(i: usize, c: &Confusion, names: &[String]) -> Value {
    json!({"class": i, "name": names.get(i), "n": c.of_class(i), "accuracy": c.recall(i), "precision": c.precision(i)})
}

fn cell(share: Option<f64>) -> String {
    share.map(|x| x.to_string()).unwrap_or_default()
}

/// Tables for those who go on with them.
fn write(
    folder: &RunDir,
    summary: &Value,
    c: &Confusion,
    names: &[String],
    ids: &[u32],
    p: &Predictions,
) -> Result<(), FileError> {
    let n = c.classes();
    let head = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let name = |i: usize| names.get(i).cloned().unwrap_or_else(|| i.to_string());
    let path = |name: &str| folder.root().join(name);
    let classes = (0..n)
        .map(|i| vec![i.to_string(), name(i), c.of_class(i).to_string(), cell(c.recall(i)), cell(c.precision(i))]);
    table(&path("classes.csv"), head(&["class", "name", "n", "accuracy", "precision"]), classes)?;
    let columns = std::iter::once("class".to_string()).chain((0..n).map(name)).collect();
    let counts = (0..n).map(|i| std::iter::once(name(i)).chain((0..n).map(|j| c.count(i, j).to_string())).collect());
    table(&path("confusion.csv"), columns, counts)?;
    let each = ids.iter().zip(&p.labels).zip(&p.named);
    let each = each.map(|((id, label), named)| vec![id.to_string(), label.to_string(), named.to_string()]);
    table(&path("predictions.csv"), head(&["image", "label", "predicted"]), each)?;
    write_atomic(&path("summary.json"), |out| writeln!(out, "{summary:#}"))
}

/// Writes a table as CSV.
pub(super) fn table(path: &Path, head: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> Result<(), FileError> {
    write_atomic(path, |file| {
        let mut out = csv::Writer::from_writer(file);
        out.write_record(head)?;
        for row in rows {
            out.write_record(row)?;
        }
        out.flush()
    })
}

/// The result for people.
fn text(title: &str, images: &str, p: &Predictions, c: &Confusion, names: &[String]) -> String {
    let mut out = format!("{title}\n");
    let [low, high] = wilson(c.correct(), c.n());
    // A String takes everything: writing to it cannot fail.
    let _ = writeln!(
        out,
        "{images}: accuracy {} (95 % interval {low:.2} to {high:.2} %), {} of {} images{}",
        percent(c.accuracy()),
        count(c.correct()),
        count(c.n()),
        p.loss.map(|loss| format!(", loss {loss:.4}")).unwrap_or_default()
    );
    if let Some(share) = top5(p, c) {
        let _ = writeln!(out, "among the five largest outputs: {}", percent(share));
    }
    let name = |i: usize| names.get(i).map_or_else(|| i.to_string(), |n| n.chars().take(24).collect());
    let wide = (0..c.classes()).map(|i| name(i).chars().count()).max().unwrap_or(0).max(9);
    let share = |x: Option<f64>| x.map_or_else(|| "-".to_string(), |x| format!("{x:.2} %"));
    let mut order: Vec<usize> = (0..c.classes()).collect();
    if c.classes() > PRINTED {
        order.retain(|i| c.of_class(*i) > 0);
        order.sort_by(|a, b| c.recall(*a).partial_cmp(&c.recall(*b)).unwrap_or(std::cmp::Ordering::Equal));
        order.truncate(SOME);
        let _ = writeln!(out, "\nthe {} classes of lowest accuracy:", order.len());
    } else {
        out.push('\n');
    }
    let _ = writeln!(out, "{:>4}  {:wide$}  {:>7}  {:>9}  {:>9}", "", "class", "n", "accuracy", "precision");
    for i in order {
        let (n, a, b) = (count(c.of_class(i)), share(c.recall(i)), share(c.precision(i)));
        let _ = writeln!(out, "{i:>4}  {:wide$}  {n:>7}  {a:>9}  {b:>9}", name(i));
    }
    if c.classes() > PRINTED {
        out.push_str("\nmost frequent confusions:\n");
        for (class, named, n) in c.mistakes().into_iter().take(SOME) {
            let _ = writeln!(out, "{:>6}  {} as {}", count(n), name(class), name(named));
        }
    } else {
        let largest = (0..c.classes()).flat_map(|i| (0..c.classes()).map(move |j| c.count(i, j))).max().unwrap_or(0);
        let cell = largest.to_string().len().max(2) + 1;
        let _ = write!(out, "\n{:>4}  {:wide$}", "", "predicted");
        (0..c.classes()).for_each(|j| out.push_str(&format!("{j:>cell$}")));
        out.push('\n');
        for i in 0..c.classes() {
            let _ = write!(out, "{i:>4}  {:wide$}", name(i));
            (0..c.classes()).for_each(|j| out.push_str(&format!("{:>cell$}", c.count(i, j))));
            out.push('\n');
        }
    }
    out.push('\n');
    out
}
