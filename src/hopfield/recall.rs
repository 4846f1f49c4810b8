//! Recalling: from start states to attractors, a whole batch at a time.
//!
//! Both ways of updating ([`super::synchronous`], [`super::asynchronous`]) and the modern network share what is here: when a state
//! is done, and what is said about it.
//!
//! A state has converged when a sweep changed nothing, or when its energy changed by less than the convergence threshold and no
//! neuron by more than the threshold's square root (near a fixed point the energy is quadratic in the state). A state of
//! synchronous sign updates that equals the one two sweeps ago, and not the last one, goes back and forth between two states for ever
//! (synchronous updates of symmetric weights end in a fixed point or in such a pair: Goles and Olivos 1981).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::HopfieldError;

/// In which order neurons are updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Updates {
    /// All at once.
    #[default]
    Sync,
    /// One after the other, in a fresh random order each sweep.
    Async,
}

/// How long to recall.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Sweeps at most: `num_iter`.
    pub sweeps: usize,
    /// Change of energy below which a state has converged.
    pub convergence_threshold: f64,
    /// Whether states that have converged or oscillate leave the batch. The result is the same.
    pub early_stop: bool,
    /// Whether energies are wanted after the last sweep too (one product more).
    pub energies: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { sweeps: 20, convergence_threshold: 1e-10, early_stop: true, energies: true }
    }
}

impl Options {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first that is wrong, by its flag.
    pub fn check(&self) -> Result<(), HopfieldError> {
        let wrong = |name, value: String, rule: &str| HopfieldError::Setting { name, value, rule: rule.to_string() };
        if self.sweeps == 0 {
            return Err(wrong("--sweeps", self.sweeps.to_string(), "must be at least 1"));
        }
        if !(self.convergence_threshold >= 0.0 && self.convergence_threshold.is_finite()) {
            let value = self.convergence_threshold.to_string();
            return Err(wrong("--convergence-threshold", value, "must be 0 or above, and finite"));
        }
        Ok(())
    }

    /// Change of a neuron up to which a state may have converged.
    pub(super) fn still(&self) -> f32 {
        self.convergence_threshold.sqrt() as f32
    }
}

/// How a state ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In a fixed point.
    Converged,
    /// Between two states, for ever.
    Oscillating,
    /// Still moving after the last sweep.
    Moving,
}

/// How far a recall is; what its listener hears after each sweep.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// Sweeps done.
    pub done: usize,
    /// Sweeps at most.
    pub of: usize,
    /// States still in the batch.
    pub active: usize,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Recalled {
    /// The last states (B, N).
    pub states: Tensor,
    /// How each ended.
    pub status: Vec<Status>,
    /// Sweeps after which each left the batch.
    pub sweeps: Vec<usize>,
    /// Energies of each: of the start, then after each sweep that was computed for it.
    pub energies: Vec<Vec<f64>>,
    /// Whether the listener ended the recall before its time.
    pub interrupted: bool,
}

impl Recalled {
    /// How many ended like this.
    pub fn count(&self, status: Status) -> usize {
        self.status.iter().filter(|s| **s == status).count()
    }
}
