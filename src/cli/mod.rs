//! The command line: one file a subcommand, arguments to a plan; no mathematics here.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted.

pub mod bench;
pub mod completions;
pub mod data;
pub mod encode;
pub mod eval;
pub mod features;
pub mod hopfield;
mod images;
pub mod keys;
pub mod line;
pub mod number;
mod options;
pub mod plot;
pub mod post_hoc;
mod progress;
pub mod provenance;
pub mod resume;
pub mod robustness;
pub mod run;
pub mod runs;
pub mod search;
pub mod show;
pub mod snn;
pub mod trained;
pub mod trial;
pub mod verify;
pub mod version;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::data::{DataError, FetchError};
use crate::device::DeviceError;
use crate::encoder::EncoderError;
use crate::files::FileError;
use crate::hopfield::HopfieldError;
use crate::preset::PresetError;
use crate::report::ReportError;
use crate::search::SearchError;
use crate::snn::SnnError;
use crate::train::TrainError;

/// Wrong use.
const USAGE: u8 = 2;

/// Deep networks that learn images without labels, feedback or gradients (SoftHebb, ICLR 2023).
#[derive(Debug, Parser)]
#[command(name = "softhebb", disable_version_flag = true, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// Print the version, libtorch's version and the devices it sees.
    #[arg(short = 'V', long)]
    version: bool,

    /// Say only warnings and the result, where a subcommand says more.
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Say more, where a subcommand has more to say.
    #[arg(short, long, global = true)]
    verbose: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a preset (or a typed network) on a data set and score it.
    Run(Box<run::RunArgs>),
    /// Train a layer and its classifier, then record the classifier's loss while the layer learns anew.
    PostHoc(Box<post_hoc::PostHocArgs>),
    /// Score a trained network: accuracy with its interval, classes, confusions.
    Eval(eval::EvalArgs),
    /// Write what a block makes of images, for NumPy.
    Features(features::FeaturesArgs),
    /// List the runs that are there; compare two.
    Runs(runs::RunsArgs),
    /// Pictures of a trained network, as PNG and SVG.
    Plot(plot::PlotArgs),
    /// Accuracy under noise and attacks: SoftHebb, hard WTA and BP of one layer.
    Robustness(Box<robustness::RobustnessArgs>),
    /// Run a network over a space of keys and seeds; resume, watch and read such sweeps.
    Search(Box<search::SearchArgs>),
    /// One trial of a search, from its plan file; see [`line::parse`].
    #[command(skip)]
    Trial(trial::TrialArgs),
    /// List presets and data sets, or print one network as a table.
    Show(show::ShowArgs),
    /// List, download and check data sets.
    Data(data::DataArgs),
    /// Recompute recorded runs of the published program and compare.
    Verify(verify::VerifyArgs),
    /// A two-layer Hebbian spiking network: train, evaluate, look.
    Snn(Box<snn::SnnArgs>),
    /// Hopfield networks: store patterns and recall them from noise.
    Hopfield(Box<hopfield::HopfieldArgs>),
    /// A deep Hebbian image encoder: arrange a folder of pictures by likeness.
    Encode(Box<encode::EncodeArgs>),
    /// Measure how fast a preset trains here, and how much of the machine that is.
    Bench(bench::BenchArgs),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
}

impl Cli {
    fn of_trial(args: trial::TrialArgs) -> Cli {
        Cli { version: false, quiet: false, verbose: false, command: Some(Command::Trial(args)) }
    }
}

/// Runs what was typed.
///
/// # Errors
/// Whatever went wrong, for [`failure`] to print.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if cli.version {
        return version::run().map(|()| ExitCode::SUCCESS);
    }
    let verdict = |ok: bool| if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match cli.command {
        None => Err(Usage("no subcommand is named\nhint: `softhebb --help` lists them".into()).into()),
        Some(Command::Run(mut args)) => run::run(&mut args),
        Some(Command::PostHoc(mut args)) => post_hoc::run(&mut args),
        Some(Command::Eval(args)) => eval::run(&args),
        Some(Command::Features(args)) => features::run(&args),
        Some(Command::Runs(args)) => runs::run(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Plot(args)) => plot::run(&args),
        Some(Command::Robustness(args)) => robustness::run(&args),
        Some(Command::Search(args)) => search::run(&args),
        Some(Command::Trial(args)) => trial::run(&args),
        Some(Command::Show(args)) => show::run(args).map(|()| ExitCode::SUCCESS),
        Some(Command::Data(args)) => data::run(&args, &mut io::stdout().lock()).map(verdict),
        Some(Command::Verify(args)) => verify::run(&args, &mut io::stdout().lock()).map(verdict),
        Some(Command::Snn(args)) => snn::run(&args),
        Some(Command::Hopfield(args)) => hopfield::run(&args),
        Some(Command::Encode(args)) => encode::run(&args),
        Some(Command::Bench(args)) => bench::run(&args, &mut io::stdout().lock()).map(|()| ExitCode::SUCCESS),
        Some(Command::Completions(args)) => completions::run(&args).map(|()| ExitCode::SUCCESS),
    }
}

/// Prints an error as one sentence with its way out, and says how the program ends. A closed pipe is a quiet end.
pub fn failure(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let mut text = sentence(error);
    if let Some(hint) = error.chain().find_map(hint).filter(|_| !text.contains("\nhint: ")) {
        text.push_str("\nhint: ");
        text.push_str(&hint);
    }
    let _ = anstream::stderr().write_all(coloured(&text).as_bytes()); // nobody is left to tell
    if error.chain().any(is_wrong_use) { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
}

/// The message in the colours of clap's own; the stream takes them out where nobody would see them.
fn coloured(text: &str) -> String {
    let styles = clap::builder::Styles::styled();
    let paint = |word: &str, style: &clap::builder::styling::Style| format!("{style}{word}{style:#}");
    let (error, hint) = (paint("error:", styles.get_error()), paint("hint:", styles.get_valid()));
    let lines = text.lines().map(|line| match line.strip_prefix("hint:") {
        Some(rest) => format!("{hint}{rest}\n"),
        None => format!("{line}\n"),
    });
    let text: String = lines.collect();
    text.strip_prefix("error:").map_or(text.clone(), |rest| format!("{error}{rest}"))
}

/// The error and its causes as one sentence; a cause that has been said already is not said again.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = "error".to_string();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn hint(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(e) = error.downcast_ref::<DataError>() {
        e.hint()
    } else if let Some(e) = error.downcast_ref::<FetchError>() {
        e.hint()
    } else if let Some(e) = error.downcast_ref::<HopfieldError>() {
        e.hint()
    } else if let Some(e) = error.downcast_ref::<EncoderError>() {
        e.hint()
    } else if let Some(e) = error.downcast_ref::<ReportError>() {
        e.hint().map(str::to_string)
    } else if let Some(e) = error.downcast_ref::<SnnError>() {
        e.hint()
    } else if let Some(FileError::Write { .. }) = error.downcast_ref() {
        Some("is there space, and may you write there? --results-dir DIR names another folder".to_string())
    } else {
        match error.downcast_ref::<TrainError>() {
            Some(TrainError::Data(e)) => e.hint(),
            Some(TrainError::Report(e)) => e.hint().map(str::to_string),
            Some(TrainError::Checkpoint { .. } | TrainError::State(_)) => {
                Some("delete the file to begin this run anew, or start another run without --resume".to_string())
            }
            _ => None,
        }
    }
}

fn is_wrong_use(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<PresetError>()
        || error.downcast_ref::<SearchError>().is_some_and(SearchError::is_wrong_use)
        || error.is::<Usage>()
        || error.downcast_ref::<HopfieldError>().is_some_and(HopfieldError::is_wrong_use)
        || error.downcast_ref::<EncoderError>().is_some_and(EncoderError::is_wrong_use)
        || matches!(error.downcast_ref(), Some(TrainError::Plan(_) | TrainError::Preset(_)))
        || matches!(error.downcast_ref(), Some(DeviceError::Unknown(_) | DeviceError::Precision { .. }))
        || error.downcast_ref().is_some_and(SnnError::is_wrong_use)
        || matches!(error.downcast_ref(), Some(DataError::UnknownName { .. }))
}

/// Arguments that do not go together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);
