//! Tensorboard: scalars, pictures, the configuration as text and as hyperparameters.
//!
//! Messages and the framing of records are those of the crate tensorboard-rs. Its `SummaryWriter` is not used: it panics when it
//! adds text or hyperparameters, exchanges width and height of pictures, and writes from a thread that dies at the first error.
//!
//! The tags are those of [`super::columns`]; the x axis is the epochs finished in the whole run.
//!
//! What is recorded of steps (`--record-every`) is in a folder below, under `step/convergence` and its like; there the x axis
//! is the steps of the whole run.
//!
//! A resumed run opens a new file beside the earlier ones; its first record declares what those hold after the resumed
//! epoch to be out of date. A new run in the folder of an earlier one removes that one's files, as it does with the
//! table: tensorboard believes the first hyperparameters and the first end that it finds. For the same reason an
//! interrupted run has no end, so that its resumption can give it one.

use std::path::{Path, PathBuf};

use protobuf::ProtobufError;
use tensorboard_proto::summary::{Summary_Image, Summary_Value};
use tensorboard_proto::tensor::TensorProto;
use tensorboard_proto::tensor_shape::TensorShapeProto;
use tensorboard_proto::types::DataType;

use super::columns::{BLOCK, Row};
use super::records::{EventFile, now, tensor};
use super::{Event, PhaseInfo, ReportError, Subscriber, hparams, records};
use crate::draw::{Picture, encode_png};
use crate::files::{FileError, RunDir};

/// Writes event files into the run's folder; each event is in the file when the call returns.
#[derive(Debug)]
pub struct Tensorboard {
    folder: PathBuf,
    file: Option<EventFile>,
    phase: Option<PhaseInfo>,
    /// The hyperparameters, where they are not the whole configuration.
    hparams: Option<serde_json::Value>,
    /// Curves of recorded steps: steps that the run's earlier parts recorded, and the file.
    steps: Option<(u64, Option<EventFile>)>,
}

/// The folder of the curves of recorded steps, in that of the others. They need files of their own: where a run goes on, its
/// first record declares all later places of an axis out of date, and these count steps.
const STEPS: &str = "steps";

impl Tensorboard {
    /// The events of this run; nothing is touched before the first event.
    pub fn new(dir: &RunDir) -> Tensorboard {
        Tensorboard { folder: dir.events(), file: None, phase: None, hparams: None, steps: None }
    }

    /// Has the HPARAMS page show these values and not the whole configuration: those that a search varies.
    pub fn with_hparams(self, hparams: serde_json::Value) -> Tensorboard {
        Tensorboard { hparams: Some(hparams), ..self }
    }

    /// Also draws what is recorded of steps (`--record-every`), of a run that goes on after so many.
    pub fn with_steps(self, done: u64) -> Tensorboard {
        Tensorboard { steps: Some((done, None)), ..self }
    }

    fn file(&mut self) -> Result<&mut EventFile, ReportError> {
        Ok(match &mut self.file {
            Some(file) => file,
            closed => closed.insert(EventFile::create(&self.folder)?),
        })
    }

    fn write(&mut self, step: u64, values: Vec<Summary_Value>) -> Result<(), ReportError> {
        Ok(self.file()?.values(step, values)?)
    }

    /// A record of a step: `step/convergence` and its like, for those of its numbers that are curves of a block, too.
    fn record(&mut self, step: u64, values: &[(&'static str, f64)]) -> Result<(), ReportError> {
        let Some((done, file)) = &mut self.steps else { return Ok(()) };
        let folder = self.folder.join(STEPS);
        let file = match file {
            Some(file) => file,
            closed => {
                let file = closed.insert(EventFile::create(&folder)?);
                if *done > 0 {
                    file.go_on_after(*done)?;
                }
                file
            }
        };
        let tag = |name: &str| BLOCK.iter().find(|c| c.name == name)?.tag;
        let values = values.iter().filter_map(|(name, x)| Some(scalar(format!("step/{}", tag(name)?), *x)));
        Ok(file.values(step, values.collect())?)
    }

    fn start(&mut self, title: &str, config: &serde_json::Value, resumed_at: u64) -> Result<(), ReportError> {
        if resumed_at == 0 {
            records::remove_all(&self.folder)?;
            if self.steps.as_ref().is_none_or(|(done, _)| *done == 0) {
                records::remove_all(&self.folder.join(STEPS))?;
            }
        } else {
            self.file()?.go_on_after(resumed_at)?;
        }
        let mut values = vec![text("config", format!("{title}\n\n```json\n{config:#}\n```\n"))];
        let hparams = hparams::start(self.hparams.as_ref().unwrap_or(config), now());
        values.extend(hparams.map_err(|e| self.broken(e))?);
        self.write(resumed_at, values)
    }

    /// A message that could not be encoded.
    fn broken(&self, error: ProtobufError) -> FileError {
        FileError::write(&self.folder)(error.into())
    }
}

impl Subscriber for Tensorboard {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted { title, config, resumed_at, .. } => self.start(title, config, *resumed_at),
            Event::PhaseStarted(phase) => {
                self.phase = Some(phase.clone());
                Ok(())
            }
            Event::Report(metrics) => {
                let scalars = Row { phase: self.phase.as_ref(), metrics }.scalars();
                self.write(metrics.global_step, scalars.into_iter().map(|(tag, x)| scalar(tag, x)).collect())
            }
            // On an axis of steps a step stands where it has finished.
            Event::Step { step, values, .. } => {
                let values = values.iter().map(|(tag, x)| scalar((*tag).to_string(), *x));
                self.write(step.saturating_add(1), values.collect())
            }
            Event::Record { step, values } => self.record(*step, values),
            Event::Image { tag, global_step, picture } => self.write(*global_step, vec![image(tag, picture)?]),
            Event::Scalar { tag, global_step, value } => self.write(*global_step, vec![scalar(tag.clone(), *value)]),
            Event::RunFinished { interrupted: false, .. } => {
                let end = hparams::end(now()).map_err(|e| self.broken(e))?;
                self.write(0, vec![end])
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), ReportError> {
        let steps = self.steps.as_mut().and_then(|(_, file)| file.take());
        self.file.take().into_iter().chain(steps).try_for_each(|mut file| Ok(file.sync()?))
    }
}

fn scalar(tag: String, x: f64) -> Summary_Value {
    let mut value = Summary_Value { tag, ..Default::default() };
    value.set_simple_value(x as f32);
    value
}

fn image(tag: &str, picture: &Picture) -> Result<Summary_Value, ReportError> {
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let mut value = Summary_Value { tag: tag.into(), ..Default::default() };
    value.set_image(Summary_Image {
        height: side(picture.height),
        width: side(picture.width),
        colorspace: 3, // RGB
        encoded_image_string: encode_png(picture).map_err(FileError::write(Path::new(tag)))?,
        ..Default::default()
    });
    Ok(value)
}

/// Text, read as Markdown.
fn text(tag: &str, content: String) -> Summary_Value {
    let string_val = vec![content.into_bytes()].into();
    let tensor_shape = Some(TensorShapeProto::default()).into();
    let text = TensorProto { dtype: DataType::DT_STRING, tensor_shape, string_val, ..Default::default() };
    tensor(tag, "text", Vec::new(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_with_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        std::fs::write(dir.events(), "").unwrap();
        let error = Tensorboard::new(&dir).on(&Event::Report(Box::default())).unwrap_err().to_string();
        assert!(error.starts_with("cannot write ") && error.contains("tensorboard"), "{error}");
    }

    #[test]
    fn a_run_that_says_nothing_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        let mut tensorboard = Tensorboard::new(&dir);
        tensorboard.on(&Event::Note("x".into())).unwrap();
        tensorboard.close().unwrap();
        assert!(!dir.events().exists());
    }
}
