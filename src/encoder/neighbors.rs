//! Most similar images by cosine: exact, in blocks, so that no n×n matrix is in memory.

use rayon::prelude::*;

use super::features::list;
use super::{EncoderError, Features};
use crate::device::guard;
use crate::files::{FileError, npy};

/// Images asked about at once, and images that they are compared with at once.
const ASKED: usize = 256;
const COMPARED: usize = 8192;

/// The `k` images most similar to each asked one, itself left out: number and cosine, the most similar first; of equally
/// similar ones the lower number first. Fewer if there are fewer images.
///
/// # Errors
/// When libtorch fails.
pub fn nearest(features: &Features, asked: &[u32], k: usize) -> Result<Vec<Vec<(u32, f32)>>, EncoderError> {
    nearest_in_blocks(features, asked, k, COMPARED)
}

/// The same, compared with so many images at once; the answer does not depend on it but for rounding.
///
/// # Errors
/// When libtorch fails.
pub fn nearest_in_blocks(
    features: &Features,
    asked: &[u32],
    k: usize,
    compared: usize,
) -> Result<Vec<Vec<(u32, f32)>>, EncoderError> {
    let (n, compared) = (features.len(), compared.max(1));
    let mut all = Vec::with_capacity(asked.len());
    for block in asked.chunks(ASKED) {
        let mut best: Vec<Best> = block.iter().map(|own| Best { own: *own, k, list: Vec::new() }).collect();
        let rows = features.rows(block);
        for from in (0..n).step_by(compared) {
            let to = (from + compared).min(n);
            let cosines = guard("comparing images", || list(&rows.mm(&features.tensor(from, to).tr())))?;
            let pairs = best.par_iter_mut().zip(cosines.par_chunks_exact(to - from));
            pairs.for_each(|(best, row)| row.iter().zip(from as u32..).for_each(|(s, j)| best.offer(j, *s)));
        }
        all.extend(best.into_iter().map(|b| b.list));
    }
    Ok(all)
}

/// The most similar so far, in order.
struct Best {
    own: u32,
    k: usize,
    list: Vec<(u32, f32)>,
}

impl Best {
    /// Images are offered by rising number, so an equal one comes after those that are there.
    fn offer(&mut self, j: u32, similarity: f32) {
        let full = self.list.len() >= self.k;
        if j == self.own || self.k == 0 || full && self.list.last().is_some_and(|last| similarity <= last.1) {
            return;
        }
        let at = self.list.partition_point(|(_, s)| *s >= similarity);
        self.list.insert(at, (j, similarity));
        self.list.truncate(self.k);
    }
}

/// Writes the matrix of all cosines (n, n), block by block.
///
/// # Errors
/// When libtorch fails or the file cannot be written.
pub fn write_matrix(features: &Features, path: &std::path::Path) -> Result<(), EncoderError> {
    let n = features.len();
    npy::write(path, n, |rows| -> Result<(), EncoderError> {
        for from in (0..n).step_by(ASKED) {
            let asked = features.tensor(from, (from + ASKED).min(n));
            let mut block = vec![0f32; n * asked.size()[0] as usize];
            for left in (0..n).step_by(COMPARED) {
                let right = (left + COMPARED).min(n);
                let part = guard("comparing images", || list(&asked.mm(&features.tensor(left, right).tr())))?;
                for (row, values) in block.chunks_exact_mut(n).zip(part.chunks_exact(right - left)) {
                    row[left..right].copy_from_slice(values);
                }
            }
            rows.push(&block).map_err(FileError::write(path))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// The matrix of cosines in `order`, made smaller to at most `side`×`side`: each cell is the mean of a block. A mean of products
/// is the product of means, so this needs no n×n matrix and is exact.
///
/// # Errors
/// When libtorch fails.
pub fn blocks(features: &Features, order: &[u32], side: usize) -> Result<(usize, Vec<f32>), EncoderError> {
    let n = order.len();
    let bins = side.clamp(1, n.max(1));
    let columns = features.matrix.columns();
    let mut means = vec![0f32; bins * columns];
    for (bin, mean) in means.chunks_exact_mut(columns.max(1)).enumerate() {
        let members = &order[bin * n / bins..(bin + 1) * n / bins];
        for i in members {
            let row = features.matrix.block(*i as usize, *i as usize + 1);
            mean.iter_mut().zip(row).for_each(|(m, x)| *m += x / members.len() as f32);
        }
    }
    let cells = guard("comparing images", || {
        let means = tch::Tensor::from_slice(&means).view([bins as i64, columns as i64]);
        list(&means.mm(&means.tr()))
    })?;
    Ok((bins, cells))
}
