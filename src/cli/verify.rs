//! `softhebb verify FILE…`: recomputes recorded runs and compares.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::number;
use crate::device::{self, DeviceChoice, Precision};
use crate::verify::{Report, verify};

/// Recompute recorded runs of the published program and compare every recorded tensor.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Recordings (safetensors).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// auto, cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceChoice,

    /// Threads [default: all cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = number::threads)]
    threads: usize,

    /// Recompute by the plain formulas, not by the fast forms that training uses.
    #[arg(long)]
    plain: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Verifies the files; a file that cannot be read is reported and the rest goes on. False if any is not reproduced.
///
/// # Errors
/// When the device cannot be had or the output cannot be written.
pub fn run(args: &VerifyArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let on = args.device.resolve(Precision::Float32)?;
    device::set_threads(args.threads);
    let (mut all_right, mut rows) = (true, Vec::new());
    for file in &args.files {
        let result = verify(file, on, !args.plain);
        all_right &= result.as_ref().is_ok_and(|r| r.ok);
        match (result, args.json) {
            (Ok(report), true) => rows.push(json!(report)),
            (Err(error), true) => rows.push(json!({"file": file, "ok": false, "error": error.to_string()})),
            (Ok(report), false) => writeln!(out, "{}", line(&report))?,
            (Err(error), false) => writeln!(out, "ERROR {error}")?,
        }
    }
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(all_right)
}

fn line(r: &Report) -> String {
    format!(
        "{verdict:<5} {file}: {n} tensors, largest error {worst:.3} of the tolerance ({error:.1e} in {tensor})",
        verdict = if r.ok { "ok" } else { "WRONG" },
        file = r.file.display(),
        n = r.tensors,
        worst = r.worst,
        error = r.worst_error,
        tensor = r.worst_tensor,
    )
}
