//! Promise: on a terminal a run leaves the lines that last and nothing else, whatever happens to its window; where escape codes are not
//! wanted there are none.
#![cfg(target_os = "linux")]

mod common;

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

use common::{Place, SMALL};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A run that lasts for some redraws of its bar.
const RUN: &str = "run --model 'Soft-c8-k5-s2 batchnorm2d triangle max_2_2_0; BP-c10 flatten' --set dataset_unsup.batch_size=1 \
                   --set dataset_unsup.nb_epoch=4";

/// A terminal without a lower edge, of the kind that breaks lines anew when its window is resized.
struct Screen {
    width: usize,
    /// The signs of each row, and whether the row below goes on with its line.
    rows: Vec<(Vec<char>, bool)>,
    row: usize,
    column: usize,
    wraps: bool,
    /// An escape sequence that is not whole yet.
    escape: String,
}

impl Screen {
    fn new(width: usize) -> Screen {
        Screen { width, rows: vec![(vec![], false)], row: 0, column: 0, wraps: true, escape: String::new() }
    }

    fn show(&mut self, sign: char) {
        if !self.escape.is_empty() {
            self.escape.push(sign);
            if sign.is_ascii_alphabetic() {
                let escape = std::mem::take(&mut self.escape);
                self.obey(&escape);
            }
            return;
        }
        match sign {
            '\x1b' => self.escape.push(sign),
            '\r' => self.column = 0,
            '\n' => self.down(false),
            sign => {
                if self.column == self.width && self.wraps {
                    self.down(true);
                    self.column = 0;
                }
                let column = self.column.min(self.width - 1);
                let cells = &mut self.rows[self.row].0;
                cells.resize(cells.len().max(column + 1), ' ');
                cells[column] = sign;
                self.column = column + 1;
            }
        }
    }

    fn down(&mut self, goes_on: bool) {
        self.rows[self.row].1 = goes_on;
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push((vec![], false));
        }
    }

    fn obey(&mut self, escape: &str) {
        match escape {
            "\x1b[J" => {
                self.rows.truncate(self.row + 1);
                self.rows[self.row].0.truncate(self.column);
                self.rows[self.row].1 = false;
            }
            "\x1b[A" => self.row = self.row.saturating_sub(1),
            "\x1b[?7l" => self.wraps = false,
            "\x1b[?7h" => self.wraps = true,
            other => panic!("an escape sequence that no bar needs: {other:?}"),
        }
    }

    /// Breaks all lines anew; the cursor stays at its sign.
    fn resize(&mut self, width: usize) {
        let (mut rows, mut cursor) = (Vec::new(), (0, 0));
        let mut line: Vec<char> = Vec::new();
        let mut within = None;
        for (at, (cells, goes_on)) in self.rows.iter().enumerate() {
            if at == self.row {
                within = Some(line.len() + self.column);
            }
            line.extend(cells);
            if !goes_on {
                if let Some(place) = within.take() {
                    cursor = (rows.len() + place / width, place % width);
                }
                let pieces: Vec<Vec<char>> = line.chunks(width).map(<[char]>::to_vec).collect();
                let last = pieces.len().saturating_sub(1);
                rows.extend(pieces.into_iter().enumerate().map(|(i, piece)| (piece, i < last)));
                if line.is_empty() {
                    rows.push((vec![], false));
                }
                line.clear();
            }
        }
        rows.resize(rows.len().max(cursor.0 + 1), (vec![], false));
        (self.width, self.rows, self.row, self.column) = (width, rows, cursor.0, cursor.1);
    }

    /// What stands there, line by line however they are broken.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        for (cells, goes_on) in &self.rows {
            if let Some(line) = lines.last_mut() {
                line.extend(cells);
            }
            if !goes_on {
                lines.push(String::new());
            }
        }
        lines.into_iter().map(|line| line.trim_end().to_string()).filter(|line| !line.is_empty()).collect()
    }
}

/// Runs the program on a terminal; `heard` is told of the window what was said so far, and answers with a new width.
fn on_terminal(
    line: &str,
    width: u16,
    variables: &[(&str, &str)],
    mut heard: impl FnMut(&str) -> Option<u16>,
) -> (Screen, String) {
    let place = Place::new();
    let window = |width| Winsize { ws_col: width, ws_row: 40, ws_xpixel: 0, ws_ypixel: 0 };
    let master: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    // Not as the terminal that this process is controlled by.
    let no_control = OpenptFlags::NOCTTY.bits().cast_signed();
    let slave = || OpenOptions::new().read(true).write(true).custom_flags(no_control).open(&name).unwrap();
    tcsetwinsize(&master, window(width)).unwrap();
    let mut command = place.command(line);
    command.env_remove("NO_COLOR").env("TERM", "xterm").envs(variables.iter().copied());
    let mut child = command.stdout(slave()).stderr(slave()).spawn().unwrap();
    drop(command); // and with it our own ends of the terminal

    let (mut screen, mut text, mut rest) = (Screen::new(usize::from(width)), String::new(), Vec::new());
    let (mut master, mut bytes) = (File::from(master), [0; 4096]);
    // The last reader of a terminal that nobody writes to any more gets an error.
    while let Ok(n @ 1..) = master.read(&mut bytes) {
        rest.extend_from_slice(&bytes[..n]);
        let whole = rest.len() - rest.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
        let part = String::from_utf8(rest.drain(..whole).collect()).unwrap();
        part.chars().for_each(|sign| screen.show(sign));
        text += &part;
        if let Some(width) = heard(&text) {
            tcsetwinsize(&master, window(width)).unwrap();
            screen.resize(usize::from(width));
        }
    }
    assert!(child.wait().unwrap().success(), "{text}");
    (screen, text)
}

/// Lines of a screen without what tells times and speeds.
fn timeless(lines: &[String]) -> Vec<String> {
    let before = |line: &String| {
        let marks = [" took ", "stored in ", "test accuracy "];
        let mark = marks.iter().find_map(|mark| Some(format!("{}{mark}", line.split_once(mark)?.0)));
        mark.unwrap_or_else(|| line.clone())
    };
    lines.iter().map(before).collect()
}

#[test]
fn a_resized_window_has_no_remnants() {
    let line = format!("{RUN} {SMALL}");
    let (calm, text) = on_terminal(&line, 100, &[], |_| None);
    assert!(text.contains('━') && text.contains(" left"), "there is a bar: {text:?}");
    let expected = calm.lines();
    assert!(!expected.iter().any(|line| line.contains(['━', '─'])), "the bar clears itself: {expected:#?}");
    for (part, times) in
        [("phase ", 2), ("storing features", 2), ("  stored in ", 2), ("  took ", 2), ("test accuracy ", 1)]
    {
        assert_eq!(expected.iter().filter(|line| line.starts_with(part)).count(), times, "{part:?}: {expected:#?}");
    }
    // Narrower, wider and narrower again, each after another drawing of the bar.
    for widths in [&[40, 100, 30][..], &[20, 79], &[200]] {
        let mut next = widths.iter();
        let mut bars = 0;
        let (screen, text) = on_terminal(&line, 100, &[], |text| {
            let now = text.matches("\x1b[?7l").count();
            (now >= bars + 2).then(|| bars = now)?;
            next.next().copied()
        });
        assert!(next.next().is_none(), "the window was resized: {text:?}");
        assert_eq!(timeless(&screen.lines()), timeless(&expected), "{widths:?}: {text:?}");
    }
}

#[test]
fn plain_text_where_escape_codes_are_not_wanted() {
    for variables in [("TERM", "dumb"), ("NO_COLOR", "1")] {
        let (screen, text) = on_terminal(&format!("{RUN} {SMALL}"), 80, &[variables], |_| None);
        assert!(!text.contains('\x1b'), "{variables:?}: {text:?}");
        assert!(!text.replace("\r\n", "\n").contains('\r'), "{variables:?}: {text:?}");
        let lines = screen.lines();
        assert_eq!(
            lines.iter().filter(|line| line.starts_with("  epoch ")).count(),
            4 + 3,
            "a line an epoch: {lines:#?}"
        );
    }
    let (_, text) = on_terminal(&format!("{RUN} {SMALL}"), 80, &[("NO_COLOR", "")], |_| None);
    assert!(text.contains('\x1b'), "an empty NO_COLOR asks for nothing");
}
