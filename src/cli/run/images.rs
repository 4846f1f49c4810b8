//! The images of a run, downloaded if they are missing and somebody agrees.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::AtomicBool;

use super::RunArgs;
use crate::cli::{data as data_cli, progress};
use crate::data::{DataDirs, DataError, FetchOptions};
use crate::report::format::shell;
use crate::train::data::RunData;
use crate::train::{RunPlan, TrainError};

/// Loads the images of a plan; what is missing is downloaded if the user says so.
///
/// # Errors
/// When images are missing or broken, with a way out.
pub fn load(
    args: &RunArgs,
    plan: &RunPlan,
    dirs: &DataDirs,
    on: tch::Device,
    stop: &AtomicBool,
) -> anyhow::Result<RunData> {
    let load = || progress::load(plan, dirs, on, Some(stop));
    match load() {
        Ok(data) => Ok(data),
        Err(DataError::NotFound { name, looked, fetch }) => {
            let missing = DataError::NotFound { name, looked, fetch };
            if !(args.download || asked(&missing)?) {
                let retry = format!("the same network on the images inside the program: {}", on_fashion_mini(args));
                let hint = missing.hint().map(|h| format!("\nhint: {h}\nhint: {retry}")).unwrap_or_default();
                return Err(anyhow::anyhow!("{missing}{hint}"));
            }
            let options = FetchOptions { mirror: std::env::var("SOFTHEBB_MIRROR").ok(), ..FetchOptions::default() };
            data_cli::fetch_with_bar(name, dirs, &options)?;
            Ok(load()?)
        }
        Err(error) => Err(TrainError::Data(error).into()),
    }
}

/// Asks whether to download, where somebody can answer.
fn asked(missing: &DataError) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    let mut err = io::stderr().lock();
    write!(err, "{missing}\ndownload it from its official site now? [Y/n] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}

/// The command that runs the same network on the embedded images.
fn on_fashion_mini(args: &RunArgs) -> String {
    let network = match (&args.preset, &args.model) {
        (Some(name), _) => format!("--preset {}", shell(name)),
        (None, Some(text)) => format!("--model {}", shell(text)),
        (None, None) => String::new(),
    };
    format!("softhebb run {network} --dataset {}", "FashionMini")
}
