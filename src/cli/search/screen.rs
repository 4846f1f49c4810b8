//! What a sweep prints while it runs: a table that refreshes in place on a terminal, else a line an event; and its log.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::cli::provenance::date;
use crate::files::FileError;
use crate::search::SearchDir;
use crate::search::runner::Watcher;
use crate::search::screen::{View, table};

/// The terminal and the log file of a sweep.
pub struct Screen {
    terminal: bool,
    quiet: bool,
    log: File,
    /// Lines of the table that stands on the terminal now.
    drawn: usize,
    began: Instant,
}

impl Screen {
    /// On standard error, with the log in the search's folder.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub fn new(dir: &SearchDir, quiet: bool) -> Result<Screen, FileError> {
        let path = dir.log();
        let log = File::options().create(true).append(true).open(&path).map_err(FileError::write(&path))?;
        Ok(Screen { terminal: super::begin::has_terminal(), quiet, log, drawn: 0, began: Instant::now() })
    }

    /// Columns of the terminal; many where there is none.
    pub fn width(&self) -> usize {
        terminal_size::terminal_size_of(io::stdout()).map_or(200, |(width, _)| usize::from(width.0))
    }

    /// Seconds since it began.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Takes the table away.
    pub fn finish(&mut self) {
        let text = self.erasing();
        self.put(&text);
    }

    /// The last line of the log.
    pub fn note_end(&mut self, text: &str) {
        self.log(text);
    }

    fn log(&mut self, text: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        // The log is for people; a full disk must not end the trials.
        let _ = writeln!(self.log, "{} {text}", date(now));
    }

    /// What takes the table away and leaves the cursor where it began.
    fn erasing(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            n => format!("\x1b[{n}A\r\x1b[J"),
        }
    }

    fn put(&mut self, text: &str) {
        let mut err = io::stderr().lock();
        // A reader that has gone is no reason to stop.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}

impl Watcher for Screen {
    fn say(&mut self, line: &str, is_failure: bool) {
        self.log(line);
        if !self.quiet || is_failure {
            let text = format!("{}{line}\n", self.erasing());
            self.put(&text);
        }
    }

    fn show(&mut self, view: &View) {
        if !self.terminal || self.quiet {
            return;
        }
        let size = terminal_size::terminal_size_of(io::stderr());
        let (width, height) = size.map_or((80, 24), |(w, h)| (usize::from(w.0), usize::from(h.0)));
        let lines = table(view, width, height.saturating_sub(1));
        let text = format!("{}{}\n", self.erasing(), lines.join("\n"));
        self.put(&text);
        self.drawn = lines.len();
    }
}
