//! `softhebb hopfield forget`: store, unlearn one pattern, recall before and after.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use tch::Tensor;

use super::recall::fit;
use super::run::{Run, RunArgs};
use super::settings::{ImageArgs, ModelArgs, SweepArgs, noise_levels};
use crate::cli::Usage;
use crate::hopfield::attractors::{End, accuracy, ends};
use crate::hopfield::memory::{Storing, overload};
use crate::hopfield::patterns::ImagePatterns;
use crate::hopfield::pictures::{self, Column};
use crate::hopfield::{Memory, Network, Options, Patterns, Rule, Sign, Trainer, Updates, file};
use crate::report::format::percent;

/// Arguments of `forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    #[command(flatten)]
    images: ImageArgs,
    /// Which of the stored patterns is unlearned, from 0.
    #[arg(long, value_name = "I", default_value_t = 0, help_heading = "Training")]
    pattern: usize,
    /// How much of it: 1 takes away an outer product as large as the one stored (weights divided by the number of patterns).
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, allow_negative_numbers = true, help_heading = "Training")]
    strength: f64,
    /// Share of bits that are flipped in the inputs.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, allow_negative_numbers = true, help_heading = "Recall")]
    noise: f64,
    /// How often noise is drawn for each pattern.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Recall")]
    repeats: u16,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sweep: SweepArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// Everything that the command needs to know.
#[derive(Debug, Serialize)]
struct Plan {
    command: &'static str,
    dataset: String,
    classes: Vec<String>,
    per_class: usize,
    pattern: usize,
    strength: f64,
    noise: f64,
    repeats: u16,
    storing: Storing,
    auto_threshold: bool,
    updates: Updates,
    options: Options,
    seed: u64,
}

/// A row of the table: a pattern before or after.
#[derive(Debug, Serialize)]
struct Row {
    when: &'static str,
    pattern: usize,
    class: String,
    unlearned: bool,
    /// Share of right bits after recall, mean.
    bits: f64,
    /// Share of states recalled without a wrong bit.
    exact: f64,
    /// Whether the pattern itself stays as it is.
    fixed: bool,
    /// Energy of the pattern.
    energy: f64,
}

/// Stores, unlearns, compares and draws.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &ForgetArgs) -> anyhow::Result<ExitCode> {
    let plan = plan(args)?;
    if args.run.dry_run.dry_run {
        return args.run.print("hopfield forget", &plan);
    }
    let activation = plan.storing.dynamics.activation;
    let (data, images) = args.images.load(activation, "forget")?;
    let (p, n) = (images.stored.len(), images.stored.neurons());
    if plan.pattern >= p {
        return Err(Usage(format!("--pattern is {}, but there are {p} patterns, from 0", plan.pattern)).into());
    }
    let title = format!(
        "hopfield forget · {} · {p} patterns in {n} neurons, pattern {} ({}) unlearned · {activation} · seed {}",
        data.name, plan.pattern, images.labels[plan.pattern], plan.seed
    );
    let stem = format!("forget-{}-{activation}-p{p}-seed{}", data.name, plan.seed);
    let mut run = Run::start(&args.run, &stem, title, &plan, None, |_| None)?;
    for note in &data.notes {
        run.note(note)?;
    }
    if let Some(text) = overload(Rule::Hebbian, &images.stored) {
        run.warn(text)?;
    }
    let interrupted = compare(&mut run, &plan, &images)?;
    run.end(interrupted)
}

fn plan(args: &ForgetArgs) -> anyhow::Result<Plan> {
    noise_levels(&[args.noise])?;
    if !(args.strength > 0.0 && args.strength.is_finite()) {
        return Err(Usage(format!("--strength is {}, but must be above 0 and finite", args.strength)).into());
    }
    let storing = args.model.storing(Rule::Hebbian);
    let (updates, options) = args.sweep.options(20);
    storing.check()?;
    options.check()?;
    Ok(Plan {
        command: "hopfield forget",
        dataset: args.images.dataset.clone(),
        classes: args.images.classes.clone(),
        per_class: args.images.per_class,
        pattern: args.pattern,
        strength: args.strength,
        noise: args.noise,
        repeats: args.repeats,
        storing,
        auto_threshold: args.model.auto_threshold(),
        updates,
        options,
        seed: args.sweep.seed,
    })
}

/// The network before and after; true if the user stopped it.
fn compare(run: &mut Run, plan: &Plan, images: &ImagePatterns) -> anyhow::Result<bool> {
    let patterns = &images.stored;
    let mut stored = Memory::store(patterns, &plan.storing)?;
    if plan.auto_threshold {
        fit(run, &mut stored, patterns)?;
    }
    let Memory::Weights(network) = stored else { return Ok(false) }; // the Hebbian rule has weights
    let dynamics = network.dynamics;
    let anti = Trainer { sign: Sign::AntiHebbian, ..plan.storing.trainer };
    let mut opposite = Network::new(patterns.neurons(), plan.storing.dynamics);
    anti.train(&mut opposite, patterns)?;
    let pictures = [("Hebbian".to_string(), network.weights()), ("anti-Hebbian".to_string(), opposite.weights())];
    run.picture("weights", pictures::weights("weights by the rule and by its opposite", &pictures))?;

    let mut after = Network::with_weights(&network.weights().copy(), dynamics)?;
    unlearn(&mut after, plan, patterns)?;
    let change = after.weights() - network.weights();
    run.picture(
        "weights-forgotten",
        pictures::weights(
            &format!("weights before and after unlearning {}", images.labels[plan.pattern]),
            &[("before".into(), network.weights()), ("after".into(), after.weights()), ("change".into(), &change)],
        ),
    )?;
    run.table(format!(
        "  {:<10}{:<16}{:>12}{:>10}{:>8}{:>14}",
        "", "pattern", "right bits", "exact", "stays", "energy"
    ))?;
    let (mut rows, mut columns) = (
        Vec::new(),
        vec![Column { title: ["stored".into(), String::new()], states: patterns.values().shallow_clone() }],
    );
    let mut memories = Vec::new();
    for (when, network) in [("before", network), ("after", after)] {
        let memory = Memory::Weights(network);
        let Some((new, starts, states)) = score(run, plan, images, &memory, when)? else { return Ok(true) };
        if when == "before" {
            columns.push(Column { title: ["input".into(), String::new()], states: starts });
        }
        columns.push(Column { title: ["recalled".into(), when.into()], states });
        for row in &new {
            run.table(line(row))?;
        }
        rows.extend(new);
        memories.push(memory);
    }
    run.metrics(&rows)?;
    let title = format!("{}: before and after unlearning {}", plan.dataset, images.labels[plan.pattern]);
    run.picture("recall", pictures::grid(&title, &columns, &images.labels, images.shape, patterns.activation()))?;
    if let (Some(dir), Some(memory)) = (run.dir.clone(), memories.last()) {
        file::save(&dir.checkpoint(), memory, &Storing { dynamics, ..plan.storing })?;
        run.saved(dir.checkpoint())?;
    }
    Ok(false)
}

/// Takes a pattern out again by the anti-Hebbian rule: with the mean of the set, as it was stored (its own would be another), and divided
/// by as many patterns.
fn unlearn(network: &mut Network, plan: &Plan, patterns: &Patterns) -> anyhow::Result<()> {
    let normalize = plan.storing.trainer.normalize_by_patterns;
    let trainer =
        Trainer { subtract_mean: false, normalize_by_patterns: false, sign: Sign::AntiHebbian, ..plan.storing.trainer };
    let share = if normalize { plan.strength / patterns.len() as f64 } else { plan.strength };
    // The update is quadratic in the pattern, so its root carries the strength.
    let all = patterns.values();
    let mean = if plan.storing.trainer.subtract_mean { all.mean(tch::Kind::Double).double_value(&[]) } else { 0.0 };
    let scaled = Patterns::any(&((patterns.rows(&[plan.pattern]).values() - mean) * share.sqrt()))?;
    trainer.train(network, &scaled)?;
    Ok(())
}

type Scored = (Vec<Row>, Tensor, Tensor);

/// Recalls all patterns from noise; `None` if the user stopped it.
fn score(
    run: &Run,
    plan: &Plan,
    images: &ImagePatterns,
    memory: &Memory,
    when: &'static str,
) -> anyhow::Result<Option<Scored>> {
    let (patterns, go) = (&images.stored, run.goes_on());
    let (p, repeats) = (patterns.len(), usize::from(plan.repeats));
    let copies: Vec<usize> = (0..p * repeats).map(|i| i % p).collect();
    let targets = patterns.rows(&copies);
    let starts = targets.noisy(plan.noise, plan.seed, "forget");
    let recall = |from: &Patterns| memory.recall(from, plan.updates, &plan.options, plan.seed, &mut |_| go());
    let (recalled, alone) = (recall(&starts)?, recall(patterns)?);
    if recalled.interrupted || alone.interrupted || !go() {
        return Ok(None);
    }
    let shares = accuracy(&recalled.states, &targets);
    let fixed = ends(&alone, patterns);
    let energies = match memory {
        Memory::Weights(network) => network.energy(patterns.values())?,
        Memory::Modern(_) => vec![f64::NAN; p],
    };
    let rows = (0..p).map(|i| {
        let of_pattern: Vec<f64> = shares.iter().skip(i).step_by(p).copied().collect();
        Row {
            when,
            pattern: i,
            class: images.labels[i].clone(),
            unlearned: i == plan.pattern,
            bits: of_pattern.iter().sum::<f64>() / of_pattern.len() as f64,
            exact: of_pattern.iter().filter(|s| **s == 1.0).count() as f64 / of_pattern.len() as f64,
            fixed: fixed[i] == End::Stored(i),
            energy: energies[i],
        }
    });
    let first = |t: &Tensor| t.narrow(0, 0, p as i64);
    Ok(Some((rows.collect(), first(starts.values()), first(&recalled.states))))
}

fn line(r: &Row) -> String {
    let name = format!("{} {}{}", r.pattern, r.class, if r.unlearned { " *" } else { "" });
    let [bits, exact] = [r.bits, r.exact].map(|x| percent(100.0 * x));
    format!(
        "  {:<10}{name:<16}{bits:>12}{exact:>10}{:>8}{:>14.1}",
        r.when,
        if r.fixed { "yes" } else { "no" },
        r.energy
    )
}
