//! Images that a command reads, downloaded if they are missing and somebody agrees.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::data as data_cli;
use crate::data::{DataDirs, DataError, FetchOptions};
use crate::encoder::EncoderError;
use crate::hopfield::HopfieldError;
use crate::snn::SnnError;
use crate::train::TrainError;

/// Reads images by `load`; a data set that is missing is downloaded if `download` or the user says so. `instead` is a command
/// that does the same with the images inside the program.
///
/// # Errors
/// When images are missing or broken, with a way out.
pub fn load<T>(
    download: bool,
    data_dir: Option<&Path>,
    instead: Option<&str>,
    load: impl Fn() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let error = match load() {
        Ok(images) => return Ok(images),
        Err(error) => error,
    };
    let Some(missing @ DataError::NotFound { name, .. }) = cause(&error) else { return Err(error) };
    if !(download || asked(missing)?) {
        let hint = missing.hint().unwrap_or_default();
        let again = instead.map(|line| format!("\nhint: the same on the images inside the program: {line}"));
        return Err(anyhow::anyhow!("{missing}\nhint: {hint}{}", again.unwrap_or_default()));
    }
    let options = FetchOptions { mirror: std::env::var("SOFTHEBB_MIRROR").ok(), ..FetchOptions::default() };
    data_cli::fetch_with_bar(name, &DataDirs::resolve(data_dir)?, &options)?;
    load()
}

/// What is wrong with the data, if that is what is wrong.
fn cause(error: &anyhow::Error) -> Option<&DataError> {
    if let Some(TrainError::Data(e)) = error.downcast_ref() {
        Some(e)
    } else if let Some(EncoderError::Data(e)) = error.downcast_ref() {
        Some(e)
    } else if let Some(HopfieldError::Data(e)) = error.downcast_ref() {
        Some(e)
    } else if let Some(SnnError::Data(e)) = error.downcast_ref() {
        Some(e)
    } else {
        error.downcast_ref()
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
