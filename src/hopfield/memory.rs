//! A rule and what it stored, ready to recall: what the commands work with.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::recall::{Options, Recalled, Sweep, Updates};
use super::{
    Dynamics, HopfieldError, Modern, Network, Patterns, Rule, Trainer, asynchronous, rules, synchronous,
};

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
        how.dynamics.check()?;
        if how.rule == Rule::Modern {
            return Ok(Memory::Modern(Modern::new(patterns, how.beta)?));
        }
        let mut network = crate::device::guard("making the weights", || Network::new(patterns.neurons(), how.dynamics))?;
        match how.rule {
            Rule::Projection => rules::projection(&mut network, patterns, how.trainer.zero_diagonal)?,
            Rule::Storkey => rules::storkey(&mut network, patterns)?,
            Rule::Hebbian | Rule::Modern => how.trainer.train(&mut network, patterns)?,
        }
        Ok(Memory::Weights(network))
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
