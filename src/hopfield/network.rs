//! The Amari-Hopfield network: N neurons, weights W (N, N), and what can be said about a state.
//!
//! Energy E = −½ sᵀWs + θ·Σs (Hopfield 1982); overlap m = s·ξ/N; capacity of the Hebbian rule 0.138·N random patterns (Amit,
//! Gutfreund, Sompolinsky 1985).

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::{Activation, HopfieldError};
use crate::layer::wide::numbers;

/// Patterns that the Hebbian rule stores, as a share of the neurons.
pub const HEBBIAN_CAPACITY: f64 = 0.138;

/// Rows of W that are worked on at a time where a whole second matrix would be too large.
pub(super) const ROWS: i64 = 2048;

/// Rows and columns that are compared at a time.
const TILE: usize = 64;

/// How neurons answer their fields.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dynamics {
    /// The activation.
    pub activation: Activation,
    /// T of tanh and sigmoid.
    pub temperature: f64,
    /// θ, subtracted from every field.
    pub threshold: f64,
}

impl Default for Dynamics {
    fn default() -> Dynamics {
        Dynamics { activation: Activation::Sign, temperature: 1.0, threshold: 0.0 }
    }
}

impl Dynamics {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first that is wrong, by its flag.
    pub fn check(&self) -> Result<(), HopfieldError> {
        let wrong = |name, value: f64, rule: &str| HopfieldError::Setting {
            name,
            value: value.to_string(),
            rule: rule.to_string(),
        };
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(wrong("--temperature", self.temperature, "must be above 0 and finite"));
        }
        if !self.threshold.is_finite() {
            return Err(wrong("--threshold", self.threshold, "must be a finite number"));
        }
        Ok(())
    }
}

/// A network.
#[derive(Debug)]
pub struct Network {
    weights: Tensor,
    /// Whether W is symmetric; the rules keep it so, so that only weights from elsewhere are looked at.
    symmetric: OnceLock<bool>,
    /// How its neurons answer.
    pub dynamics: Dynamics,
}

impl Network {
    /// N neurons without connections.
    pub fn new(n: usize, dynamics: Dynamics) -> Network {
        let weights = Tensor::zeros([n as i64, n as i64], (Kind::Float, Device::Cpu));
        Network { weights, symmetric: OnceLock::from(true), dynamics }
    }

    /// With these weights.
    ///
    /// # Errors
    /// When they are not square or not finite.
    pub fn with_weights(weights: &Tensor, dynamics: Dynamics) -> Result<Network, HopfieldError> {
        let size = weights.size();
        if size.len() != 2 || size[0] != size[1] || size[0] == 0 {
            let (found, wanted) = (format!("shape {size:?}"), "a square matrix".to_string());
            return Err(HopfieldError::Shape { what: "weights", found, wanted });
        }
        let weights = weights.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
        if let Some(value) = numbers(&weights).iter().find(|x| !x.is_finite()) {
            let (found, wanted) = (format!("a weight of {value}"), "finite numbers".to_string());
            return Err(HopfieldError::Shape { what: "weights", found, wanted });
        }
        Ok(Network { weights, symmetric: OnceLock::new(), dynamics })
    }

    /// N.
    pub fn neurons(&self) -> usize {
        self.weights.size()[0] as usize
    }

    /// W (N, N), contiguous, on the CPU.
    pub fn weights(&self) -> &Tensor {
        &self.weights
    }

    /// W, to change; its shape must stay, and it must stay symmetric if it was.
    pub(super) fn weights_mut(&mut self) -> &mut Tensor {
        &mut self.weights
    }

    /// Another number of neurons; the sub-matrix that both sizes share stays, what is new is 0.
    pub fn resize(&mut self, n: usize) {
        let kept = self.neurons().min(n) as i64;
        let weights = Tensor::zeros([n as i64, n as i64], (Kind::Float, Device::Cpu));
        let corner = |w: &Tensor| w.narrow(0, 0, kept).narrow(1, 0, kept);
        corner(&weights).copy_(&corner(&self.weights));
        self.weights = weights;
    }

    /// Energies of states (B, N).
    ///
    /// # Errors
    /// When the states have another length.
    pub fn energy(&self, states: &Tensor) -> Result<Vec<f64>, HopfieldError> {
        self.fits(states, "states")?;
        let fields = states.matmul(&self.weights.tr());
        let pairs = (&fields * states).sum_dim_intlist(1, false, Kind::Double) * -0.5;
        let sums = states.sum_dim_intlist(1, false, Kind::Double) * self.dynamics.threshold;
        let energies = pairs + sums;
        Ok((0..energies.numel() as i64).map(|i| energies.double_value(&[i])).collect())
    }

    /// How many random patterns the Hebbian rule can store: 0.138·N.
    pub fn capacity(&self) -> f64 {
        HEBBIAN_CAPACITY * self.neurons() as f64
    }

    /// Whether W is symmetric, but for rounding: |W_ij − W_ji| up to 1e-6 of the largest weight.
    pub fn is_symmetric(&self) -> bool {
        *self.symmetric.get_or_init(|| {
            let (n, w) = (self.neurons(), numbers(&self.weights));
            let largest = w.iter().fold(0f32, |a, b| a.max(b.abs()));
            // Tile by tile, so that rows and columns stay in the cache.
            let starts = || (0..n).step_by(TILE);
            let tiles = || starts().flat_map(|i| starts().take_while(move |j| *j <= i).map(move |j| (i, j)));
            tiles().all(|(row, column)| {
                let cells =
                    (row..(row + TILE).min(n)).flat_map(|i| (column..(column + TILE).min(n)).map(move |j| (i, j)));
                cells.into_iter().all(|(i, j)| (w[i * n + j] - w[j * n + i]).abs() <= 1e-6 * largest)
            })
        })
    }

    /// Checks that states (B, N) have N values.
    pub(super) fn fits(&self, states: &Tensor, what: &'static str) -> Result<(), HopfieldError> {
        let (size, n) = (states.size(), self.neurons());
        if size.len() == 2 && size[1] == n as i64 {
            return Ok(());
        }
        Err(HopfieldError::Shape { what, found: format!("shape {size:?}"), wanted: format!("(states, {n})") })
    }
}

/// Overlaps s·ξ/N of states (B, N) with patterns (P, N): (B, P); 1 is the same state, −1 its opposite.
pub fn overlaps(states: &Tensor, patterns: &Tensor) -> Tensor {
    states.matmul(&patterns.tr()) / patterns.size()[1].max(1) as f64
}
