//! What a search says before it begins and when it is over.

use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;

use super::screen::Screen;
use crate::report::format::{plural, shell};
use crate::search::SearchDir;
use crate::search::runner::Options;
use crate::search::screen::{Counts, View, best_in_full, table};
use crate::search::space::{Space, Trial};
use crate::search::store::Stored;
use crate::search::tables::{Row, best};

/// Interrupted by the user.
const INTERRUPTED: u8 = 130;

/// The first line: what runs, and how.
pub fn title(
    stored: &Stored,
    dir: &SearchDir,
    waiting: usize,
    parallel: usize,
    threads: usize,
    options: &Options,
) -> String {
    let (base, all) = (&stored.base, stored.trials.len());
    let done = all - waiting;
    let done = if done > 0 { format!(", {done} of them ended before") } else { String::new() };
    let on = match options.gpu_slots.len() {
        0 => format!("{parallel} at once with {}", plural(threads as u64, "thread")),
        n => format!("{parallel} at once on {}", plural(n as u64, "GPU slot")),
    };
    format!(
        "{} · {} → {} · {}{done} · {on} · {}",
        base.model,
        base.dataset_unsup.config,
        base.dataset_sup.config,
        plural(all as u64, "trial"),
        dir.root().display()
    )
}

/// The last words: the whole table, the counts, where things are and what to type next.
pub fn close(
    dir: &SearchDir,
    space: &Space,
    rows: &[Row],
    mut screen: Screen,
    interrupted: bool,
) -> anyhow::Result<ExitCode> {
    let counts = Counts::of(rows);
    screen.finish();
    let width = screen.width();
    let view = View { space, rows, running: &Default::default(), seconds: Some(screen.seconds()), left: None };
    let path = shell(&dir.root().display().to_string());
    let mut lines = table(&view, width, usize::MAX);
    lines.extend(best(space, rows).map(|best| best_in_full(space, &best)).unwrap_or_default());
    let over = counts.pending + counts.stopped + counts.running == 0;
    if over {
        let _ = fs::remove_dir_all(dir.images()); // made again where it is needed
        lines.push(format!("{}: {}", if counts.failed > 0 { "ended" } else { "done" }, counts.sentence()));
    } else {
        lines.push(format!("interrupted: {}", counts.sentence()));
    }
    lines.push(format!("  trials       {}", dir.trials().display()));
    lines.push(format!("  summary      {}", dir.summary().display()));
    lines.push(format!("  log          {}", dir.log().display()));
    let trials: Vec<Trial> = rows.iter().map(|row| row.trial.clone()).collect();
    let logdir = shell(&dir.logdir(&trials).display().to_string());
    lines.push(format!("next, watch it:  tensorboard --logdir {logdir}"));
    if !over {
        lines.push(format!("goes on with:    softhebb search --resume {path}"));
    } else if counts.failed > 0 {
        lines.push(format!("try them again:  softhebb search --resume {path} --retry-failed"));
    }
    if counts.finished > 0 {
        lines.push(format!("what is best:    softhebb search best {path}"));
    }
    let mut out = io::stdout();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    screen.note_end(&counts.sentence());
    Ok(match (interrupted, counts.failed) {
        (true, _) if !over => ExitCode::from(INTERRUPTED),
        (_, 0) if over => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
