//! `softhebb snn bench`: the speed on this machine, against the dense loop and against a peer.

use std::io::{self, Write};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::constants::ConstantArgs;
use super::{load, pool};
use crate::snn::bench;

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// At most so many images that the dense loop computes in each repetition.
    #[arg(long, value_name = "N", default_value_t = 64, alias = "images", help_heading = "Data")]
    limit: usize,
    /// Repetitions, of which the median is taken.
    #[arg(long, value_name = "N", default_value_t = 5)]
    repeats: usize,
    /// A command that prints {"train_us": …, "eval_us": …}, run once a repetition and compared with.
    #[arg(long, value_name = "COMMAND")]
    peer: Option<String>,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    constants: ConstantArgs,
}

/// Measures and prints.
///
/// # Errors
/// When the data are missing, a constant is wrong, or the peer fails.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let plan = args.constants.plan();
    let data = load(&plan, args.constants.folder.download, Some("softhebb snn bench --dataset FashionMini"))?.dataset;
    let one = pool(1)?;
    let measure = |repeats| one.install(|| bench::speed(&plan, &data, args.limit, repeats));
    let speed = measure(args.repeats)?;
    let (mut peers, mut ratios) = (Vec::new(), Vec::new());
    for command in args.peer.iter().cycle().take(args.repeats) {
        // In turns: what else the machine does changes from minute to minute.
        let (theirs, ours) = (peer(command)?, measure(1)?);
        ratios.push([theirs[0] / ours.train.sparse_us, theirs[1] / ours.eval.sparse_us]);
        peers.push(theirs);
    }
    let middle = |list: &[[f64; 2]], i: usize| bench::median(list.iter().map(|x| x[i]).collect());
    let peer = args.peer.as_ref().map(|command| {
        json!({"command": command, "train_us": middle(&peers, 0), "eval_us": middle(&peers, 1),
               "train_ratio": middle(&ratios, 0), "eval_ratio": middle(&ratios, 1)})
    });
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{:#}", json!({"speed": speed, "peer": peer}))?;
        return Ok(());
    }
    let c = &plan.constants;
    writeln!(
        out,
        "{} hidden units, {} steps, {:.1} input spikes a step; one thread, medians of {}",
        c.hidden, c.steps, speed.spikes_a_step, speed.repeats
    )?;
    writeln!(out, "{:<11}{:>14}{:>14}{:>9}  (of each repetition)", "", "dense", "sparse", "ratio")?;
    for (name, p) in [("training", &speed.train), ("evaluation", &speed.eval)] {
        let [low, high] = p.range;
        let (dense, sparse, ratio) = (p.dense_us, p.sparse_us, p.ratio);
        writeln!(out, "{name:<11}{dense:>11.1} µs{sparse:>11.1} µs{ratio:>9.1}  ({low:.1} to {high:.1})")?;
    }
    writeln!(out, "drawing the spikes of an image: {:.1} µs", speed.encode_us)?;
    if !peers.is_empty() {
        writeln!(
            out,
            "peer: training {:.0} µs, {:.0} times ours; evaluation {:.0} µs, {:.0} times ours",
            middle(&peers, 0),
            middle(&ratios, 0),
            middle(&peers, 1),
            middle(&ratios, 1)
        )?;
    }
    Ok(())
}

/// Runs the peer once: microseconds an image in training and in evaluation.
fn peer(command: &str) -> anyhow::Result<[f64; 2]> {
    let output = std::process::Command::new("sh").args(["-c", command]).output().context("cannot run the peer")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let value: Value = serde_json::from_str(text.trim())
        .with_context(|| format!("`{command}` printed no JSON: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
    let number = |key: &str| value[key].as_f64().with_context(|| format!("`{command}` printed no number `{key}`"));
    Ok([number("train_us")?, number("eval_us")?])
}
