//! Events as lines of text: what a console without a bar prints, and what `log.txt` keeps.
//!
//! [`Lines`] turns events into lines and knows no file and no screen; [`shown`] decides which of them a console
//! prints.

use super::closing::Closing;
use super::columns::Row;
use super::format::{count, duration, plural};
use super::sentences::{block_lines, phase_title, result};
use super::{Event, Metrics, PhaseInfo, PhaseKind};

/// How much the console says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// `-q`: warnings and the result.
    Quiet,
    /// Phases, epochs, notes.
    #[default]
    Normal,
    /// `-v`: also the numbers of each block and every file written.
    Verbose,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What runs; the head of a phase; a phase's end that no epoch line told.
    Head,
    /// An epoch between two that are due.
    Epoch,
    /// An epoch whose metrics are due.
    Report,
    /// The end of a phase whose epochs were told line by line.
    Summary,
    /// Numbers of a block, files written.
    Detail,
    /// Something to know.
    Note,
    /// Something to act on.
    Warning,
    /// The final accuracy.
    Result,
    /// Where things are and what to type next.
    Closing,
}

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub kind: Kind,
    /// What it says.
    pub text: String,
}

/// Whether a console prints a line of this kind; `bar`: whether a bar shows the epochs.
pub fn shown(kind: Kind, verbosity: Verbosity, bar: bool) -> bool {
    match kind {
        Kind::Warning | Kind::Result => true,
        Kind::Head | Kind::Note | Kind::Closing => verbosity >= Verbosity::Normal,
        Kind::Epoch => verbosity >= Verbosity::Normal && !bar,
        Kind::Report => verbosity >= Verbosity::Normal && (!bar || verbosity == Verbosity::Verbose),
        Kind::Summary => verbosity >= Verbosity::Normal && bar,
        Kind::Detail => verbosity == Verbosity::Verbose,
    }
}

/// Turns events into lines, one line an epoch.
#[derive(Debug, Default)]
pub struct Lines {
    closing: Closing,
    phase: Option<PhaseInfo>,
    /// Whether an epoch of the phase has its line.
    told: bool,
    latest: String,
    /// Seconds left of the run.
    left: Option<f64>,
}

impl Lines {
    /// `closing` follows the result of a run.
    pub fn new(closing: Closing) -> Lines {
        Lines { closing, ..Lines::default() }
    }

    /// The latest metrics of the phase in a few words; empty before the first.
    pub fn latest(&self) -> &str {
        &self.latest
    }

    /// The lines that this event is worth, in order.
    pub fn on(&mut self, event: &Event) -> Vec<Line> {
        let mut out = Vec::new();
        let mut say = |kind, text| out.push(Line { kind, text });
        match event {
            Event::RunStarted { title, folder, resumed_at, .. } => {
                say(Kind::Head, title.clone());
                if let Some(folder) = folder {
                    say(Kind::Detail, format!("folder {}", folder.display()));
                }
                if *resumed_at > 0 {
                    say(Kind::Head, format!("goes on after {}", plural(*resumed_at, "finished epoch")));
                }
            }
            Event::PhaseStarted(phase) => {
                say(Kind::Head, phase_title(phase));
                (self.phase, self.told, self.latest) = (Some(phase.clone()), false, String::new());
            }
            Event::Left(seconds) => self.left = Some(*seconds),
            Event::Report(metrics) => out.extend(self.report(metrics)),
            Event::PhaseFinished { seconds, .. } => {
                let kind = if self.told { Kind::Summary } else { Kind::Head };
                let stored = self.phase.as_ref().is_some_and(|p| p.kind == PhaseKind::Features);
                let mut text = format!("  {} {}", if stored { "stored in" } else { "took" }, duration(*seconds));
                if !self.latest.is_empty() {
                    text += &format!(": {}", self.latest);
                }
                say(kind, text);
                self.phase = None;
            }
            Event::Step { line, .. } => say(Kind::Detail, line.clone()),
            Event::Progress { .. } | Event::Image { .. } | Event::Scalar { .. } | Event::Record { .. } => {}
            Event::Table(text) => text.lines().for_each(|line| say(Kind::Result, line.to_string())),
            Event::Note(text) => say(Kind::Note, format!("note: {text}")),
            Event::Warning(text) => say(Kind::Warning, format!("warning: {text}")),
            Event::PeakMemory(bytes) => say(Kind::Detail, format!("  peak memory {:.2} GB", *bytes as f64 / 1e9)),
            Event::Saved(path) => say(Kind::Detail, format!("  saved {}", path.display())),
            Event::RunFinished { test_acc, test_loss, seconds, interrupted } => {
                say(Kind::Result, result(*test_acc, *test_loss, *seconds, *interrupted));
                let closing = if *interrupted { &self.closing.interrupted } else { &self.closing.finished };
                closing.iter().for_each(|text| say(Kind::Closing, text.clone()));
            }
        }
        out
    }

    /// `  epoch 3/50: facts`, and the numbers of the blocks that the phase trains.
    fn report(&mut self, metrics: &Metrics) -> Vec<Line> {
        let row = Row { phase: self.phase.as_ref(), metrics };
        let [facts, more] = row.words();
        let of = self.phase.as_ref().map(|p| format!("/{}", count(p.epochs))).unwrap_or_default();
        let kind = if metrics.between { Kind::Epoch } else { Kind::Report };
        let left = self.left.filter(|left| *left >= 1.0 && kind == Kind::Report);
        let left = left.map(|left| format!("about {} left", duration(left)));
        let words = facts.iter().cloned().chain(more).chain(left).collect::<Vec<_>>().join(", ");
        let mut out = vec![Line { kind, text: format!("  epoch {}{of}: {words}", count(metrics.epoch)) }];
        for block in metrics.blocks.iter().filter(|b| !metrics.between && row.learns(b.block)) {
            out.extend(block_lines(block).into_iter().map(|text| Line { kind: Kind::Detail, text }));
        }
        (self.latest, self.told) = (facts.join(", "), true);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::BlockStats;
    use super::*;

    fn phase(index: usize, kind: PhaseKind, blocks: &[usize], epochs: u64) -> PhaseInfo {
        PhaseInfo { index, count: 4, kind, blocks: blocks.into(), epochs, images: 50_000, batch_size: 10 }
    }

    fn report(epoch: u64, between: bool) -> Event {
        Event::Report(Box::new(Metrics {
            epoch,
            between,
            seconds: 62.0,
            images_per_second: 12_300.0,
            lr: 0.001,
            train_loss: Some(1.5),
            train_acc: Some(45.0),
            test_loss: Some(1.25),
            test_acc: Some(50.5),
            blocks: vec![BlockStats {
                block: 1,
                convergence: 0.25,
                r1: 7,
                first_lr: vec![0.5; 12],
                ..Default::default()
            }],
            ..Default::default()
        }))
    }

    fn texts(lines: Vec<Line>, kind: Kind) -> Vec<String> {
        lines.into_iter().filter(|l| l.kind == kind).map(|l| l.text).collect()
    }

    #[test]
    fn what_is_shown() {
        use Kind::*;
        use Verbosity::*;
        for (kind, quiet, lines, bar, verbose_lines, verbose_bar) in [
            (Head, false, true, true, true, true),
            (Epoch, false, true, false, true, false),
            (Report, false, true, false, true, true),
            (Summary, false, false, true, false, true),
            (Detail, false, false, false, true, true),
            (Note, false, true, true, true, true),
            (Warning, true, true, true, true, true),
            (Result, true, true, true, true, true),
            (Closing, false, true, true, true, true),
        ] {
            let got =
                [(Quiet, false), (Quiet, true), (Normal, false), (Normal, true), (Verbose, false), (Verbose, true)]
                    .map(|(verbosity, bar)| shown(kind, verbosity, bar));
            assert_eq!(got, [quiet, quiet, lines, bar, verbose_lines, verbose_bar], "{kind:?}");
        }
    }

    #[test]
    fn epochs_and_reports_read_well() {
        let mut lines = Lines::default();
        lines.on(&Event::PhaseStarted(phase(0, PhaseKind::Unsupervised, &[1], 50)));
        let between = lines.on(&report(1, true));
        assert_eq!((between.len(), between[0].kind), (1, Kind::Epoch), "its blocks are not described");
        assert_eq!(texts(between, Kind::Epoch)[0].split(':').next(), Some("  epoch 1/50"));
        let out = lines.on(&report(2, false));
        assert_eq!(
            out[0].text,
            "  epoch 2/50: loss 1.5000, train 45.00 %, test loss 1.2500, test 50.50 %, convergence 0.25, R1 7, \
             lr 0.001, 12.3 k images/s, at 1m 02s"
        );
        let detail = texts(out, Kind::Detail);
        assert_eq!(detail.len(), 1 + 2 + 2, "the block, and two rows of a table with one line of values: {detail:#?}");
        let end = lines.on(&Event::PhaseFinished { index: 0, seconds: 62.0 });
        assert_eq!(end[0].kind, Kind::Summary);
        assert!(end[0].text.starts_with("  took 1m 02s: loss 1.5000"), "{}", end[0].text);
    }

    #[test]
    fn a_phase_without_epochs_still_tells_its_end() {
        let mut lines = Lines::default();
        lines.on(&Event::PhaseStarted(phase(2, PhaseKind::Features, &[], 1)));
        let end = lines.on(&Event::PhaseFinished { index: 2, seconds: 3.0 });
        assert_eq!(end, [Line { kind: Kind::Head, text: "  stored in 3.0 s".into() }], "no phase of its own");
        lines.on(&Event::PhaseStarted(phase(2, PhaseKind::Supervised, &[], 1)));
        lines.on(&Event::Left(65.0));
        let text = lines.on(&report(1, false)).remove(0).text;
        assert!(text.ends_with(", at 1m 02s, about 1m 05s left"), "{text}");
        lines.on(&Event::Left(0.5));
        assert!(lines.on(&report(2, false)).remove(0).text.ends_with(", at 1m 02s"));
    }
}
