//! Clusters of rows: K-means, by `linfa-clustering`.
//!
//! The library's K-means++ starts and Lloyd iterations are seeded and give the same clusters on any number of threads.
//! Clusters are renumbered by their size, the largest first, so that a repetition gives the same colours.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::KMeans;
use ndarray::Array2;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::{EncoderError, Features};

/// Starts, of which the one with the smallest sum of squares is kept.
const STARTS: usize = 4;
/// Iterations at most.
const ITERATIONS: u64 = 100;

/// The cluster of each row, numbered by size.
///
/// # Errors
/// When there are fewer rows than clusters.
pub fn kmeans(features: &Features, clusters: usize, seed: u64) -> Result<Vec<u32>, EncoderError> {
    let (rows, columns) = (features.len(), features.matrix.columns());
    if clusters == 0 || clusters > rows {
        let rule = format!("there are {rows} images");
        return Err(EncoderError::Setting { name: "--clusters", value: clusters.to_string(), rule });
    }
    let cannot = |cause: String| EncoderError::Cannot(format!("K-means with {clusters} clusters: {cause}"));
    let values = features.matrix.block(0, rows);
    let data = DatasetBase::from(Array2::from_shape_vec((rows, columns), values).map_err(|e| cannot(e.to_string()))?);
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

/// Renumbers clusters: the largest is 0; of equal ones the one whose first image comes first.
fn by_size(found: &[usize], clusters: usize) -> Vec<u32> {
    let mut order: Vec<usize> = (0..clusters).collect();
    let size = |c: usize| found.iter().filter(|f| **f == c).count();
    let first = |c: usize| found.iter().position(|f| *f == c);
    order.sort_by_key(|c| (std::cmp::Reverse(size(*c)), first(*c)));
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
