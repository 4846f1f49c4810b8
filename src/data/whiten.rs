//! ZCA whitening: images standardised a channel, then decorrelated with an eigenvalue floor of 0.1.
//!
//! Learning it from CIFAR-10 takes a minute (a covariance of 3072 by 3072 and its eigenvectors), so it is kept beside the data: a file a set of
//! training images, named by the data set and the SHA-256 of the pixels.

use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::files::write_atomic;

/// Most values of an image: beyond it the covariance alone takes gigabytes and its eigenvectors hours.
pub const MOST: usize = 12_288;

/// Added to each eigenvalue of the covariance.
const FLOOR: f64 = 0.1;
/// Images a step.
const CHUNK: i64 = 1000;

/// A whitening learned from training images.
#[derive(Debug)]
pub struct Zca {
    mean: Tensor,
    std: Tensor,
    /// `(D, D)`, symmetric.
    matrix: Tensor,
}

impl Zca {
    /// The whitening of these images: read from its file in `folder` if an earlier run kept one, else learned and kept. Beside
    /// it a remark if it could not be kept.
    pub fn stored(images: &Tensor, folder: &Path, name: &str) -> (Zca, Option<String>) {
        let path = file(images, folder, name);
        if let Some(zca) = read(&path, images) {
            return (zca, None);
        }
        let zca = Zca::learn(images);
        let note = zca.write(&path).err().map(|e| format!("the whitening of {name} is learned anew each time: {e}"));
        (zca, note)
    }

    fn write(&self, path: &Path) -> Result<(), String> {
        let bytes = |t: &Tensor| {
            let t = t.to_device(Device::Cpu).contiguous().flatten(0, -1);
            let values = Vec::<f32>::try_from(&t).unwrap_or_default();
            (values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>(), t)
        };
        let held = [("mean", &self.mean), ("std", &self.std), ("matrix", &self.matrix)].map(|(name, t)| {
            let shape: Vec<usize> = t.size().iter().map(|n| *n as usize).collect();
            (name, shape, bytes(t).0)
        });
        let views =
            held.iter().map(|(name, shape, data)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), data)?)));
        let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>().map_err(|e| e.to_string())?;
        let data = safetensors::serialize(views, None).map_err(|e| e.to_string())?;
        write_atomic(path, |out| out.write_all(&data)).map_err(|e| e.to_string())
    }

    /// Learns from 8-bit images `(N, C, H, W)`.
    pub fn learn(images: &Tensor) -> Zca {
        let (n, [mean, std]) = (images.size()[0], channel_statistics(images));
        let d: i64 = images.size()[1..].iter().product();
        let options = (Kind::Double, images.device());
        let (mut sum, mut products) = (Tensor::zeros([d], options), Tensor::zeros([d, d], options));
        for start in (0..n).step_by(CHUNK as usize) {
            let x = standardised(&images.narrow(0, start, CHUNK.min(n - start)), &mean, &std).to_kind(Kind::Double);
            let _ = sum.g_add_(&x.sum_dim_intlist([0i64].as_slice(), false, Kind::Double));
            let _ = products.g_add_(&x.tr().matmul(&x));
        }
        let centre = &sum / n as f64;
        let covariance = (products - centre.outer(&sum)) / (n as f64 - 1.0).max(1.0);
        let (values, vectors) = covariance.linalg_eigh("L");
        let scale = (values.clamp_min(0.0) + FLOOR).rsqrt();
        let matrix = (&vectors * scale).matmul(&vectors.tr()).to_kind(Kind::Float);
        Zca { mean, std, matrix }
    }

    /// Whitens 8-bit images `(N, C, H, W)` to floats of the same shape.
    pub fn apply(&self, images: &Tensor) -> Tensor {
        let (n, size) = (images.size()[0], images.size());
        let out = Tensor::empty(&size, (Kind::Float, images.device()));
        for start in (0..n).step_by(CHUNK as usize) {
            let len = CHUNK.min(n - start);
            let x = standardised(&images.narrow(0, start, len), &self.mean, &self.std).matmul(&self.matrix);
            out.narrow(0, start, len).copy_(&x.view([len, size[1], size[2], size[3]]));
        }
        out
    }
}

/// `CIFAR10-zca-0123456789abcdef.safetensors`.
fn file(images: &Tensor, folder: &Path, name: &str) -> PathBuf {
    let mut sum = Sha256::new();
    let n = images.size()[0];
    for start in (0..n).step_by(CHUNK as usize) {
        let rows = images.narrow(0, start, CHUNK.min(n - start)).to_device(Device::Cpu).contiguous().flatten(0, -1);
        sum.update(Vec::<u8>::try_from(&rows).unwrap_or_default());
    }
    let digest: String = sum.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
    folder.join(format!("{name}-zca-{digest}.safetensors"))
}

/// A whitening that was kept; `None` if there is none, or one that does not fit.
fn read(path: &Path, images: &Tensor) -> Option<Zca> {
    let data = std::fs::read(path).ok()?;
    let file = SafeTensors::deserialize(&data).ok()?;
    let (c, d) = (images.size()[1], images.size()[1..].iter().product::<i64>());
    let tensor = |name: &str, shape: &[i64]| {
        let view = file.tensor(name).ok().filter(|v| v.dtype() == Dtype::F32)?;
        let t = Tensor::f_from_data_size(view.data(), shape, Kind::Float).ok()?;
        (view.shape().iter().map(|n| *n as i64).eq(shape.iter().copied())).then(|| t.to_device(images.device()))
    };
    let channels = [1, c, 1, 1];
    Some(Zca { mean: tensor("mean", &channels)?, std: tensor("std", &channels)?, matrix: tensor("matrix", &[d, d])? })
}

/// Mean and standard deviation of each channel `(1, C, 1, 1)` of images in [0, 1].
fn channel_statistics(images: &Tensor) -> [Tensor; 2] {
    let dims = [0i64, 2, 3];
    let (n, c) = (images.size()[0], images.size()[1]);
    let options = (Kind::Double, images.device());
    let (mut sum, mut squares) = (Tensor::zeros([1, c, 1, 1], options), Tensor::zeros([1, c, 1, 1], options));
    for start in (0..n).step_by(CHUNK as usize) {
        let x = images.narrow(0, start, CHUNK.min(n - start)).to_kind(Kind::Double) / 255.0;
        let _ = sum.g_add_(&x.sum_dim_intlist(dims.as_slice(), true, Kind::Double));
        let _ = squares.g_add_(&x.square().sum_dim_intlist(dims.as_slice(), true, Kind::Double));
    }
    let count = (images.numel() as f64 / c as f64).max(1.0);
    let mean = sum / count;
    let std = (squares / count - mean.square()).clamp_min(1e-12).sqrt();
    [mean.to_kind(Kind::Float), std.to_kind(Kind::Float)]
}

/// `(n, D)`.
fn standardised(images: &Tensor, mean: &Tensor, std: &Tensor) -> Tensor {
    ((images.to_kind(Kind::Float) / 255.0 - mean) / std).flatten(1, -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whitening_is_kept_by_its_images() {
        let dir = tempfile::tempdir().unwrap();
        let images = |seed: i64| {
            ((Tensor::arange(200 * 12, (Kind::Float, Device::Cpu)) * seed as f64).sin() * 100.0 + 128.0)
                .to_kind(Kind::Uint8)
                .view([200, 3, 2, 2])
        };
        let first = Zca::stored(&images(1), dir.path(), "X").0;
        let files = || std::fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().path()).collect::<Vec<_>>();
        assert_eq!(files().len(), 1);
        let again = Zca::stored(&images(1), dir.path(), "X").0;
        assert_eq!(first.matrix, again.matrix);
        assert_eq!(first.apply(&images(1)), again.apply(&images(1)));
        Zca::stored(&images(2), dir.path(), "X");
        assert_eq!(files().len(), 2, "other images, another file");
        // A file that is none is learned over.
        std::fs::write(&files()[0], "no tensors").unwrap();
        assert!(Zca::stored(&images(1), dir.path(), "X").1.is_none());
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let note = Zca::stored(&images(1), &blocked, "X").1.unwrap();
        assert!(note.contains("learned anew each time"), "{note}");
    }

    #[test]
    fn whitened_covariance_is_the_closed_form() {
        let images = (Tensor::rand([4000, 3, 2, 2], (Kind::Float, Device::Cpu)) * 255.0).to_kind(Kind::Uint8);
        // Neighbouring pixels made alike, so that there is something to whiten.
        images.narrow(3, 1, 1).copy_(&images.narrow(3, 0, 1));
        let x = Zca::learn(&images).apply(&images).flatten(1, -1).to_kind(Kind::Double);
        let x = &x - x.mean_dim([0i64].as_slice(), true, Kind::Double);
        let covariance = x.tr().matmul(&x) / 3999.0;
        // Eigenvalues v become v/(v + 0.1): those of pairs alike (2) 0.952, of their differences (0) 0.
        let values = covariance.linalg_eigh("L").0;
        let values: Vec<f64> = Vec::try_from(&values).expect("a vector");
        for v in values {
            assert!(v.abs() < 1e-3 || (v - 2.0 / 2.1).abs() < 0.01, "{v}");
        }
    }
}
