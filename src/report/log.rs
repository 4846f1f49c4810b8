//! `log.txt`: everything that a console without a bar says at `-v`, appended line by line.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use super::{Closing, Event, Line, Lines, ReportError, Subscriber};
use crate::files::{FileError, RunDir};

/// Appends the lines of a run to its log. The file is opened at the first line, so a resumed run goes on in it.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Option<File>,
    lines: Lines,
}

impl LogFile {
    /// The log of this run; nothing is touched yet. `closing` follows the result.
    pub fn new(dir: &RunDir, closing: Closing) -> LogFile {
        LogFile { path: dir.log(), file: None, lines: Lines::new(closing) }
    }

    /// One write a line: a line is whole in the file or absent.
    fn write(&mut self, lines: impl IntoIterator<Item = Line>) -> Result<(), ReportError> {
        for line in lines {
            let file = match &mut self.file {
                Some(file) => file,
                closed => {
                    if let Some(folder) = self.path.parent() {
                        fs::create_dir_all(folder).map_err(FileError::write(&self.path))?;
                    }
                    let file = OpenOptions::new().create(true).append(true).open(&self.path);
                    closed.insert(file.map_err(FileError::write(&self.path))?)
                }
            };
            file.write_all(format!("{}\n", line.text).as_bytes()).map_err(FileError::write(&self.path))?;
        }
        Ok(())
    }
}

impl Subscriber for LogFile {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        let lines = self.lines.on(event);
        // A bar's summary is no news here.
        self.write(lines.into_iter().filter(|line| line.kind != super::Kind::Summary))
    }

    fn close(&mut self) -> Result<(), ReportError> {
        if let Some(file) = self.file.take() {
            file.sync_all().map_err(FileError::write(&self.path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_each_line_at_once_and_across_runs() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path().join("a/b"));
        for part in ["one", "two"] {
            let mut log = LogFile::new(&dir, Closing::default());
            log.on(&Event::Note(part.into())).unwrap();
            assert!(fs::read_to_string(dir.log()).unwrap().ends_with(&format!("note: {part}\n")));
            log.close().unwrap();
        }
        assert_eq!(fs::read_to_string(dir.log()).unwrap(), "note: one\nnote: two\n");
    }

    #[test]
    fn a_folder_in_its_place_is_an_error_with_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        fs::create_dir(dir.log()).unwrap();
        let error = LogFile::new(&dir, Closing::default()).on(&Event::Note("x".into())).unwrap_err().to_string();
        assert!(error.contains("log.txt"), "{error}");
    }
}
