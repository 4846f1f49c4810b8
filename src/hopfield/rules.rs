//! Rules that store patterns ξ (P, N) in weights.
//!
//! | rule | weights | stores about |
//! |---|---|---|
//! | Hebbian | W += Σ_μ (ξ−ρ)(ξ−ρ)ᵀ, ρ the mean over all patterns, divided by P | 0.138·N |
//! | anti-Hebbian | the same with a minus: unlearning | |
//! | projection | W = Ξ⁺Ξ, the pseudo-inverse rule (Personnaz et al. 1985) | N |
//! | Storkey | one pattern after the other, with its local fields (Storkey 1997) | N/√(2 ln N) |
//!
//! The sum of P outer products is one product of matrices, (N, P)·(P, N), a block of rows of W at a time: no (P, N, N), and beside
//! W no second matrix.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::network::{HEBBIAN_CAPACITY, ROWS};
use super::{HopfieldError, Network, Patterns};
use crate::device;
use crate::layer::wide::{numbers, numbers_mut};
use crate::parallel;

/// How patterns are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Sum of outer products.
    #[default]
    Hebbian,
    /// Pseudo-inverse: exact for linearly independent patterns.
    Projection,
    /// Local and incremental, with more capacity than the Hebbian rule.
    Storkey,
    /// The modern continuous network: patterns are kept, retrieval is a softmax over them.
    Modern,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Rule::Hebbian => "hebbian",
            Rule::Projection => "projection",
            Rule::Storkey => "storkey",
            Rule::Modern => "modern",
        })
    }
}

impl Rule {
    /// About how many random patterns N neurons can store; the modern network's grows exponentially with N: `None`.
    pub fn capacity(self, n: usize) -> Option<f64> {
        let n = n as f64;
        match self {
            Rule::Hebbian => Some(HEBBIAN_CAPACITY * n),
            Rule::Projection => Some(n),
            Rule::Storkey => Some(n / (2.0 * n.max(2.0).ln()).sqrt()),
            Rule::Modern => None,
        }
    }
}

/// The direction of a Hebbian update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// Stores.
    #[default]
    Hebbian,
    /// Unlearns.
    AntiHebbian,
}

/// The generic Hebbian trainer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trainer {
    /// Subtract ρ, the mean over all values of all patterns of a call.
    pub subtract_mean: bool,
    /// Set the diagonal to 0 after each call.
    pub zero_diagonal: bool,
    /// Divide a call's sum by its number of patterns.
    pub normalize_by_patterns: bool,
    /// Storing or unlearning.
    pub sign: Sign,
}

impl Default for Trainer {
    fn default() -> Trainer {
        Trainer { subtract_mean: true, zero_diagonal: true, normalize_by_patterns: true, sign: Sign::Hebbian }
    }
}

impl Trainer {
    /// Adds patterns to a network's weights; calls add up. A network of another size is resized and keeps the sub-matrix.
    ///
    /// # Errors
    /// When libtorch fails (memory).
    pub fn train(&self, network: &mut Network, patterns: &Patterns) -> Result<(), HopfieldError> {
        if network.neurons() != patterns.neurons() {
            network.resize(patterns.neurons());
        }
        let x = if self.subtract_mean {
            let values = patterns.values();
            values - values.mean(Kind::Double).to_kind(Kind::Float)
        } else {
            patterns.values().shallow_clone()
        };
        let p = if self.normalize_by_patterns { patterns.len() as f64 } else { 1.0 };
        let p = if self.sign == Sign::AntiHebbian { -p } else { p };
        device::guard("storing patterns", || {
            by_rows(network, |mut rows, start, len| {
                let product = x.narrow(1, start, len).tr().matmul(&x);
                let _ = rows.g_add_(&if p == 1.0 { product } else { product / p });
            });
        })?;
        if self.zero_diagonal {
            zero_diagonal(network);
        }
        Ok(())
    }
}

/// Sets the weights by the pseudo-inverse rule: W = Ξᵀ(ΞΞᵀ)⁺Ξ, the projection on the space that the patterns span, so that each
/// pattern is its own field. The small matrix (P, P) is inverted in double precision; equal patterns do no harm.
///
/// # Errors
/// When libtorch fails (memory).
pub fn projection(network: &mut Network, patterns: &Patterns, without_diagonal: bool) -> Result<(), HopfieldError> {
    if network.neurons() != patterns.neurons() {
        network.resize(patterns.neurons());
    }
    let x = patterns.values();
    device::guard("storing patterns", || {
        let exact = x.to_kind(Kind::Double);
        let inverse = exact.matmul(&exact.tr()).linalg_pinv(1e-10, true);
        let dual = inverse.matmul(&exact).to_kind(Kind::Float); // (P, N)
        by_rows(network, |mut rows, start, len| {
            rows.copy_(&x.narrow(1, start, len).tr().matmul(&dual));
        });
    })?;
    if without_diagonal {
        zero_diagonal(network);
    }
    Ok(())
}

/// Adds patterns by Storkey's rule, one after the other: with h_ij = Σ_{k≠i,j} W_ik ξ_k,
///
/// ΔW_ij = (ξ_i ξ_j − ξ_i h_ji − h_ij ξ_j)/N. With a_i = Σ_{k≠i} W_ik ξ_k this is, for symmetric W,
/// (ξ_i ξ_j − ξ_i a_j − a_i ξ_j + W_ij (ξ_i² + ξ_j²))/N: one product and one pass over W a pattern. The diagonal stays 0.
///
/// # Errors
/// When libtorch fails (memory).
pub fn storkey(network: &mut Network, patterns: &Patterns) -> Result<(), HopfieldError> {
    let n = patterns.neurons();
    if network.neurons() != n {
        network.resize(n);
    }
    zero_diagonal(network);
    for i in 0..patterns.len() {
        let xi = patterns.row(i);
        let fields = device::guard("storing patterns", || network.weights().mv(&Tensor::from_slice(xi)))?;
        let a = numbers(&fields).to_vec();
        // SAFETY: the product that read the weights is done.
        let weights = unsafe { numbers_mut(network.weights_mut()) };
        parallel::each(weights.chunks_mut(n.max(1)), |row, w| {
            let (x, field, share) = (xi[row], a[row], 1.0 / n as f32);
            for ((w, &y), &b) in w.iter_mut().zip(xi).zip(&a) {
                *w += (x * y - x * b - field * y + *w * (x * x + y * y)) * share;
            }
            w[row] = 0.0;
        });
    }
    Ok(())
}

/// Calls `with(rows, start, len)` for blocks of rows of W; what it writes into them is written into W.
fn by_rows(network: &mut Network, mut with: impl FnMut(Tensor, i64, i64)) {
    let n = network.neurons() as i64;
    for start in (0..n).step_by(ROWS as usize) {
        let len = ROWS.min(n - start);
        with(network.weights_mut().narrow(0, start, len), start, len);
    }
}

/// No neuron is connected with itself.
pub fn zero_diagonal(network: &mut Network) {
    let n = network.neurons();
    // SAFETY: nothing else uses the weights meanwhile.
    unsafe { numbers_mut(network.weights_mut()) }.iter_mut().step_by(n + 1).for_each(|w| *w = 0.0);
}
