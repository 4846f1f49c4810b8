//! One training step of each kind of phase.

use tch::{Kind, Tensor};

use super::adam::Adam;
use super::bank::Bank;
use super::watch::{self, Place};
use super::{Phase, TrainError};
use crate::layer::block::Layer;
use crate::layer::classifier::{self, Rows};
use crate::layer::dropout::Mask;
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

/// The inputs of a batch.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// As a tensor.
    Tensor(&'a Tensor),
    /// Where they are stored, for a phase that [`Learner::reads_rows`].
    Rows(Rows<'a>),
}

/// One batch, and how to learn from it.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// What the frozen blocks before [`Learner::first`] make of the images.
    pub x: Input<'a>,
    /// Labels `(B)`.
    pub labels: &'a Tensor,
    /// How to learn from them.
    pub how: Step,
}

/// What one step is told.
#[derive(Debug, Clone, Copy)]
pub struct Step {
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

    /// Learns from these rows of a bank, read where they are stored if they can be.
    ///
    /// # Errors
    /// As [`Learner::step`].
    pub fn step_on(
        &mut self,
        network: &mut Network,
        bank: &Bank,
        rows: &[i64],
        how: Step,
        sums: &mut Sums,
    ) -> Result<(), TrainError> {
        let index = Tensor::from_slice(rows);
        let labels = &bank.labels(&index).to_device(network.device());
        if self.reads_rows(network)
            && let Some(rows) = bank.rows(rows, network, self.first())
        {
            return self.step(network, &Batch { x: Input::Rows(rows), labels, how }, sums);
        }
        let x = &bank.batch(&index, network, self.first(), how.seed);
        self.step(network, &Batch { x: Input::Tensor(x), labels, how }, sums)
    }

    /// Learns from one batch.
    ///
    /// # Errors
    /// When weights or loss are not finite (looked at only if [`Step::check`]).
    pub fn step(&mut self, network: &mut Network, batch: &Batch, sums: &mut Sums) -> Result<(), TrainError> {
        match batch.x {
            Input::Tensor(x) if self.unsupervised => self.hebbian(network, batch, x),
            Input::Tensor(x) => self.supervised(network, batch, x, sums)?,
            Input::Rows(rows) => self.classify(network, batch, &rows, sums)?,
        }
        sums.images += batch.labels.size()[0] as u64;
        if let Some(place) = batch.how.check {
            watch::updates(network, &self.blocks, place)?;
        }
        network.apply_updates();
        Ok(())
    }

    fn mode(&self, block: usize, seed: u64) -> Mode {
        if self.blocks.contains(&block) { Mode::Train { seed: dropout_seed(block, seed) } } else { Mode::Eval }
    }

    /// Forward through the blocks up to the last that learns; what comes after it has no effect.
    fn hebbian(&mut self, network: &mut Network, batch: &Batch, x: &Tensor) {
        let last = self.blocks.last().copied().unwrap_or(0);
        tch::no_grad(|| {
            let mut x = x.shallow_clone();
            for i in self.first()..=last {
                let mode = self.mode(i, batch.how.seed);
                let block = &mut network.blocks[i];
                let u = block.preactivate(&x, mode);
                if i < last {
                    x = block.finish(u, mode);
                }
            }
        });
    }

    /// Whether the phase trains a linear classifier alone, which can read [`Input::Rows`].
    pub fn reads_rows(&self, network: &Network) -> bool {
        let last = network.blocks.len().saturating_sub(1);
        !self.unsupervised && self.blocks == [last] && network.blocks[last].as_classifier().is_some()
    }

    /// The fast form of [`Learner::supervised`] for a linear classifier.
    fn classify(&mut self, network: &Network, batch: &Batch, rows: &Rows, sums: &mut Sums) -> Result<(), TrainError> {
        let last = self.first();
        let block = network.blocks.get(last).and_then(|b| b.as_classifier());
        let (Some((layer, p)), Some(adam)) = (block, &mut self.adam) else { return Ok(()) };
        let mask = p.filter(|p| *p > 0.0).map(|p| Mask::new(p, dropout_seed(last, batch.how.seed)));
        let bias = layer.bias.as_ref().map(Tensor::detach);
        let logits = tch::no_grad(|| classifier::logits(rows, mask.as_ref(), &layer.weight.detach(), bias.as_ref()));
        let logits = logits.set_requires_grad(true);
        let loss = logits.cross_entropy_for_logits(batch.labels);
        sums.add(&loss, &logits.detach(), batch.labels);
        if let Some(place) = batch.how.check {
            watch::loss(loss.double_value(&[]), &self.blocks, place)?;
        }
        let by_logits = Tensor::run_backward(&[loss], &[logits], false, false).remove(0);
        let mut gradients = vec![classifier::gradient(rows, mask.as_ref(), &by_logits)];
        if bias.is_some() {
            gradients.push(by_logits.sum_dim_intlist([0i64].as_slice(), false, Kind::Float));
        }
        adam.step(&gradients, batch.how.lr);
        Ok(())
    }

    fn supervised(
        &mut self,
        network: &mut Network,
        batch: &Batch,
        x: &Tensor,
        sums: &mut Sums,
    ) -> Result<(), TrainError> {
        let labels = batch.labels;
        let mut logits = x.shallow_clone();
        for i in self.first()..network.blocks.len() {
            let mode = self.mode(i, batch.how.seed);
            logits = network.blocks[i].forward(&logits, mode);
        }
        let loss = logits.cross_entropy_for_logits(labels);
        sums.add(&loss, &logits, labels);
        if let Some(place) = batch.how.check {
            watch::loss(loss.double_value(&[]), &self.blocks, place)?;
        }
        if let Some(layer) = network.blocks.last_mut().and_then(|b| b.hebbian_mut()) {
            layer.learn_labels(labels);
        }
        if let Some(adam) = &mut self.adam {
            let gradients = Tensor::run_backward(&[loss], adam.parameters(), false, false);
            // The published order: Hebbian updates come before Adam's step (they do not touch each other's weights).
            adam.step(&gradients, batch.how.lr);
        }
        Ok(())
    }
}

/// The seed of a block's dropout in a step: the block's number keeps two dropouts of one step apart.
fn dropout_seed(block: usize, step: u64) -> u64 {
    step ^ ((block as u64) << 56)
}
