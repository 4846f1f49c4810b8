//! `softhebb hopfield recall`: the whole way from images to recalled patterns.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::run::{Run, RunArgs};
use super::settings::{ImageArgs, ModelArgs, SweepArgs, noise_levels};
use crate::cli::Usage;
use crate::hopfield::attractors::{accuracy, counts, ends};
use crate::hopfield::memory::{Storing, overload};
use crate::hopfield::patterns::ImagePatterns;
use crate::hopfield::pictures::{self, Column};
use crate::hopfield::{Memory, Options, Patterns, Recalled, Rule, Updates, file};
use crate::report::format::percent;

/// Noise levels in the picture of images, beside the other images.
const SHOWN: usize = 4;
/// States that are recalled in one batch at most.
const STATES: usize = 1 << 20;

/// Arguments of `recall`.
#[derive(Debug, Args)]
pub struct RecallArgs {
    #[command(flatten)]
    images: ImageArgs,
    /// Shares of bits that are flipped.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "0,0.1,0.2,0.3",
        allow_negative_numbers = true
    )]
    noise: Vec<f64>,
    /// How often noise is drawn for each pattern and level.
    #[arg(long, value_name = "N", default_value_t = 20)]
    repeats: usize,
    /// How patterns are stored.
    #[arg(long, value_enum, default_value = "hebbian")]
    rule: Rule,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sweep: SweepArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// Everything that a recall needs to know.
#[derive(Debug, Serialize)]
struct Plan {
    command: &'static str,
    dataset: String,
    classes: Vec<String>,
    per_class: usize,
    noise: Vec<f64>,
    repeats: usize,
    storing: Storing,
    auto_threshold: bool,
    updates: Updates,
    options: Options,
    seed: u64,
}

/// A row of the table: a kind of input and a level of noise.
#[derive(Debug, Serialize)]
struct Row {
    input: &'static str,
    noise: f64,
    states: usize,
    /// Shares of right bits before and after, means.
    bits_before: f64,
    bits_after: f64,
    /// Share of states recalled without a wrong bit.
    exact: f64,
    /// How many ended where.
    stored: usize,
    reversed: usize,
    mixture: usize,
    spurious: usize,
    oscillating: usize,
    moving: usize,
    /// Mean sweeps of a state.
    sweeps: f64,
}

/// Stores, recalls, scores and draws.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &RecallArgs) -> anyhow::Result<ExitCode> {
    let plan = plan(args)?;
    if args.run.dry_run {
        writeln!(io::stdout().lock(), "{:#}", serde_json::to_value(&plan)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let activation = plan.storing.dynamics.activation;
    let (data, images) = args.images.load(activation)?;
    let states = images.stored.len().saturating_mul(plan.repeats);
    if plan.repeats == 0 || states > STATES {
        return Err(
            Usage(format!("--repeats is {}, but must be 1 to {}", plan.repeats, STATES / images.stored.len())).into()
        );
    }
    let (p, n, rule) = (images.stored.len(), images.stored.neurons(), plan.storing.rule);
    let title = format!(
        "hopfield recall · {} · {p} patterns in {n} neurons by the {rule} rule · {activation} · seed {}",
        data.name, plan.seed
    );
    let stem = format!("recall-{}-{rule}-{activation}-p{p}-seed{}", data.name, plan.seed);
    let mut run = Run::start(&args.run, &stem, title, &plan, None, |_| None)?;
    for note in &data.notes {
        run.note(note)?;
    }
    if let Some(text) = overload(rule, &images.stored) {
        run.warn(text)?;
    }
    let mut memory = Memory::store(&images.stored, &plan.storing)?;
    if plan.auto_threshold {
        fit(&mut run, &mut memory, &images.stored)?;
    }
    let interrupted = levels(&mut run, &plan, &images, &memory)?;
    if let Some(dir) = run.dir.clone() {
        let dynamics = memory.dynamics().unwrap_or(plan.storing.dynamics);
        file::save(&dir.checkpoint(), &memory, &Storing { dynamics, ..plan.storing })?;
        run.saved(dir.checkpoint())?;
    }
    run.end(interrupted)
}

/// Finds θ and says it.
pub(super) fn fit(run: &mut Run, memory: &mut Memory, patterns: &Patterns) -> anyhow::Result<()> {
    if let Some(threshold) = memory.fit_threshold(patterns)?.filter(|threshold| *threshold != 0.0) {
        let number = crate::report::format::number(threshold);
        run.note(format!(
            "threshold {number}: there most neurons of the stored images stay (--threshold sets another)"
        ))?;
    }
    Ok(())
}

fn plan(args: &RecallArgs) -> anyhow::Result<Plan> {
    noise_levels(&args.noise)?;
    let storing = args.model.storing(args.rule);
    let (updates, options) = args.sweep.options(20);
    storing.check()?;
    options.check()?;
    Ok(Plan {
        command: "hopfield recall",
        dataset: args.images.dataset.clone(),
        classes: args.images.classes.clone(),
        per_class: args.images.per_class,
        noise: args.noise.clone(),
        repeats: args.repeats,
        storing,
        auto_threshold: args.model.auto_threshold(),
        updates,
        options,
        seed: args.sweep.seed,
    })
}

/// All levels of noise on the stored and on the other images; true if the user stopped it.
fn levels(run: &mut Run, plan: &Plan, images: &ImagePatterns, memory: &Memory) -> anyhow::Result<bool> {
    let activation = images.stored.activation();
    let (p, go) = (images.stored.len(), run.goes_on());
    let copies: Vec<usize> = (0..p * plan.repeats).map(|i| i % p).collect();
    let targets = images.stored.rows(&copies);
    let column = |title: String, second: &str, states: &tch::Tensor| Column {
        title: [title, second.to_string()],
        states: states.narrow(0, 0, p as i64),
    };
    let mut columns = vec![column("stored".into(), "", images.stored.values())];
    let (mut rows, mut energies) = (Vec::new(), Vec::new());
    run.table(head())?;
    for (input, from) in [("stored", &images.stored), ("other", &images.others)] {
        for (level, &noise) in plan.noise.iter().enumerate() {
            let starts = from.rows(&copies).noisy(noise, plan.seed, &format!("{input} {noise}"));
            let recalled = memory.recall(&starts, plan.updates, &plan.options, plan.seed, &mut |_| go())?;
            if recalled.interrupted || !go() {
                run.metrics(&rows)?;
                return Ok(true);
            }
            let row = row(input, noise, &starts, &recalled, &targets);
            run.table(line(&row))?;
            for (what, value) in [("bits_after", row.bits_after), ("exact", row.exact)] {
                run.scalar(format!("{what}/{input}"), (noise * 100.0).round() as usize, value)?;
            }
            rows.push(row);
            let first =
                if input == "stored" { format!("{} noise", percent_short(noise)) } else { "other image".into() };
            if (input == "stored" && noise > 0.0 && columns.len() < 2 * SHOWN) || (input == "other" && level == 0) {
                let more = if input == "other" && noise > 0.0 { ", noisy" } else { "" };
                columns.push(column(format!("{first}{more}"), "input", starts.values()));
                columns.push(column(String::new(), "recalled", &recalled.states));
            }
            if input == "stored" {
                energies.push((first, recalled.energies[..p.min(10)].to_vec()));
            }
        }
    }
    run.metrics(&rows)?;
    run.picture("recall", pictures::grid(&columns, &images.labels, images.shape, activation))?;
    let title =
        format!("{} rule, {} updates", plan.storing.rule, if plan.updates == Updates::Sync { "sync" } else { "async" });
    run.picture("energy", pictures::energies(&energies, &title))?;
    let curve = |input: &str, name: &str, value: fn(&Row) -> f64| {
        let of_input = rows.iter().filter(|r| r.input == input);
        (name.to_string(), of_input.map(|r| [r.noise, value(r)]).collect::<Vec<_>>())
    };
    let curves = [
        curve("stored", "right bits, stored", |r| r.bits_after),
        curve("stored", "exact, stored", |r| r.exact),
        curve("other", "right bits, other", |r| r.bits_after),
        curve("other", "exact, other", |r| r.exact),
    ];
    let title = format!("{}, {p} patterns, {} rule", plan.dataset, plan.storing.rule);
    run.picture("noise", pictures::against_noise(&title, "share", &curves))?;
    Ok(false)
}

fn row(input: &'static str, noise: f64, starts: &Patterns, recalled: &Recalled, targets: &Patterns) -> Row {
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let after = accuracy(&recalled.states, targets);
    let [stored, reversed, mixture, spurious, oscillating, moving] = counts(&ends(recalled, targets));
    Row {
        input,
        noise,
        states: after.len(),
        bits_before: mean(&accuracy(starts.values(), targets)),
        bits_after: mean(&after),
        exact: after.iter().filter(|share| **share == 1.0).count() as f64 / after.len().max(1) as f64,
        stored,
        reversed,
        mixture,
        spurious,
        oscillating,
        moving,
        sweeps: recalled.sweeps.iter().sum::<usize>() as f64 / recalled.sweeps.len().max(1) as f64,
    }
}

fn percent_short(share: f64) -> String {
    format!("{} %", crate::report::format::number(share * 100.0))
}

fn head() -> String {
    format!(
        "  {:<12}{:>8}{:>12}{:>12}{:>10}   where the states ended",
        "input", "noise", "bits before", "bits after", "exact"
    )
}

fn line(r: &Row) -> String {
    let ends = [
        ("stored", r.stored),
        ("reversed", r.reversed),
        ("mixture", r.mixture),
        ("spurious", r.spurious),
        ("oscillating", r.oscillating),
        ("moving", r.moving),
    ];
    let ends = ends.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>();
    let (name, noise) = (if r.input == "stored" { "stored image" } else { "other image" }, percent_short(r.noise));
    let [before, after, exact] = [r.bits_before, r.bits_after, r.exact].map(|x| percent(100.0 * x));
    format!("  {name:<12}{noise:>8}{before:>12}{after:>12}{exact:>10}   {}", ends.join(", "))
}
