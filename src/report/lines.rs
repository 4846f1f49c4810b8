//! Events as lines of text: what a console without a bar prints, and what `log.txt` keeps.
//!
//! [`Lines`] turns events into lines and knows no file and no screen; [`shown`] decides which of them a console
//! prints.

use super::closing::Closing;
use super::format::{count, duration, number, plural, rate};
use super::sentences::{block_lines, facts, phase_title, result};
use super::{BlockStats, Event, Metrics, PhaseInfo};

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
    /// An epoch without metrics.
    Epoch,
    /// An epoch with metrics.
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

/// Turns events into lines, one line an epoch: an epoch's own line waits for the metrics that may follow it.
#[derive(Debug, Default)]
pub struct Lines {
    closing: Closing,
    phase: Option<PhaseInfo>,
    /// The line of an epoch that ended and has no metrics yet.
    waiting: Option<(u64, String)>,
    /// The last epoch of the phase that has its line.
    told: u64,
    latest: String,
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

    /// The line that still waits for metrics, if any; for the end of the stream.
    pub fn rest(&mut self) -> Option<Line> {
        let (epoch, text) = self.waiting.take()?;
        self.told = epoch;
        Some(Line { kind: Kind::Epoch, text })
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
                out.extend(self.rest());
                out.push(Line { kind: Kind::Head, text: phase_title(phase) });
                (self.phase, self.told, self.latest) = (Some(phase.clone()), 0, String::new());
            }
            // The next epoch runs: there are no metrics to wait for.
            Event::Progress { .. } => out.extend(self.rest()),
            Event::EpochFinished { epoch, seconds, images_per_second, train_loss, train_acc } => {
                out.extend(self.rest());
                if *epoch != self.told {
                    let facts = facts(*train_loss, *train_acc, None, None);
                    if !facts.is_empty() {
                        self.latest = facts.join(", ");
                    }
                    let speed = [rate(*images_per_second), duration(*seconds)];
                    self.waiting = Some((*epoch, self.epoch_line(*epoch, facts.into_iter().chain(speed))));
                }
            }
            Event::Report(metrics) => {
                if self.waiting.as_ref().is_some_and(|(epoch, _)| *epoch == metrics.epoch) {
                    self.waiting = None;
                }
                out.extend(self.rest());
                out.extend(self.report(metrics));
                self.told = metrics.epoch;
            }
            Event::PhaseFinished { index, seconds } => {
                out.extend(self.rest());
                let kind = if self.told > 0 { Kind::Summary } else { Kind::Head };
                let mut text = format!("  phase {} took {}", index + 1, duration(*seconds));
                if !self.latest.is_empty() {
                    text += &format!(": {}", self.latest);
                }
                out.push(Line { kind, text });
                self.phase = None;
            }
            Event::Step { line, .. } => say(Kind::Detail, line.clone()),
            Event::Image { .. } | Event::Scalar { .. } | Event::Record { .. } => {}
            Event::Table(text) => text.lines().for_each(|line| say(Kind::Result, line.to_string())),
            Event::Note(text) => say(Kind::Note, format!("note: {text}")),
            Event::Warning(text) => say(Kind::Warning, format!("warning: {text}")),
            Event::PeakMemory(bytes) => say(Kind::Detail, format!("  peak memory {:.2} GB", *bytes as f64 / 1e9)),
            Event::Saved(path) => say(Kind::Detail, format!("  saved {}", path.display())),
            Event::RunFinished { test_acc, test_loss, seconds, interrupted } => {
                out.extend(self.rest());
                out.push(Line { kind: Kind::Result, text: result(*test_acc, *test_loss, *seconds, *interrupted) });
                let closing = if *interrupted { &self.closing.interrupted } else { &self.closing.finished };
                out.extend(closing.iter().map(|text| Line { kind: Kind::Closing, text: text.clone() }));
            }
        }
        out
    }

    /// `  epoch 3/50: facts`.
    fn epoch_line(&self, epoch: u64, facts: impl Iterator<Item = String>) -> String {
        let of = self.phase.as_ref().map(|p| format!("/{}", count(p.epochs))).unwrap_or_default();
        format!("  epoch {}{of}: {}", count(epoch), facts.collect::<Vec<_>>().join(", "))
    }

    /// The line of an epoch with metrics, and those of the blocks that the phase trains.
    fn report(&mut self, m: &Metrics) -> Vec<Line> {
        let trained = |b: &&BlockStats| self.phase.as_ref().is_none_or(|p| p.blocks.contains(&b.block));
        let mut facts = facts(m.train_loss, m.train_acc, m.test_loss, m.test_acc);
        if let Some(last) = m.blocks.iter().rfind(trained) {
            facts.push(format!("convergence {}", number(last.convergence)));
            facts.push(format!("R1 {}", last.r1));
        }
        let latest = facts.join(", ");
        let more = [format!("lr {}", number(m.lr)), rate(m.images_per_second), format!("at {}", duration(m.seconds))];
        let text = self.epoch_line(m.epoch, facts.into_iter().chain(more));
        let mut out = vec![Line { kind: Kind::Report, text }];
        for block in m.blocks.iter().filter(trained) {
            out.extend(block_lines(block).into_iter().map(|text| Line { kind: Kind::Detail, text }));
        }
        self.latest = latest;
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::PhaseKind;
    use super::*;

    fn phase(index: usize, kind: PhaseKind, blocks: &[usize], epochs: u64) -> PhaseInfo {
        PhaseInfo { index, count: 4, kind, blocks: blocks.into(), epochs, images: 50_000, batch_size: 10 }
    }

    fn epoch(epoch: u64) -> Event {
        Event::EpochFinished {
            epoch,
            seconds: 4.1,
            images_per_second: 12_300.0,
            train_loss: Some(1.5),
            train_acc: Some(45.0),
        }
    }

    fn report(epoch: u64) -> Event {
        Event::Report(Box::new(Metrics {
            epoch,
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
    fn an_epoch_has_one_line_whatever_the_order() {
        let next = Event::Progress { epoch: 2, images: 10 };
        let saved = Event::Saved("x".into());
        for (events, kind) in [
            (vec![epoch(1), next.clone()], Kind::Epoch),
            (vec![epoch(1), report(1), next.clone()], Kind::Report),
            (vec![epoch(1), saved, report(1)], Kind::Report),
            (vec![report(1), epoch(1), next], Kind::Report),
            (vec![epoch(1), Event::PhaseFinished { index: 0, seconds: 1.0 }], Kind::Epoch),
        ] {
            let mut lines = Lines::default();
            lines.on(&Event::PhaseStarted(phase(0, PhaseKind::Supervised, &[1], 5)));
            let all: Vec<_> = events.iter().flat_map(|e| lines.on(e)).collect();
            let told: Vec<_> = all.iter().filter(|l| l.text.starts_with("  epoch")).collect();
            assert_eq!(told.len(), 1, "{events:?}");
            assert_eq!(told[0].kind, kind, "{events:?}");
        }
    }

    #[test]
    fn epochs_and_reports_read_well() {
        let mut lines = Lines::default();
        lines.on(&Event::PhaseStarted(phase(0, PhaseKind::Unsupervised, &[1], 50)));
        assert!(lines.on(&epoch(1)).is_empty());
        assert_eq!(lines.rest().unwrap().text, "  epoch 1/50: loss 1.5000, train 45.00 %, 12.3 k images/s, 4.1 s");
        let out = lines.on(&report(2));
        assert_eq!(
            out[0].text,
            "  epoch 2/50: loss 1.5000, train 45.00 %, test loss 1.2500, test 50.50 %, convergence 0.25, R1 7, \
             lr 0.001, 12.3 k images/s, at 1m 02s"
        );
        let detail = texts(out, Kind::Detail);
        assert_eq!(detail.len(), 1 + 2 + 2, "the block, and two rows of a table with one line of values: {detail:#?}");
        let end = lines.on(&Event::PhaseFinished { index: 0, seconds: 62.0 });
        assert_eq!(end[0].kind, Kind::Summary);
        assert!(end[0].text.starts_with("  phase 1 took 1m 02s: loss 1.5000"), "{}", end[0].text);
    }

    #[test]
    fn a_phase_without_epochs_still_tells_its_end() {
        let mut lines = Lines::default();
        lines.on(&Event::PhaseStarted(phase(2, PhaseKind::Features, &[], 1)));
        let end = lines.on(&Event::PhaseFinished { index: 2, seconds: 3.0 });
        assert_eq!(end, [Line { kind: Kind::Head, text: "  phase 3 took 3.0 s".into() }]);
    }
}
