//! Most similar images by cosine: exact, in blocks, so that no n×n matrix is in memory.

use tch::Tensor;

use super::{EncoderError, Features};
use crate::device::guard;
use crate::files::{FileError, npy};
use crate::plane::list;
use crate::plane::neighbours::{self, Near, Rows};

/// Images asked about at once, and images that they are compared with at once.
const ASKED: usize = 256;
const COMPARED: usize = 8192;

impl Rows for Features {
    fn count(&self) -> usize {
        self.len()
    }

    fn block(&self, from: usize, to: usize) -> Tensor {
        self.tensor(from, to)
    }

    fn pick(&self, which: &[u32]) -> Tensor {
        self.rows(which)
    }
}

/// The `k` images most similar to each asked one, itself left out: number and cosine, the most similar first; of equally
/// similar ones the lower number first. Fewer if there are fewer images.
///
/// # Errors
/// When libtorch fails.
pub fn nearest(features: &Features, asked: &[u32], k: usize) -> Result<Vec<Vec<(u32, f32)>>, EncoderError> {
    Ok(neighbours::nearest(features, asked, k, Near::Product)?)
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
        let means = Tensor::from_slice(&means).view([bins as i64, columns as i64]);
        list(&means.mm(&means.tr()))
    })?;
    Ok((bins, cells))
}
