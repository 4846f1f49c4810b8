//! `softhebb runs`: the runs that are there, and where two of them differ.

use std::cmp::Ordering;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::files::RunDir;
use crate::report::format::{duration, number, percent};
use crate::study::runs::{self, Kind, Listed};

/// Columns of a terminal that nobody measures.
const WIDTH: usize = 80;

/// By what runs are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Highest first.
    Accuracy,
    /// Newest first.
    Date,
    /// By name, then folder.
    Name,
    /// Longest first.
    Time,
}

/// List the runs that are there; compare two.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Look below this folder.
    #[arg(value_name = "FOLDER", default_value = "results/runs", conflicts_with = "compare")]
    folder: PathBuf,

    /// Look into searches, too: their trials are runs.
    #[arg(long, conflicts_with = "compare")]
    trials: bool,

    /// Show where the plans and results of two runs differ.
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    compare: Option<Vec<PathBuf>>,

    /// In which order [default: by folder].
    #[arg(
        long,
        value_enum,
        value_name = "KEY",
        conflicts_with = "compare",
        help_heading = "Which, and in which order"
    )]
    sort: Option<Sort>,

    /// Only runs whose folder, name, data, kind or status holds this text; small and large letters are the same.
    #[arg(long, value_name = "TEXT", conflicts_with = "compare", help_heading = "Which, and in which order")]
    filter: Option<String>,

    /// Print JSON.
    #[arg(long, conflicts_with = "csv", help_heading = "Output")]
    json: bool,

    /// Print CSV.
    #[arg(long, help_heading = "Output")]
    csv: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// When the folder cannot be read.
pub fn run(args: &RunsArgs) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if let Some([a, b]) = args.compare.as_deref() {
        return compare(a, b, args, &mut out);
    }
    if !args.folder.is_dir() {
        let hint = "`softhebb run` makes runs in results/runs; FOLDER names another place";
        return Err(anyhow::anyhow!("there is no folder {}\nhint: {hint}", args.folder.display()));
    }
    let mut all = runs::list(&args.folder, args.trials)?;
    if let Some(text) = &args.filter {
        all.retain(|run| holds(run, text));
    }
    if let Some(key) = args.sort {
        all.sort_by(|a, b| order(key, a, b));
    }
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else if args.csv {
        csv_of(&all, &mut out)?;
    } else if all.is_empty() {
        writeln!(out, "no runs below {}", args.folder.display())?;
    } else {
        let width = terminal_size::terminal_size_of(io::stdout()).map_or(WIDTH, |(w, _)| usize::from(w.0));
        table(&all, &args.folder, width).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

fn holds(run: &Listed, text: &str) -> bool {
    let kind = run.kind.map(kind).unwrap_or_default();
    let data = run.data.as_deref().unwrap_or_default();
    let all = format!("{}\n{}\n{data}\n{kind}\n{}", run.folder.display(), run.name, run.status);
    all.to_lowercase().contains(&text.to_lowercase())
}

/// What is absent comes last in every order.
fn order(key: Sort, a: &Listed, b: &Listed) -> Ordering {
    let falling = |x: Option<f64>, y: Option<f64>| match (x, y) {
        (Some(x), Some(y)) => y.total_cmp(&x),
        (x, y) => y.is_some().cmp(&x.is_some()),
    };
    match key {
        Sort::Accuracy => falling(a.accuracy.filter(|x| !x.is_nan()), b.accuracy.filter(|x| !x.is_nan())),
        Sort::Time => falling(a.seconds, b.seconds),
        Sort::Date => b.date.cmp(&a.date), // ISO dates sort as text
        Sort::Name => a.name.cmp(&b.name).then_with(|| a.folder.cmp(&b.folder)),
    }
}

fn kind(kind: Kind) -> String {
    format!("{kind:?}").to_lowercase()
}

fn csv_of(all: &[Listed], out: impl Write) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record([
        "folder", "kind", "name", "data", "seed", "epochs", "planned", "status", "accuracy", "seconds", "date",
    ])?;
    let text = |x: Option<String>| x.unwrap_or_default();
    for run in all {
        out.write_record([
            run.folder.display().to_string(),
            text(run.kind.map(kind)),
            run.name.clone(),
            text(run.data.clone()),
            text(run.seed.map(|n| n.to_string())),
            text(run.epochs.map(|n| n.to_string())),
            text(run.planned.map(|n| n.to_string())),
            run.status.clone(),
            text(run.accuracy.map(|x| x.to_string())),
            text(run.seconds.map(|x| x.to_string())),
            text(run.date.clone()),
        ])?;
    }
    Ok(out.flush()?)
}

/// Lines of a table no wider than `width`, if it is not less than the numbers take: name and data are shortened in the middle,
/// the reason of a status at its end.
fn table(all: &[Listed], root: &Path, width: usize) -> Vec<String> {
    let head = ["name", "data", "seed", "epochs", "accuracy", "time", "date", "status"].map(String::from);
    let mut rows = vec![head];
    for run in all {
        let name = match run.kind {
            Some(Kind::Run) => run.name.clone(),
            Some(Kind::Trial) => trial(&run.folder),
            Some(other) => format!("{}: {}", kind(other), run.name),
            // A damaged folder is found by its path.
            None => run.folder.strip_prefix(root).unwrap_or(&run.folder).display().to_string(),
        };
        let text = |x: Option<String>| x.unwrap_or_else(|| "-".to_string());
        let epochs = run.epochs.zip(run.planned).map(|(done, of)| match done == of {
            true => of.to_string(),
            false => format!("{done}/{of}"),
        });
        rows.push([
            name,
            run.data.as_deref().map_or("-", brief).to_string(),
            text(run.seed.map(|n| n.to_string())),
            text(epochs),
            text(run.accuracy.map(percent)),
            text(run.seconds.map(duration)),
            text(run.date.as_ref().map(|d| d.chars().take(10).collect())),
            run.status.clone(),
        ]);
    }
    let widest = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let mut widths: [usize; 8] = std::array::from_fn(widest);
    let gaps = 2 * (widths.len() - 1);
    // What does not fit is taken from the widest of name, data and status.
    while widths.iter().sum::<usize>() + gaps > width {
        let Some(column) = [0, 1, 7].into_iter().filter(|c| widths[*c] > 8).max_by_key(|c| (widths[*c], 7 - *c)) else {
            break;
        };
        widths[column] -= 1;
    }
    let line = |row: &[String; 8]| {
        let cells = row.iter().enumerate().map(|(c, text)| {
            let w = widths[c];
            match c {
                0 | 1 => format!("{:w$}", middle_cut(text, w)),
                7 => end_cut(text, w),
                _ => format!("{text:>w$}"),
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    rows.iter().map(line).collect()
}

/// `SEARCH/0012` of `SEARCH/trials/0012-9f86d081`.
fn trial(folder: &Path) -> String {
    let name = |path: Option<&Path>| path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    let (search, own) = (name(folder.parent().and_then(Path::parent)), name(Some(folder)));
    format!("{search}/{}", own.split('-').next().unwrap_or_default())
}

/// The data set of the classifier, where the blocks below it learned from another configuration of the same one.
fn brief(data: &str) -> &str {
    let name = |config: &str| config.split('_').next().map(str::to_string);
    match data.split_once(" → ") {
        Some((unsup, sup)) if name(unsup) == name(sup) => sup,
        _ => data,
    }
}

fn end_cut(text: &str, width: usize) -> String {
    match text.chars().count() <= width {
        true => text.to_string(),
        false => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn middle_cut(text: &str, width: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= width {
        return text.to_string();
    }
    let left = width.saturating_sub(1).div_ceil(2);
    let right = width.saturating_sub(1) - left;
    all[..left].iter().chain(&['…']).chain(&all[all.len() - right..]).collect()
}

/// What differs in the plans, key by key, and in the results.
fn compare(a: &Path, b: &Path, args: &RunsArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let dirs = [a, b].map(RunDir::new);
    for dir in &dirs {
        if !dir.config().is_file() {
            let hint = "`softhebb runs` lists the runs that are there";
            return Err(anyhow::anyhow!("{} is no folder of a run\nhint: {hint}", dir.root().display()));
        }
    }
    let plan = runs::differences(&dirs[0], &dirs[1])?;
    let [x, y] = [&dirs[0], &dirs[1]].map(runs::read);
    let results = [
        ("status", json!(x.status), json!(y.status)),
        ("epochs", json!(x.epochs), json!(y.epochs)),
        ("accuracy", json!(x.accuracy), json!(y.accuracy)),
        ("seconds", json!(x.seconds), json!(y.seconds)),
    ];
    let results: Vec<(String, Value, Value)> =
        results.into_iter().filter(|(_, a, b)| a != b).map(|(key, a, b)| (key.to_string(), a, b)).collect();
    if args.json {
        let list = |all: &[(String, Value, Value)]| -> Vec<Value> {
            all.iter().map(|(key, a, b)| json!({"key": key, "a": a, "b": b})).collect()
        };
        let both = json!({"a": x, "b": y, "plan": list(&plan), "result": list(&results)});
        writeln!(out, "{both:#}")?;
        return Ok(());
    }
    if args.csv {
        let mut table = csv::Writer::from_writer(out);
        table.write_record(["of", "key", "a", "b"])?;
        let of = [("plan", &plan), ("result", &results)];
        for (of, (key, a, b)) in of.into_iter().flat_map(|(of, all)| all.iter().map(move |row| (of, row))) {
            table.write_record([of, key.as_str(), &short(a), &short(b)])?;
        }
        return Ok(table.flush()?);
    }
    writeln!(out, "A  {}\nB  {}", a.display(), b.display())?;
    for (title, all) in [("plan", &plan), ("result", &results)] {
        if all.is_empty() {
            writeln!(out, "\n{title}: no difference")?;
            continue;
        }
        let cells: Vec<[String; 3]> = all.iter().map(cells_of).collect();
        let wide = |c: usize| cells.iter().map(|row| row[c].chars().count()).max().unwrap_or(0).max(4);
        let [k, v] = [0, 1].map(wide);
        writeln!(out, "\n{title:k$}  {:v$}  B", "A")?;
        for [key, a, b] in &cells {
            writeln!(out, "{key:k$}  {a:v$}  {b}")?;
        }
    }
    Ok(())
}

/// A key and its two values; numbers that look the same in a few digits have all of theirs.
fn cells_of((key, a, b): &(String, Value, Value)) -> [String; 3] {
    let (x, y) = (short(a), short(b));
    if x == y { [key.clone(), a.to_string(), b.to_string()] } else { [key.clone(), x, y] }
}

/// A value in a few words.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "-".to_string(),
        Value::Number(n) if n.is_f64() => n.as_f64().map(number).unwrap_or_default(),
        Value::String(text) => end_cut(text, 60),
        Value::Array(list) if list.len() > 6 || list.iter().any(Value::is_object) => {
            format!("[{} entries]", list.len())
        }
        other => end_cut(&other.to_string(), 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, accuracy: Option<f64>) -> Listed {
        Listed {
            folder: PathBuf::from(format!("results/runs/{name}/FashionMini_1-FashionMini_50-seed0")),
            kind: Some(Kind::Run),
            name: name.to_string(),
            data: Some("FashionMini_1 → FashionMini_50".to_string()),
            seed: Some(0),
            epochs: Some(3),
            planned: Some(53),
            status: "interrupted at phase 4/4, epoch 2/50".to_string(),
            accuracy,
            seconds: Some(65.0),
            date: Some("2026-11-21T19:30:00Z".to_string()),
        }
    }

    #[test]
    fn a_table_fits_the_width_that_there_is() {
        let all = [listed("4SoftHebbCnnCIFAR_quarterNeurons", Some(88.6)), listed("2SoftMlpMNIST", None)];
        for width in [80, 100, 120] {
            let lines = table(&all, Path::new("results/runs"), width);
            assert!(lines.iter().all(|l| l.chars().count() <= width), "{width}: {lines:#?}");
            assert!(lines[1].contains("88.60 %") && lines[1].contains("2026-11-21"), "{lines:#?}");
        }
        let whole = table(&all, Path::new("results/runs"), 300);
        assert!(whole[1].starts_with("4SoftHebbCnnCIFAR_quarterNeurons  FashionMini_50  "), "{whole:#?}");
        assert!(whole[1].ends_with("interrupted at phase 4/4, epoch 2/50"), "{whole:#?}");
    }

    #[test]
    fn what_is_absent_comes_last() {
        let mut all = [listed("a", None), listed("b", Some(f64::NAN)), listed("c", Some(3.0)), listed("d", Some(9.0))];
        all.sort_by(|a, b| order(Sort::Accuracy, a, b));
        assert_eq!(all.each_ref().map(|l| l.name.as_str()), ["d", "c", "a", "b"]);
    }

    #[test]
    fn long_words_are_cut() {
        assert_eq!(trial(Path::new("results/search/sweep/trials/0012-9f86d081")), "sweep/0012");
        assert_eq!(middle_cut("abcdefghij", 5), "ab…ij");
        assert_eq!(middle_cut("abcde", 5), "abcde");
        assert_eq!(end_cut("abcdefghij", 4), "abc…");
    }
}
