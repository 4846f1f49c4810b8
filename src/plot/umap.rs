//! A layer's outputs in two dimensions: PCA to 100, then UMAP (McInnes, Healy, Melville 2018).
//!
//! 1. The k nearest neighbours of each point, exactly. 2. Each edge's weight `exp(−(d − ρᵢ)/σᵢ)`, ρᵢ the distance to the
//!    nearest, σᵢ such that point i's weights sum to log₂ k; both directions joined by `a + b − a·b`. 3. Points begin at their
//!    first two principal components and move: neighbours attract in proportion to their weight, five random others repel,
//!    along the gradients of the cross entropy between the two graphs, with `1/(1 + α·d²ᵝ)` as weight in the plane.
//!
//! α and β are those of a smallest distance of 0.1. One thread and one seeded generator: the same points, the same plane.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::{Device, Kind, Tensor};

/// The curve of weights in the plane for `min_dist = 0.1`, `spread = 1`.
const ALPHA: f64 = 1.5769;
const BETA: f64 = 0.8951;
/// Repelled points for each attraction.
const NEGATIVES: usize = 5;
/// Largest step of a coordinate.
const CLIP: f64 = 4.0;
/// Rows of distances at once.
const CHUNK: i64 = 500;

/// How to lay out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Neighbours of a point, itself not counted.
    pub neighbours: usize,
    /// Rounds over the edges.
    pub epochs: usize,
    /// Seed.
    pub seed: u64,
}

impl Default for Layout {
    fn default() -> Self {
        Layout { neighbours: 15, epochs: 300, seed: 0 }
    }
}

/// The first `count` principal components of rows `(N, D)`: `(N, count)`, or fewer where there are fewer.
///
/// A range finder with two power iterations (Halko, Martinsson, Tropp 2011): the covariance of 24,576 outputs would not fit.
pub fn principal(x: &Tensor, count: i64, seed: u64) -> Tensor {
    let (n, d) = (x.size()[0], x.size()[1]);
    let count = count.min(n).min(d);
    let wide = (count + 10).min(n).min(d);
    let x = x - x.mean_dim([0i64].as_slice(), true, Kind::Float);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let noise: Vec<f32> = (0..d * wide).map(|_| StandardNormal.sample(&mut rng)).collect();
    let mut q = x.matmul(&Tensor::from_slice(&noise).view([d, wide]).to_device(x.device()));
    for _ in 0..2 {
        let (basis, _) = Tensor::linalg_qr(&q, "reduced");
        let (basis, _) = Tensor::linalg_qr(&x.tr().matmul(&basis), "reduced");
        q = x.matmul(&basis);
    }
    let (basis, _) = Tensor::linalg_qr(&q, "reduced");
    let small = basis.tr().matmul(&x);
    let (u, s, _) = small.svd(true, true);
    (basis.matmul(&u) * s).narrow(1, 0, count)
}

/// Indices and distances of the k nearest other rows `(N, k)`, nearest first.
pub fn nearest(x: &Tensor, k: usize) -> (Vec<usize>, Vec<f64>) {
    let (n, k) = (x.size()[0], (k as i64).min(x.size()[0] - 1).max(0));
    let (mut index, mut distance) = (Vec::new(), Vec::new());
    for start in (0..n).step_by(CHUNK as usize) {
        let len = CHUNK.min(n - start);
        let d = Tensor::cdist(&x.narrow(0, start, len), x, 2.0, None::<i64>);
        // Itself is no neighbour, wherever a point of the same place would be sorted.
        let own = Tensor::arange_start(start, start + len, (Kind::Int64, x.device())).view([len, 1]);
        let d = d.scatter_value(1, &own, f64::INFINITY);
        let (values, at) = d.topk(k, 1, false, true);
        index.extend(Vec::<i64>::try_from(at.flatten(0, -1).to_device(Device::Cpu)).unwrap_or_default());
        distance.extend(Vec::<f64>::try_from(values.flatten(0, -1).to_kind(Kind::Double)).unwrap_or_default());
    }
    (index.into_iter().map(|i| i as usize).collect(), distance)
}

/// Weights of the edges from each point, by its distances in ascending order.
fn weights(distances: &[f64], k: usize) -> Vec<f64> {
    let target = (k as f64).log2();
    let mean = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
    let one = |d: &[f64]| -> Vec<f64> {
        let nearest = d.iter().copied().find(|v| *v > 0.0).unwrap_or(0.0);
        let weight = |v: f64, sigma: f64| if v <= nearest { 1.0 } else { (-(v - nearest) / sigma).exp() };
        let (mut low, mut high, mut sigma) = (0.0, f64::INFINITY, 1.0);
        for _ in 0..64 {
            let sum: f64 = d.iter().map(|v| weight(*v, sigma)).sum();
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
        d.iter().map(|v| weight(*v, sigma)).collect()
    };
    distances.chunks(k.max(1)).flat_map(one).collect()
}

/// An edge of the joined graph.
struct Edge {
    from: usize,
    to: usize,
    weight: f64,
}

fn graph(index: &[usize], weights: &[f64], k: usize) -> Vec<Edge> {
    let mut all = std::collections::BTreeMap::new();
    for (i, (&to, &w)) in index.iter().zip(weights).enumerate() {
        let from = i / k;
        all.entry((from.min(to), from.max(to))).and_modify(|old: &mut f64| *old = *old + w - *old * w).or_insert(w);
    }
    all.into_iter().map(|((from, to), weight)| Edge { from, to, weight }).collect()
}

/// Rows `(N, D)` as points of a plane. `each` is told the epochs that are done and says whether to go on; `None` if not.
pub fn layout(x: &Tensor, how: Layout, each: &mut dyn FnMut(usize) -> bool) -> Option<Vec<[f64; 2]>> {
    let n = x.size()[0] as usize;
    let x = principal(&x.to_kind(Kind::Float), 100, how.seed);
    let mut rng = ChaCha8Rng::seed_from_u64(how.seed);
    let mut points = start(&x, &mut rng);
    if n < 3 {
        return Some(points);
    }
    let k = how.neighbours.clamp(2, n - 1);
    let (index, distance) = nearest(&x, k);
    let edges = graph(&index, &weights(&distance, k), k);
    let most = edges.iter().map(|e| e.weight).fold(0.0, f64::max);
    // An edge moves its ends in that share of the epochs which its weight is of the largest.
    let wait: Vec<f64> = edges.iter().map(|e| most / e.weight).collect();
    let mut next = wait.clone();
    for epoch in 0..how.epochs {
        let lr = 1.0 - epoch as f64 / how.epochs as f64;
        for (i, edge) in edges.iter().enumerate() {
            if next[i] > (epoch + 1) as f64 {
                continue;
            }
            next[i] += wait[i];
            // Each edge is in the graph once and pulls at both ends.
            for (a, b) in [(edge.from, edge.to), (edge.to, edge.from)] {
                attract(&mut points, a, b, lr);
                for _ in 0..NEGATIVES {
                    let other = rng.random_range(0..n);
                    if other != a {
                        repel(&mut points, a, other, lr);
                    }
                }
            }
        }
        if !each(epoch + 1) {
            return None;
        }
    }
    Some(points)
}

/// The first two components, ten wide, with a little noise that parts equal points.
fn start(x: &Tensor, rng: &mut ChaCha8Rng) -> Vec<[f64; 2]> {
    let two = x.narrow(1, 0, x.size()[1].min(2)).to_device(Device::Cpu);
    let scale = 10.0 / two.abs().max().double_value(&[]).max(1e-12);
    let columns = two.size()[1];
    (0..x.size()[0])
        .map(|i| {
            let value = |c: i64| if c < columns { two.double_value(&[i, c]) * scale } else { 0.0 };
            [0, 1].map(|c| {
                let noise: f64 = StandardNormal.sample(rng);
                value(c) + 1e-4 * noise
            })
        })
        .collect()
}

fn attract(points: &mut [[f64; 2]], a: usize, b: usize, lr: f64) {
    let difference = [points[a][0] - points[b][0], points[a][1] - points[b][1]];
    let squared = difference[0].powi(2) + difference[1].powi(2);
    if squared <= 0.0 {
        return;
    }
    let power = squared.powf(BETA);
    let pull = -2.0 * ALPHA * BETA * power / squared / (1.0 + ALPHA * power);
    for (c, d) in difference.iter().enumerate() {
        let step = (pull * d).clamp(-CLIP, CLIP) * lr;
        points[a][c] += step;
        points[b][c] -= step;
    }
}

fn repel(points: &mut [[f64; 2]], a: usize, other: usize, lr: f64) {
    let difference = [points[a][0] - points[other][0], points[a][1] - points[other][1]];
    let squared = difference[0].powi(2) + difference[1].powi(2);
    let push = 2.0 * BETA / ((0.001 + squared) * (1.0 + ALPHA * squared.powf(BETA)));
    for (c, d) in difference.iter().enumerate() {
        points[a][c] += (push * d).clamp(-CLIP, CLIP) * lr;
    }
}

/// Share of points (percent) whose label is that of most of their `k` nearest others in the plane: how well it keeps the
/// classes apart.
pub fn agreement(points: &[[f64; 2]], labels: &[i64], k: usize) -> f64 {
    let flat: Vec<f32> = points.iter().flatten().map(|v| *v as f32).collect();
    let x = Tensor::from_slice(&flat).view([points.len() as i64, 2]);
    let (index, _) = nearest(&x, k);
    let k = index.len() / points.len().max(1);
    let right = |(i, near): (usize, &[usize])| {
        let mut votes = std::collections::BTreeMap::new();
        near.iter().for_each(|j| *votes.entry(labels[*j]).or_insert(0) += 1);
        let most = votes.iter().max_by_key(|(_, n)| **n).map(|(label, _)| *label);
        most == Some(labels[i])
    };
    let correct = index.chunks(k.max(1)).enumerate().filter(|c| right((c.0, c.1))).count();
    100.0 * correct as f64 / points.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five clouds in thirty dimensions.
    fn clouds(each: i64) -> (Tensor, Vec<i64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut draw = |n: i64| -> Tensor {
            Tensor::from_slice(&(0..n).map(|_| StandardNormal.sample(&mut rng)).collect::<Vec<f32>>())
        };
        let centres = draw(5 * 30).view([5, 30]) * 3.0;
        let labels: Vec<i64> = (0..5 * each).map(|i| i % 5).collect();
        let x = centres.index_select(0, &Tensor::from_slice(&labels)) + draw(5 * each * 30).view([5 * each, 30]);
        (x, labels)
    }

    #[test]
    fn clouds_stay_apart_and_the_plane_is_the_same_again() {
        let (x, labels) = clouds(60);
        let how = Layout { neighbours: 10, epochs: 100, seed: 3 };
        let points = layout(&x, how, &mut |_| true).unwrap();
        assert!(agreement(&points, &labels, 10) > 98.0);
        assert_eq!(points, layout(&x, how, &mut |_| true).unwrap());
        assert!(layout(&x, how, &mut |epoch| epoch < 3).is_none());
    }

    #[test]
    fn components_are_those_of_the_covariance() {
        let (x, _) = clouds(40);
        let centred = &x - x.mean_dim([0i64].as_slice(), true, Kind::Float);
        let (_, s, _) = centred.svd(true, true);
        let ours = principal(&x, 4, 0).norm_scalaropt_dim(2.0, [0i64].as_slice(), false);
        let error = ((ours - s.narrow(0, 0, 4)) / s.narrow(0, 0, 4)).abs().max().double_value(&[]);
        assert!(error < 1e-3, "{error}");
        assert_eq!(principal(&x.narrow(0, 0, 3), 100, 0).size(), [3, 3]);
    }

    #[test]
    fn weights_sum_to_the_logarithm_of_k() {
        let distances: Vec<f64> = (0..10).map(|i| 1.0 + 0.3 * f64::from(i)).collect();
        let w = weights(&distances, 10);
        assert!((w.iter().sum::<f64>() - 10f64.log2()).abs() < 1e-3);
        assert!(w[0] == 1.0 && w.windows(2).all(|p| p[0] >= p[1]));
        // Equal points have weights too.
        assert!(weights(&[0.0; 10], 10).iter().all(|w| w.is_finite()));
    }

    #[test]
    fn neighbours_are_the_nearest_others() {
        let x = Tensor::from_slice(&[0f32, 1.0, 10.0, 10.5, 10.5]).view([5, 1]);
        let (index, distance) = nearest(&x, 2);
        assert_eq!((index[0], index[1], distance[0]), (1, 2, 1.0));
        assert_eq!((index[6], distance[6]), (4, 0.0));
    }
}
