//! The bar of a phase: images done of all its epochs, images a second, time left, latest metrics.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::PoisonError;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle, TermLike};

use super::console::Shared;
use super::format::{count, duration, rate};
use super::{PhaseInfo, PhaseKind};

/// Redraws a second, at most: a step can take less than a millisecond.
const REDRAWS: u8 = 10;

/// `  epoch 3/50 ━━━━━━──────  24 %  12.3 k images/s  1m 20s left`.
const BAR: &str = "  {prefix} {bar:24} {percent:>3} %  {speed}  {left} left";

/// The same with the latest metrics below.
const BAR_AND_METRICS: &str = "  {prefix} {bar:24} {percent:>3} %  {speed}  {left} left\n  {wide_msg}";

/// A bar that clears itself when dropped.
pub(super) struct Bar {
    bar: ProgressBar,
    epochs: u64,
    images: u64,
    /// The epoch that the bar shows; 0 before the first step.
    epoch: u64,
    has_metrics: bool,
}

impl Bar {
    /// A bar for this phase, drawn at once.
    pub fn new(phase: &PhaseInfo, writer: Shared) -> Bar {
        let epochs = if phase.kind == PhaseKind::Features { 1 } else { phase.epochs };
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(Screen(writer)), REDRAWS);
        let bar = ProgressBar::with_draw_target(Some(epochs.saturating_mul(phase.images)), target)
            .with_finish(ProgressFinish::AndClear);
        bar.set_style(style(BAR));
        let bar = Bar { bar, epochs, images: phase.images, epoch: 0, has_metrics: false };
        bar.name(1);
        bar.bar.tick();
        bar
    }

    /// So many images of this epoch (from 1) are done.
    pub fn advance(&mut self, epoch: u64, images: u64) {
        let position = epoch.saturating_sub(1).saturating_mul(self.images).saturating_add(images);
        if epoch != self.epoch {
            // The epochs that an earlier part of the run did are no speed of this one.
            if self.epoch == 0 && epoch > 1 {
                self.bar.set_position(position);
                self.bar.reset_eta();
            }
            self.name(epoch);
            self.epoch = epoch;
        }
        self.bar.set_position(position);
    }

    /// Shows the latest metrics.
    pub fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !std::mem::replace(&mut self.has_metrics, true) {
            self.bar.set_style(style(BAR_AND_METRICS));
        }
        self.bar.set_message(text.to_string());
    }

    /// Does something with the bar out of the way.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bar.suspend(work)
    }

    fn name(&self, epoch: u64) {
        self.bar.set_prefix(format!("epoch {}/{}", count(epoch), count(self.epochs)));
    }
}

/// How the bar looks.
fn style(template: &str) -> ProgressStyle {
    // A test builds both templates; were one wrong, the default bar would do.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .progress_chars("━╸─")
        .with_key("speed", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&rate(state.per_sec()));
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let seconds = if state.pos() == 0 { f64::NAN } else { state.eta().as_secs_f64() };
            let _ = out.write_str(&duration(seconds));
        })
}

/// A writer as indicatif's terminal. A failed write is returned and costs the bar only: what matters is printed by
/// the console, which looks at its errors.
struct Screen(Shared);

impl Screen {
    fn put(&self, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_fmt(text)
    }

    /// Escape sequences read "0 lines" as one.
    fn go(&self, n: usize, direction: char) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.put(format_args!("\x1b[{n}{direction}")) }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen")
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| width.0)
    }

    fn height(&self) -> u16 {
        terminal_size::terminal_size_of(io::stderr()).map_or(20, |(_, height)| height.0)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(format_args!("{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put(format_args!("\r\x1b[2K"))
    }

    fn flush(&self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
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
        let screen = || -> Shared { Arc::new(Mutex::new(Box::new(io::sink()))) };
        let mut bar = Bar::new(&phase(5, 100), screen());
        for (epoch, images, position) in [(1, 10, 10), (1, 100, 100), (2, 1, 101), (5, 100, 500)] {
            bar.advance(epoch, images);
            assert_eq!(bar.bar.position(), position);
        }
        // Resumed in the middle.
        let mut bar = Bar::new(&phase(5, 100), screen());
        bar.advance(3, 50);
        assert_eq!((bar.bar.position(), bar.bar.prefix().as_str()), (250, "epoch 3/5"));
        let mut bar = Bar::new(&phase(u64::MAX, u64::MAX), screen());
        bar.advance(u64::MAX, u64::MAX);
        bar.advance(0, 0);
    }

    #[test]
    fn the_templates_are_some() {
        assert!(ProgressStyle::with_template(BAR).is_ok() && ProgressStyle::with_template(BAR_AND_METRICS).is_ok());
    }
}
