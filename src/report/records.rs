//! An event file: records of (length, checksum of the length, bytes, checksum of the bytes), all little-endian, checksums
//! CRC-32C rotated and offset (TFRecord). Each record is one write, so a killed run loses at most the last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::proto::{Event, What};
use crate::files::FileError;

const CRC32C: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// By this tensorboard knows an event file.
const PREFIX: &str = "events.out.tfevents.";

/// Numbers the files of this process, so that two of the same second differ.
static FILES: AtomicU64 = AtomicU64::new(0);

/// A new event file, open for writing.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Makes a new file in this folder, with a name that no other file there has, and writes its first record.
    pub fn create(folder: &Path) -> Result<EventFile, FileError> {
        fs::create_dir_all(folder).map_err(FileError::write(folder))?;
        let host: String = gethostname::gethostname()
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' })
            .collect();
        loop {
            let n = FILES.fetch_add(1, Ordering::Relaxed);
            // Tensorboard reads the files of a folder in the order of their names: the time comes first.
            let name = format!("{PREFIX}{:010}.{host}.{}.{n}", now() as u64, std::process::id());
            let path = folder.join(name);
            let file = match OpenOptions::new().write(true).create_new(true).open(&path) {
                // Another machine's process may have taken the name; the next number is free.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other.map_err(FileError::write(&path))?,
            };
            let mut events = EventFile { path, file };
            events.write(0, What::FileVersion("brain.Event:2".into()))?;
            return Ok(events);
        }
    }

    /// Appends one event; it is in the file when this returns.
    pub fn write(&mut self, step: u64, what: What) -> Result<(), FileError> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let event = Event { wall_time: now(), step, what: Some(what) };
        self.file.write_all(&record(&event.encode_to_vec())).map_err(FileError::write(&self.path))
    }

    /// Sees to it that a power cut loses nothing of it.
    pub fn sync(&mut self) -> Result<(), FileError> {
        self.file.sync_all().map_err(FileError::write(&self.path))
    }
}

/// Removes the event files in this folder, if it is there, and nothing else.
pub(super) fn remove_all(folder: &Path) -> Result<(), FileError> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(FileError::write(folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(FileError::write(folder))?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_file(entry.path()).map_err(FileError::write(&entry.path()))?;
        }
    }
    Ok(())
}

/// Seconds since 1970; 0 if the clock stands before that.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// The bytes of one record.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend(length);
    out.extend(masked(&length).to_le_bytes());
    out.extend(data);
    out.extend(masked(data).to_le_bytes());
    out
}

/// A checksum of bytes that may themselves hold checksums.
fn masked(data: &[u8]) -> u32 {
    CRC32C.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_format() {
        // CRC-32C's check value, then what masking makes of it.
        assert_eq!(CRC32C.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(masked(b"123456789"), 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8));
        // The first 12 bytes of every file that tensorboard's own writer makes: a record of 24 bytes.
        assert_eq!(record(&[0; 24])[..12], [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn files_of_one_second_are_different_files_and_go_together() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..20).map(|_| EventFile::create(folder.path()).unwrap()).collect();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), files.len());
        let name = files[0].path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("events.out.tfevents."), "{name}");
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        remove_all(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only event files are removed");
        remove_all(&folder.path().join("missing")).unwrap();
    }

    #[test]
    fn every_record_is_in_the_file_at_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path()).unwrap();
        events.write(7, What::FileVersion("x".into())).unwrap();
        let bytes = fs::read(&events.path).unwrap();
        let mut rest = bytes.as_slice();
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], masked(&rest[..8]).to_le_bytes());
            let data = &rest[12..12 + length];
            assert_eq!(rest[12 + length..16 + length], masked(data).to_le_bytes());
            steps.push(Event::decode(data).unwrap().step);
            rest = &rest[16 + length..];
        }
        assert_eq!(steps, [0, 7]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_the_name() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let error = EventFile { path, file }.write(1, What::FileVersion(String::new())).unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: "), "{error}");
    }
}
