//! A trained encoder and the images that it looks at: what `features`, `cluster` and `neighbors` share.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::source::SourceArgs;
use crate::device::{self, DeviceChoice, Precision};
use crate::encoder::features::By;
use crate::encoder::{Encoder, EncoderError, Features, Plan, Source, checkpoint};
use crate::files::{FileError, RunDir, write_atomic};
use crate::report::{Closing, Console, Event, Hub, Verbosity};

/// A run and images.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    pub source: SourceArgs,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Say only warnings and the result.
    #[arg(short, long)]
    pub quiet: bool,
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
    /// When the run is none, or there are no images.
    pub fn open(&self) -> anyhow::Result<Look> {
        let dir = RunDir::new(&self.run);
        let plan = read_plan(&dir)?;
        let device = self.device.resolve(Precision::Float32)?;
        device::set_threads(self.threads);
        let (encoder, _) = checkpoint::load(&dir, &plan)?;
        let data_dir = self.source.data_dir.as_deref().or(plan.data_dir.as_deref());
        let source = Source::open(&self.source.over(&plan.source), data_dir)?;
        let mut hub = Hub::new();
        let verbosity = if self.quiet { Verbosity::Quiet } else { Verbosity::Normal };
        hub.add(Console::standard(verbosity, Closing::default()));
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

/// The plan of a run.
///
/// # Errors
/// When there is none.
pub fn read_plan(dir: &RunDir) -> anyhow::Result<Plan> {
    let path = dir.config();
    let text = fs::read_to_string(&path).map_err(FileError::read(&path))?;
    serde_json::from_str(&text).map_err(|e| anyhow::anyhow!("{} is no plan of an `encode` run: {e}", path.display()))
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
