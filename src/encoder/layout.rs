//! Places of images in the plane: PCA here, UMAP by umap-learn.
//!
//! Of the UMAP crates there are (annembed, fast-umap, umap-rs), none is a deterministic UMAP on the CPU that has been held
//! against the reference: annembed is another method on an approximate graph, fast-umap trains a network on a GPU, and
//! umap-rs takes neighbours and first places from its caller. umap-learn is the reference itself, so it is started as a
//! process with `scripts/umap_layout.py`, which is part of this program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{EncoderError, Features};
use crate::device::guard;

/// The program that computes UMAP.
const SCRIPT: &str = include_str!("../../scripts/umap_layout.py");
/// Fewer images have no neighbourhoods to keep.
const FEWEST: usize = 16;

/// How images are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Neighbours stay neighbours (McInnes, Healy, Melville 2018); needs umap-learn, which `make umap` sets up.
    Umap,
    /// The two directions of largest variance.
    Pca,
}

/// A python that has umap-learn, by its place alone: `SOFTHEBB_UMAP_PYTHON`, else the one that `make umap` sets up.
pub fn umap_python() -> Option<PathBuf> {
    if let Some(python) = std::env::var_os("SOFTHEBB_UMAP_PYTHON") {
        return Some(PathBuf::from(python)).filter(|p| !p.as_os_str().is_empty());
    }
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/softhebb"));
    let cache = std::env::var_os("SOFTHEBB_CACHE").map(PathBuf::from).or_else(home)?;
    Some(cache.join("umap/bin/python")).filter(|python| python.is_file())
}

/// Two numbers a row; the same for the same rows and seed.
///
/// # Errors
/// When there are too few images, or umap-learn fails.
pub fn place(features: &Features, layout: Layout, seed: u64) -> Result<Vec<[f64; 2]>, EncoderError> {
    match layout {
        Layout::Pca => guard("PCA", || pca(&features.all())).map_err(EncoderError::from),
        Layout::Umap => umap(features, seed),
    }
}

/// Principal components: the rows, centred, along the two eigenvectors of largest variance; each direction such that its
/// largest coordinate is positive. Of rows · rowsᵀ and rowsᵀ · rows the smaller one is diagonalised.
fn pca(rows: &Tensor) -> Vec<[f64; 2]> {
    let rows = rows.to_kind(Kind::Double);
    let (n, d) = (rows.size()[0], rows.size()[1]);
    let centred = &rows - rows.mean_dim([0i64].as_slice(), true, Kind::Double);
    let by_images = n < d;
    let gram = if by_images { centred.mm(&centred.tr()) } else { centred.tr().mm(&centred) };
    let (values, vectors) = gram.linalg_eigh("L");
    let k = 2.min(values.size()[0]);
    let (values, vectors) = (values.flip([0i64]).narrow(0, 0, k), vectors.flip([1i64]).narrow(1, 0, k));
    let scores = if by_images { vectors * values.clamp_min(0.0).sqrt() } else { centred.mm(&vectors) };
    let column = |c: i64| -> Vec<f64> {
        let mut values = vec![0.0; n as usize];
        if c < k {
            scores.select(1, c).contiguous().copy_data(&mut values, n as usize);
        }
        let largest = values.iter().copied().fold(0.0, |a: f64, x: f64| if x.abs() > a.abs() { x } else { a });
        values.iter().map(|x| x * if largest < 0.0 { -1.0 } else { 1.0 }).collect()
    };
    column(0).into_iter().zip(column(1)).map(|(x, y)| [x, y]).collect()
}

fn umap(features: &Features, seed: u64) -> Result<Vec<[f64; 2]>, EncoderError> {
    let failed = |cause: String| EncoderError::Umap { cause };
    if features.len() < FEWEST {
        return Err(failed(format!("{} images are too few, it wants {FEWEST}", features.len())));
    }
    let python = umap_python().ok_or_else(|| failed("there is no python with umap-learn".to_string()))?;
    let seed = seed % (1 << 32); // what NumPy takes
    let out = Command::new(&python)
        .args(["-I", "-c", SCRIPT])
        .arg(features.matrix.path())
        .arg(seed.to_string())
        .output()
        .map_err(|e| failed(format!("cannot start {}: {e}", python.display())))?;
    if !out.status.success() {
        let text = String::from_utf8_lossy(&out.stderr);
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        return Err(failed(format!("{}: {last}", python.display())));
    }
    let text = String::from_utf8_lossy(&out.stdout);
    let place = |line: &str| -> Option<[f64; 2]> {
        let (x, y) = line.split_once(' ')?;
        Some([x.parse().ok()?, y.parse().ok()?]).filter(|p: &[f64; 2]| p.iter().all(|x| x.is_finite()))
    };
    let places: Option<Vec<_>> = text.lines().map(place).collect();
    places
        .filter(|p| p.len() == features.len())
        .ok_or_else(|| failed(format!("{} printed something else than {} places", python.display(), features.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pca_finds_the_direction_of_a_line() {
        // Points on a line in five dimensions, and a little across: wide and tall matrices alike.
        for n in [3usize, 40] {
            let at = |i: usize| i as f32 - (n - 1) as f32 / 2.0;
            let rows: Vec<f32> = (0..n)
                .flat_map(|i| [3.0 * at(i), 4.0 * at(i), if i % 2 == 0 { 0.1 } else { -0.1 }, 0.0, 7.0])
                .collect();
            let places = pca(&Tensor::from_slice(&rows).view([n as i64, 5]));
            let sign = places[n - 1][0].signum();
            for (i, [x, y]) in places.iter().enumerate() {
                assert!((x * sign - 5.0 * f64::from(at(i))).abs() < 1e-2, "{n}, {i}: {x}");
                assert!(y.abs() < 0.25, "{n}, {i}: {y}");
            }
        }
    }

    #[test]
    fn pca_of_one_image_is_the_origin() {
        assert_eq!(pca(&Tensor::from_slice(&[1f32, 2.0]).view([1, 2])), [[0.0, 0.0]]);
    }
}
