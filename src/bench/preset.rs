//! A preset's three kinds of work: a Hebbian step, the frozen blocks' outputs, the classifier's epochs.

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::Times;
use super::machine::{images, shape};
use crate::device::Precision;
use crate::layer::Network;
use crate::layer::rate::Rate;
use crate::preset::config::{DatasetConfig, NetworkConfig};
use crate::report::PhaseKind;
use crate::train::Phase;
use crate::train::bank::Bank;
use crate::train::learner::{Batch, Input, Learner, Step, Sums};

/// Images of a feature measurement.
const FEATURES: i64 = 500;
/// Images of a classifier measurement.
const CLASSIFIED: i64 = 2560;

/// Something measured against the machine's large product.
#[derive(Debug, Clone, Serialize)]
pub struct Work {
    /// Images at once.
    pub images: i64,
    /// Operations of its products.
    pub flop: f64,
    /// Its times.
    pub times: Times,
    /// Images a second.
    pub images_per_second: f64,
    /// 10⁹ operations a second.
    pub gflops: f64,
    /// Share of the large product's rate.
    pub share: f64,
}

impl Work {
    fn new(images: i64, flop: f64, times: Times, sgemm: f64) -> Work {
        let gflops = times.gflops(flop);
        Work { images, flop, times, images_per_second: images as f64 / times.median, gflops, share: gflops / sgemm }
    }
}

/// The classifier's epochs on stored outputs.
#[derive(Debug, Clone, Serialize)]
pub struct Classifier {
    /// Images a step.
    pub batch: i64,
    /// Numbers an image.
    pub inputs: i64,
    /// Times of a step.
    pub times: Times,
    /// Images a second.
    pub images_per_second: f64,
    /// 10⁹ bytes of stored outputs read a second.
    pub read_gb: f64,
}

fn hebbian(config: &NetworkConfig) -> Vec<usize> {
    (0..config.blocks.len()).filter(|i| config.blocks[*i].layer.method.is_hebbian()).collect()
}

fn phase(kind: PhaseKind, blocks: Vec<usize>) -> Phase {
    Phase { kind, blocks, epochs: 1, batch_size: 1, print_freq: 1, lr: 1e-3 }
}

/// Operations of one image's forward products up to and with the last Hebbian block.
fn forward_flop(config: &NetworkConfig) -> f64 {
    let product = |i: &usize| {
        let block = &config.blocks[*i];
        let (n, k, m) = shape(block, 1);
        2.0 * (n * k * m * block.layer.groups) as f64
    };
    hebbian(config).iter().map(product).sum()
}

/// One step of all Hebbian blocks together: forward and update, so twice the forward operations.
pub fn step(config: &NetworkConfig, batch: i64, on: Device, precision: Precision, repeats: usize, sgemm: f64) -> Work {
    let mut network = Network::new(config, 0, on);
    network.set_precision(precision);
    let (pixels, labels) = images(&network, batch);
    let phase = phase(PhaseKind::Unsupervised, hebbian(config));
    for &i in &phase.blocks {
        if let Some(layer) = network.blocks[i].hebbian_mut() {
            layer.set_rate(Rate::new(layer.config(), 1e-4, 1.0));
        }
    }
    let mut learner = Learner::new(&phase, &mut network);
    let mut sums = Sums::new(&phase, &network, None);
    let times = Times::of(repeats, on, || {
        let x = pixels.to_kind(Kind::Float) / 255.0;
        let batch = Batch { x: Input::Tensor(&x), labels: &labels, how: Step { lr: 0.0, seed: 0, check: None } };
        let _ = learner.step(&mut network, &batch, &mut sums);
    });
    Work::new(batch, 2.0 * batch as f64 * forward_flop(config), times, sgemm)
}

/// The outputs of all Hebbian blocks, as a run stores them.
pub fn features(config: &NetworkConfig, on: Device, precision: Precision, repeats: usize, sgemm: f64) -> Work {
    let mut network = Network::new(config, 0, on);
    network.set_precision(precision);
    let depth = hebbian(config).last().map_or(0, |i| i + 1);
    let (pixels, labels) = images(&network, FEATURES);
    let times = Times::of(repeats.min(5), on, || {
        let mut bank = Bank::new(pixels.shallow_clone(), labels.shallow_clone(), None);
        let _ = bank.advance(&mut network, depth, &mut |_| true); // nothing is written to a file
    });
    Work::new(FEATURES, FEATURES as f64 * forward_flop(config), times, sgemm)
}

/// A step of the classifier on stored outputs, dropout and Adam included.
pub fn classifier(config: &NetworkConfig, sup: &DatasetConfig, on: Device, repeats: usize) -> Option<Classifier> {
    let precision = Precision::Float32;
    let last = config.blocks.len() - 1;
    if config.blocks[last].layer.method.is_hebbian() || last == 0 {
        return None;
    }
    let mut network = Network::new(config, 0, on);
    network.set_precision(precision);
    let (pixels, labels) = images(&network, CLASSIFIED);
    let mut bank = Bank::new(pixels, labels, None);
    let inputs: i64 = config.blocks[last].in_shape.iter().product();
    bank.store(Tensor::rand([CLASSIFIED, inputs], (Kind::Float, on)), last);
    let phase = phase(PhaseKind::Supervised, vec![last]);
    let mut learner = Learner::new(&phase, &mut network);
    let mut sums = Sums::new(&phase, &network, None);
    let (batch, mut step) = (sup.batch_size.min(CLASSIFIED), 0);
    let times = Times::of(repeats.max(20), on, || {
        step += 1;
        let rows: Vec<i64> = (0..batch).map(|i| (i * 7919 + step * 104_729) % CLASSIFIED).collect();
        let how = Step { lr: 1e-3, seed: step as u64, check: None };
        let _ = learner.step_on(&mut network, &bank, &rows, how, &mut sums);
    });
    let rate = batch as f64 / times.median;
    Some(Classifier { batch, inputs, times, images_per_second: rate, read_gb: rate * inputs as f64 * 4.0 / 1e9 })
}
