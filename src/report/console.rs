//! The console: progress and notes on standard error, the result on standard output.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::bar::{Bar, screen_width};
use super::{Closing, Event, Kind, Line, Lines, ReportError, Subscriber, Verbosity, shown};

/// A writer that the bar and the lines share.
pub(super) type Shared = Arc<Mutex<Box<dyn Write + Send>>>;

/// Whether standard error is a terminal that may be drawn on: it does not call itself dumb, and `NO_COLOR` does not ask for plain
/// text.
pub fn has_screen() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !plain && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Says how the run goes: on a terminal a bar a phase, else a line an epoch.
///
/// Notes, phases and epochs go to `progress`, the result and the last words to `result`. When a reader has gone
/// (`softhebb run | head`), that stream stays silent and the run goes on.
pub struct Console {
    lines: Lines,
    verbosity: Verbosity,
    terminal: bool,
    progress: Stream,
    result: Stream,
    bar: Option<Bar>,
}

impl Console {
    /// On this process' standard error and standard output; a bar if [`has_screen`].
    pub fn standard(verbosity: Verbosity, closing: Closing) -> Console {
        Console::new(verbosity, closing, Box::new(io::stderr()), Box::new(io::stdout()), has_screen())
    }

    /// On any two writers; `terminal` says whether `progress` understands cursor movements.
    pub fn new(
        verbosity: Verbosity,
        closing: Closing,
        progress: Box<dyn Write + Send>,
        result: Box<dyn Write + Send>,
        terminal: bool,
    ) -> Console {
        Console {
            lines: Lines::new(closing),
            verbosity,
            terminal,
            progress: Stream::new("standard error", progress),
            result: Stream::new("standard output", result),
            bar: None,
        }
    }

    /// Whether epochs are shown by a bar.
    fn has_bar(&self) -> bool {
        self.terminal && self.verbosity > Verbosity::Quiet
    }

    /// Prints those lines that are to be shown, above the bar if there is one.
    fn print(&mut self, lines: impl IntoIterator<Item = Line>) -> Result<(), ReportError> {
        let has_bar = self.has_bar();
        for line in lines.into_iter().filter(|line| shown(line.kind, self.verbosity, has_bar)) {
            let stream = match line.kind {
                Kind::Result | Kind::Closing => &mut self.result,
                _ => &mut self.progress,
            };
            match &mut self.bar {
                Some(bar) => bar.aside(|| stream.line(&line.text))?,
                None => stream.line(&line.text)?,
            }
        }
        Ok(())
    }
}

impl Subscriber for Console {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        // A phase that ended takes its bar with it before its summary is printed.
        if matches!(event, Event::PhaseStarted(_) | Event::PhaseFinished { .. } | Event::RunFinished { .. }) {
            self.bar = None;
        }
        let lines = self.lines.on(event);
        self.print(lines)?;
        let has_bar = self.has_bar();
        match (event, &mut self.bar) {
            (Event::PhaseStarted(phase), _) if has_bar => {
                self.bar = Some(Bar::new(phase, self.progress.shared(), screen_width));
            }
            (Event::Progress { epoch, images }, Some(bar)) => bar.advance(*epoch, *images),
            (Event::Left(seconds), Some(bar)) => bar.look_ahead(*seconds),
            (Event::Report(_), Some(bar)) => bar.say(self.lines.latest()),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), ReportError> {
        self.bar = None;
        Ok(())
    }
}

/// A stream of text that may lose its reader.
struct Stream {
    name: &'static str,
    writer: Shared,
    gone: bool,
}

impl Stream {
    fn new(name: &'static str, writer: Box<dyn Write + Send>) -> Stream {
        Stream { name, writer: Arc::new(Mutex::new(writer)), gone: false }
    }

    fn shared(&self) -> Shared {
        Arc::clone(&self.writer)
    }

    /// Writes a line and flushes it; silent from the moment that the reader is gone.
    fn line(&mut self, text: &str) -> Result<(), ReportError> {
        if self.gone {
            return Ok(());
        }
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match writer.write_all(format!("{text}\n").as_bytes()).and_then(|()| writer.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(())
            }
            result => result.map_err(|source| ReportError::Stream { stream: self.name, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Metrics, PhaseInfo, PhaseKind};
    use super::*;

    /// Writes into memory, or fails.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>, Option<io::ErrorKind>);

    impl Paper {
        fn failing(kind: io::ErrorKind) -> Paper {
            Paper(Arc::default(), Some(kind))
        }
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.1 {
                Some(kind) => Err(kind.into()),
                None => self.0.lock().unwrap().write(bytes),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn story() -> Vec<Event> {
        let phase = PhaseInfo {
            index: 0,
            count: 1,
            kind: PhaseKind::Supervised,
            blocks: vec![1],
            epochs: 2,
            images: 100,
            batch_size: 50,
        };
        let between = Metrics {
            epoch: 1,
            between: true,
            seconds: 0.5,
            images_per_second: 200.0,
            train_loss: Some(2.0),
            ..Default::default()
        };
        vec![
            Event::RunStarted { title: "title".into(), config: serde_json::json!({}), folder: None, resumed_at: 0 },
            Event::PhaseStarted(phase),
            Event::Progress { epoch: 1, images: 50 },
            Event::Progress { epoch: 1, images: 100 },
            Event::Report(Box::new(between)),
            Event::Note("a note".into()),
            Event::Progress { epoch: 2, images: 50 },
            Event::Warning("a warning".into()),
            Event::Progress { epoch: 2, images: 100 },
            Event::Report(Box::new(Metrics { epoch: 2, test_acc: Some(50.0), ..Default::default() })),
            Event::Saved("checkpoint".into()),
            Event::PhaseFinished { index: 0, seconds: 1.0 },
            Event::RunFinished { test_acc: Some(50.0), test_loss: None, seconds: 1.0, interrupted: false },
        ]
    }

    /// What a run prints: (progress, result).
    fn told(verbosity: Verbosity, terminal: bool) -> (String, String) {
        let (progress, result) = (Paper::default(), Paper::default());
        let closing = Closing { finished: vec!["the end".into()], interrupted: vec![] };
        let mut console =
            Console::new(verbosity, closing, Box::new(progress.clone()), Box::new(result.clone()), terminal);
        for event in story() {
            console.on(&event).unwrap();
        }
        console.close().unwrap();
        (progress.text(), result.text())
    }

    #[test]
    fn plain_lines_when_there_is_no_terminal() {
        let (progress, result) = told(Verbosity::Normal, false);
        let expected = [
            "title",
            "phase 1/1: supervised, block 1, 2 epochs of 100 images",
            "  epoch 1/2: loss 2.0000, lr 0, 200 images/s, at 0.5 s",
            "note: a note",
            "warning: a warning",
            "  epoch 2/2: test 50.00 %, lr 0, 0.0 images/s, at 0 ms",
        ];
        assert_eq!(progress.lines().collect::<Vec<_>>(), expected);
        assert_eq!(result, "test accuracy 50.00 %, in 1.0 s\nthe end\n");
        assert!(told(Verbosity::Verbose, false).0.contains("  saved checkpoint\n"));
    }

    #[test]
    fn quiet_means_warnings_and_the_result() {
        for terminal in [false, true] {
            let (progress, result) = told(Verbosity::Quiet, terminal);
            assert_eq!(
                (progress.as_str(), result.as_str()),
                ("warning: a warning\n", "test accuracy 50.00 %, in 1.0 s\n")
            );
        }
    }

    #[test]
    fn a_terminal_has_a_bar_and_keeps_what_lasts() {
        let (progress, result) = told(Verbosity::Normal, true);
        assert!(progress.contains("\x1b["), "the cursor moves: {progress:?}");
        assert!(progress.contains("epoch 1/2"), "the bar names the epoch: {progress:?}");
        for line in ["title\n", "note: a note\n", "warning: a warning\n", "  took 1.0 s: test 50.00 %\n"] {
            assert!(progress.contains(line), "{line:?} is not in {progress:?}");
        }
        assert_eq!(result, "test accuracy 50.00 %, in 1.0 s\nthe end\n");
    }

    #[test]
    fn a_closed_pipe_silences_and_other_failures_are_told() {
        for terminal in [false, true] {
            let result = Paper::default();
            let pipe = Box::new(Paper::failing(io::ErrorKind::BrokenPipe));
            let mut console =
                Console::new(Verbosity::Verbose, Closing::default(), pipe, Box::new(result.clone()), terminal);
            assert!(story().iter().all(|event| console.on(event).is_ok()));
            assert_eq!(result.text(), "test accuracy 50.00 %, in 1.0 s\n");
            let full = Box::new(Paper::failing(io::ErrorKind::StorageFull));
            let mut console = Console::new(Verbosity::Normal, Closing::default(), full, Box::new(result), terminal);
            let error = console.on(&Event::Note("x".into())).unwrap_err();
            assert!(error.to_string().starts_with("cannot write to standard error: "), "{error}");
            assert!(error.hint().is_some());
        }
    }
}
