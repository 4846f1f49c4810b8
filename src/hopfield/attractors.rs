//! Where recalls end: in a stored pattern, in its opposite, in a mixture, in another spurious attractor, or in none.
//!
//! A Hebbian network of ±1 neurons has, beside the patterns, their opposites (without threshold, E(−s) = E(s)) and mixtures of an
//! odd number of patterns, sgn(±ξ¹ ± ξ² ± ξ³), as attractors (Amit, Gutfreund, Sompolinsky 1985).

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::network::overlaps;
use super::recall::{Recalled, Status};
use super::{Activation, Patterns};
use crate::layer::wide::numbers;

/// Where a recall ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// In this stored pattern, neuron by neuron.
    Stored(usize),
    /// In its opposite.
    Reversed(usize),
    /// In a mixture of these three.
    Mixture([usize; 3]),
    /// In a fixed point that is none of these.
    Spurious,
    /// Between two states (synchronous updates only).
    Oscillating,
    /// Nowhere yet: it was still moving.
    Moving,
}

impl End {
    /// All kinds, by the name that tables use.
    pub const KINDS: [&'static str; 6] = ["stored", "reversed", "mixture", "spurious", "oscillating", "moving"];

    /// Its kind.
    pub fn kind(self) -> &'static str {
        match self {
            End::Stored(_) => "stored",
            End::Reversed(_) => "reversed",
            End::Mixture(_) => "mixture",
            End::Spurious => "spurious",
            End::Oscillating => "oscillating",
            End::Moving => "moving",
        }
    }
}

/// Where each state of a batch ended. States of continuous activations are compared as they round to active and inactive.
pub fn ends(recalled: &Recalled, patterns: &Patterns) -> Vec<End> {
    let activation = patterns.activation();
    let states = binary(&recalled.states, activation);
    let stored = binary(patterns.values(), activation);
    let overlaps = overlaps(&states, &stored);
    let (n, p) = (patterns.neurons(), patterns.len());
    let (states, stored, overlaps) = (numbers(&states), numbers(&stored), overlaps.contiguous());
    let rows = states.chunks_exact(n).zip(numbers(&overlaps).chunks_exact(p)).zip(&recalled.status);
    let pattern = |i: usize| &stored[i * n..(i + 1) * n];
    rows.map(|((s, overlaps), status)| {
        let mut nearest: Vec<usize> = (0..p).collect();
        nearest.sort_by(|a, b| overlaps[*b].abs().total_cmp(&overlaps[*a].abs()));
        // Every neuron agrees exactly if the overlap is 1; asked of the numbers themselves, since an overlap is rounded.
        let best = nearest[0];
        if s == pattern(best) {
            return End::Stored(best);
        }
        match status {
            Status::Oscillating => return End::Oscillating,
            Status::Moving => return End::Moving,
            Status::Converged => {}
        }
        if s.iter().zip(pattern(best)).all(|(a, b)| *a == -*b) {
            return End::Reversed(best);
        }
        let &[a, b, c, ..] = &nearest[..] else { return End::Spurious };
        let sign = |i: usize| overlaps[i].signum();
        let parts = pattern(a).iter().zip(pattern(b)).zip(pattern(c));
        let mixed = parts.map(|((x, y), z)| (x * sign(a) + y * sign(b) + z * sign(c)).signum());
        if mixed.zip(s).all(|(m, s)| m == *s) { End::Mixture([a, b, c]) } else { End::Spurious }
    })
    .collect()
}

/// How many ended in each kind, in the order of [`End::KINDS`].
pub fn counts(ends: &[End]) -> [usize; 6] {
    End::KINDS.map(|kind| ends.iter().filter(|end| end.kind() == kind).count())
}

/// Share of equal bits between each state and its target, both (B, N); and whether all are equal.
pub fn accuracy(states: &Tensor, targets: &Patterns) -> Vec<f64> {
    let activation = targets.activation();
    let equal = binary(states, activation).eq_tensor(&binary(targets.values(), activation));
    let shares = equal.to_kind(Kind::Double).mean_dim([1].as_slice(), false, Kind::Double);
    (0..shares.numel() as i64).map(|i| shares.double_value(&[i])).collect()
}

/// States as −1 and 1.
fn binary(states: &Tensor, activation: Activation) -> Tensor {
    let active = states.gt(f64::from(activation.middle())).to_kind(Kind::Float);
    (active * 2.0 - 1.0).contiguous()
}
