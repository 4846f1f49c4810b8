//! Clusters of images and their places in the plane.

use serde::{Deserialize, Serialize};

use super::{EncoderError, Features};
use crate::device::guard;
use crate::plane::{self, Umap};

/// How images are placed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Neighbours stay neighbours (McInnes, Healy, Melville 2018).
    #[default]
    Umap,
    /// The two directions of largest variance.
    Pca,
}

/// Two numbers a row; the same for the same rows and seed.
///
/// # Errors
/// When a row has values that are not finite, or libtorch fails.
pub fn place(features: &Features, layout: Layout, seed: u64) -> Result<Vec<[f64; 2]>, EncoderError> {
    let rows = features.all();
    match layout {
        Layout::Umap => Ok(plane::umap(&rows, Umap { seed, ..Umap::default() }, &mut |_| true)?.unwrap_or_default()),
        Layout::Pca => {
            let components = plane::pca(&rows, 2, seed)?;
            // One image, or rows of one number, have one component.
            let two = guard("PCA", || components.constant_pad_nd([0, 2 - components.size()[1]]))?;
            Ok(plane::list::<f64>(&two).as_chunks::<2>().0.to_vec())
        }
    }
}

/// The cluster of each image by K-means, numbered by size.
///
/// # Errors
/// When there are fewer images than clusters, or a row has values that are not finite.
pub fn clusters(features: &Features, clusters: usize, seed: u64) -> Result<Vec<u32>, EncoderError> {
    if clusters == 0 || clusters > features.len() {
        let rule = format!("there are {} images", features.len());
        return Err(EncoderError::Setting { name: "--clusters", value: clusters.to_string(), rule });
    }
    Ok(plane::kmeans(&features.all(), clusters, seed)?)
}
