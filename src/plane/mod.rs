//! What there is to know of a matrix whose rows are points: which are near each other, which belong together, and where they
//! lie in a plane. Knows no image, run or network.
//!
//! | file | subject |
//! |---|---|
//! | [`neighbours`] | the nearest rows of each, exact and in blocks |
//! | [`mod@pca`] | principal components |
//! | [`mod@umap`] | places in the plane that keep neighbours together |
//! | [`mod@kmeans`] | clusters |

pub mod kmeans;
pub mod neighbours;
pub mod pca;
pub mod umap;

use tch::{Device, Kind, Tensor, kind::Element};

use crate::device::{DeviceError, guard};

pub use kmeans::kmeans;
pub use pca::pca;
pub use umap::{Umap, umap};

/// Rows that cannot be arranged.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    /// A number that is none.
    #[error("row {row} of {rows} has values that are not finite")]
    NotFinite {
        /// The first such row, from 0.
        row: i64,
        /// How many rows there are.
        rows: i64,
    },
    /// K-means cannot have so many clusters.
    #[error("{clusters} clusters of {rows} rows: {cause}")]
    Clusters {
        /// Clusters that were asked for.
        clusters: usize,
        /// How many rows there are.
        rows: usize,
        /// Why not.
        cause: String,
    },
    /// libtorch or the device.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// The numbers of a tensor, in order.
pub fn list<T: Element + Copy + Default>(tensor: &Tensor) -> Vec<T> {
    let tensor = tensor.detach().to_device(Device::Cpu).to_kind(T::KIND).contiguous();
    let mut values = vec![T::default(); tensor.numel()];
    tensor.copy_data(&mut values, tensor.numel());
    values
}

/// Rows `(N, D)` as they are, if each number is finite.
fn finite(rows: &Tensor) -> Result<&Tensor, PlaneError> {
    // The first row that has one, and whether it has.
    let [row, bad] = guard("reading rows", || {
        let bad = rows.isfinite().all_dim(1, false).logical_not().to_kind(Kind::Int64);
        [bad.argmax(0, false), bad.amax([0i64].as_slice(), false)].map(|t| t.int64_value(&[]))
    })?;
    if bad == 0 {
        return Ok(rows);
    }
    Err(PlaneError::NotFinite { row, rows: rows.size()[0] })
}
