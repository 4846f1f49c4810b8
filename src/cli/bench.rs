//! `softhebb bench`: how fast a preset trains here, and how much of the machine that is.

use std::io::Write;

use clap::Args;

use super::number;
use crate::bench::{self, Report, Times};
use crate::device::{self, DeviceChoice, Precision};
use crate::preset::{Catalogue, Override, Target, apply_overrides, dataset_config_with, resolve};

/// Measure the machine's own matrix products and a preset's training against them.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The network: a preset's name [default: 4SoftHebbCnnCIFAR].
    #[arg(value_name = "PRESET", conflicts_with = "preset")]
    named: Option<String>,

    /// The same as PRESET.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,

    /// Change one key: b0.layer.out_channels=192, dataset_unsup.batch_size=50. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,

    /// auto, cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,

    /// How products are computed.
    #[arg(long, value_enum, default_value = "float32")]
    precision: Precision,

    /// Threads [default: all cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = number::threads)]
    threads: usize,

    /// How often each thing is measured.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
///
/// # Errors
/// When the preset or the device cannot be had, or the output cannot be written.
pub fn run(args: &BenchArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let catalogue = Catalogue::embedded()?;
    let preset = args.named.as_ref().or(args.preset.as_ref());
    let mut model = catalogue.model(preset.map_or("4SoftHebbCnnCIFAR", String::as_str))?;
    let overrides = args.set.iter().map(|s| Override::parse(s)).collect::<Result<Vec<_>, _>>()?;
    apply_overrides(&overrides, &mut model)?;
    let dataset = |name: &str, target| dataset_config_with(&catalogue, name, false, 0, target, &overrides);
    let unsup = dataset(&model.dataset_unsup, Target::DatasetUnsup)?;
    let sup = dataset(&model.dataset_sup, Target::DatasetSup)?;
    let network = resolve(&catalogue, &model, &sup)?;
    let on = args.device.resolve(args.precision)?;
    device::set_threads(args.threads);
    let report = bench::run(&network, &unsup, &sup, on, args.precision, usize::from(args.repeats))?;
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        false => print(&report, out)?,
    }
    Ok(())
}

fn print(r: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    let ms = |t: &Times| format!("{:9.2} ms  ({:.2} to {:.2})", t.median * 1e3, t.min * 1e3, t.max * 1e3);
    writeln!(
        out,
        "{}, {}, {} threads, {:?}; medians of {} (fastest to slowest)",
        r.preset, r.device, r.threads, r.precision, r.step.times.repeats
    )?;
    writeln!(out, "\nthe machine")?;
    for p in &r.machine.products {
        let [n, k, m] = p.shape;
        writeln!(out, "  {:<24} {}  {:7.1} GFLOP/s  ({n}, {k})·({k}, {m})", p.name, ms(&p.times), p.gflops)?;
    }
    writeln!(out, "  {:<24} {:9.1} GB/s", "memory copy", r.machine.bandwidth_gb)?;
    writeln!(out, "\none step of all Hebbian blocks, by part")?;
    for p in &r.parts {
        writeln!(out, "  b{} {:<21} {}", p.block, p.name, ms(&p.times))?;
    }
    writeln!(out, "\nthe preset")?;
    for (name, w) in [("training step", &r.step), ("storing features", &r.features)] {
        writeln!(
            out,
            "  {name:<24} {}  {:7.1} GFLOP/s  {:4.1} % of the large product, {} images, {:.0} images/s",
            ms(&w.times),
            w.gflops,
            100.0 * w.share,
            w.images,
            w.images_per_second
        )?;
    }
    if let Some(c) = &r.classifier {
        writeln!(
            out,
            "  {:<24} {}  {} images, {:.0} images/s, {:.1} GB/s of stored features",
            "classifier step",
            ms(&c.times),
            c.batch,
            c.images_per_second,
            c.read_gb
        )?;
    }
    Ok(())
}
