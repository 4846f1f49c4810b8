//! The update: what a layer's weights move by, before the learning rate (Journé et al. 2023, eq. 1).
//!
//! Δ = Σ_n y·x − (Σ_n y·u)·W for every unit, summed over images and positions, then divided by the largest |Δ| of
//! each group. Shapes: patches x `(G, N, K)`, activities y and pre-activations u `(N, G, M)`, weights W `(G, M, K)`.

use tch::{Kind, Tensor};

/// Keeps an update that is zero from dividing by zero.
pub const TINY: f64 = 1e-30;

/// Δ `(G, M, K)` after its normalisation, and the largest |Δ| of each group `(G, 1, 1)` before it.
///
/// That largest value is NaN or infinite exactly if something in the update is.
pub fn update(x: &Tensor, y: &Tensor, u: &Tensor, w: &Tensor) -> (Tensor, Tensor) {
    let yu = (y * u).sum_dim_intlist([0i64].as_slice(), false, Kind::Float);
    let yx = products(y, x);
    let mut delta = yx.addcmul(&yu.unsqueeze(-1).neg(), w);
    let largest = delta.abs().amax([1i64, 2].as_slice(), true);
    let _ = delta.g_div_(&(&largest + TINY));
    (delta, largest)
}

/// Σ_n y·x for each group: `(N, G, M)` and `(G, N, K)` to `(G, M, K)`, in single precision. Where the patches come in
/// another one, the activities are rounded to it for the product.
pub fn products(y: &Tensor, x: &Tensor) -> Tensor {
    let y = y.to_kind(x.kind());
    // One group is the common case, and a plain product is faster than a batch of one.
    if y.size()[1] == 1 {
        y.squeeze_dim(1).tr().matmul(&x.squeeze_dim(0)).unsqueeze(0).to_kind(Kind::Float)
    } else {
        y.permute([1, 2, 0]).bmm(x).to_kind(Kind::Float)
    }
}

/// Δb of each unit `(M)`: (Σ_n y − e^{t·b}·N)/e^{t·b}, divided by its largest absolute value.
///
/// `y` is `(N, G, M)`; `b` counts the units of all groups. The bias follows the logarithm of a unit's prior
/// (Moraitis et al. 2022, eq. 12).
pub fn bias_update(y: &Tensor, b: &Tensor, t_invert: f64) -> Tensor {
    let n = y.size()[0] as f64;
    let prior = (b * t_invert).exp();
    let delta = (y.sum_dim_intlist([0i64].as_slice(), false, Kind::Float).view(-1) - &prior * n) / prior;
    let largest = delta.abs().max();
    delta / (largest + TINY)
}
