//! Where a result comes from: command, commit, machine, date.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::device;
use crate::files::{FileError, RunDir, write_atomic};

/// Adds an entry to a run's provenance. A file that cannot be read is set aside as `….unreadable`.
///
/// # Errors
/// When the file cannot be written.
pub fn record(dir: &RunDir, on: tch::Device) -> Result<(), FileError> {
    append(&dir.provenance(), entry(on))
}

fn append(path: &Path, entry: Value) -> Result<(), FileError> {
    let mut all = match std::fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => vec![],
        Err(e) => return Err(FileError::write(path)(e)),
        Ok(bytes) => match serde_json::from_slice::<Vec<Value>>(&bytes) {
            Ok(earlier) => earlier,
            Err(_) => {
                std::fs::rename(path, path.with_added_extension("unreadable")).map_err(FileError::write(path))?;
                vec![]
            }
        },
    };
    all.push(entry);
    write_atomic(path, |out| Ok(serde_json::to_writer_pretty(out, &all)?))
}

fn entry(on: tch::Device) -> Value {
    let words = std::env::args().skip(1).map(|word| crate::report::format::shell(&word));
    // The name that people type, wherever the program lies.
    let command: Vec<String> = std::iter::once("softhebb".to_string()).chain(words).collect();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    json!({
        "command": command.join(" "),
        "date": date(seconds),
        "version": env!("CARGO_PKG_VERSION"),
        "commit": env!("SOFTHEBB_COMMIT"),
        "libtorch": env!("SOFTHEBB_LIBTORCH_VERSION"),
        "processor": processor(),
        "threads": device::threads(),
        "device": format!("{on:?}").to_lowercase(),
        "gpus": if on.is_cuda() { device::names(usize::try_from(tch::Cuda::device_count()).unwrap_or(0)) } else { vec![] },
    })
}

/// The processor's name, as the system gives it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        text.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':').map(|(_, n)| n.trim().to_string()));
    name.unwrap_or_else(|| std::env::consts::ARCH.to_string())
}

/// `2026-11-21T19:30:00Z` from seconds since 1970 (Hinnant's days-to-civil).
pub fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153; // months from March
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{append, date};

    #[test]
    fn what_cannot_be_read_is_set_aside_and_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("provenance.json");
        let read = || serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap();
        append(&path, json!(1)).unwrap();
        append(&path, json!(2)).unwrap();
        assert_eq!(read(), json!([1, 2]));
        std::fs::write(&path, "[1, 2").unwrap();
        append(&path, json!(3)).unwrap();
        assert_eq!(read(), json!([3]));
        assert_eq!(std::fs::read_to_string(dir.path().join("provenance.json.unreadable")).unwrap(), "[1, 2");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_795_289_400, "2026-11-21T19:30:00Z"),
        ] {
            assert_eq!(date(seconds), want);
        }
    }
}
