//! A rule and what it stored, ready to recall: what the commands work with.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::recall::{Options, Recalled, Sweep, Updates};
use super::{Dynamics, HopfieldError, Modern, Network, Patterns, Rule, Trainer, asynchronous, rules, synchronous};
use crate::device;
use crate::layer::wide::numbers;

/// How to store.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Storing {
    /// The rule.
    pub rule: Rule,
    /// The Hebbian rule's options; `zero_diagonal` is the projection's too.
    pub trainer: Trainer,
    /// β of the modern network; absent: 1/√N.
    pub beta: Option<f64>,
    /// How neurons answer.
    pub dynamics: Dynamics,
}

impl Storing {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first that is wrong, by its flag.
    pub fn check(&self) -> Result<(), HopfieldError> {
        self.dynamics.check()?;
        match self.beta {
            Some(beta) if !(beta > 0.0 && beta.is_finite()) => {
                let rule = "must be above 0 and finite".to_string();
                Err(HopfieldError::Setting { name: "--beta", value: beta.to_string(), rule })
            }
            _ => Ok(()),
        }
    }
}

/// Patterns in a network.
#[derive(Debug)]
pub enum Memory {
    /// In weights.
    Weights(Network),
    /// Kept as they are.
    Modern(Modern),
}

impl Memory {
    /// Stores patterns.
    ///
    /// # Errors
    /// When a setting is wrong or libtorch fails (memory).
    pub fn store(patterns: &Patterns, how: &Storing) -> Result<Memory, HopfieldError> {
        how.check()?;
        if how.rule == Rule::Modern {
            return Ok(Memory::Modern(Modern::new(patterns, how.beta)?));
        }
        let mut network = device::guard("making the weights", || Network::new(patterns.neurons(), how.dynamics))?;
        match how.rule {
            Rule::Projection => rules::projection(&mut network, patterns, how.trainer.zero_diagonal)?,
            Rule::Storkey => rules::storkey(&mut network, patterns)?,
            Rule::Hebbian | Rule::Modern => how.trainer.train(&mut network, patterns)?,
        }
        Ok(Memory::Weights(network))
    }

    /// Sets θ to what [`fitting_threshold`] finds; a modern network has none. The new θ.
    ///
    /// # Errors
    /// When the patterns do not fit the network.
    pub fn fit_threshold(&mut self, patterns: &Patterns) -> Result<Option<f64>, HopfieldError> {
        let Memory::Weights(network) = self else { return Ok(None) };
        network.dynamics.threshold = fitting_threshold(network, patterns)?;
        Ok(Some(network.dynamics.threshold))
    }

    /// How its neurons answer; a modern network's do not.
    pub fn dynamics(&self) -> Option<Dynamics> {
        match self {
            Memory::Weights(network) => Some(network.dynamics),
            Memory::Modern(_) => None,
        }
    }

    /// Recalls states (B, N). `seed` is that of asynchronous orders.
    ///
    /// # Errors
    /// When the states do not fit, an option is wrong, or libtorch fails (memory).
    pub fn recall(
        &self,
        starts: &Patterns,
        updates: Updates,
        options: &Options,
        seed: u64,
        listen: &mut dyn FnMut(Sweep) -> bool,
    ) -> Result<Recalled, HopfieldError> {
        let starts = starts.values();
        match (self, updates) {
            (Memory::Modern(modern), _) => modern.recall(starts, options, listen),
            (Memory::Weights(network), Updates::Sync) => synchronous::recall(network, starts, options, listen),
            (Memory::Weights(network), Updates::Async) => asynchronous::recall(network, starts, options, seed, listen),
        }
    }

    /// What is written into a checkpoint: `weights` (N, N), or `patterns` (P, N).
    pub fn tensor(&self) -> (&'static str, &Tensor) {
        match self {
            Memory::Weights(network) => ("weights", network.weights()),
            Memory::Modern(modern) => ("patterns", modern.patterns()),
        }
    }
}

/// Share of flipped bits that [`fitting_threshold`] reckons with, beside none.
const NOISE: f64 = 0.2;

/// The threshold at which the fewest neurons are wrong after a sweep from the stored patterns and from what they are on average with
/// 20 % noise: active neurons should have fields above it and inactive ones below. 0 if that is among the best; else the middle of the
/// widest best gap between two fields.
///
/// Random patterns want 0. Images, of which few pixels are active and these often the same, give fields that are shifted: with θ = 0 the
/// common part of all of them is what the network falls into.
///
/// # Errors
/// When the patterns do not fit the network, or libtorch fails (memory).
pub fn fitting_threshold(network: &Network, patterns: &Patterns) -> Result<f64, HopfieldError> {
    let x = patterns.values();
    network.fits(x, "patterns")?;
    let [low, high] = network.dynamics.activation.levels().map(f64::from);
    let noisy = x * (1.0 - 2.0 * NOISE) + NOISE * (low + high);
    let fields =
        device::guard("computing the fields", || Tensor::cat(&[x, &noisy], 0).matmul(&network.weights().tr()))?;
    let middle = network.dynamics.activation.middle();
    let active = patterns.numbers().iter().map(|x| *x > middle);
    let mut all: Vec<(f32, bool)> = numbers(&fields).iter().copied().zip(active.clone().chain(active)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Below all fields every inactive neuron is wrong; each field that is passed makes an active one wrong or an inactive one right.
    let mut wrong = all.iter().filter(|(_, active)| !active).count();
    let (mut fewest, mut best) = (usize::MAX, (0.0, -1.0));
    for pair in all.windows(2) {
        if pair[0].1 {
            wrong += 1
        } else {
            wrong -= 1
        }
        let (low, high) = (f64::from(pair[0].0), f64::from(pair[1].0));
        if low >= high || wrong > fewest {
            continue;
        }
        let gap = if low < 0.0 && high > 0.0 { (0.0, f64::INFINITY) } else { (0.5 * (low + high), high - low) };
        if wrong < fewest || gap.1 > best.1 {
            (fewest, best) = (wrong, gap);
        }
    }
    Ok(best.0)
}

/// What there is to say when more patterns are stored than the rule can hold.
pub fn overload(rule: Rule, patterns: &Patterns) -> Option<String> {
    let (p, n) = (patterns.len(), patterns.neurons());
    let capacity = rule.capacity(n)?;
    (p as f64 > capacity).then(|| {
        let formula = match rule {
            Rule::Hebbian => "0.138 N",
            Rule::Storkey => "N/sqrt(2 ln N)",
            Rule::Projection | Rule::Modern => "N",
        };
        format!(
            "{p} patterns are more than {n} neurons can be expected to store by the {rule} rule: about {capacity:.0} \
             random ones ({formula}); recall will be poor"
        )
    })
}
