//! `softhebb encode bench`: an epoch with one matrix a layer against the published form.

use std::io::{self, Write};

use clap::Args;

use super::train::PlanArgs;
use crate::device::{self, Precision};
use crate::encoder::bench;

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Epochs of each form, in turns, of whose ratios the median is taken.
    #[arg(long, value_name = "N", default_value_t = 3)]
    repeats: usize,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Measures and prints.
///
/// # Errors
/// When images are missing, a setting is wrong, or libtorch fails.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let source = args.plan.source.open(&args.plan.spec(), None, "softhebb encode bench FashionMini")?;
    let plan = args.plan.plan(&source);
    plan.check()?;
    let on = plan.device.resolve(Precision::Float32)?;
    device::set_threads(plan.threads);
    let r = bench::run(&plan, &source, on, args.repeats)?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{:#}", serde_json::to_value(&r)?)?;
        return Ok(());
    }
    let list = |seconds: &[f64]| seconds.iter().map(|s| format!("{s:.2}")).collect::<Vec<_>>().join(", ");
    let fastest = r.ours.iter().copied().fold(f64::INFINITY, f64::min);
    let mib = |m: Option<u64>| m.map_or("unknown".to_string(), |m| format!("{m} MiB"));
    writeln!(out, "an epoch of {} images, {}, {} threads", r.images, plan.shapes(), r.threads)?;
    writeln!(out, "  one matrix a layer   {} s   {} lateral weights", list(&r.ours), r.laterals.0)?;
    writeln!(out, "  published (C, N, N)  {} s   {} lateral weights", list(&r.published), r.laterals.1)?;
    writeln!(out, "  ratio                {:.1} (median of repetitions)", r.ratio)?;
    let share = 100.0 * r.limit / fastest;
    let (gflop, sgemm, limit) = (r.gflop, r.sgemm, r.limit);
    writeln!(out, "  limit                {gflop:.0} GFLOP at {sgemm:.0} GFLOP/s: {limit:.2} s; reached {share:.0} %")?;
    writeln!(out, "  largest difference   {:.1e} of the largest output", r.difference)?;
    writeln!(out, "  peak memory          {} alone, {} with both", mib(r.peak_mib.0), mib(r.peak_mib.1))?;
    Ok(())
}
