//! Options that several subcommands share: one word and one form for one thing.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Usage, number, resume};
use crate::device::DeviceChoice;
use crate::files::{self, FileError, RunDir};
use crate::report::Verbosity;

/// Where it is computed.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Machine")]
pub struct MachineArgs {
    /// auto, cpu, cuda or cuda:N [default: auto].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    #[command(flatten)]
    threads: ThreadArgs,
}

impl MachineArgs {
    /// The device, by what was typed.
    pub fn choice(&self) -> DeviceChoice {
        self.device.unwrap_or(DeviceChoice::Auto)
    }

    /// Threads; 0: as many as there are cores.
    pub fn threads(&self) -> usize {
        self.threads.count()
    }

    /// Threads as they were typed.
    pub fn typed_threads(&self) -> Option<usize> {
        self.threads.threads
    }
}

/// How many threads, of what runs on the CPU only.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Machine")]
pub struct ThreadArgs {
    /// Threads [default: all cores].
    #[arg(long, value_name = "N", value_parser = number::threads)]
    pub threads: Option<usize>,
}

impl ThreadArgs {
    /// Threads; 0: as many as there are cores.
    pub fn count(&self) -> usize {
        self.threads.unwrap_or(0)
    }
}

/// Where data sets are and how they come there.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Data")]
pub struct FolderArgs {
    /// Folder of the data sets [default: the run's own if RUN is named, else $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Download a data set that is missing, without asking.
    #[arg(long)]
    pub download: bool,
}

/// Where a run goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Results")]
pub struct ResultsArgs {
    /// Folder of the runs.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    pub results_dir: PathBuf,
    /// Name of the run's folder, which is numbered if it is taken [default: made of what is computed].
    #[arg(long, value_name = "NAME", value_parser = files::name)]
    pub name: Option<String>,
    /// Leave no run folder.
    #[arg(long)]
    no_save: bool,
    // The older form of --no-save.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    save: bool,
}

impl ResultsArgs {
    /// Whether a folder is wanted.
    pub fn saves(&self) -> bool {
        self.save && !self.no_save
    }

    /// A new folder `RESULTS_DIR/COMMAND/STEM`, or of the name that was typed; `None` with --no-save.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self, command: &str, stem: &str) -> Result<Option<RunDir>, FileError> {
        let create = || RunDir::create(&self.results_dir.join(command), self.stem(stem));
        self.saves().then(create).transpose()
    }

    /// The newest run `RESULTS_DIR/COMMAND/STEM`, or of the name that was typed.
    ///
    /// # Errors
    /// When there is none.
    pub fn newest(&self, command: &str, stem: &str) -> anyhow::Result<RunDir> {
        resume::newest(&self.results_dir.join(command), self.stem(stem)).map(RunDir::new)
    }

    fn stem<'a>(&'a self, own: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(own)
    }
}

/// What a run goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Resume {
    /// The same run, from where it stopped.
    All,
}

/// Going on with a run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Results")]
pub struct ResumeArgs {
    /// Go on with a run.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub resume: Option<Resume>,
    /// The run to go on with [default: the newest of the same plan].
    #[arg(long, value_name = "DIR", requires = "resume")]
    pub run_dir: Option<PathBuf>,
}

/// The plan, printed and not carried out.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct DryRunArgs {
    /// Print the plan and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: print the plan as JSON.
    #[arg(long, requires = "dry_run")]
    json: bool,
}

impl DryRunArgs {
    /// Prints a plan, a line a key, or JSON; `folder` is that of the runs, or that of the run that goes on.
    ///
    /// # Errors
    /// When standard output fails.
    pub fn print(&self, title: &str, plan: &impl Serialize, folder: Option<&Path>) -> anyhow::Result<()> {
        let plan = serde_json::to_value(plan)?;
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{plan:#}")?;
            return Ok(());
        }
        let mut rows = Vec::new();
        flatten("", &plan, &mut rows);
        let width = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
        writeln!(out, "{title}")?;
        for (key, value) in rows {
            writeln!(out, "  {key:<width$}  {value}")?;
        }
        match folder {
            Some(run) if run.join("config.json").is_file() => writeln!(out, "goes on in {}", run.display())?,
            Some(folder) => writeln!(out, "results in a new folder below {}", folder.display())?,
            None => writeln!(out, "nothing is saved")?,
        }
        Ok(())
    }
}

/// The leaves of a plan; lists of plain values are one leaf.
fn flatten(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let plain = |v: &Value| match v {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                flatten(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, rows);
            }
        }
        Value::Null => {}
        Value::Array(list) => rows.push((path.into(), list.iter().map(plain).collect::<Vec<_>>().join(", "))),
        other => rows.push((path.into(), plain(other))),
    }
}

/// How much is said.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct TalkArgs {
    /// Say only warnings and the result.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: every step, every file written.
    #[arg(short, long)]
    verbose: bool,
}

impl TalkArgs {
    /// As listeners take it.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

/// Leave to replace files.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Results")]
pub struct ForceArgs {
    /// Replace files that are there already; without it nothing is computed if there are any.
    #[arg(long)]
    force: bool,
}

impl ForceArgs {
    /// Whether these may be written; to be asked before anything is computed. `elsewhere` is the option that names another place.
    ///
    /// # Errors
    /// When one is there already and --force was not typed.
    pub fn check(&self, files: &[PathBuf], elsewhere: &str) -> Result<(), Usage> {
        match files.iter().find(|file| file.symlink_metadata().is_ok()) {
            Some(file) if !self.force => Err(Usage(format!(
                "{} is there already\nhint: --force replaces it, {elsewhere} writes elsewhere",
                file.display()
            ))),
            _ => Ok(()),
        }
    }
}

/// For `map_err`: says what to do where a file could not be written, for commands without --results-dir.
pub fn written<E: Into<anyhow::Error>>(way_out: &str) -> impl FnOnce(E) -> anyhow::Error + '_ {
    move |error| {
        let error = error.into();
        let text = error.to_string();
        if !text.contains("cannot write ") || text.contains("\nhint: ") {
            return error;
        }
        anyhow::anyhow!("{text}\nhint: is there space, and may you write there? {way_out}")
    }
}

/// Where results go that a command finds out about a run.
pub const IN_RUN: &str = "the results go into the folder of the run; a copy of it serves as well";

/// The plan of a run that goes on, with what was typed in place of its own: a key counts as typed if the plan `asked` for has another
/// value than the plan that `plan` makes of no arguments at all.
///
/// # Errors
/// When there is no such plan.
pub fn typed_over<A: Args, P: Serialize + DeserializeOwned>(
    there: &P,
    asked: &P,
    plan: impl FnOnce(&A) -> anyhow::Result<P>,
) -> anyhow::Result<P> {
    let matches = A::augment_args(clap::Command::new("")).get_matches_from([""]);
    let none = serde_json::to_value(plan(&A::from_arg_matches(&matches)?)?)?;
    let (mut value, asked) = (serde_json::to_value(there)?, serde_json::to_value(asked)?);
    if let (Value::Object(value), Value::Object(asked)) = (&mut value, asked) {
        value.extend(asked.into_iter().filter(|(key, typed)| none.get(key) != Some(typed)));
    }
    Ok(serde_json::from_value(value)?)
}

/// Numbers with commas between them: `0,0.1,0.2`.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers(pub Vec<f64>);

impl std::str::FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Numbers, String> {
        let number = |part: &str| {
            let value = part.trim().parse::<f64>().ok().filter(|x| x.is_finite());
            value.ok_or_else(|| format!("`{part}` is no number; a list is written as 0,0.1,0.2"))
        };
        text.split(',').map(number).collect::<Result<_, _>>().map(Numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_numbers() {
        assert_eq!("0, 0.1,2".parse(), Ok(Numbers(vec![0.0, 0.1, 2.0])));
        for bad in ["", "a,b", "0 0.1", "1,", "nan", "inf"] {
            assert!(bad.parse::<Numbers>().unwrap_err().contains("is no number"), "{bad}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_replaced_by_force_only() {
        let folder = tempfile::tempdir().unwrap();
        let [here, gone] = ["here", "gone"].map(|name| folder.path().join(name));
        std::fs::write(&here, "").unwrap();
        let (force, ask) = (ForceArgs { force: true }, ForceArgs { force: false });
        assert!(ask.check(std::slice::from_ref(&gone), "--out").is_ok());
        let files = [gone, here];
        assert!(force.check(&files, "--out").is_ok());
        let error = ask.check(&files, "--out").unwrap_err().to_string();
        assert!(error.contains("here is there already\nhint: --force replaces it, --out writes elsewhere"), "{error}");
    }
}
