//! One training step of each kind of phase.

use tch::{Kind, Tensor};

use super::adam::Adam;
use super::watch::{self, Place};
use super::{Phase, TrainError};
use crate::layer::block::Layer;
use crate::layer::{Mode, Network};

/// What the steps of an epoch add up to: sums on the device, so that a step need not wait for it.
#[derive(Debug)]
pub struct Sums {
    /// Σ loss·images.
    loss: Tensor,
    /// Images whose label was predicted.
    correct: Tensor,
    /// Images seen.
    pub images: u64,
    /// Whether the phase measures loss and accuracy in training.
    measured: bool,
}

impl Sums {
    /// Nothing seen; or what an interrupted epoch had seen.
    pub fn new(phase: &Phase, network: &Network, seen: Option<(f64, f64, u64)>) -> Sums {
        let (loss, correct, images) = seen.unwrap_or_default();
        let scalar = |v: f64| Tensor::from(v).to_kind(Kind::Double).to_device(network.device());
        Sums { loss: scalar(loss), correct: scalar(correct), images, measured: !phase.is_unsupervised() }
    }

    fn add(&mut self, loss: &Tensor, logits: &Tensor, labels: &Tensor) {
        let n = labels.size()[0];
        let _ = self.loss.g_add_(&(loss.detach().to_kind(Kind::Double) * n as f64));
        let _ = self.correct.g_add_(&logits.argmax(1, false).eq_tensor(labels).sum(Kind::Double));
    }

    /// Σ loss, images predicted, images seen.
    pub fn values(&self) -> (f64, f64, u64) {
        (self.loss.double_value(&[]), self.correct.double_value(&[]), self.images)
    }

    /// Mean loss and accuracy (percent), where the phase measures them.
    pub fn means(&self) -> Option<(f64, f64)> {
        let n = self.images.max(1) as f64;
        self.measured.then(|| (self.loss.double_value(&[]) / n, 100.0 * self.correct.double_value(&[]) / n))
    }
}

/// One batch, and how to learn from it.
#[derive(Debug)]
pub struct Batch<'a> {
    /// What the frozen blocks before [`Learner::first`] make of the images.
    pub x: &'a Tensor,
    /// Labels `(B)`.
    pub labels: &'a Tensor,
    /// Adam's learning rate.
    pub lr: f64,
    /// Seed of dropout.
    pub seed: u64,
    /// Where the run is, if weights and loss are to be checked.
    pub check: Option<Place>,
}

/// The blocks that a phase trains, by how they learn.
#[derive(Debug)]
pub struct Learner {
    /// All of them.
    pub blocks: Vec<usize>,
    /// The optimiser of those that learn by backpropagation.
    pub adam: Option<Adam>,
    unsupervised: bool,
}

impl Learner {
    /// Prepares the network for a phase: gradients are followed for the phase's backpropagation blocks alone.
    pub fn new(phase: &Phase, network: &mut Network) -> Learner {
        let mut parameters = Vec::new();
        for (i, block) in network.blocks.iter_mut().enumerate() {
            if let Layer::Backprop(layer) = &mut block.layer {
                let trained = phase.blocks.contains(&i);
                layer.set_trainable(trained);
                if trained {
                    parameters.extend(layer.parameters());
                }
            }
        }
        let adam = (!parameters.is_empty()).then(|| Adam::new(parameters));
        Learner { blocks: phase.blocks.clone(), adam, unsupervised: phase.is_unsupervised() }
    }

    /// The first block that learns: those before it are frozen.
    pub fn first(&self) -> usize {
        self.blocks.first().copied().unwrap_or(0)
    }

    /// Learns from one batch.
    ///
    /// # Errors
    /// When weights or loss are not finite (looked at only if [`Batch::check`]).
    pub fn step(&mut self, network: &mut Network, batch: &Batch, sums: &mut Sums) -> Result<(), TrainError> {
        if self.unsupervised {
            self.hebbian(network, batch);
        } else {
            self.supervised(network, batch, sums)?;
        }
        sums.images += batch.x.size()[0] as u64;
        if let Some(place) = batch.check {
            watch::updates(network, &self.blocks, place)?;
        }
        network.apply_updates();
        Ok(())
    }

    fn mode(&self, block: usize, seed: u64) -> Mode {
        // The block's number keeps two dropouts of one step apart.
        if self.blocks.contains(&block) { Mode::Train { seed: seed ^ ((block as u64) << 56) } } else { Mode::Eval }
    }

    /// Forward through the blocks up to the last that learns; what comes after it has no effect.
    fn hebbian(&mut self, network: &mut Network, batch: &Batch) {
        let last = self.blocks.last().copied().unwrap_or(0);
        tch::no_grad(|| {
            let mut x = batch.x.shallow_clone();
            for i in self.first()..=last {
                let mode = self.mode(i, batch.seed);
                let block = &mut network.blocks[i];
                let u = block.preactivate(&x, mode);
                if i < last {
                    x = block.finish(u, mode);
                }
            }
        });
    }

    fn supervised(&mut self, network: &mut Network, batch: &Batch, sums: &mut Sums) -> Result<(), TrainError> {
        let labels = batch.labels;
        let mut logits = batch.x.shallow_clone();
        for i in self.first()..network.blocks.len() {
            let mode = self.mode(i, batch.seed);
            logits = network.blocks[i].forward(&logits, mode);
        }
        let loss = logits.cross_entropy_for_logits(labels);
        sums.add(&loss, &logits, labels);
        if let Some(place) = batch.check {
            watch::loss(loss.double_value(&[]), &self.blocks, place)?;
        }
        if let Some(layer) = network.blocks.last_mut().and_then(|b| b.hebbian_mut()) {
            layer.learn_labels(labels);
        }
        if let Some(adam) = &mut self.adam {
            let gradients = Tensor::run_backward(&[loss], adam.parameters(), false, false);
            // The published order: Hebbian updates come before Adam's step (they do not touch each other's weights).
            adam.step(&gradients, batch.lr);
        }
        Ok(())
    }
}
