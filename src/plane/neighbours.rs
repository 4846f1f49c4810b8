//! The nearest rows of each: exact, in blocks, so that no n×n matrix is in memory.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tch::{Kind, Tensor};

use super::list;
use crate::device::{DeviceError, guard};

/// Rows asked about at once, and rows that they are compared with at once.
const ASKED: usize = 256;
const COMPARED: usize = 8192;

/// A matrix that need not be in memory.
pub trait Rows {
    /// How many rows.
    fn count(&self) -> usize;
    /// Rows `from..to`, `(to − from, D)`.
    fn block(&self, from: usize, to: usize) -> Tensor;
    /// These rows, `(which, D)`.
    fn pick(&self, which: &[u32]) -> Tensor;
}

impl Rows for Tensor {
    fn count(&self) -> usize {
        self.size()[0] as usize
    }

    fn block(&self, from: usize, to: usize) -> Tensor {
        self.narrow(0, from as i64, (to - from) as i64)
    }

    fn pick(&self, which: &[u32]) -> Tensor {
        let which: Vec<i64> = which.iter().map(|i| i64::from(*i)).collect();
        self.index_select(0, &Tensor::from_slice(&which).to_device(self.device()))
    }
}

/// What is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Near {
    /// A large inner product: the cosine, of rows of length one.
    Product,
    /// A small Euclidean distance.
    Distance,
}

/// The `k` rows nearest to each asked one, itself left out: number, and product or distance; the nearest first, of equally
/// near ones the lower number first. Fewer if there are fewer rows.
///
/// # Errors
/// When libtorch fails.
pub fn nearest(rows: &impl Rows, asked: &[u32], k: usize, near: Near) -> Result<Vec<Vec<(u32, f32)>>, DeviceError> {
    nearest_in_blocks(rows, asked, k, near, COMPARED)
}

/// The same, compared with so many rows at once; the answer does not depend on it but for rounding.
///
/// # Errors
/// When libtorch fails.
pub fn nearest_in_blocks(
    rows: &impl Rows,
    asked: &[u32],
    k: usize,
    near: Near,
    compared: usize,
) -> Result<Vec<Vec<(u32, f32)>>, DeviceError> {
    let (n, compared) = (rows.count(), compared.max(1));
    let mut all = Vec::with_capacity(asked.len());
    for some in asked.chunks(ASKED) {
        let mut best: Vec<Best> = some.iter().map(|own| Best { own: *own, k, list: Vec::new() }).collect();
        let queries = rows.pick(some);
        for from in (0..n).step_by(compared) {
            let to = (from + compared).min(n);
            let scores: Vec<f32> = guard("comparing rows", || {
                let block = rows.block(from, to);
                let products = queries.mm(&block.tr());
                // |a − b|² = |a|² + |b|² − 2·a·b, and |a|² is the same for all b.
                list(&match near {
                    Near::Product => products,
                    Near::Distance => {
                        products * 2 - block.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
                    }
                })
            })?;
            let pairs = best.par_iter_mut().zip(scores.par_chunks_exact(to - from));
            pairs.for_each(|(best, row)| row.iter().zip(from as u32..).for_each(|(s, j)| best.offer(j, *s)));
        }
        for best in best {
            all.push(match near {
                Near::Product => best.list,
                Near::Distance => guard("comparing rows", || distances(rows, &best))?,
            });
        }
    }
    Ok(all)
}

/// The distances themselves, from differences: as a difference of squares, those of rows that are nearly equal would be rounding.
fn distances(rows: &impl Rows, best: &Best) -> Vec<(u32, f32)> {
    let which: Vec<u32> = best.list.iter().map(|(j, _)| *j).collect();
    let differences = rows.pick(&which) - rows.pick(&[best.own]);
    let lengths: Vec<f32> = list(&differences.norm_scalaropt_dim(2.0, [1i64].as_slice(), false));
    let mut found: Vec<(u32, f32)> = which.into_iter().zip(lengths).collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    found
}

/// The nearest so far, in order.
struct Best {
    own: u32,
    k: usize,
    list: Vec<(u32, f32)>,
}

impl Best {
    /// Rows are offered by rising number, so an equal one comes after those that are there.
    fn offer(&mut self, j: u32, score: f32) {
        let full = self.list.len() >= self.k;
        if j == self.own || self.k == 0 || full && self.list.last().is_some_and(|last| score <= last.1) {
            return;
        }
        let at = self.list.partition_point(|(_, s)| *s >= score);
        self.list.insert(at, (j, score));
        self.list.truncate(self.k);
    }
}

/// Share of points (percent) whose label is that of most of their `k` nearest others in the plane: how well it keeps the
/// classes apart.
///
/// # Errors
/// When libtorch fails.
pub fn agreement(points: &[[f64; 2]], labels: &[i64], k: usize) -> Result<f64, DeviceError> {
    let flat: Vec<f32> = points.iter().flatten().map(|v| *v as f32).collect();
    let every: Vec<u32> = (0..points.len() as u32).collect();
    let found = nearest(&Tensor::from_slice(&flat).view([points.len() as i64, 2]), &every, k, Near::Distance)?;
    let right = |(near, label): &(&Vec<(u32, f32)>, &i64)| {
        let mut votes = BTreeMap::new();
        near.iter().for_each(|(j, _)| *votes.entry(labels[*j as usize]).or_insert(0) += 1);
        votes.iter().max_by_key(|(_, n)| **n).map(|(label, _)| label) == Some(*label)
    };
    let correct = found.iter().zip(labels).filter(right).count();
    Ok(100.0 * correct as f64 / points.len().max(1) as f64)
}
