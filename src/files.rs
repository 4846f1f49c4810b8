//! Files: the one function that writes them, and the one type that knows their names.
//!
//! A file is written under a temporary name, synced and renamed: whoever looks, even after a kill or a power cut,
//! finds the earlier file or the new one, never a half.

pub mod npy;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file or folder that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Writing failed.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading failed.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file that was to be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FileError {
    /// For `map_err`: names the file that could not be written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> FileError + '_ {
        move |source| FileError::Write { path: path.to_path_buf(), source }
    }

    /// For `map_err`: names the file that could not be read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> FileError + '_ {
        move |source| FileError::Read { path: path.to_path_buf(), source }
    }
}

/// Writes a file whole or not at all: `fill` writes into a temporary file beside it, which is synced and renamed.
/// Missing folders are made.
pub fn write_atomic(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), FileError> {
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    // The process id keeps two writers of one file from filling the same temporary one.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = folder.join(format!(".{name}.{}.part", std::process::id()));
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut out = BufWriter::new(File::create(&part)?);
        fill(&mut out)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        drop(out);
        fs::rename(&part, path)?;
        // The rename itself lives in the folder; not every file system lets one sync it.
        let _ = File::open(folder).and_then(|f| f.sync_all());
        Ok(())
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&part);
        FileError::Write { path: path.to_path_buf(), source }
    })
}

/// Longest name, bytes: file systems end at 255, and endings are added.
const LONGEST_NAME: usize = 200;

/// A name that cannot be that of a folder, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a name of one folder is expected, such as my-network")]
pub struct NameError(&'static str);

/// A name that becomes that of a folder below the results: no path, nothing that leaves the folder, nothing invisible.
///
/// # Errors
/// When it is empty, too long, or holds a separator or a control character.
pub fn name(text: &str) -> Result<String, NameError> {
    let wrong = match text {
        _ if text.trim().is_empty() => "the name is empty",
        _ if text.contains(['/', '\\']) => "the name has a separator of folders in it",
        _ if text.starts_with('.') => "the name begins with a dot",
        _ if text.chars().any(char::is_control) => "the name has a control character in it",
        _ if text.len() > LONGEST_NAME => "the name is longer than 200 bytes",
        _ => return Ok(text.to_string()),
    };
    Err(NameError(wrong))
}

/// The name of the n-th run of a stem: `stem`, `stem-2`, `stem-3` …
pub fn numbered(stem: &str, n: usize) -> String {
    if n == 1 { stem.to_string() } else { format!("{stem}-{n}") }
}

/// The folder of a run; owns every file name in it.
#[derive(Debug, Clone)]
pub struct RunDir {
    root: PathBuf,
    /// Tensorboard's event files, where they lie elsewhere.
    events: Option<PathBuf>,
}

impl RunDir {
    /// The run in this folder; nothing is touched.
    pub fn new(root: impl Into<PathBuf>) -> RunDir {
        RunDir { root: root.into(), events: None }
    }

    /// The same run with its event files in this folder: tensorboard names a run by the folder of its events.
    pub fn with_events(self, events: impl Into<PathBuf>) -> RunDir {
        RunDir { events: Some(events.into()), ..self }
    }

    /// A new folder `parent/stem`, or `parent/stem-2` … if that is taken. It is made at once, so that two runs that begin
    /// together get two folders.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn create(parent: &Path, stem: &str) -> Result<RunDir, FileError> {
        fs::create_dir_all(parent).map_err(FileError::write(parent))?;
        let mut n = 1;
        loop {
            let folder = parent.join(numbered(stem, n));
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(RunDir::new(folder)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => n += 1,
                Err(e) => return Err(FileError::write(&folder)(e)),
            }
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The resolved plan.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    /// What ran, when, on what machine: one entry for each time that the run was started or went on.
    pub fn provenance(&self) -> PathBuf {
        self.root.join("provenance.json")
    }

    /// Accuracies of the trained layers and of the baselines beside them.
    pub fn baselines(&self) -> PathBuf {
        self.root.join("baseline.json")
    }

    /// The run of a baseline: `random`, `pixels`.
    pub fn baseline(&self, name: &str) -> RunDir {
        RunDir::new(self.root.join("baseline").join(name))
    }

    /// A row a report.
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.csv")
    }

    /// A row a step, of models that log steps.
    pub fn steps(&self) -> PathBuf {
        self.root.join("steps.csv")
    }

    /// A folder for what a later command found out about a source of images: `cluster/sprites`.
    pub fn findings(&self, command: &str, source: &str) -> PathBuf {
        let safe = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let name: String = source.chars().map(safe).collect();
        let name = name.trim_start_matches('.');
        self.root.join(command).join(if name.is_empty() { "images" } else { name })
    }

    /// The network's state, named as in the published program.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint.safetensors")
    }

    /// The network as it was when it scored best, of a run that keeps it.
    pub fn best(&self) -> PathBuf {
        self.root.join("checkpoint-best.safetensors")
    }

    /// What a resumed run needs beside the network (Adam's moments), by the epochs finished in the whole run and the steps
    /// after those.
    pub fn optimizer(&self, epochs: u64, steps: u64) -> PathBuf {
        self.root.join(format!("optimizer-{epochs}-{steps}.safetensors"))
    }

    /// All such files that are there.
    pub fn optimizers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let mine = |p: &PathBuf| {
            let name = p.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("optimizer-") && name.ends_with(".safetensors")
        };
        entries.map(|e| e.path()).filter(mine).collect()
    }

    /// Tensorboard's event files.
    pub fn events(&self) -> PathBuf {
        self.events.clone().unwrap_or_else(|| self.root.join("tensorboard"))
    }

    /// A picture by its tag (`filters/b0` becomes `pictures/filters-b0.png`).
    pub fn picture(&self, tag: &str) -> PathBuf {
        let name: String = tag.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
        self.root.join("pictures").join(format!("{name}.png"))
    }

    /// Takes the folder for this process; `None` if another one has it. The lock goes with the file, and with the
    /// process: a dead owner keeps nothing.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn lock(&self) -> Result<Option<File>, FileError> {
        let path = self.root.join(".lock");
        let file = File::create(&path).map_err(FileError::write(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(FileError::write(&path)(e)),
        }
    }

    /// Whether a process has the folder now. Nothing is touched.
    pub fn is_locked(&self) -> bool {
        let file = File::open(self.root.join(".lock"));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Everything that was printed.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.txt")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_one_folder() {
        for good in ["4SoftHebbCnnCIFAR", "a b", "x.y", "größer", "-"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        let long = "x".repeat(201);
        for bad in ["", "  ", ".", "..", "..x", "../x", "/abs", "a/b", "a\\b", "a\nb", "a\0b", "\u{1b}[31m", &long] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
