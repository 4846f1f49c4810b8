//! `softhebb search --dry-run`: a page about a sweep, or JSON. Nothing is touched.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{SweepArgs, ask, begin};
use crate::device;
use crate::preset::describe::{cost, total_cost};
use crate::report::format::{duration, number, plural};
use crate::search::axis::{Axis, Values, plain};
use crate::search::layers::{hash, leading_phases, made_of};
use crate::search::policy::{self, Machine};
use crate::search::screen::columns;
use crate::search::space::Trial;
use crate::search::state::Status;
use crate::search::store::Stored;
use crate::search::tables::values;
use crate::search::{SearchDir, tables::Row};
use crate::train::{RunPlan, compare};

/// Up to so many trials all have their line; of more, the first and the last ones.
const ALL: usize = 20;
const FIRST: usize = 5;
const LAST: usize = 3;

/// Operations a second of one core, and of one GPU: what libtorch comes to with products of this kind, within a factor of
/// three.
const CORE: f64 = 20e9;
const GPU: f64 = 5e12;
/// Seconds for which a trial loads libtorch and its images.
const STARTUP: f64 = 2.0;
/// Bytes of tables, logs, events and pictures that a trial leaves.
const TABLES: f64 = 100e3;

/// What a sweep would take, and what that rests on.
struct Estimate {
    /// Trials that have not finished.
    left: usize,
    /// Trials at once, and threads of each.
    parallel: usize,
    threads: usize,
    /// Seconds of all that are left, one after another and so many at once.
    trials: f64,
    wall: f64,
    bytes: f64,
    rests_on: String,
}

/// Prints the page.
pub fn run(
    args: &SweepArgs,
    file: &str,
    asked: &Stored,
    plans: &[RunPlan],
    left_out: &[String],
) -> anyhow::Result<ExitCode> {
    let folder = begin::folder(args, file, asked);
    let estimate = estimate(args, &folder, asked, plans);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &page_json(asked, &estimate, left_out))?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in page(asked, &estimate, &folder, left_out) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for line in table(asked, args.all) {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn page(asked: &Stored, estimate: &Estimate, folder: &Path, left_out: &[String]) -> Vec<String> {
    let (space, base) = (&asked.space, &asked.base);
    let data = |d: &crate::preset::config::DatasetConfig| {
        let count = |n: i64, noun: &str| plural(u64::try_from(n).unwrap_or(0), noun);
        format!("{} ({}, {})", d.config, count(d.training_sample, "image"), count(d.nb_epoch, "epoch"))
    };
    let held_out = if base.dataset_sup.validation { ", tested on held-out training images" } else { "" };
    let mut lines = vec![
        format!("{} · {} → {}{held_out}", base.model, data(&base.dataset_unsup), data(&base.dataset_sup)),
        String::new(),
    ];
    let mut rows: Vec<Vec<String>> = space.axes.iter().map(axis).collect();
    let seeds: Vec<String> = space.seeds.iter().map(ToString::to_string).collect();
    rows.push(vec!["seed".into(), in_short(&seeds)]);
    lines.extend(columns(&rows, 120).into_iter().map(|line| format!("  {line}")));
    lines.extend(left_out.iter().map(|key| format!("  {key} is left out: this network has no such Hebbian block")));
    let (all, per) = (asked.trials.len(), space.seeds.len().max(1));
    let count = format!("{} × {}", plural((all / per) as u64, "combination"), plural(per as u64, "seed"));
    let left = if estimate.left < all { format!(", {} of them left", estimate.left) } else { String::new() };
    let at_once = format!("{} at once with {}", estimate.parallel, plural(estimate.threads as u64, "thread"));
    lines.extend([
        String::new(),
        format!("trials  {count} = {}{left}", plural(all as u64, "trial")),
        format!("time    about {}, {at_once} ({} of trials)", rough(estimate.wall), rough(estimate.trials)),
        format!("disk    about {}", bytes(estimate.bytes)),
        format!("        {}", estimate.rests_on),
        format!("folder  {}", folder.display()),
    ]);
    lines
}

/// The name of an axis, its values in short, and the keys that it ties.
fn axis(axis: &Axis) -> Vec<String> {
    let values = match &axis.values {
        Values::Grid(list) => in_short(&list.iter().map(plain).collect::<Vec<_>>()),
        Values::Geometric { base, from, to } => {
            let (lo, hi) = (number(base.powi(*from)), number(base.powi(*to)));
            format!("{base}^{from} … {base}^{to} = {lo} … {hi} ({} values)", axis.values.count())
        }
        Values::Choice(list) => format!("one of {}, drawn", in_short(&list.iter().map(plain).collect::<Vec<_>>())),
        Values::Uniform(lo, hi) => format!("drawn from {lo} to {hi}"),
        Values::LogUniform(lo, hi) => format!("drawn from {lo} to {hi}, even in the logarithm"),
        Values::IntUniform(lo, hi) => format!("a whole number drawn from {lo} to {hi}"),
        Values::Normal { mean, std } => format!("drawn from a normal distribution, {mean} ± {std}"),
    };
    let keys = if axis.keys == [axis.name.clone()] { String::new() } else { axis.keys.join(", ") };
    vec![axis.name.clone(), values, keys]
}

/// Few values as they are; of many, the first and the last.
fn in_short(list: &[String]) -> String {
    match list {
        [first, second, .., last] if list.len() > 8 => format!("{first}, {second} … {last} ({} values)", list.len()),
        few => few.join(", "),
    }
}

/// The table of trials: all of them, or the first and the last.
fn table(asked: &Stored, all: bool) -> Vec<String> {
    let mut header: Vec<String> = vec!["trial".into(), "folder".into()];
    header.extend(asked.space.axes.iter().map(|axis| axis.name.clone()));
    header.push("seed".into());
    let row = |trial: &Trial| {
        let mut cells = vec![trial.index.to_string(), trial.name()];
        // All digits where all trials are asked for; a page is for people.
        cells.extend(values(&asked.space, trial).into_iter().map(|value| match value.parse::<f64>() {
            Ok(x) if !all => number(x),
            _ => value,
        }));
        cells.push(trial.seed.to_string());
        cells
    };
    let trials = &asked.trials;
    let hidden = if all || trials.len() <= ALL { 0 } else { trials.len() - FIRST - LAST };
    let shown = trials.iter().enumerate().filter(|(at, _)| hidden == 0 || !(FIRST..FIRST + hidden).contains(at));
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(shown.map(|(_, trial)| row(trial))).collect();
    let mut lines = columns(&rows, usize::MAX);
    if hidden > 0 {
        lines.insert(1 + FIRST, format!("… {hidden} more: --all prints them"));
    }
    lines
}

fn page_json(asked: &Stored, estimate: &Estimate, left_out: &[String]) -> Value {
    let trial = |trial: &Trial| json!({"trial": trial.index, "folder": trial.name(), "run": trial.label(), "values": trial.values, "seed": trial.seed});
    json!({
        "model": asked.base.model,
        "space": asked.space,
        "left_out": left_out,
        "combinations": asked.trials.len() / asked.space.seeds.len().max(1),
        "seeds": asked.space.seeds,
        "trials": asked.trials.iter().map(trial).collect::<Vec<_>>(),
        "estimate": {
            "trials_left": estimate.left,
            "parallel": estimate.parallel,
            "threads": estimate.threads,
            "seconds": estimate.wall,
            "seconds_of_trials": estimate.trials,
            "bytes": estimate.bytes,
            "rests_on": estimate.rests_on,
        },
    })
}

/// What is left would take: from the trials that have finished in the folder, else from the arithmetic of the plans.
fn estimate(args: &SweepArgs, folder: &Path, asked: &Stored, plans: &[RunPlan]) -> Estimate {
    let dir = SearchDir::new(folder);
    // Trials of another network or other data say nothing about these.
    let there = Stored::read(&dir).ok().filter(|there| compare::differences(&there.base, &asked.base).is_empty());
    let rows: Vec<Row> = there.as_ref().and_then(|there| there.rows(&dir).ok()).unwrap_or_default();
    let finished: Vec<&Row> = rows.iter().filter(|row| row.state.status == Status::Finished).collect();
    let keys: BTreeSet<_> = finished.iter().map(|row| row.trial.key()).collect();
    let waiting = || asked.trials.iter().zip(plans).filter(|(trial, _)| !keys.contains(&trial.key()));
    let left = waiting().count();
    let slots = ask::gpu_slots(args, asked.space.run.device).unwrap_or_default();
    let machine = Machine {
        cores: args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        memory: device::available_memory().unwrap_or(8 << 30),
        gpu_slots: slots.len(),
        asked: args.parallel,
        fixed: there.as_ref().and_then(|there| there.arithmetic).map(|fixed| fixed.threads),
    };
    let (parallel, threads) = policy::share(machine, left, begin::most_memory(plans));
    let each = plans.first().map_or(0.0, |plan| leaves(plan, asked.space.run.save_model));
    let n = left as f64;
    if !finished.is_empty() {
        let measured = finished.iter().map(|row| row.state.seconds.max(row.latest.seconds)).sum::<f64>();
        let mean = measured / finished.len() as f64 + STARTUP;
        let size = finished.iter().map(|row| size(dir.trial(&row.trial).root())).sum::<f64>() / finished.len() as f64;
        let rests_on = format!(
            "measured: {} that finished in {} took {} each, and {STARTUP} s to start",
            plural(finished.len() as u64, "trial"),
            folder.display(),
            duration(mean - STARTUP)
        );
        let (trials, bytes) = (mean * n, size * n);
        return Estimate { left, parallel, threads, trials, wall: trials / parallel as f64, bytes, rests_on };
    }
    let mut seen = BTreeSet::new();
    let reuse = asked.space.run.reuse_layers;
    let flop: f64 = waiting().map(|(_, plan)| operations(plan, reuse.then_some(&mut seen))).sum();
    let (rate, on) = if slots.is_empty() { (CORE * threads as f64, "core") } else { (GPU, "GPU") };
    let one = rate / if slots.is_empty() { threads as f64 } else { 1.0 };
    let rests_on = format!(
        "an estimate within a factor of three: {} of products and updates at {} a second and {on}, {STARTUP} s to start a trial",
        operations_text(flop),
        operations_text(one)
    );
    let trials = flop / rate + STARTUP * n;
    Estimate { left, parallel, threads, trials, wall: trials / parallel as f64, bytes: each * n, rests_on }
}

/// Floating-point operations of a trial: of each phase the outputs of the frozen blocks once for each image, and of the
/// blocks that learn forward and update (Hebbian) or forward and both derivatives (backpropagation) in each epoch. First
/// phases that another trial has done are taken over from it.
fn operations(plan: &RunPlan, mut seen: Option<&mut BTreeSet<String>>) -> f64 {
    let flop = |i: usize| plan.network.blocks.get(i).map_or(0.0, |block| cost(block).flop as f64);
    let leading = leading_phases(plan);
    let phase = |(at, phase): (usize, &crate::train::plan::Phase)| {
        if let Some(seen) = seen.as_deref_mut().filter(|_| at < leading)
            && !seen.insert(hash(&made_of(plan, at + 1, "")))
        {
            return 0.0;
        }
        let data = plan.dataset(phase);
        let (train, test) = (data.training_sample as f64, data.testing_sample as f64);
        let first = phase.blocks.first().copied().unwrap_or(0);
        let learns: f64 = phase.blocks.iter().map(|i| flop(*i)).sum();
        let frozen: f64 = (0..first).map(flop).sum();
        let passes = if phase.is_unsupervised() { 2.0 } else { 3.0 };
        let reports = (1..=phase.epochs).filter(|epoch| phase.reports(*epoch)).count() as f64;
        (train + test) * frozen + train * learns * passes * phase.epochs as f64 + test * learns * reports
    };
    plan.phases.iter().enumerate().map(phase).sum()
}

/// Bytes that a trial leaves.
fn leaves(plan: &RunPlan, save_model: bool) -> f64 {
    TABLES + if save_model { 4.0 * total_cost(&plan.network).parameters as f64 } else { 0.0 }
}

/// Bytes of all files in a folder.
fn size(folder: &Path) -> f64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let one = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len() as f64,
        Err(_) => 0.0,
    };
    entries.map(one).sum()
}

/// A duration that is not known better than by its first digit or two: `40 s`, `2 min`, `15 h`, `3 d`.
fn rough(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 90.0 => (s, "s"),
        s if s < 90.0 * 60.0 => (s / 60.0, "min"),
        s if s < 48.0 * 3600.0 => (s / 3600.0, "h"),
        s => (s / 86_400.0, "days"),
    };
    format!("{} {unit}", rounded(value))
}

/// `0.4 MB`, `60 MB`, `2 GB`.
fn bytes(bytes: f64) -> String {
    let (value, unit) = if bytes < 1e9 { (bytes / 1e6, "MB") } else { (bytes / 1e9, "GB") };
    format!("{} {unit}", rounded(value))
}

/// `3 TFLOP`.
fn operations_text(flop: f64) -> String {
    let (value, unit) = match flop {
        x if x < 1e12 => (x / 1e9, "GFLOP"),
        x if x < 1e15 => (x / 1e12, "TFLOP"),
        x => (x / 1e15, "PFLOP"),
    };
    format!("{} {unit}", rounded(value))
}

/// Two digits above 10, one below.
fn rounded(value: f64) -> String {
    if value < 0.1 {
        let least = if value > 0.0 { "0.1" } else { "0" };
        return least.to_string();
    }
    let digits = if value < 10.0 { 1 } else { 2 };
    let scale = 10f64.powi(digits - 1 - value.log10().floor() as i32);
    number((value * scale).round() / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::read::parse;
    use crate::search::store::{plan, plans};
    use proptest::prelude::*;

    #[test]
    fn estimates_have_no_more_digits_than_they_are_worth() {
        for (seconds, want) in [
            (0.0, "0 s"),
            (0.01, "0.1 s"),
            (44.7, "45 s"),
            (89.0, "89 s"),
            (130.0, "2 min"),
            (754.0, "13 min"),
            (7300.0, "2 h"),
            (50_000.0, "14 h"),
            (500_000.0, "6 days"),
        ] {
            assert_eq!(rough(seconds), want, "{seconds}");
        }
        assert_eq!((bytes(4e5), bytes(6.1e7), bytes(2.2e9)), ("0.4 MB".into(), "61 MB".into(), "2 GB".into()));
        assert_eq!(operations_text(3.4e12), "3 TFLOP");
    }

    #[test]
    fn operations_are_counted_by_hand() {
        // 1 block of 4 × 25 weights at 24² places, a classifier of 576 × 10; 300 images, 200 of the test.
        let space = "seeds = [0]\n[base]\nmodel = \"Soft-c4-k5-p0 relu; BP-c10 flatten\"\n[base.set]\n\
            \"dataset_unsup.training_sample\" = 300\n\"dataset_sup.training_sample\" = 300\n\
            \"dataset_sup.testing_sample\" = 200\n\"dataset_unsup.testing_sample\" = 200\n\
            \"dataset_sup.nb_epoch\" = 3\n\"dataset_sup.print_freq\" = 10\n";
        let space = parse("x", space).unwrap();
        let catalogue = space.catalogue().unwrap();
        let one = plan(&space, &catalogue, None).unwrap();
        let [first, last] = [0, 1].map(|i| cost(&one.network.blocks[i]).flop as f64);
        let hebbian = 300.0 * 2.0 * first + 200.0 * first;
        let classifier = 500.0 * first + 300.0 * 3.0 * 3.0 * last + 200.0 * 2.0 * last;
        assert_eq!(operations(&one, None), hebbian + classifier);
        // A second trial with the same first block takes it over.
        let all = plans(&space, &catalogue, &space.trials()).unwrap();
        let mut seen = BTreeSet::new();
        assert_eq!(operations(&all[0], Some(&mut seen)), hebbian + classifier);
        assert_eq!(operations(&all[0], Some(&mut seen)), classifier);
    }

    proptest! {
        #[test]
        fn rounding_keeps_the_size(value in 0.1f64..1e6) {
            let shown: f64 = rounded(value).parse().unwrap();
            prop_assert!((shown / value - 1.0).abs() < 0.34, "{value} {shown}");
        }
    }
}
