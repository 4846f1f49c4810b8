//! Downloading a data set from its site into the data folder.
//!
//! Downloads and what they unpack to lie in `.partial/NAME` below the data folder until everything is complete and checked;
//! then the files move to their place. Whatever interrupts it, the place holds the earlier files or the new ones, and the next
//! `fetch` goes on with what has arrived. A lock keeps two processes from fetching the same data set at once.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::archive;
use super::download::{Behaviour, FetchEvent, download};
use super::error::{DataError, FetchError};
use super::load::other_count;
use super::locate::{DataDirs, locate, records, unpacked_len};
use super::registry::{self, DatasetInfo, Download, Format, Part, Unpack};

/// How to fetch.
#[derive(Debug, Clone)]
pub struct FetchOptions<'a> {
    /// Base address in place of the official site's; the files are at `URL/NAME/FILE` or `URL/FILE`.
    pub mirror: Option<String>,
    /// Fetch even if the files are there.
    pub force: bool,
    /// Attempts that may fail one after the other, for each file and site.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each, up to ten seconds.
    pub pause: Duration,
    /// Longest wait for a connection, or for the next bytes.
    pub patience: Duration,
    /// Set from elsewhere to stop at the next opportunity.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for FetchOptions<'_> {
    fn default() -> Self {
        FetchOptions {
            mirror: None,
            force: false,
            attempts: 5,
            pause: Duration::from_millis(500),
            patience: Duration::from_secs(30),
            stop: None,
        }
    }
}

impl FetchOptions<'_> {
    /// The defaults, with the mirror of `$SOFTHEBB_MIRROR` if it is set.
    pub fn from_env() -> Self {
        let mirror = std::env::var("SOFTHEBB_MIRROR").ok().filter(|m| !m.is_empty());
        FetchOptions { mirror, ..FetchOptions::default() }
    }
}

/// What a fetch did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchReport {
    /// The data set.
    pub name: &'static str,
    /// Where its files are; none inside the program.
    pub folder: Option<PathBuf>,
    /// Whether they were there before.
    pub already: bool,
    /// Remarks for the user: files with fewer records than the official ones.
    pub notes: Vec<String>,
}

/// Downloads a data set, unless it is there. `on` hears of the progress.
pub fn fetch(
    name: &str,
    dirs: &DataDirs,
    options: &FetchOptions,
    on: &mut dyn FnMut(FetchEvent),
) -> Result<FetchReport, FetchError> {
    fetch_info(registry::find(name)?, dirs, options, on)
}

/// [`fetch`] for a data set that need not be in the registry.
pub fn fetch_info(
    info: &DatasetInfo,
    dirs: &DataDirs,
    options: &FetchOptions,
    on: &mut dyn FnMut(FetchEvent),
) -> Result<FetchReport, FetchError> {
    if info.format == Format::Embedded {
        return Ok(FetchReport { name: info.name, folder: None, already: true, notes: Vec::new() });
    }
    if let (Some(how), None) = (info.manual, already(info, dirs)) {
        return Err(DataError::NoDownload { name: info.name, how }.into());
    }
    let is_there = || if options.force { None } else { already(info, dirs) };
    if let Some(report) = is_there() {
        return Ok(report);
    }
    let partial = dirs.root().join(".partial");
    fs::create_dir_all(&partial).map_err(FetchError::write(&partial))?;
    let lock_path = partial.join(format!("{}.lock", info.name));
    let lock = lock(&lock_path, info, dirs)?;
    let work = partial.join(info.name);
    // Another process may have finished while this one came to the lock.
    let result = match is_there() {
        Some(report) => Ok(report),
        None => get(info, dirs, &work, options, on).map(|folder| {
            // What is left is of no use now, and no harm if it cannot be removed.
            let _ = fs::remove_dir_all(&work);
            FetchReport { name: info.name, folder: Some(folder), already: false, notes: Vec::new() }
        }),
    };
    // A folder goes only if it is empty: parts of a broken transfer stay for the next time.
    let _ = fs::remove_dir_all(work.join(UNPACKED));
    let _ = fs::remove_dir(&work);
    let _ = fs::remove_file(&lock_path);
    drop(lock);
    let _ = fs::remove_dir(&partial);
    result
}

const UNPACKED: &str = "unpacked";

/// The report for files that are all there, each with a whole number of records.
fn already(info: &DatasetInfo, dirs: &DataDirs) -> Option<FetchReport> {
    let found = locate(info, &[Part::Train, Part::Test, Part::Unlabeled], dirs).ok()?;
    let mut notes = Vec::new();
    for (file, path) in &found.files {
        let count = records(file, unpacked_len(path).ok()?).ok()?;
        notes.extend(other_count(file, count));
    }
    Some(FetchReport { name: info.name, folder: Some(found.folder), already: true, notes })
}

fn lock(path: &Path, info: &DatasetInfo, dirs: &DataDirs) -> Result<File, FetchError> {
    let file = File::create(path).map_err(FetchError::write(path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(FetchError::Busy { name: info.name.to_string(), root: dirs.root().to_path_buf() })
        }
        // A file system without locks does not keep anyone from fetching.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Downloads, unpacks, checks and installs; returns where.
fn get(
    info: &DatasetInfo,
    dirs: &DataDirs,
    work: &Path,
    options: &FetchOptions,
    on: &mut dyn FnMut(FetchEvent),
) -> Result<PathBuf, FetchError> {
    let how =
        Behaviour { attempts: options.attempts, pause: options.pause, patience: options.patience, stop: options.stop };
    let fresh = work.join(UNPACKED);
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(FetchError::write(&fresh))?;
    }
    fs::create_dir_all(&fresh).map_err(FetchError::write(&fresh))?;
    let part = |file: &Download| work.join(format!("{}.part", file.file));
    for file in info.downloads {
        download(&addresses(info, file, options.mirror.as_deref()), file, &part(file), &how, on)?;
    }
    for file in info.downloads {
        match file.unpack {
            Unpack::Gzip => archive::gunzip(&part(file), &fresh.join(file.file.trim_end_matches(".gz")))?,
            Unpack::TarGz(top) => archive::untar(&part(file), top, &fresh)?,
            Unpack::Zip(top) => archive::unzip(&part(file), top, &fresh)?,
        }
    }
    let top = info.downloads.iter().find_map(|d| match d.unpack {
        Unpack::TarGz(top) | Unpack::Zip(top) => Some(top),
        Unpack::Gzip => None,
    });
    let files = top.map_or(fresh.clone(), |top| fresh.join(top));
    for file in info.files {
        let len = files.join(file.name).metadata().map_or(0, |m| m.len());
        if len != file.bytes() {
            return Err(FetchError::Archive {
                path: files.join(file.name),
                cause: format!("it has {len} bytes, the official file {}", file.bytes()),
            });
        }
    }
    let place = dirs.root().join(info.places.first().copied().unwrap_or(info.name));
    archive::install(&files, &place)?;
    Ok(place)
}

/// Where a file may be. A mirror may have a folder for each data set (MNIST's and FashionMNIST's files have the same names).
fn addresses(info: &DatasetInfo, file: &Download, mirror: Option<&str>) -> Vec<String> {
    match mirror.map(|m| m.trim_end_matches('/')) {
        Some(base) => vec![format!("{base}/{}/{}", info.name, file.file), format!("{base}/{}", file.file)],
        None => info.sites.iter().map(|site| format!("{site}/{}", file.file)).collect(),
    }
}
