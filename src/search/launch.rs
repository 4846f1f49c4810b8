//! How a trial is started, watched and stopped. Local child processes are the one implementation today; a cluster's
//! scheduler would be another: a trial needs its plan file and the file system, nothing else.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::error::SearchError;
use crate::files::FileError;

/// A trial to be started.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its plan.
    pub plan: PathBuf,
    /// Where its standard error goes.
    pub stderr: PathBuf,
    /// The device that it sees, as CUDA counts them.
    pub gpu: Option<String>,
}

/// How a process ended, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
}

impl End {
    /// What there is to say about a process that ended without a word.
    pub fn cause(self) -> String {
        match (self.signal, self.code) {
            (Some(9), _) => "killed by signal 9 (out of memory, or kill -9)".to_string(),
            (Some(signal @ (4 | 6 | 7 | 8 | 11)), _) => format!("crashed with signal {signal}"),
            (Some(signal), _) => format!("ended by signal {signal}"),
            (None, Some(code)) => format!("ended with exit code {code} without saying why"),
            (None, None) => "ended without saying why".to_string(),
        }
    }
}

/// A trial that was started.
pub trait Process {
    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn ended(&mut self) -> io::Result<Option<End>>;
    /// Asks it to save and stop. Asking twice is asking once.
    fn stop(&mut self);
    /// Ends it at once.
    fn kill(&mut self);
}

/// Starts trials.
pub trait Launcher {
    /// Starts one.
    ///
    /// # Errors
    /// When it cannot be started.
    fn start(&mut self, job: &Job) -> Result<Box<dyn Process>, SearchError>;
}

/// Trials as child processes of this one.
#[derive(Debug)]
pub struct Local {
    program: PathBuf,
}

impl Local {
    /// Children run the program that runs now.
    ///
    /// # Errors
    /// When the program's own file cannot be found.
    pub fn new() -> Result<Local, SearchError> {
        // By this name a program that was rebuilt meanwhile still starts the same children.
        let running = PathBuf::from("/proc/self/exe");
        let program = if running.exists() { running } else { std::env::current_exe().map_err(SearchError::Start)? };
        Ok(Local { program })
    }
}

impl Launcher for Local {
    fn start(&mut self, job: &Job) -> Result<Box<dyn Process>, SearchError> {
        let mut command = Command::new(&self.program);
        command.arg("trial").arg("--until-stdin-ends").arg(&job.plan);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(append(&job.stderr)?);
        if let Some(gpu) = &job.gpu {
            command.env("CUDA_VISIBLE_DEVICES", gpu);
        }
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // A group of its own: Ctrl-C at the terminal is for the runner, which then stops its trials in order.
            command.arg0("softhebb").process_group(0);
        }
        let mut child = command.spawn().map_err(SearchError::Start)?;
        let input = child.stdin.take();
        Ok(Box::new(LocalProcess { child, input }))
    }
}

fn append(path: &Path) -> Result<File, FileError> {
    File::options().create(true).append(true).open(path).map_err(FileError::write(path))
}

/// A child. It runs for as long as its standard input is open: that ends with this value, and with the runner, however it
/// ends.
struct LocalProcess {
    child: Child,
    input: Option<ChildStdin>,
}

impl Process for LocalProcess {
    fn ended(&mut self) -> io::Result<Option<End>> {
        let Some(status) = self.child.try_wait()? else { return Ok(None) };
        #[cfg(unix)]
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        #[cfg(not(unix))]
        let signal = None;
        Ok(Some(End { code: status.code(), signal }))
    }

    fn stop(&mut self) {
        self.input = None;
    }

    fn kill(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_in_words() {
        for (code, signal, want) in [
            (None, Some(9), "killed by signal 9 (out of memory, or kill -9)"),
            (None, Some(11), "crashed with signal 11"),
            (None, Some(15), "ended by signal 15"),
            (Some(101), None, "ended with exit code 101 without saying why"),
            (None, None, "ended without saying why"),
        ] {
            assert_eq!(End { code, signal }.cause(), want);
        }
    }
}
