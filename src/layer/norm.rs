//! The operations on a block's input: batch norm without affine parameters, division by the maximum, L2 norm.

use tch::{Device, Kind, Tensor};

use super::Mode;

/// Weight of the newest batch in the running statistics.
const MOMENTUM: f64 = 0.1;
/// Added to the variance.
const EPS: f64 = 1e-5;

/// Batch norm over `(B, C, …)` without affine parameters, momentum 0.1, eps 1e-5 (Ioffe & Szegedy 2015).
#[derive(Debug)]
pub struct BatchNorm {
    /// Running mean of each channel `(C)`.
    pub running_mean: Tensor,
    /// Running variance of each channel `(C)`, unbiased.
    pub running_var: Tensor,
    /// Batches seen.
    pub tracked: i64,
}

impl BatchNorm {
    /// Mean 0, variance 1, nothing seen.
    pub fn new(channels: i64, device: Device) -> BatchNorm {
        BatchNorm {
            running_mean: Tensor::zeros([channels], (Kind::Float, device)),
            running_var: Tensor::ones([channels], (Kind::Float, device)),
            tracked: 0,
        }
    }

    /// Normalises with the batch's statistics (and follows them) in training, with the running ones otherwise.
    pub fn forward(&mut self, x: &Tensor, mode: Mode) -> Tensor {
        let train = mode.trains();
        self.tracked += i64::from(train);
        x.batch_norm(
            None::<&Tensor>,
            None::<&Tensor>,
            Some(&self.running_mean),
            Some(&self.running_var),
            train,
            MOMENTUM,
            EPS,
            true,
        )
    }
}

/// Each image divided by its largest value; an image whose largest value is 0 stays as it is.
pub fn max_norm(x: &Tensor) -> Tensor {
    let shape = x.size();
    let flat = x.reshape([shape[0], -1]);
    let max = flat.amax([1i64].as_slice(), true);
    let max = max.where_self(&max.not_equal(0.0), &max.ones_like());
    (flat / max).reshape(shape)
}

/// `10·x/‖x‖₂` over dimension 1.
pub fn norm_norm(x: &Tensor) -> Tensor {
    let norm = x.norm_scalaropt_dim(2.0, [1i64].as_slice(), true).clamp_min(1e-12);
    x / norm * 10.0
}
