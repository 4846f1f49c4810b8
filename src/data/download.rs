//! One file over HTTP: resumed where an earlier attempt stopped, tried again a bounded number of times, checked at the end.
//!
//! What has arrived is kept in a `.part` file. An attempt asks for the rest of it (`Range`); a server that sends the whole file
//! all the same is listened to from the start. Nothing about the earlier attempt is trusted: the checksum of the whole file
//! decides.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ureq::Agent;

use super::digest;
use super::error::FetchError;
use super::registry::Download;

/// What happens during a download; for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchEvent<'a> {
    /// A file begins, or goes on after a pause.
    File {
        /// Its name.
        name: &'a str,
        /// Its size, bytes.
        bytes: u64,
        /// Bytes that are there already.
        done: u64,
    },
    /// Bytes of the file that are there.
    Received(u64),
    /// An attempt failed; there will be another.
    Retry {
        /// Why.
        cause: &'a str,
    },
    /// The file is complete and is being checked and unpacked.
    Unpacking(&'a str),
}

/// How a download behaves.
pub(super) struct Behaviour<'a> {
    /// Attempts that may fail one after the other.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each.
    pub pause: Duration,
    /// Longest wait for a connection, or for the next bytes.
    pub patience: Duration,
    /// Set by whoever wants to stop.
    pub stop: Option<&'a AtomicBool>,
}

/// An attempt that gains so much does not count as failed: a long file over a bad line arrives in the end.
const PROGRESS: u64 = 1 << 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Again(Duration),
    GiveUp,
}

/// Decides after the `failed`-th failure in a row. A server that never answered (`reached` is false) gets one more chance only:
/// this machine is probably offline, and its user wants to know soon.
fn next(error: &FetchError, failed: u32, reached: bool, attempts: u32, pause: Duration) -> Next {
    let attempts = if reached { attempts } else { attempts.min(2) };
    let passing = match error {
        FetchError::Unreachable { .. } | FetchError::Connection { .. } | FetchError::Truncated { .. } => true,
        // Asked too often, or a fault on the server's side; everything else would be the same again.
        FetchError::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
        _ => false,
    };
    if !passing || failed >= attempts {
        return Next::GiveUp;
    }
    Next::Again(pause.saturating_mul(1 << failed.saturating_sub(1).min(16)).min(LONGEST_PAUSE))
}

/// Downloads a file from the first address that has it into `part`. On success `part` is complete and its checksum right.
pub(super) fn download(
    urls: &[String],
    file: &Download,
    part: &Path,
    how: &Behaviour,
    on: &mut dyn FnMut(FetchEvent),
) -> Result<(), FetchError> {
    let mut failures = Vec::new();
    for url in urls {
        match from_one(url, file, part, how, on) {
            Ok(()) => return Ok(()),
            // Another address does not help against a full disk or a user who wants to stop.
            Err(e @ (FetchError::Write { .. } | FetchError::Interrupted { .. })) => return Err(e),
            Err(e) => failures.push(e),
        }
    }
    match failures.pop() {
        Some(only) if failures.is_empty() => Err(only),
        Some(last) => {
            failures.push(last);
            Err(FetchError::Sites { failures })
        }
        None => Err(FetchError::Connection { url: file.file.to_string(), cause: "no site is known for it".into() }),
    }
}

fn from_one(
    url: &str,
    file: &Download,
    part: &Path,
    how: &Behaviour,
    on: &mut dyn FnMut(FetchEvent),
) -> Result<(), FetchError> {
    let agent = agent(url, how.patience);
    let mut failed = 0;
    let mut reached = false;
    loop {
        let before = length(part);
        let error = match attempt(&agent, url, file, part, how, on) {
            Ok(()) => {
                on(FetchEvent::Unpacking(file.file));
                let got = digest::of_file(part, file.md5).map_err(FetchError::write(part))?;
                if got == file.md5 {
                    return Ok(());
                }
                fs::remove_file(part).map_err(FetchError::write(part))?;
                // What an earlier attempt left may have been the culprit; a file in one piece is the server's.
                if before == 0 {
                    return Err(FetchError::Checksum { url: url.into(), got, expected: file.md5.into() });
                }
                on(FetchEvent::Retry { cause: "the resumed file has a wrong checksum: from the start" });
                continue;
            }
            Err(error) => error,
        };
        failed = if length(part) >= before.saturating_add(PROGRESS) { 1 } else { failed + 1 };
        reached |= !matches!(error, FetchError::Unreachable { .. });
        match next(&error, failed, reached, how.attempts, how.pause) {
            Next::GiveUp => return Err(error),
            Next::Again(pause) => {
                on(FetchEvent::Retry { cause: &error.to_string() });
                sleep(pause, file, how)?;
            }
        }
    }
}

/// One request: appends to `part` what is missing of it.
fn attempt(
    agent: &Agent,
    url: &str,
    file: &Download,
    part: &Path,
    how: &Behaviour,
    on: &mut dyn FnMut(FetchEvent),
) -> Result<(), FetchError> {
    let mut have = length(part);
    if have > file.bytes {
        fs::remove_file(part).map_err(FetchError::write(part))?;
        have = 0;
    }
    on(FetchEvent::File { name: file.file, bytes: file.bytes, done: have });
    if have == file.bytes {
        return Ok(());
    }
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = request.call().map_err(|e| not_connected(url, &e))?;
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_string);
    match response.status().as_u16() {
        200 => have = 0,
        206 if header("content-range").and_then(|v| first_byte(&v)) == Some(have) => {}
        206 | 416 => {
            // The server has another idea of the file than the part that is here.
            fs::remove_file(part).map_err(FetchError::write(part))?;
            let cause = "the server does not go on where the transfer stopped".to_string();
            return Err(FetchError::Truncated { url: url.into(), got: 0, expected: file.bytes, cause });
        }
        status => return Err(FetchError::Status { url: url.into(), status }),
    }
    let declared = header("content-length").and_then(|v| v.parse::<u64>().ok()).map(|n| n.saturating_add(have));
    let mut out = OpenOptions::new();
    let mut out = match have {
        0 => File::create(part),
        _ => out.append(true).open(part),
    }
    .map_err(FetchError::write(part))?;
    on(FetchEvent::Received(have));
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    let expected = declared.unwrap_or(file.bytes);
    // More than the published file has is another file; what has come is enough to tell.
    while have <= file.bytes {
        if how.stop.is_some_and(|s| s.load(Ordering::Relaxed)) {
            return Err(FetchError::Interrupted { file: file.file.into() });
        }
        let n = match body.read(&mut buffer) {
            Ok(0) if have < expected => {
                let cause = "the server closed the connection".to_string();
                return Err(FetchError::Truncated { url: url.into(), got: have, expected, cause });
            }
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => {
                return Err(FetchError::Truncated { url: url.into(), got: have, expected, cause: e.to_string() });
            }
        };
        out.write_all(&buffer[..n]).map_err(FetchError::write(part))?;
        have += n as u64;
        on(FetchEvent::Received(have));
    }
    Ok(())
}

/// Tells a server that cannot be reached from one that answers badly.
fn not_connected(url: &str, error: &ureq::Error) -> FetchError {
    let (url, cause) = (url.to_string(), error.to_string());
    let unreachable = match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::BadUri(_) => true,
        ureq::Error::Timeout(kind) => matches!(kind, ureq::Timeout::Resolve | ureq::Timeout::Connect),
        ureq::Error::Io(e) => matches!(
            e.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
        ),
        _ => false,
    };
    match unreachable {
        true => FetchError::Unreachable { url, cause },
        false => FetchError::Connection { url, cause },
    }
}

/// First byte of `bytes 5-9/10`.
fn first_byte(content_range: &str) -> Option<u64> {
    content_range.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.trim().parse().ok()
}

fn agent(url: &str, patience: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("softhebb/", env!("CARGO_PKG_VERSION")))
        // The bytes of the file itself: offsets and checksums are of those.
        .accept_encoding("identity")
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience));
    // A proxy of the environment is not for this machine's own servers.
    let host = url.split("://").nth(1).unwrap_or(url);
    let local = ["127.0.0.1", "localhost", "[::1]"].iter().any(|l| host.starts_with(l));
    let config = if local { config.proxy(None) } else { config };
    config.build().new_agent()
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |m| m.len())
}

/// Waits, but not longer than somebody wants to.
fn sleep(pause: Duration, file: &Download, how: &Behaviour) -> Result<(), FetchError> {
    let step = Duration::from_millis(100);
    let mut left = pause;
    while !left.is_zero() {
        if how.stop.is_some_and(|s| s.load(Ordering::Relaxed)) {
            return Err(FetchError::Interrupted { file: file.file.into() });
        }
        thread::sleep(left.min(step));
        left = left.saturating_sub(step);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_failures_are_tried_again() {
        let url = || "u".to_string();
        let status = |status| FetchError::Status { url: url(), status };
        let cut = || FetchError::Truncated { url: url(), got: 1, expected: 2, cause: String::new() };
        let refused = || FetchError::Unreachable { url: url(), cause: String::new() };
        let wrong = || FetchError::Checksum { url: url(), got: String::new(), expected: String::new() };
        let full = || FetchError::Write { path: "p".into(), source: io::Error::other("full") };
        let after = |ms| Next::Again(Duration::from_millis(ms));
        // error, failures so far, whether the server ever answered, of five attempts -> what next, with pauses from 500 ms
        let table = [
            (cut(), 1, true, after(500)),
            (cut(), 2, true, after(1000)),
            (cut(), 4, true, after(4000)),
            (cut(), 5, true, Next::GiveUp),
            (refused(), 3, true, after(2000)),
            (refused(), 5, true, Next::GiveUp),
            (refused(), 1, false, after(500)),
            (refused(), 2, false, Next::GiveUp),
            (status(404), 1, true, Next::GiveUp),
            (status(403), 1, true, Next::GiveUp),
            (status(429), 1, true, after(500)),
            (status(503), 1, true, after(500)),
            (wrong(), 1, true, Next::GiveUp),
            (full(), 1, true, Next::GiveUp),
        ];
        for (error, failed, reached, expected) in table {
            assert_eq!(next(&error, failed, reached, 5, Duration::from_millis(500)), expected, "{error}, {failed}");
        }
        assert_eq!(next(&cut(), 90, true, 100, Duration::from_secs(1)), Next::Again(LONGEST_PAUSE));
    }

    #[test]
    fn content_ranges() {
        for (text, first) in [
            ("bytes 5-9/10", Some(5)),
            ("bytes 0-0/*", Some(0)),
            (" bytes  7-9/10", Some(7)),
            ("bytes */10", None),
            ("items 5-9/10", None),
            ("", None),
        ] {
            assert_eq!(first_byte(text), first, "{text}");
        }
    }
}
