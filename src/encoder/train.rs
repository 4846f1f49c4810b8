//! Training: epochs of batches in a seeded order, one step a batch; logs, pictures and checkpoints.
//!
//! The order of an epoch follows from the seed and the epoch, and a batch is what can be read next in that order, so a
//! run that was stopped goes on with the same bits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tch::Device;

use super::checkpoint::{self, Progress};
use super::stream::Decoder;
use super::{Encoder, EncoderError, Plan, Source, StepLog, pictures};
use crate::data::epoch_order;
use crate::device::guard;
use crate::files::RunDir;
use crate::report::{Event, Hub, Metrics, PhaseInfo, PhaseKind};

/// Its phase number in [`epoch_order`].
const TRAINING: u32 = 0;

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The encoder.
    pub encoder: Encoder,
    /// How far it came.
    pub progress: Progress,
    /// Stopped before its end.
    pub interrupted: bool,
}

/// Trains by a plan; `start` is a new encoder, or a checkpoint's and how far it is. Saves into `dir` after each epoch and when
/// `stop` is set.
///
/// # Errors
/// When no image can be read, numbers are none any more, libtorch fails, or something cannot be written.
pub fn train(
    plan: &Plan,
    source: &Source,
    start: (Encoder, Progress),
    device: Device,
    dir: Option<&RunDir>,
    hub: &mut Hub,
    stop: &AtomicBool,
) -> Result<Outcome, EncoderError> {
    let (encoder, mut progress) = start;
    plan.check()?;
    let mut encoder = encoder.to_device(device);
    let begin = Instant::now();
    let decoder = Decoder::new(&source.items, plan.channels, plan.size);
    let mut unreadable = Unreadable::default();
    hub.send(Event::PhaseStarted(PhaseInfo {
        index: 0,
        count: 1,
        kind: PhaseKind::Unsupervised,
        blocks: (0..encoder.layers.len()).collect(),
        epochs: plan.epochs,
        images: source.items.len() as u64,
        batch_size: plan.batch_size as u64,
    }))?;
    let mut interrupted = false;
    while progress.epochs < plan.epochs && !interrupted {
        let (epoch, clock) = (progress.epochs + 1, Instant::now());
        let order = epoch_order(plan.seed, TRAINING, epoch as u32, source.items.len());
        let (mut images, mut last) = (0, None);
        decoder.each(&order, progress.position, plan.batch_size, |batch| {
            unreadable.tell(source, &batch.unreadable, hub)?;
            progress.position = batch.position;
            if !batch.indices.is_empty() {
                let log = guard("a training step", || encoder.step(&decoder.tensor(&batch, device)).1)?;
                check(&log, progress.steps)?;
                images += batch.indices.len();
                last = Some(log);
                send(hub, &log, progress.steps)?;
                progress.steps += 1;
            }
            hub.send(Event::Progress { epoch, images: batch.position as u64 })?;
            interrupted = stop.load(Ordering::Relaxed);
            Ok(!interrupted || batch.position == order.len())
        })?;
        if last.is_none() && progress.steps == 0 {
            return Err(unreadable.all(source));
        }
        if progress.position < order.len() {
            break;
        }
        let seconds = clock.elapsed().as_secs_f64();
        let images_per_second = images as f64 / seconds.max(1e-9);
        progress = Progress { epochs: epoch, position: 0, steps: progress.steps };
        hub.send(Event::Report(Box::new(Metrics {
            epoch,
            global_step: progress.steps,
            seconds: begin.elapsed().as_secs_f64(),
            images_per_second,
            lr: plan.rule.rate,
            ..Metrics::default()
        })))?;
        interrupted &= epoch < plan.epochs;
        if !interrupted {
            save(dir, &encoder, progress, hub)?;
        }
    }
    if interrupted {
        save(dir, &encoder, progress, hub)?;
    } else {
        for (tag, picture) in pictures::laterals(&encoder) {
            hub.send(Event::Image { tag, global_step: progress.steps, picture })?;
        }
        hub.send(Event::PhaseFinished { index: 0, seconds: begin.elapsed().as_secs_f64() })?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    hub.send(Event::RunFinished { test_acc: None, test_loss: None, seconds, interrupted })?;
    Ok(Outcome { encoder: encoder.to_device(Device::Cpu), progress, interrupted })
}

fn save(dir: Option<&RunDir>, encoder: &Encoder, progress: Progress, hub: &mut Hub) -> Result<(), EncoderError> {
    if let Some(dir) = dir {
        checkpoint::save(dir, encoder, progress)?;
        hub.send(Event::Saved(dir.checkpoint()))?;
    }
    Ok(())
}

fn send(hub: &mut Hub, log: &StepLog, step: u64) -> Result<(), EncoderError> {
    let values = vec![("energy", log.energy), ("delta", log.delta), ("norm", log.norm)];
    Ok(hub.send(Event::Step { step, line: log.line(step), values })?)
}

/// An infinite energy shows in the step that makes it; weights are clamped, so only NaN can stand in them.
fn check(log: &StepLog, step: u64) -> Result<(), EncoderError> {
    let wrong = [("the energy", log.energy), ("the lateral weights", log.norm)].into_iter().find(|x| !x.1.is_finite());
    wrong.map_or(Ok(()), |(what, value)| Err(EncoderError::NotFinite { what, value, step }))
}

/// Tells each unreadable image once.
#[derive(Debug, Default)]
pub struct Unreadable {
    told: std::collections::BTreeSet<u32>,
    first: Option<String>,
}

impl Unreadable {
    /// Warns of those that are new.
    ///
    /// # Errors
    /// When a listener fails.
    pub fn tell(&mut self, source: &Source, list: &[(u32, String)], hub: &mut Hub) -> Result<(), EncoderError> {
        for (index, cause) in list {
            if !self.told.insert(*index) {
                continue;
            }
            let text = format!("{} is skipped: {cause}", source.items[*index as usize].name);
            self.first.get_or_insert_with(|| text.clone());
            hub.send(Event::Warning(text))?;
        }
        Ok(())
    }

    /// The error when there is nothing else.
    pub fn all(&self, source: &Source) -> EncoderError {
        let cause = match &self.first {
            Some(first) => format!("none of {} can be read; {first}", source.items.len()),
            None => "there are none".to_string(),
        };
        EncoderError::NoImages { place: source.spec.place.clone(), cause, hint: None }
    }
}
