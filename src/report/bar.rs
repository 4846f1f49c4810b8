//! The bar of a phase: images done of all its epochs, images a second, time left, latest metrics.
//!
//! Between two drawings the cursor stands at the beginning of the bar's first line, so that whatever became of its lines when the
//! window was resized is below the cursor, and goes with one "clear to the end of the screen". While the bar is drawn, lines do
//! not wrap.

use std::io::{self, Write as _};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::console::Shared;
use super::format::{count, duration, rate};
use super::{PhaseInfo, PhaseKind};

/// It is drawn so often at most: a step can take less than a millisecond.
const DRAWN_EVERY: Duration = Duration::from_millis(100);
/// Back to the beginning of the bar, of which nothing is left.
const CLEAR: &str = "\r\x1b[J";
/// Signs of the bar itself.
const LONGEST: usize = 24;
const SHORTEST: usize = 8;

/// A bar that clears itself when dropped.
pub(super) struct Bar {
    screen: Shared,
    width: fn() -> usize,
    epochs: u64,
    images: u64,
    /// The epoch that the bar shows, from 1.
    epoch: u64,
    /// Images of all epochs that are done.
    done: u64,
    /// When the first of them was heard of, if it was, and how many there were then.
    began: (Instant, u64),
    /// Seconds left of the run.
    left: Option<f64>,
    metrics: String,
    drawn: Instant,
}

impl Bar {
    /// A bar for this phase, drawn at once on a screen of this width.
    pub fn new(phase: &PhaseInfo, screen: Shared, width: fn() -> usize) -> Bar {
        let epochs = if phase.kind == PhaseKind::Features { 1 } else { phase.epochs };
        let now = Instant::now();
        let metrics = String::new();
        let mut bar = Bar {
            screen,
            width,
            epochs,
            images: phase.images,
            epoch: 1,
            done: 0,
            began: (now, 0),
            left: None,
            metrics,
            drawn: now,
        };
        bar.draw();
        bar
    }

    /// So many images of this epoch (from 1) are done.
    pub fn advance(&mut self, epoch: u64, images: u64) {
        // The epochs that an earlier part of the run did are no speed of this one.
        let resumed = self.done == 0 && epoch > 1;
        self.done = epoch.saturating_sub(1).saturating_mul(self.images).saturating_add(images);
        self.epoch = epoch;
        if resumed {
            self.began = (Instant::now(), self.done);
        }
        if self.drawn.elapsed() >= DRAWN_EVERY {
            self.draw();
        }
    }

    /// So many seconds are left of the run.
    pub fn look_ahead(&mut self, seconds: f64) {
        self.left = Some(seconds);
    }

    /// Shows the latest metrics.
    pub fn say(&mut self, text: &str) {
        self.metrics = text.to_string();
        self.draw();
    }

    /// Does something with the bar out of the way.
    pub fn aside<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.put(CLEAR);
        let done = work();
        self.draw();
        done
    }

    fn draw(&mut self) {
        let (elapsed, new) = (self.began.0.elapsed().as_secs_f64(), self.done.saturating_sub(self.began.1) as f64);
        let (all, speed) = (self.epochs.saturating_mul(self.images), if new > 0.0 { new / elapsed } else { f64::NAN });
        let phase = all.saturating_sub(self.done) as f64 / speed;
        let mut left = format!("{} left", duration(phase));
        // A second more is no other phase.
        if let Some(run) = self.left.filter(|run| *run > phase + 1.0) {
            left += &format!(", {} in all", duration(run));
        }
        let name = format!("epoch {}/{}", count(self.epoch), count(self.epochs));
        let share = if all > 0 { self.done as f64 / all as f64 } else { 0.0 };
        let width = (self.width)().saturating_sub(1);
        let mut text = format!("{CLEAR}\x1b[?7l{}", line(width, &name, share.min(1.0), &rate(speed), &left));
        if !self.metrics.is_empty() {
            text += &format!("\n{}\x1b[A", cut(&format!("  {}", self.metrics), width));
        }
        self.put(&(text + "\r\x1b[?7h"));
        self.drawn = Instant::now();
    }

    /// A write that fails costs the bar only: what matters is printed by the console, which looks at its errors.
    fn put(&self, text: &str) {
        let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = screen.write_all(text.as_bytes()).and_then(|()| screen.flush());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.put(CLEAR);
    }
}

/// The width of the terminal at standard error.
pub(super) fn screen_width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

/// `  epoch 3/50 ━━━━━━──────  24 %  12.3 k images/s  1m 20s left`; where that is too wide, without the speed, then without the
/// bar.
fn line(width: usize, name: &str, share: f64, speed: &str, left: &str) -> String {
    let percent = format!("{:>3} %", (share * 100.0).floor());
    for speed in [format!("  {speed}"), String::new()] {
        let words = format!("  {name}  {percent}{speed}  {left}").chars().count();
        let room = width.saturating_sub(words).min(LONGEST);
        if room >= SHORTEST {
            let full = ((share * room as f64).round() as usize).min(room);
            let bar = "━".repeat(full) + &"─".repeat(room - full);
            return format!("  {name} {bar} {percent}{speed}  {left}");
        }
    }
    cut(&format!("  {name} {percent}  {left}"), width)
}

/// The text, or as much of it as fits.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_string();
    }
    text.chars().take(width.saturating_sub(1)).chain((width > 0).then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn phase(epochs: u64, images: u64) -> PhaseInfo {
        PhaseInfo { index: 0, count: 1, kind: PhaseKind::Supervised, blocks: vec![], epochs, images, batch_size: 1 }
    }

    #[test]
    fn positions_count_all_epochs_and_never_overflow() {
        let new = |epochs, images| {
            Bar::new(&phase(epochs, images), Arc::new(Mutex::new(Box::new(io::sink()))), || usize::MAX)
        };
        let mut bar = new(5, 100);
        for (epoch, images, done) in [(1, 10, 10), (1, 100, 100), (2, 1, 101), (5, 100, 500)] {
            bar.advance(epoch, images);
            assert_eq!((bar.done, bar.began.1), (done, 0));
        }
        // Resumed in the middle.
        let mut bar = new(5, 100);
        bar.advance(3, 50);
        assert_eq!((bar.done, bar.epoch, bar.began.1), (250, 3, 250));
        let mut bar = new(u64::MAX, u64::MAX);
        bar.advance(u64::MAX, u64::MAX);
        bar.advance(0, 0);
        bar.draw();
    }

    #[test]
    fn a_line_fits_its_screen() {
        let left = "1m 20s left, 14m 03s in all";
        for (width, text) in [
            (100, "  epoch 3/50 ━━━━━━────────────────── 24 %  12.3 k images/s  1m 20s left, 14m 03s in all"),
            (79, "  epoch 3/50 ━━━────────── 24 %  12.3 k images/s  1m 20s left, 14m 03s in all"),
            (60, "  epoch 3/50 ━━━─────────── 24 %  1m 20s left, 14m 03s in all"),
            (50, "  epoch 3/50  24 %  1m 20s left, 14m 03s in all"),
            (20, "  epoch 3/50  24 %…"),
            (1, "…"),
            (0, ""),
        ] {
            let found = line(width, "epoch 3/50", 0.24, "12.3 k images/s", left);
            assert!(found.chars().count() <= width, "{found}");
            let bare = |text: &str| text.replace(['━', '─', ' '], "");
            assert_eq!(bare(&found), bare(text), "{width}");
            assert_eq!(found.contains('━'), text.contains('━'), "{width}: {found}");
        }
        assert_eq!(line(79, "epoch 1/1", 1.0, "1 images/s", "0 ms left").matches('━').count(), LONGEST);
    }
}
