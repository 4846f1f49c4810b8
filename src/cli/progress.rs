//! The data of a plan, with a bar while pictures are decoded.

use std::io::{self, Write};
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::data::packed::PackEvent;
use crate::data::{DataDirs, DataError};
use crate::preset::DatasetConfig;
use crate::report::has_screen;
use crate::train::RunPlan;
use crate::train::data::{Loading, RunData};

/// Reads a plan's images onto a device; where standard error is no terminal, a line says that pictures are decoded.
///
/// # Errors
/// When files are missing or broken, or the user stops.
pub fn load(plan: &RunPlan, dirs: &DataDirs, on: tch::Device, stop: Option<&AtomicBool>) -> Result<RunData, DataError> {
    // What no phase reads is not read: the random rows of the paper have a preset for other images.
    load_sets(plan.sets_read(), !plan.no_cache, dirs, on, stop)
}

/// The same of these two data sets; `cache`: what is computed on the way is left for the next run.
///
/// # Errors
/// When files are missing or broken, or the user stops.
pub fn load_sets(
    [unsup, sup]: [&DatasetConfig; 2],
    cache: bool,
    dirs: &DataDirs,
    on: tch::Device,
    stop: Option<&AtomicBool>,
) -> Result<RunData, DataError> {
    let target = if has_screen() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    // The template is a constant of this file; without it the bar is only less pretty.
    if let Ok(style) = ProgressStyle::with_template("decoding {msg} [{bar:30}] {pos}/{len} {per_sec} {eta} left") {
        bar.set_style(style.progress_chars("=> "));
    }
    let mut report = |event: PackEvent| match event {
        PackEvent::Begin { folder, images, done } => {
            if bar.is_hidden() {
                let from = if done > 0 { format!(" from {done} on") } else { String::new() };
                let _ = writeln!(io::stderr(), "decoding {images} pictures of {}{from}", folder.display());
            }
            bar.set_length(images);
            bar.set_position(done);
            bar.set_message(folder.display().to_string());
            bar.reset_eta();
        }
        PackEvent::Done(n) => bar.set_position(n),
        PackEvent::End => {}
    };
    let mut how = Loading { cache, on: &mut report, stop };
    let data = RunData::load_with(unsup, sup, dirs, on, &mut how);
    bar.finish_and_clear();
    data
}

/// Says how far something is, on a terminal in place.
pub fn said(done: usize, of: usize, what: &str) {
    let mut err = io::stderr().lock();
    // Progress that nobody hears does not stop the work.
    let _ = match (has_screen(), done == of) {
        (true, last) => {
            write!(err, "\r{done} of {of} {what}{}", if last { "\n" } else { "" }).and_then(|()| err.flush())
        }
        (false, true) => writeln!(err, "{of} {what}"),
        (false, false) => Ok(()),
    };
}
