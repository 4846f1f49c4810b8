//! `softhebb hopfield bench`: speed on this machine.

use std::io::{self, Write};

use clap::Args;
use serde_json::json;

use crate::cli::Usage;
use crate::cli::options::ThreadArgs;
use crate::device;
use crate::hopfield::bench::{self, Batch, Sweeps};

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Neurons.
    #[arg(long, value_name = "N", default_value_t = 4096)]
    n: usize,
    /// Patterns stored in the synchronous part.
    #[arg(long, value_name = "P", default_value_t = 1000)]
    patterns: usize,
    /// States recalled in the synchronous part.
    #[arg(long, value_name = "B", default_value_t = 1000)]
    states: usize,
    /// Sweeps.
    #[arg(long, value_name = "N", default_value_t = 20)]
    sweeps: usize,
    /// States recalled in the asynchronous part; 0 leaves it out.
    #[arg(long, value_name = "B", default_value_t = 32)]
    async_states: usize,
    /// How often each thing is measured.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    #[command(flatten)]
    threads: ThreadArgs,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Measures and prints.
///
/// # Errors
/// When a size is wrong, or libtorch fails (memory).
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let sizes = [("--n", args.n), ("--patterns", args.patterns), ("--states", args.states), ("--sweeps", args.sweeps)];
    if let Some((name, size)) = sizes.into_iter().find(|(_, size)| *size == 0 || *size > 1 << 17) {
        return Err(Usage(format!("{name} is {size}, but must be 1 to {}", 1 << 17)).into());
    }
    device::set_threads(args.threads.count());
    let repeats = usize::from(args.repeats);
    let batch = bench::batch([args.n, args.patterns, args.states, args.sweeps], repeats)?;
    let mut sweeps = Vec::new();
    let mut product_ms = None;
    if args.async_states > 0 {
        // A load that the Hebbian rule stores well.
        let size = [args.n, (args.n / 20).max(1), args.async_states];
        for (noise, early_stop) in [(0.1, true), (0.2, true), (0.1, false)] {
            sweeps.push(bench::sweeps(size, noise, args.sweeps, early_stop, repeats)?);
        }
        product_ms = Some(bench::full_product_ms(args.n, repeats)?);
    }
    let mut out = io::stdout().lock();
    if args.json {
        let value =
            json!({"threads": device::threads(), "batch": batch, "async": sweeps, "full_product_ms": product_ms});
        writeln!(out, "{value:#}")?;
        return Ok(());
    }
    print_batch(&batch, &mut out)?;
    for s in &sweeps {
        print_sweeps(s, &mut out)?;
    }
    if let Some(ms) = product_ms {
        let sweep = ms * args.n as f64 / 1e3;
        writeln!(out, "a whole product W·s for each neuron: {ms:.2} ms each, {sweep:.1} s a sweep and state")?;
    }
    Ok(())
}

fn print_batch(b: &Batch, out: &mut dyn Write) -> io::Result<()> {
    let [n, p, states, sweeps] = b.size;
    writeln!(out, "{n} neurons, {} threads; medians of {}", device::threads(), b.repeats)?;
    writeln!(out, "  {:<44}{:>9.1} GFLOP/s", "the machine's large product", b.gflops[3])?;
    let rows = [
        (format!("storing {p} patterns"), b.store_seconds, b.gflops[0], b.share[0]),
        (format!("recalling {states} states, {sweeps} sweeps"), b.recall_seconds, b.gflops[1], b.share[1]),
        ("both".to_string(), b.store_seconds + b.recall_seconds, b.gflops[2], b.share[2]),
    ];
    for (name, seconds, gflops, share) in rows {
        writeln!(out, "  {name:<34}{seconds:>8.3} s{gflops:>9.1} GFLOP/s{:>7.1} % of it", 100.0 * share)?;
    }
    let [low, high] = b.range.map(|share| 100.0 * share);
    writeln!(out, "  both, fastest and slowest repetition: {high:.1} % and {low:.1} %")?;
    match b.peak_mib {
        Some(mib) => {
            writeln!(out, "  peak memory of the process {mib} MiB, of which weights {} MiB", (n * n * 4) >> 20)
        }
        None => Ok(()),
    }
}

fn print_sweeps(s: &Sweeps, out: &mut dyn Write) -> io::Result<()> {
    let [n, p, b] = s.size;
    let until = if s.early_stop { "until nothing changes".to_string() } else { format!("{} sweeps", s.sweeps) };
    writeln!(out, "asynchronous, {n} neurons, {p} patterns, {b} states with {:.0} % noise, {until}", 100.0 * s.noise)?;
    let [fast, slow] = s.ms;
    let [ratio, low, high] = s.ratio;
    writeln!(
        out,
        "  a column a flip {fast:.2} ms a state, a row a neuron {slow:.2} ms: {ratio:.1} times as fast ({low:.1} to {high:.1})"
    )?;
    let same = if s.same { "the same states" } else { "OTHER STATES" };
    writeln!(out, "  {:.0} neurons flip in {:.1} sweeps; both end in {same}", s.flips, s.taken)
}
