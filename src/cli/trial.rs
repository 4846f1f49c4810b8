//! `softhebb trial`: one trial of a search, started by the search's runner. Needs its plan file and nothing else.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use super::{provenance, run as run_cli};
use crate::search::state::Status;
use crate::search::work;

/// Run one trial of a search from its plan file.
#[derive(Debug, Parser)]
#[command(name = "softhebb trial", disable_version_flag = true)]
pub struct TrialArgs {
    /// The trial's plan.json.
    plan: PathBuf,

    /// Save and stop when standard input ends: when whoever started this wishes so, or died.
    #[arg(long)]
    until_stdin_ends: bool,
}

/// Runs the subcommand; how the trial ended is in its state.json.
///
/// # Errors
/// When there is no such plan, or its state cannot be written.
pub fn run(args: &TrialArgs) -> anyhow::Result<ExitCode> {
    let stop = run_cli::stop_flag()?;
    if args.until_stdin_ends {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || stop_at_end_of_input(&stop));
    }
    let status = work::work(&args.plan, &stop, &mut |dir, on| provenance::record(dir, on))?;
    Ok(match status {
        Status::Finished => ExitCode::SUCCESS,
        Status::Stopped => ExitCode::from(run_cli::INTERRUPTED),
        _ => ExitCode::FAILURE,
    })
}

fn stop_at_end_of_input(stop: &AtomicBool) {
    let mut byte = [0];
    while std::io::stdin().lock().read(&mut byte).is_ok_and(|n| n > 0) {}
    stop.store(true, Ordering::Relaxed);
}
