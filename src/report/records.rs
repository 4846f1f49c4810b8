//! Event files: their names, and records that are in the file when a call returns. The crate tensorboard-rs frames them (length,
//! bytes, checksums) and has the messages; its own writer works in a thread that dies at the first error, and gives the files of
//! one second the same name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use protobuf::Message;
use tensorboard_proto::event::{Event, SessionLog, SessionLog_SessionStatus};
use tensorboard_proto::summary::{Summary, Summary_Value, SummaryMetadata, SummaryMetadata_PluginData};
use tensorboard_proto::tensor::TensorProto;
use tensorboard_rs::record_writer::RecordWriter;

use crate::files::FileError;

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
            events.write(0, |event| event.set_file_version("brain.Event:2".into()))?;
            return Ok(events);
        }
    }

    /// Declares all that earlier files of the folder hold after a step to be out of date.
    pub fn go_on_after(&mut self, step: u64) -> Result<(), FileError> {
        let start = SessionLog { status: SessionLog_SessionStatus::START, ..Default::default() };
        self.write(step.saturating_add(1), |event| event.set_session_log(start))
    }

    /// Appends values of a step.
    pub fn values(&mut self, step: u64, values: Vec<Summary_Value>) -> Result<(), FileError> {
        self.write(step, |event| event.set_summary(Summary { value: values.into(), ..Default::default() }))
    }

    /// Appends one event, in one write, so that a killed run loses at most the last; it is in the file when this returns.
    fn write(&mut self, step: u64, fill: impl FnOnce(&mut Event)) -> Result<(), FileError> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let mut event = Event { wall_time: now(), step, ..Default::default() };
        fill(&mut event);
        let mut record = Vec::new();
        let framed = event.write_to_bytes().map_err(io::Error::from);
        let framed = framed.and_then(|bytes| RecordWriter::new(&mut record).write(&bytes));
        framed.and_then(|()| self.file.write_all(&record)).map_err(FileError::write(&self.path))
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

/// A tensor that a plugin shows; `content` is the plugin's own message.
pub(super) fn tensor(tag: &str, plugin: &str, content: Vec<u8>, tensor: TensorProto) -> Summary_Value {
    let plugin = SummaryMetadata_PluginData { plugin_name: plugin.into(), content, ..Default::default() };
    let metadata = SummaryMetadata { plugin_data: Some(plugin).into(), ..Default::default() };
    let mut value = Summary_Value { tag: tag.into(), metadata: Some(metadata).into(), ..Default::default() };
    value.set_tensor(tensor);
    value
}

/// Seconds since 1970; 0 if the clock stands before that.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn every_record_is_in_the_file_at_once_and_framed_as_the_format_says() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path()).unwrap();
        let bytes = fs::read(&events.path).unwrap();
        // The first 12 bytes of every file that tensorboard's own writer makes: a record of 24 bytes, and the length's checksum.
        assert_eq!(bytes[..12], [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(bytes.len(), 8 + 4 + 24 + 4);
        // A step of 7, and the version again, which is 15 bytes: 9 for the time, 2 for the step.
        events.write(7, |event| event.set_file_version("brain.Event:2".into())).unwrap();
        let more = fs::read(&events.path).unwrap();
        assert_eq!(more[40..48], [26, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(more[40 + 12 + 9..][..2], [0x10, 7]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_the_name() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let error = EventFile { path, file }.go_on_after(1).unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: "), "{error}");
    }
}
