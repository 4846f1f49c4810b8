//! The images of a run, downloaded if they are missing and somebody agrees.

use std::sync::atomic::AtomicBool;

use super::RunArgs;
use crate::cli::{images, progress};
use crate::data::DataDirs;
use crate::report::format::shell;
use crate::train::data::RunData;
use crate::train::{RunPlan, TrainError};

/// Loads the images of a plan; what is missing is downloaded if the user says so. `command` is the subcommand that runs it.
///
/// # Errors
/// When images are missing or broken, with a way out.
pub fn load(
    args: &RunArgs,
    command: &str,
    plan: &RunPlan,
    dirs: &DataDirs,
    on: tch::Device,
    stop: &AtomicBool,
) -> anyhow::Result<RunData> {
    let instead = format!("softhebb {command}{} --dataset FashionMini", network(args));
    let load = || Ok(progress::load(plan, dirs, on, Some(stop)).map_err(TrainError::Data)?);
    images::load(args.download, plan.data_dir.as_deref(), Some(&instead), load)
}

/// The network as it was typed.
fn network(args: &RunArgs) -> String {
    match (&args.preset, &args.model) {
        (Some(name), _) => format!(" --preset {}", shell(name)),
        (None, Some(text)) => format!(" --model {}", shell(text)),
        (None, None) => String::new(),
    }
}
