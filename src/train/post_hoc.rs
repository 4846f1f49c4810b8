//! The post-hoc loss: how well a fixed classifier reads a layer while that layer learns.
//!
//! 1. The first layer is trained, 2. the classifier is trained on it (both are an ordinary run), 3. the first layer is put back to its initial weights and trained
//!    again while, at each batch, the cross entropy and the accuracy of that classifier are recorded, before the
//!    batch's update. The Hebbian rules never see this loss; that it falls is what Moraitis et al. (2022) show.
//!
//! A first layer that learns by backpropagation is trained together with its classifier, and in part 3 follows the
//! gradient of that loss, through the classifier that stays as it is.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tch::{Kind, Tensor};

use super::adam::Adam;
use super::data::RunData;
use super::watch::{self, Place};
use super::{Phase, RunPlan, TrainError};
use crate::data::epoch_order;
use crate::device;
use crate::layer::block::Layer;
use crate::layer::rate::Rate;
use crate::layer::{Mode, Network};

/// The third part's phase, for seeds of order: no run has so many.
const PHASE: u32 = 1_000;

/// One batch of the third part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Batch, from 1.
    pub step: u64,
    /// Images seen before it.
    pub images: u64,
    /// Mean cross entropy of the classifier on the batch.
    pub loss: f64,
    /// Accuracy of the classifier on the batch, percent.
    pub accuracy: f64,
}

/// Whether a plan has what it takes: a first block that learns, and one classifier by backpropagation on it.
///
/// # Errors
/// Says what is missing.
pub fn check(plan: &RunPlan) -> Result<(), TrainError> {
    let blocks = &plan.network.blocks;
    match blocks.as_slice() {
        [_, classifier] if !classifier.layer.method.is_hebbian() => Ok(()),
        [_, _] => Err(TrainError::Plan("a post-hoc loss needs a classifier by backpropagation (BP)".to_string())),
        _ => Err(TrainError::Plan(format!(
            "a post-hoc loss is that of one layer and its classifier: {} has {} blocks",
            plan.network.name,
            blocks.len()
        ))),
    }
}

/// The phase of the third part: the first block alone, on the unsupervised data set.
pub fn phase(plan: &RunPlan) -> Phase {
    let data = &plan.dataset_unsup;
    let positive = |n: i64| u64::try_from(n).unwrap_or(1).max(1);
    let layer = &plan.network.blocks[0].layer;
    let hebbian = layer.method.is_hebbian();
    Phase {
        kind: if hebbian { crate::report::PhaseKind::Unsupervised } else { crate::report::PhaseKind::Supervised },
        blocks: vec![0],
        epochs: positive(data.nb_epoch),
        batch_size: positive(data.batch_size),
        print_freq: 1,
        lr: if hebbian { 0.0 } else { layer.lr_sup },
    }
}

/// Trains the first block anew under the eyes of the trained classifier. `each` is told every batch; nothing is returned if the user stopped.
///
/// # Errors
/// When weights or loss are not finite, or libtorch fails.
pub fn retrain(
    plan: &RunPlan,
    network: &mut Network,
    data: &RunData,
    stop: &AtomicBool,
    each: &mut dyn FnMut(&Point),
) -> Result<Option<Vec<Point>>, TrainError> {
    let phase = phase(plan);
    let fresh = Network::new(&plan.network, plan.seed, network.device());
    network.load(&fresh.state(), |block| block == 0)?;
    let ratio = phase.batch_size as f64 / plan.dataset_unsup.training_sample.max(1) as f64;
    if let Some(layer) = network.blocks[0].hebbian_mut() {
        let rate = Rate::new(layer.config(), ratio, phase.epochs as f64);
        layer.set_rate(rate);
    }
    let mut adam = None;
    for (i, block) in network.blocks.iter_mut().enumerate() {
        if let Layer::Backprop(layer) = &mut block.layer {
            layer.set_trainable(i == 0);
            if i == 0 {
                adam = Some(Adam::new(layer.parameters()));
            }
        }
    }
    let rows = &data.unsup.train;
    let bank = &data.banks[rows.bank];
    let mut points = Vec::new();
    for epoch in 1..=phase.epochs {
        let order = epoch_order(plan.seed, PHASE, epoch as u32, rows.rows.len());
        let order: Vec<i64> = order.iter().map(|i| rows.rows[*i as usize]).collect();
        for chunk in order.chunks(phase.batch_size as usize) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (step, images) = (points.len() as u64 + 1, points.last().map_or(0, |p: &Point| p.images));
            let before = if points.is_empty() { 0 } else { images + phase.batch_size };
            let seed = device::stream(plan.seed, &["post-hoc".into(), epoch.into(), step.into()]);
            let point = device::guard("a step of the post-hoc loss", || {
                let index = Tensor::from_slice(chunk);
                let x = bank.batch(&index, network, 0, seed);
                let labels = bank.labels(&index).to_device(network.device());
                one(network, adam.as_mut(), &x, &labels, phase.lr, seed)
            })?;
            let place = Place { phase: 2, epoch, step };
            watch::loss(point.0, &phase.blocks, place)?;
            watch::updates(network, &phase.blocks, place)?;
            network.apply_updates();
            let point = Point { step, images: before, loss: point.0, accuracy: point.1 };
            each(&point);
            points.push(point);
        }
    }
    Ok(Some(points))
}

/// One batch: loss and accuracy (percent), and the update that follows.
fn one(network: &mut Network, adam: Option<&mut Adam>, x: &Tensor, labels: &Tensor, lr: f64, seed: u64) -> (f64, f64) {
    let mut logits = network.blocks[0].forward(x, Mode::Train { seed });
    for block in &mut network.blocks[1..] {
        logits = block.forward(&logits, Mode::Eval);
    }
    let loss = logits.cross_entropy_for_logits(labels);
    let correct = logits.argmax(1, false).eq_tensor(labels).to_kind(Kind::Double).mean(Kind::Double);
    let measured = (loss.double_value(&[]), 100.0 * correct.double_value(&[]));
    if let Some(adam) = adam {
        let gradients = Tensor::run_backward(&[loss], adam.parameters(), false, false);
        adam.step(&gradients, lr);
    }
    measured
}

/// Means of `groups` runs of batches of equal length: what a curve of 60,000 points is drawn from.
pub fn smoothed(points: &[Point], groups: usize) -> Vec<Point> {
    let size = points.len().div_ceil(groups.max(1)).max(1);
    let mean = |chunk: &[Point], of: fn(&Point) -> f64| chunk.iter().map(of).sum::<f64>() / chunk.len() as f64;
    let one = |chunk: &[Point]| Point {
        step: chunk[chunk.len() / 2].step,
        images: chunk[chunk.len() / 2].images,
        loss: mean(chunk, |p| p.loss),
        accuracy: mean(chunk, |p| p.accuracy),
    };
    points.chunks(size).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_the_mean() {
        let points: Vec<Point> =
            (0..100).map(|i| Point { step: i + 1, images: i, loss: i as f64, accuracy: 1.0 }).collect();
        let few = smoothed(&points, 10);
        assert_eq!(few.len(), 10);
        assert_eq!((few[0].loss, few[9].loss, few[3].accuracy), (4.5, 94.5, 1.0));
        assert_eq!(smoothed(&points[..3], 10), points[..3]);
        assert!(smoothed(&[], 5).is_empty());
    }
}
