//! UMAP (McInnes, Healy, Melville 2018, arXiv:1802.03426): places in the plane that keep neighbours together.
//!
//! 1. The k nearest neighbours of each row, exactly (section 3.1).
//! 2. Each edge's weight `exp(−(d − ρᵢ)/σᵢ)`, ρᵢ the distance to the nearest row that differs, σᵢ such that row i's weights sum
//!    to log₂ k (section 3.1, algorithm 3); both directions joined by `a + b − a·b` (algorithm 1).
//! 3. Points begin at the first two principal components (the section's spectral embedding is another choice; what is kept of
//!    neighbourhoods is the same, and distances between groups mean more: Kobak & Linderman 2021) and move for some epochs with a
//!    rate that falls to 0 (section 3.2, algorithm 5): along an edge both ends attract as often as its weight says, and
//!    for each attraction five random others repel, along the gradients of the cross entropy between the two graphs, with
//!    `1/(1 + a·d²ᵇ)` as weight in the plane.
//!
//! One thread and one seeded generator move the points: the same rows, seed and threads of libtorch, the same plane. How much of
//! the neighbourhoods is kept, beside umap-learn, is what `scripts/umap_quality.py` measures.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::{Kind, Tensor};

use super::neighbours::{Near, nearest};
use super::{PlaneError, finite, list, pca};
use crate::device::guard;

/// The weight in the plane falls as it should for a smallest distance of 0.1 and a spread of 1: the least-squares fit of section 4.3.
const A: f64 = 1.576_943;
const B: f64 = 0.895_061;
/// Repelled points for each attraction.
const NEGATIVES: usize = 5;
/// Largest step of a coordinate.
const CLIP: f64 = 4.0;

/// How points are placed.
#[derive(Debug, Clone, Copy)]
pub struct Umap {
    /// Neighbours of a point, itself not counted.
    pub neighbours: usize,
    /// Rounds over the edges.
    pub epochs: usize,
    /// Seed.
    pub seed: u64,
}

impl Default for Umap {
    fn default() -> Self {
        Umap { neighbours: 15, epochs: 500, seed: 0 }
    }
}

/// Rows `(N, D)` as points of a plane. `each` is told the epochs that are done and says whether to go on; `None` if not.
///
/// # Errors
/// When a number is not finite, or libtorch fails.
pub fn umap(
    rows: &Tensor,
    how: Umap,
    each: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Vec<[f64; 2]>>, PlaneError> {
    let n = finite(rows)?.size()[0] as usize;
    // Distances do not depend on where the middle is, and places not on the unit of length; both keep squares in range.
    let rows = guard("centring rows", || {
        let x = rows.to_kind(Kind::Float);
        let x = &x / x.abs().max().clamp_min(f64::from(f32::MIN_POSITIVE));
        &x - x.mean_dim([0i64].as_slice(), true, Kind::Float)
    })?;
    let mut rng = ChaCha8Rng::seed_from_u64(how.seed);
    let mut points = start(&pca(&rows, 2, how.seed)?, &mut rng);
    if n < 3 {
        return Ok(Some(points));
    }
    let every: Vec<u32> = (0..n as u32).collect();
    let edges = graph(&nearest(&rows, &every, how.neighbours.clamp(2, n - 1), Near::Distance)?);
    let most = edges.iter().map(|e| e.weight).fold(0.0, f64::max);
    // An edge moves its ends in that share of the epochs which its weight is of the largest.
    let wait: Vec<f64> = edges.iter().map(|e| most / e.weight).collect();
    let mut next = wait.clone();
    for epoch in 0..how.epochs {
        let rate = 1.0 - epoch as f64 / how.epochs as f64;
        for (i, edge) in edges.iter().enumerate() {
            if next[i] > (epoch + 1) as f64 {
                continue;
            }
            next[i] += wait[i];
            // Each edge is in the graph once and pulls from both ends.
            for (a, b) in [(edge.from, edge.to), (edge.to, edge.from)] {
                attract(&mut points, a, b, rate);
                for _ in 0..NEGATIVES {
                    let other = rng.random_range(0..n);
                    if other != a {
                        repel(&mut points, a, other, rate);
                    }
                }
            }
        }
        if !each(epoch + 1) {
            return Ok(None);
        }
    }
    Ok(Some(points))
}

/// The first two components, ten wide, with a little noise that parts equal points.
fn start(components: &Tensor, rng: &mut ChaCha8Rng) -> Vec<[f64; 2]> {
    let (n, columns) = (components.size()[0] as usize, components.size()[1] as usize);
    let values = list::<f64>(components);
    let scale = 10.0 / values.iter().fold(1e-12, |m: f64, v| m.max(v.abs()));
    let mut value = |i: usize, c: usize| {
        let noise: f64 = StandardNormal.sample(rng);
        1e-4 * noise + if c < columns { values[i * columns + c] * scale } else { 0.0 }
    };
    (0..n).map(|i| [value(i, 0), value(i, 1)]).collect()
}

/// An edge of the joined graph.
struct Edge {
    from: usize,
    to: usize,
    weight: f64,
}

/// The joined graph of the neighbours of each point.
fn graph(found: &[Vec<(u32, f32)>]) -> Vec<Edge> {
    let all = found.iter().flatten().map(|(_, d)| f64::from(*d));
    let mean = all.clone().sum::<f64>() / all.count().max(1) as f64;
    let mut joined = BTreeMap::new();
    for (from, near) in found.iter().enumerate() {
        let distances: Vec<f64> = near.iter().map(|(_, d)| f64::from(*d)).collect();
        for ((to, _), w) in near.iter().zip(weights(&distances, mean)) {
            let to = *to as usize;
            joined
                .entry((from.min(to), from.max(to)))
                .and_modify(|old: &mut f64| *old = *old + w - *old * w)
                .or_insert(w);
        }
    }
    joined.into_iter().map(|((from, to), weight)| Edge { from, to, weight }).filter(|e| e.weight > 0.0).collect()
}

/// Weights of the edges from one point, by its distances in ascending order; σ is at least a thousandth of the mean of all.
fn weights(distances: &[f64], mean: f64) -> Vec<f64> {
    let target = (distances.len() as f64).log2();
    let nearest = distances.iter().copied().find(|v| *v > 0.0).unwrap_or(0.0);
    let weight = |v: f64, sigma: f64| if v <= nearest { 1.0 } else { (-(v - nearest) / sigma).exp() };
    let (mut low, mut high, mut sigma) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..64 {
        let sum: f64 = distances.iter().map(|v| weight(*v, sigma)).sum();
        if (sum - target).abs() < 1e-5 {
            break;
        }
        if sum > target {
            high = sigma
        } else {
            low = sigma
        }
        sigma = if high.is_finite() { (low + high) / 2.0 } else { sigma * 2.0 };
    }
    let sigma = sigma.max(1e-3 * mean).max(f64::MIN_POSITIVE);
    distances.iter().map(|v| weight(*v, sigma)).collect()
}

fn attract(points: &mut [[f64; 2]], a: usize, b: usize, rate: f64) {
    let difference = [points[a][0] - points[b][0], points[a][1] - points[b][1]];
    let squared = difference[0].powi(2) + difference[1].powi(2);
    if squared <= 0.0 {
        return;
    }
    let power = squared.powf(B);
    let pull = -2.0 * A * B * power / squared / (1.0 + A * power);
    for (c, d) in difference.iter().enumerate() {
        let step = (pull * d).clamp(-CLIP, CLIP) * rate;
        points[a][c] += step;
        points[b][c] -= step;
    }
}

fn repel(points: &mut [[f64; 2]], a: usize, other: usize, rate: f64) {
    let difference = [points[a][0] - points[other][0], points[a][1] - points[other][1]];
    let squared = difference[0].powi(2) + difference[1].powi(2);
    let push = 2.0 * B / ((0.001 + squared) * (1.0 + A * squared.powf(B)));
    for (c, d) in difference.iter().enumerate() {
        points[a][c] += (push * d).clamp(-CLIP, CLIP) * rate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_the_logarithm_of_k() {
        let distances: Vec<f64> = (0..10).map(|i| 1.0 + 0.3 * f64::from(i)).collect();
        let w = weights(&distances, 2.0);
        assert!((w.iter().sum::<f64>() - 10f64.log2()).abs() < 1e-3);
        assert!(w[0] == 1.0 && w.windows(2).all(|p| p[0] >= p[1]));
        // Equal points have weights too.
        assert!(weights(&[0.0; 10], 0.0).iter().all(|w| *w == 1.0));
    }

    #[test]
    fn a_direction_that_is_seen_from_both_ends_weighs_more() {
        let edges = graph(&[vec![(1, 1.0), (2, 2.0)], vec![(0, 1.0), (2, 1.5)], vec![(1, 1.5), (0, 2.0)]]);
        let of = |from, to| edges.iter().find(|e| (e.from, e.to) == (from, to)).unwrap().weight;
        assert_eq!((edges.len(), of(0, 1), of(1, 2)), (3, 1.0, 1.0));
        // log₂ 2 is the nearest alone: what is left for the other end is nearly nothing.
        assert!(of(0, 2) < 0.01);
    }
}
