//! `softhebb hopfield recall`: the whole way from images to recalled patterns.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::run::{Run, RunArgs};
use super::score::{Row, head, line, percent_short, row};
use super::settings::{ImageArgs, ModelArgs, SweepArgs, noise_levels};
use crate::cli::Usage;
use crate::cli::options::Numbers;
use crate::hopfield::memory::{Storing, overload};
use crate::hopfield::patterns::ImagePatterns;
use crate::hopfield::pictures::{self, Column};
use crate::hopfield::{Memory, Options, Patterns, Rule, Updates, file};

/// Noise levels in the picture of images, beside the other images.
const SHOWN: usize = 4;
/// States that are recalled in one batch at most.
const STATES: usize = 100_000;

/// Arguments of `recall`.
#[derive(Debug, Args)]
pub struct RecallArgs {
    #[command(flatten)]
    images: ImageArgs,
    /// Shares of bits that are flipped.
    #[arg(
        long,
        value_name = "LIST",
        default_value = "0,0.1,0.2,0.3",
        allow_negative_numbers = true,
        help_heading = "Recall"
    )]
    noise: Numbers,
    /// How often noise is drawn for each pattern and level.
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "Recall")]
    repeats: usize,
    /// How patterns are stored; of several rules the first one's network is kept.
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "hebbian",
        help_heading = "Network"
    )]
    rule: Vec<Rule>,
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
    rules: Vec<Rule>,
    storing: Storing,
    auto_threshold: bool,
    updates: Updates,
    options: Options,
    seed: u64,
}

/// Stores, recalls, scores and draws.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &RecallArgs) -> anyhow::Result<ExitCode> {
    let plan = plan(args)?;
    if args.run.dry_run.dry_run {
        return args.run.print("hopfield recall", &plan);
    }
    let activation = plan.storing.dynamics.activation;
    let (data, images) = args.images.load(activation, "recall")?;
    let states = images.stored.len().saturating_mul(plan.repeats);
    if plan.repeats == 0 || states > STATES {
        return Err(
            Usage(format!("--repeats is {}, but must be 1 to {}", plan.repeats, STATES / images.stored.len())).into()
        );
    }
    let (p, n) = (images.stored.len(), images.stored.neurons());
    let names = plan.rules.iter().map(ToString::to_string).collect::<Vec<_>>();
    let plural = if names.len() == 1 { "rule" } else { "rules" };
    let title = format!(
        "hopfield recall · {} · {p} patterns in {n} neurons by the {} {plural} · {activation} · seed {}",
        data.name,
        names.join(", "),
        plan.seed
    );
    let stem = format!("recall-{}-{}-{activation}-p{p}-seed{}", data.name, names.join("-"), plan.seed);
    let mut run = Run::start(&args.run, &stem, title, &plan, None, |_| None)?;
    for note in &data.notes {
        run.note(note)?;
    }
    for &rule in &plan.rules {
        if let Some(text) = overload(rule, &images.stored) {
            run.warn(text)?;
        }
    }
    let mut rows = Vec::new();
    for (i, &rule) in plan.rules.iter().enumerate() {
        let storing = Storing { rule, ..plan.storing };
        let mut memory = Memory::store(&images.stored, &storing)?;
        if plan.auto_threshold {
            fit(&mut run, &mut memory, &images.stored)?;
        }
        if i == 0 {
            run.table(head(plan.rules.len() > 1))?;
        }
        let stopped = levels(&mut run, &plan, rule, &images, &memory, &mut rows)?;
        run.metrics(&rows)?;
        if stopped {
            return run.end(true);
        }
        if let Some(dir) = run.dir.clone().filter(|_| i == 0) {
            let dynamics = memory.dynamics().unwrap_or(storing.dynamics);
            file::save(&dir.checkpoint(), &memory, &Storing { dynamics, ..storing })?;
            run.saved(dir.checkpoint())?;
        }
    }
    curves(&mut run, &plan, &rows, p)?;
    run.end(false)
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
    noise_levels(&args.noise.0)?;
    let mut rules = args.rule.clone();
    let mut seen = Vec::new();
    rules.retain(|rule| {
        !seen.contains(rule) && {
            seen.push(*rule);
            true
        }
    });
    let Some(&first) = rules.first() else { return Err(Usage("--rule wants at least one rule".into()).into()) };
    let storing = args.model.storing(first);
    let (updates, options) = args.sweep.options(20);
    storing.check()?;
    options.check()?;
    Ok(Plan {
        command: "hopfield recall",
        dataset: args.images.dataset.clone(),
        classes: args.images.classes.clone(),
        per_class: args.images.per_class,
        noise: args.noise.0.clone(),
        repeats: args.repeats,
        rules,
        storing,
        auto_threshold: args.model.auto_threshold(),
        updates,
        options,
        seed: args.sweep.seed,
    })
}

/// All levels of noise on the stored and on the other images; true if the user stopped it.
fn levels(
    run: &mut Run,
    plan: &Plan,
    rule: Rule,
    images: &ImagePatterns,
    memory: &Memory,
    rows: &mut Vec<Row>,
) -> anyhow::Result<bool> {
    let activation = images.stored.activation();
    let (p, go) = (images.stored.len(), run.goes_on());
    let copies: Vec<usize> = (0..p * plan.repeats).map(|i| i % p).collect();
    let targets = images.stored.rows(&copies);
    let column = |title: String, second: &str, states: &tch::Tensor| Column {
        title: [title, second.to_string()],
        states: states.narrow(0, 0, p as i64),
    };
    let mut columns = vec![column("stored".into(), "", images.stored.values())];
    let mut energies = Vec::new();
    let (several, one) = (plan.rules.len() > 1, format!("/{rule}"));
    let suffix = if several { one.as_str() } else { "" };
    for (input, from) in [("stored", &images.stored), ("other", &images.others)] {
        for (level, &noise) in plan.noise.iter().enumerate() {
            let starts = from.rows(&copies).noisy(noise, plan.seed, &format!("{input} {noise}"));
            let recalled = memory.recall(&starts, plan.updates, &plan.options, plan.seed, &mut |_| go())?;
            if recalled.interrupted || !go() {
                return Ok(true);
            }
            let row = row(rule, input, noise, &starts, &recalled, &targets);
            run.table(line(&row, several))?;
            for (what, value) in [("bits_after", row.bits_after), ("exact", row.exact)] {
                run.scalar(format!("{what}/{input}{suffix}"), (noise * 100.0).round() as usize, value)?;
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
    let title = format!("{}, {p} patterns, {rule} rule", plan.dataset);
    let grid = pictures::grid(&title, &columns, &images.labels, images.shape, activation);
    run.picture(&format!("recall{suffix}"), grid)?;
    let order = if plan.updates == Updates::Sync { "synchronous" } else { "asynchronous" };
    let title = format!("{rule} rule, {order} updates");
    run.picture(&format!("energy{suffix}"), pictures::energies(&energies, &title))?;
    Ok(false)
}

/// A share of a row.
type Share = fn(&Row) -> f64;

/// Shares against noise: of one rule all in one picture, of several a picture a share.
fn curves(run: &mut Run, plan: &Plan, rows: &[Row], p: usize) -> anyhow::Result<()> {
    let curve = |rule: Rule, input: &str, name: String, value: Share| {
        let of_curve = rows.iter().filter(|r| r.rule == rule && r.input == input);
        (name, of_curve.map(|r| [r.noise, value(r)]).collect::<Vec<_>>())
    };
    let (bits, exact): (Share, Share) = (|r| r.bits_after, |r| r.exact);
    if let [rule] = plan.rules[..] {
        let title = format!("{}, {p} patterns, {rule} rule", plan.dataset);
        let all = [
            ("stored", "right bits", bits),
            ("stored", "exact", exact),
            ("other", "right bits", bits),
            ("other", "exact", exact),
        ];
        let all = all.map(|(input, what, value)| curve(rule, input, format!("{what}, {input}"), value));
        run.picture("noise", pictures::against_noise(&title, "share", &all))?;
        return Ok(());
    }
    for (input, what, value) in [
        ("stored", "right bits", bits),
        ("stored", "exact recalls", exact),
        ("other", "right bits", bits),
        ("other", "exact recalls", exact),
    ] {
        let all: Vec<_> = plan.rules.iter().map(|rule| curve(*rule, input, rule.to_string(), value)).collect();
        let from = if input == "stored" { "stored images" } else { "other images of the classes" };
        let title = format!("{}, {p} patterns, started from {from}", plan.dataset);
        let tag = format!("noise/{input}/{}", what.split(' ').next().unwrap_or(what));
        run.picture(&tag, pictures::against_noise(&title, what, &all))?;
    }
    Ok(())
}
