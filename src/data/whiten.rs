//! ZCA whitening: images standardised a channel, then decorrelated with an eigenvalue floor of 0.1.

use tch::{Kind, Tensor};

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
    use tch::Device;

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
