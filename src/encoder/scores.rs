//! How well a clustering separates images, and how it agrees with their classes.
//!
//! - silhouette (Rousseeuw 1987): the mean over images of (b − a)/max(a, b), where a is the mean distance to the others of
//!   its own cluster and b the smallest mean distance to another cluster; 0 for an image that is alone in its cluster.
//! - NMI: mutual information of clusters and classes over the arithmetic mean of their entropies.
//! - purity: share of images that belong to the most frequent class of their cluster.

use tch::{Device, Kind, Tensor};

use crate::plane::list;

/// Rows of distances that are in memory at once.
const BLOCK: i64 = 512;
/// Squared distance, as a share of the sum of both squared lengths, up to which two images are the same.
const SAME: f64 = 1e-12;

/// Mean silhouette of rows (n, D) with Euclidean distances; `None` without at least two clusters that have images, or where
/// every image is a cluster of its own. In blocks: no n² distances are kept.
pub fn silhouette(rows: &Tensor, labels: &[u32]) -> Option<f64> {
    let counts = counts(labels);
    let used = counts.iter().filter(|n| **n > 0).count();
    if used < 2 || used >= labels.len() {
        return None;
    }
    let rows = rows.to_device(Device::Cpu).to_kind(Kind::Double);
    let square = rows.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
    let ids: Vec<i64> = labels.iter().map(|l| i64::from(*l)).collect();
    let members = Tensor::from_slice(&ids).one_hot(counts.len() as i64).to_kind(Kind::Double);
    let (n, mut sum) = (labels.len() as i64, 0.0);
    for from in (0..n).step_by(BLOCK as usize) {
        let block = rows.narrow(0, from, BLOCK.min(n - from));
        let sizes = square.narrow(0, from, block.size()[0]).unsqueeze(1) + &square;
        let distances = &sizes - block.mm(&rows.tr()) * 2.0;
        // What is left where two images are the same is rounding, and its root would be a distance.
        let told_apart = distances.gt_tensor(&(sizes * SAME)).to_kind(Kind::Double);
        let distances = (distances * told_apart).sqrt();
        let _ = distances.diagonal(from, 0, 1).zero_();
        let to_clusters = list::<f64>(&distances.mm(&members));
        for (i, sums) in to_clusters.chunks_exact(counts.len()).enumerate() {
            let own = labels[from as usize + i] as usize;
            if counts[own] < 2 {
                continue;
            }
            let a = sums[own] / (counts[own] - 1) as f64;
            let others = (0..counts.len()).filter(|c| *c != own && counts[*c] > 0);
            let b = others.map(|c| sums[c] / counts[c] as f64).fold(f64::INFINITY, f64::min);
            if a.max(b) > 0.0 {
                sum += (b - a) / a.max(b);
            }
        }
    }
    Some(sum / n as f64)
}

/// How many of each label.
fn counts(labels: &[u32]) -> Vec<u64> {
    let mut counts = vec![0; labels.iter().max().map_or(0, |l| *l as usize + 1)];
    labels.iter().for_each(|l| counts[*l as usize] += 1);
    counts
}

/// Images of each cluster by class: `table[cluster][class]`.
fn table(clusters: &[u32], classes: &[u32]) -> Vec<Vec<u64>> {
    let width = classes.iter().max().map_or(0, |c| *c as usize + 1);
    let height = clusters.iter().max().map_or(0, |c| *c as usize + 1);
    let mut table = vec![vec![0; width]; height];
    clusters.iter().zip(classes).for_each(|(k, c)| table[*k as usize][*c as usize] += 1);
    table
}

fn entropy(counts: &[u64], n: f64) -> f64 {
    counts.iter().filter(|c| **c > 0).map(|c| *c as f64 / n).map(|p| -p * p.ln()).sum()
}

/// Normalised mutual information, 0…1; 1 where neither side tells anything apart.
pub fn nmi(clusters: &[u32], classes: &[u32]) -> f64 {
    let n = clusters.len().min(classes.len()) as f64;
    let (rows, columns) = (counts(clusters), counts(classes));
    let (a, b) = (entropy(&rows, n), entropy(&columns, n));
    let mut information = 0.0;
    for (k, row) in table(clusters, classes).iter().enumerate() {
        for (c, &both) in row.iter().enumerate().filter(|(_, both)| **both > 0) {
            let (p, expected) = (both as f64 / n, rows[k] as f64 * columns[c] as f64 / (n * n));
            information += p * (p / expected).ln();
        }
    }
    if a + b == 0.0 { 1.0 } else { (information / ((a + b) / 2.0)).clamp(0.0, 1.0) }
}

/// Purity, 0…1.
pub fn purity(clusters: &[u32], classes: &[u32]) -> f64 {
    let best: u64 = table(clusters, classes).iter().filter_map(|row| row.iter().max()).sum();
    best as f64 / clusters.len().max(1) as f64
}

/// Share of the nearest neighbours of some images that are of their class.
pub fn same_class(asked: &[u32], found: &[Vec<(u32, f32)>], classes: &[u32]) -> f64 {
    let pairs = asked.iter().zip(found).flat_map(|(i, list)| list.iter().map(move |(j, _)| (*i, *j)));
    let same = |(s, n), (i, j)| (s + u64::from(classes[i as usize] == classes[j as usize]), n + 1);
    let (same, all) = pairs.fold((0u64, 0u64), same);
    same as f64 / all.max(1) as f64
}

/// Distance between two lists of numbers; for tests of what is computed in blocks.
#[cfg(test)]
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rousseeuw's definition, one image after the other.
    fn plain(rows: &[Vec<f32>], labels: &[u32]) -> f64 {
        let clusters: std::collections::BTreeSet<u32> = labels.iter().copied().collect();
        let mean = |i: usize, k: u32| {
            let others: Vec<f64> =
                (0..rows.len()).filter(|j| *j != i && labels[*j] == k).map(|j| distance(&rows[i], &rows[j])).collect();
            (!others.is_empty()).then(|| others.iter().sum::<f64>() / others.len() as f64)
        };
        let of = |i: usize| {
            let Some(a) = mean(i, labels[i]) else { return 0.0 };
            let b =
                clusters.iter().filter(|k| **k != labels[i]).filter_map(|k| mean(i, *k)).fold(f64::INFINITY, f64::min);
            if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 }
        };
        (0..rows.len()).map(of).sum::<f64>() / rows.len() as f64
    }

    #[test]
    fn tables_by_hand() {
        // Two clusters of three; classes 0 0 1 | 1 1 1.
        let (k, c) = ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1]);
        assert!((purity(&k, &c) - 5.0 / 6.0).abs() < 1e-12);
        // I = 2/6 ln(2/6 / (3/6·2/6)) + 1/6 ln(1/6 / (3/6·4/6)) + 3/6 ln(3/6 / (3/6·4/6)); H = ln 2 and 0.636514.
        let information = 2f64.ln() / 3.0 + 0.5f64.ln() / 6.0 + 1.5f64.ln() / 2.0;
        assert!((nmi(&k, &c) - information / ((2f64.ln() + 0.636_514_168_294_813) / 2.0)).abs() < 1e-12);
        assert!((nmi(&k, &[1, 1, 1, 0, 0, 0]) - 1.0).abs() < 1e-12, "other names, the same parts");
        assert!(nmi(&[0, 0, 0, 0], &[0, 1, 0, 1]) < 1e-12);
    }

    #[test]
    fn silhouettes_that_are_none() {
        let rows = Tensor::from_slice(&[0f32, 1.0, 2.0]).view([3, 1]);
        assert_eq!(silhouette(&rows, &[0, 0, 0]), None);
        assert_eq!(silhouette(&rows, &[0, 1, 2]), None);
        // a, b of the images: (1, 2), (1, 1), alone: (1/2 + 0 + 0)/3.
        assert!((silhouette(&rows, &[0, 0, 3]).unwrap() - 0.5 / 3.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn silhouette_is_its_definition(
            (rows, labels) in (4usize..40).prop_flat_map(|n| (
                proptest::collection::vec(proptest::collection::vec(-3f32..3.0, 3), n),
                proptest::collection::vec(0u32..4, n),
            ))
        ) {
            let tensor = Tensor::from_slice(&rows.concat()).view([-1, 3]);
            if let Some(ours) = silhouette(&tensor, &labels) {
                prop_assert!((ours - plain(&rows, &labels)).abs() < 1e-6);
            }
        }

        #[test]
        fn agreements_are_shares(
            pairs in proptest::collection::vec((0u32..5, 0u32..4), 1..60)
        ) {
            let (k, c): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
            prop_assert!((0.0..=1.0).contains(&nmi(&k, &c)) && (0.0..=1.0).contains(&purity(&k, &c)));
            prop_assert!((nmi(&k, &c) - nmi(&c, &k)).abs() < 1e-12);
            prop_assert!((nmi(&k, &k) - 1.0).abs() < 1e-12);
        }
    }
}
