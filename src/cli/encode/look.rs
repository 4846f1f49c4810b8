//! A trained encoder and the images that it looks at: what `features`, `cluster` and `neighbors` share.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::source::SourceArgs;
use crate::cli::Usage;
use crate::cli::options::{ForceArgs, MachineArgs, TalkArgs};
use crate::cli::resume::{self, Kind};
use crate::device::{self, Precision};
use crate::encoder::features::By;
use crate::encoder::{Encoder, EncoderError, Features, Plan, Source, checkpoint};
use crate::files::{FileError, RunDir, write_atomic};
use crate::report::format::shell;
use crate::report::{Closing, Console, Event, Hub};

/// A run and images.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Where what was found goes: a folder below the run's.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub struct FindingsArgs {
    /// Name of the folder of the results below RUN [default: the source's].
    #[arg(long, value_name = "NAME", value_parser = crate::files::name)]
    name: Option<String>,
    #[command(flatten)]
    force: ForceArgs,
}

impl FindingsArgs {
    /// The folder of `command` for these images, if its files may be written.
    ///
    /// # Errors
    /// When one is there already.
    pub fn folder(&self, look: &Look, command: &str, files: &[&str]) -> Result<PathBuf, Usage> {
        let folder = look.dir.findings(command, self.name.as_deref().unwrap_or(&look.source.stem));
        let files: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
        self.force.check(&files, "--name NAME")?;
        Ok(folder)
    }
}

/// A trained encoder, and images.
pub struct Look {
    /// Its folder.
    pub dir: RunDir,
    /// Its plan.
    pub plan: Plan,
    /// Itself, on the device.
    pub encoder: Encoder,
    /// The images.
    pub source: Source,
    /// The device.
    pub device: tch::Device,
    /// Who hears of progress.
    pub hub: Hub,
}

impl LookArgs {
    /// Opens the run and lists the images.
    ///
    /// # Errors
    /// When the folder is not of such a run, or there are no images.
    pub fn open(&self, command: &str) -> anyhow::Result<Look> {
        let dir = RunDir::new(&self.run);
        let plan: Plan = resume::read(&dir, Kind::Encode)?;
        let device = self.machine.choice().resolve(Precision::Float32)?;
        device::set_threads(self.machine.threads());
        let (encoder, _) = checkpoint::load(&dir, &plan)?;
        let instead = format!("softhebb encode {command} {} FashionMini", shell(&self.run.display().to_string()));
        let source = self.source.open(&self.source.over(&plan.source), plan.data_dir.as_deref(), &instead);
        let own = || "these are the images that the run learned from; name others as SOURCE".to_string();
        let source = if self.source.place.is_none() { source.with_context(own)? } else { source? };
        let mut hub = Hub::new();
        hub.add(Console::standard(self.talk.verbosity(), Closing::default()));
        for note in &source.notes {
            hub.send(Event::Note(note.clone()))?;
        }
        Ok(Look { dir, plan, encoder: encoder.to_device(device), source, device, hub })
    }
}

impl Look {
    /// Rows of all images, into a file.
    ///
    /// # Errors
    /// When no image can be read or the file cannot be written.
    pub fn features(&mut self, by: By, path: &Path) -> Result<Features, EncoderError> {
        Features::compute(by, &self.source, self.plan.input(), self.device, path, &mut self.hub)
    }

    /// Rows of all images by the run's encoder, into a file.
    ///
    /// # Errors
    /// As [`Look::features`].
    pub fn trained(&mut self, path: &Path) -> Result<Features, EncoderError> {
        Features::compute(By::Encoder(&self.encoder), &self.source, self.plan.input(), self.device, path, &mut self.hub)
    }
}

/// Writes a table.
///
/// # Errors
/// When the file cannot be written.
pub fn write_table(path: &Path, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<(), FileError> {
    write_atomic(path, |file| {
        let mut out = csv::Writer::from_writer(file);
        out.write_record(header)?;
        for row in rows {
            out.write_record(row)?;
        }
        out.flush()
    })
}
