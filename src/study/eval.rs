//! The classes that a trained network names, as its run's own score does.
//!
//! A run scores its images in two ways: by the outputs of its last block, if that learned from labels, or by the labels for which
//! its units win, if nothing did. Outputs of the blocks that were frozen are computed in the same groups of images as the run
//! stores them in, so that the same images give the same bits.

use tch::{Kind, Tensor};

use crate::device;
use crate::layer::Network;
use crate::preset::config::Arch;
use crate::train::bank::{self, Bank};
use crate::train::checkpoint::Progress;
use crate::train::data::RunData;
use crate::train::evaluate::{self, UnitLabels};
use crate::train::{Phase, RunPlan, TrainError};

/// How a network names a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readout {
    /// By the largest output of its last block.
    Classifier,
    /// By the label of the unit of this block that wins.
    Units(usize),
}

/// The phase in which a network stands, how it names classes there, and how many blocks were frozen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stand<'a> {
    /// The last phase that began.
    pub phase: &'a Phase,
    /// How classes are named.
    pub readout: Readout,
    /// Blocks whose outputs the run stored.
    pub frozen: usize,
}

/// The phase that a network stands in: the last one that began.
pub fn phase_of<'a>(plan: &'a RunPlan, progress: Option<&Progress>) -> Option<(usize, &'a Phase)> {
    let begun = match progress {
        Some(p) => p.phase + usize::from(p.epoch > 0 || p.step > 0),
        None => plan.phases.len(),
    };
    let index = begun.min(plan.phases.len()).checked_sub(1)?;
    Some((index, &plan.phases[index]))
}

/// How the network of a run names classes.
///
/// # Errors
/// When it does not.
pub fn stand<'a>(plan: &'a RunPlan, progress: Option<&Progress>) -> Result<Stand<'a>, TrainError> {
    let Some((index, phase)) = phase_of(plan, progress) else {
        return Err(TrainError::Plan("nothing of this network was trained: there is nothing to score".to_string()));
    };
    let blocks = &plan.network.blocks;
    let last = phase.blocks.last().copied().unwrap_or(0);
    let first_left = plan.phases[index..].iter().filter_map(|p| p.blocks.first().copied()).min().unwrap_or(0);
    let frozen = first_left.min(last);
    let ends_in_classes = blocks.last().is_some_and(|b| b.out_shape == [plan.network.classes, 1, 1]);
    let readout = match phase.is_unsupervised() {
        false if ends_in_classes => Readout::Classifier,
        true if blocks[last].arch == Arch::Mlp => Readout::Units(last),
        _ => {
            let why =
                format!("this network names no classes: block {last} learned last, and nothing was trained on it");
            let hint = "`softhebb features` writes what its blocks make of images; \
                        `softhebb run … --resume without-classifier` trains a classifier on them";
            return Err(TrainError::Plan(format!("{why}\nhint: {hint}")));
        }
    };
    Ok(Stand { phase, readout, frozen })
}

/// What was predicted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Predictions {
    /// Rows of the bank, those without a label left out.
    pub rows: Vec<i64>,
    /// Their labels.
    pub labels: Vec<i64>,
    /// What they are named.
    pub named: Vec<i64>,
    /// How many labels are among the five largest outputs, of a classifier.
    pub top5: Option<u64>,
    /// Mean cross entropy, of a classifier.
    pub loss: Option<f64>,
}

/// Names the classes of these rows of the second data set, `batch` at a time; `progress` is told how many are done and says
/// whether to go on. `None` if it does not.
///
/// # Errors
/// When the images have no labels, or those of more classes than the network has.
pub fn predict(
    network: &mut Network,
    stand: Stand,
    data: &mut RunData,
    at: &crate::train::data::Rows,
    batch: usize,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Predictions>, TrainError> {
    let units = match stand.readout {
        Readout::Units(block) => Some((block, unit_labels(network, stand, block, data)?)),
        Readout::Classifier => None,
    };
    let bank = &data.banks[at.bank];
    let mut found = Predictions::default();
    let labels = integers(&bank.labels(&Tensor::from_slice(&at.rows)));
    (found.rows, found.labels) = at.rows.iter().zip(&labels).filter(|(_, label)| **label >= 0).unzip();
    let classes = network.config().classes;
    if found.rows.is_empty() {
        return Err(TrainError::Plan("the images have no labels: there is nothing to score".to_string()));
    }
    if let Some(label) = found.labels.iter().find(|label| **label >= classes) {
        let why = format!("the images have labels up to {label} and more; the network names {classes} classes");
        return Err(TrainError::Plan(why));
    }
    let (mut loss, mut top5) = (0.0, 0);
    for chunk in found.rows.chunks(batch.max(1)) {
        let (mut part, all) = (bank.part(chunk), (0..chunk.len() as i64).collect::<Vec<i64>>());
        device::guard("testing", || -> Result<(), TrainError> {
            part.advance(network, stand.frozen, &mut |_| true)?;
            match &units {
                Some((block, units)) => evaluate::for_labelled(network, *block, &part, &all, |y, _| {
                    found.named.extend(integers(&units.predict(y)));
                }),
                None => tch::no_grad(|| {
                    let index = Tensor::from_slice(&all);
                    let labels = part.labels(&index).to_device(network.device());
                    let logits = part.outputs(&index, network, network.blocks.len());
                    let sum = tch::Reduction::Sum;
                    loss += logits.cross_entropy_loss(&labels, None::<&Tensor>, sum, -100, 0.0).double_value(&[]);
                    let (_, largest) = logits.topk(classes.min(5), 1, true, true);
                    top5 += largest.eq_tensor(&labels.unsqueeze(1)).sum(Kind::Int64).int64_value(&[]);
                    found.named.extend(integers(&logits.argmax(1, false)));
                }),
            }
            Ok(())
        })??;
        if !progress(found.named.len()) {
            return Ok(None);
        }
    }
    if units.is_none() {
        found.loss = Some(loss / found.rows.len() as f64);
        found.top5 = u64::try_from(top5).ok();
    }
    Ok(Some(found))
}

/// The labels of the units, from the training images of the first data set.
fn unit_labels(
    network: &mut Network,
    stand: Stand,
    block: usize,
    data: &mut RunData,
) -> Result<UnitLabels, TrainError> {
    let (rows, bank) = (data.unsup.train.rows.clone(), &mut data.banks[data.unsup.train.bank]);
    let labelled = bank.all_labels().greater(-1).any().int64_value(&[]) != 0;
    if !labelled {
        let why = "the training images have no labels, by which the units could be named".to_string();
        return Err(TrainError::Plan(why));
    }
    device::guard("naming units", || {
        store(bank, network, stand.frozen)?;
        Ok(evaluate::label_units(network, block, bank, &rows))
    })?
}

/// Stores the outputs of frozen blocks where there is memory for them, as a run does.
fn store(bank: &mut Bank, network: &mut Network, frozen: usize) -> Result<(), TrainError> {
    if bank.cost(network.config(), frozen) <= bank::budget(bank.device()) {
        bank.advance(network, frozen, &mut |_| true)?;
    }
    Ok(())
}

/// A tensor's numbers.
fn integers(t: &Tensor) -> Vec<i64> {
    Vec::try_from(t.to_device(tch::Device::Cpu).flatten(0, -1)).unwrap_or_default()
}
