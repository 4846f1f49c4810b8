//! Clusters of rows: K-means (Lloyd 1982), by `linfa-clustering`.
//!
//! The library's K-means++ starts and Lloyd iterations are seeded and give the same clusters on any number of threads.
//! Clusters are renumbered by their size, the largest first, so that a repetition gives the same colours.

use std::cmp::Reverse;

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::KMeans;
use ndarray::Array2;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tch::Tensor;

use super::{PlaneError, finite, list};

/// Starts, of which the one with the smallest sum of squares is kept.
const STARTS: usize = 4;
/// Iterations at most.
const ITERATIONS: u64 = 100;

/// The cluster of each row of `(N, D)`, numbered by size.
///
/// # Errors
/// When there are fewer rows than clusters or no clusters, or a number is not finite.
pub fn kmeans(rows: &Tensor, clusters: usize, seed: u64) -> Result<Vec<u32>, PlaneError> {
    let (n, d) = (rows.size()[0] as usize, rows.size()[1] as usize);
    let cannot = |cause: String| PlaneError::Clusters { clusters, rows: n, cause };
    if clusters == 0 || clusters > n {
        return Err(cannot("there must be at least one, and no more than rows".into()));
    }
    let values = list::<f32>(finite(rows)?);
    let data = DatasetBase::from(Array2::from_shape_vec((n, d), values).map_err(|e| cannot(e.to_string()))?);
    let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let model = KMeans::params_with_rng(clusters, rng)
        .n_runs(STARTS)
        .max_n_iterations(ITERATIONS)
        .tolerance(1e-5)
        .fit(&data)
        .map_err(|e| cannot(e.to_string()))?;
    let found: Vec<usize> = model.predict(&data).iter().copied().collect();
    Ok(by_size(&found, clusters))
}

/// Renumbers clusters: the largest is 0; of equal ones the one whose first row comes first.
fn by_size(found: &[usize], clusters: usize) -> Vec<u32> {
    let mut order: Vec<usize> = (0..clusters).collect();
    let size = |c: usize| found.iter().filter(|f| **f == c).count();
    let first = |c: usize| found.iter().position(|f| *f == c);
    order.sort_by_key(|c| (Reverse(size(*c)), first(*c)));
    let mut name = vec![0; clusters];
    order.iter().enumerate().for_each(|(new, old)| name[*old] = new as u32);
    found.iter().map(|f| name[*f]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_cluster_is_the_first() {
        assert_eq!(by_size(&[2, 0, 0, 1, 2, 0], 4), [1, 0, 0, 2, 1, 0]);
    }
}
