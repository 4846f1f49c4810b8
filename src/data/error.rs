//! What can go wrong with a data set, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A place that was looked at, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The folder.
    pub folder: PathBuf,
    /// `lacks test_batch.bin`, `holds FashionMNIST`, …; nothing if there is nothing of the data set.
    pub why: Option<String>,
}

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Some(why) => write!(f, "{} ({why})", self.folder.display()),
            None => write!(f, "{}", self.folder.display()),
        }
    }
}

/// A data set that cannot be found or read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No data set has this name.
    #[error("no data set is called {name:?}; known are {}", known.join(", "))]
    UnknownName {
        /// As it was typed.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// The data set has no such split.
    #[error("{name} has no split {split:?}; it has {}", known.join(", "))]
    UnknownSplit {
        /// The data set.
        name: String,
        /// As it was asked for.
        split: String,
        /// The splits that there are.
        known: Vec<&'static str>,
    },
    /// The data set is known, but this version cannot read it.
    #[error("{name} cannot be used: {why}")]
    NoReader {
        /// The data set.
        name: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// The data set is not in any of the places.
    #[error("{name} was not found; looked in {}", join(looked))]
    NotFound {
        /// The data set.
        name: &'static str,
        /// The places, in the order in which they were looked at.
        looked: Vec<Looked>,
        /// The command that downloads it there.
        fetch: String,
    },
    /// The data set is not there, and its user must get it.
    #[error("{name} was not found; looked in {}", join(looked))]
    NotThere {
        /// The data set.
        name: &'static str,
        /// The places, in the order in which they were looked at.
        looked: Vec<Looked>,
        /// How to get it.
        how: &'static str,
    },
    /// The data set may not be downloaded by a program.
    #[error("{name} may not be downloaded automatically: its terms ask every user to register and to accept them")]
    NoDownload {
        /// The data set.
        name: &'static str,
        /// How to get it.
        how: &'static str,
    },
    /// A folder of pictures is not what it should be.
    #[error("{}: {cause}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A folder of pictures has nothing to test on.
    #[error("{name} has no folder val or test")]
    NoTest {
        /// The data set.
        name: String,
    },
    /// The decoded pictures could not be kept.
    #[error("cannot keep decoded pictures in {}: {source}", path.display())]
    Pack {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Whitening would take a matrix that no machine holds.
    #[error("{name} cannot be whitened: its images have {pixels} values each, and at most {most} can be decorrelated")]
    Whiten {
        /// The data set.
        name: String,
        /// Channels times height times width.
        pixels: usize,
        /// The limit.
        most: usize,
    },
    /// The user wanted to stop.
    #[error("decoding the pictures of {} was interrupted", path.display())]
    Stopped {
        /// The folder.
        path: PathBuf,
    },
    /// There is no home folder to look in.
    #[error(
        "no folder for data sets is known: neither --data-dir nor SOFTHEBB_DATA is given, and there is no home folder"
    )]
    NoHome,
    /// The system could not read a file.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}, byte {offset}: {cause}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in it, bytes from its start (of the unpacked content, if the file is a gzip).
        offset: u64,
        /// What is wrong there.
        cause: String,
    },
    /// The images do not fit into memory.
    #[error("no memory for {bytes} bytes of images from {}", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// How much was asked for.
        bytes: u64,
    },
}

impl DataError {
    /// The way out, if there is one: one line for the user, without a full stop.
    pub fn hint(&self) -> Option<String> {
        match self {
            DataError::UnknownName { .. } => Some("`softhebb data list` shows what there is".into()),
            DataError::NotFound { fetch, .. } => {
                Some(format!("`{fetch}` downloads it; --data-dir DIR or SOFTHEBB_DATA=DIR says where it already is"))
            }
            DataError::NoHome => Some("give --data-dir DIR".into()),
            DataError::Format { .. } => Some(
                "`softhebb data verify NAME` checks all files, `softhebb data fetch NAME --force` gets them anew"
                    .into(),
            ),
            DataError::NotThere { how, .. } | DataError::NoDownload { how, .. } => Some((*how).to_string()),
            DataError::NoTest { .. } => Some("--validation holds out a fifth of the training images to test on".into()),
            DataError::Pack { .. } => {
                Some("free some space, or leave no file with --no-cache (the pictures are then held in memory)".into())
            }
            DataError::Stopped { .. } => Some("the same command goes on where this one stopped".into()),
            DataError::Whiten { .. } => Some("choose a configuration without zca".into()),
            DataError::Folder { .. }
            | DataError::UnknownSplit { .. }
            | DataError::NoReader { .. }
            | DataError::Read { .. }
            | DataError::Memory { .. } => None,
        }
    }
}

fn join(looked: &[Looked]) -> String {
    looked.iter().map(Looked::to_string).collect::<Vec<_>>().join(", ")
}

/// A data set that cannot be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The data set is not known or not for download.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The server answered something else than the file.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server could not be reached at all.
    #[error("cannot reach {url}: {cause}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        cause: String,
    },
    /// The connection failed before the file began.
    #[error("cannot get {url}: {cause}")]
    Connection {
        /// What was asked for.
        url: String,
        /// Why.
        cause: String,
    },
    /// The transfer ended early, more often than it was worth to try again.
    #[error("{url} broke off after {got} of {expected} bytes ({cause})")]
    Truncated {
        /// What was asked for.
        url: String,
        /// Bytes that are there.
        got: u64,
        /// Bytes that the file has.
        expected: u64,
        /// Why.
        cause: String,
    },
    /// The file arrived, but it is another one. It was deleted.
    #[error("{url} is not the file that was published: checksum {got}, expected {expected}; it was not kept")]
    Checksum {
        /// Where it came from.
        url: String,
        /// MD5 of what arrived.
        got: String,
        /// MD5 of the published file.
        expected: String,
    },
    /// No site had the file.
    #[error("{}", each(failures))]
    Sites {
        /// What happened at each.
        failures: Vec<FetchError>,
    },
    /// The file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The download could not be unpacked.
    #[error("cannot unpack {}: {cause}", path.display())]
    Archive {
        /// The download.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Another process is at it.
    #[error("another process is fetching {name} into {}", root.display())]
    Busy {
        /// The data set.
        name: String,
        /// The data folder.
        root: PathBuf,
    },
    /// The caller wanted to stop.
    #[error("fetching {file} was interrupted")]
    Interrupted {
        /// The download.
        file: String,
    },
}

impl FetchError {
    /// For `map_err`: names what could not be written.
    pub(super) fn write(path: &std::path::Path) -> impl FnOnce(io::Error) -> FetchError + '_ {
        move |source| FetchError::Write { path: path.to_path_buf(), source }
    }

    /// The way out, if there is one: one line for the user, without a full stop.
    pub fn hint(&self) -> Option<String> {
        match self {
            FetchError::Data(e) => e.hint(),
            FetchError::Status { .. } | FetchError::Unreachable { .. } | FetchError::Connection { .. } => {
                Some("check the network, or name another site that has the files with --mirror URL".into())
            }
            FetchError::Truncated { .. } | FetchError::Interrupted { .. } => {
                Some("the same command goes on where this one stopped".into())
            }
            FetchError::Checksum { .. } => {
                Some("try again later, or name another site that has the files with --mirror URL".into())
            }
            FetchError::Sites { failures } => failures.last().and_then(FetchError::hint),
            FetchError::Write { .. } => Some("free some space, or choose another folder with --data-dir DIR".into()),
            FetchError::Archive { .. } => None,
            FetchError::Busy { .. } => Some("wait for it, then run the command again".into()),
        }
    }
}

fn each(failures: &[FetchError]) -> String {
    failures.iter().map(FetchError::to_string).collect::<Vec<_>>().join("; ")
}
