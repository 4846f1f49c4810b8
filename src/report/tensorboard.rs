//! Tensorboard: scalars, pictures, the configuration as text and as hyperparameters.
//!
//! The few messages that a run needs are written here and not by the crate tensorboard-rs (0.5.9): that one panics when
//! it adds text or hyperparameters, exchanges width and height of pictures, writes from a thread that dies at the
//! first error, cuts files of the same second, and rests on protobuf 2, which is no longer kept.
//!
//! Tags: `loss/train`, `loss/test`, `accuracy/train`, `accuracy/test` (percent), `lr`, `speed/images_per_second`, and
//! of each Hebbian block N `radius/bN` (mean), `convergence/bN`, `R1/bN`, `lr/bN`; the x axis is the epochs finished in
//! the whole run.
//!
//! A resumed run opens a new file beside the earlier ones; its first record declares what those hold after the resumed
//! epoch to be out of date. A new run in the folder of an earlier one removes that one's files, as it does with the
//! table: tensorboard believes the first hyperparameters and the first end that it finds. For the same reason an
//! interrupted run has no end, so that its resumption can give it one.

use std::path::PathBuf;

use super::proto::{Data, Image, Metadata, Plugin, SessionLog, Shape, Summary, Tensor, Value, What};
use super::records::{EventFile, now};
use super::{Event, Metrics, Picture, ReportError, Subscriber, encode_png, hparams, records};
use crate::files::RunDir;

/// Writes event files into the run's folder; each event is in the file when the call returns.
#[derive(Debug)]
pub struct Tensorboard {
    folder: PathBuf,
    file: Option<EventFile>,
    /// The hyperparameters, where they are not the whole configuration.
    hparams: Option<serde_json::Value>,
}

impl Tensorboard {
    /// The events of this run; nothing is touched before the first event.
    pub fn new(dir: &RunDir) -> Tensorboard {
        Tensorboard { folder: dir.events(), file: None, hparams: None }
    }

    /// Has the HPARAMS page show these values and not the whole configuration: those that a search varies.
    pub fn with_hparams(self, hparams: serde_json::Value) -> Tensorboard {
        Tensorboard { hparams: Some(hparams), ..self }
    }

    fn file(&mut self) -> Result<&mut EventFile, ReportError> {
        Ok(match &mut self.file {
            Some(file) => file,
            closed => closed.insert(EventFile::create(&self.folder)?),
        })
    }

    fn write(&mut self, step: u64, value: Vec<Value>) -> Result<(), ReportError> {
        Ok(self.file()?.write(step, What::Summary(Summary { value }))?)
    }

    fn start(&mut self, title: &str, config: &serde_json::Value, resumed_at: u64) -> Result<(), ReportError> {
        if resumed_at == 0 {
            records::remove_all(&self.folder)?;
        } else {
            let start = What::SessionLog(SessionLog { status: 1 });
            self.file()?.write(resumed_at.saturating_add(1), start)?;
        }
        let mut values = vec![text("config", format!("{title}\n\n```json\n{config:#}\n```\n"))];
        values.extend(hparams::start(self.hparams.as_ref().unwrap_or(config), now()));
        self.write(resumed_at, values)
    }
}

impl Subscriber for Tensorboard {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted { title, config, resumed_at, .. } => self.start(title, config, *resumed_at),
            Event::Report(metrics) => self.write(metrics.global_step, scalars(metrics)),
            // On an axis of steps a step stands where it has finished.
            Event::Step { step, values, .. } => {
                let values = values.iter().map(|(tag, x)| scalar((*tag).to_string(), *x));
                self.write(step.saturating_add(1), values.collect())
            }
            Event::Image { tag, global_step, picture } => self.write(*global_step, vec![image(tag, picture)?]),
            Event::Scalar { tag, global_step, value } => {
                let data = Some(Data::Scalar(*value as f32));
                self.write(*global_step, vec![Value { tag: tag.clone(), metadata: None, data }])
            }
            Event::RunFinished { interrupted: false, .. } => self.write(0, vec![hparams::end(now())]),
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), ReportError> {
        match self.file.take() {
            Some(mut file) => Ok(file.sync()?),
            None => Ok(()),
        }
    }
}

fn scalar(tag: String, x: f64) -> Value {
    Value { tag, metadata: None, data: Some(Data::Scalar(x as f32)) }
}

/// The scalars of a report; what it did not measure is absent.
fn scalars(m: &Metrics) -> Vec<Value> {
    let measured = [
        ("loss/train", m.train_loss),
        ("loss/test", m.test_loss),
        ("accuracy/train", m.train_acc),
        ("accuracy/test", m.test_acc),
        ("convergence", m.blocks.last().map(|b| b.convergence)),
        ("lr", Some(m.lr)),
        ("speed/images_per_second", Some(m.images_per_second)),
    ];
    let mut out: Vec<_> = measured.into_iter().filter_map(|(tag, x)| Some(scalar(tag.into(), x?))).collect();
    for b in &m.blocks {
        let of_block = [("radius", b.radius_mean), ("convergence", b.convergence), ("R1", b.r1 as f64), ("lr", b.lr)];
        out.extend(of_block.map(|(name, x)| scalar(format!("{name}/b{}", b.block), x)));
    }
    out
}

fn image(tag: &str, picture: &Picture) -> Result<Value, ReportError> {
    let encoded = encode_png(picture)?;
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let (height, width) = (side(picture.height), side(picture.width));
    let image = Image { height, width, colorspace: 3, encoded };
    Ok(Value { tag: tag.into(), metadata: None, data: Some(Data::Image(image)) })
}

/// Text, read as Markdown.
fn text(tag: &str, content: String) -> Value {
    let plugin = Plugin { name: "text".into(), content: Vec::new() };
    let tensor = Tensor { dtype: 7, shape: Some(Shape { dim: Vec::new() }), strings: vec![content.into_bytes()] };
    Value {
        tag: tag.into(),
        metadata: Some(Metadata { plugin: Some(plugin), data_class: 2 }),
        data: Some(Data::Tensor(tensor)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::BlockStats;
    use super::*;

    #[test]
    fn a_report_becomes_the_scalars_that_it_measured() {
        let block = |block| BlockStats { block, r1: 3, ..Default::default() };
        let metrics = Metrics { test_acc: Some(50.0), blocks: vec![block(0), block(2)], ..Default::default() };
        let tags: Vec<_> = scalars(&metrics).into_iter().map(|v| v.tag).collect();
        let expected = [
            "accuracy/test",
            "convergence",
            "lr",
            "speed/images_per_second",
            "radius/b0",
            "convergence/b0",
            "R1/b0",
            "lr/b0",
            "radius/b2",
            "convergence/b2",
            "R1/b2",
            "lr/b2",
        ];
        assert_eq!(tags, expected);
    }

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
