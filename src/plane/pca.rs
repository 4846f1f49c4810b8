//! Principal components (Pearson 1901).

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::{Kind, Tensor};

use super::{PlaneError, finite, list};
use crate::device::guard;

/// Directions beyond those asked for, and rounds that sharpen them: both make the last ones exact.
const SPARE: i64 = 10;
const ROUNDS: usize = 4;

/// The first `count` principal components of rows `(N, D)`: the centred rows along the directions of largest variance,
/// `(N, count)`, or fewer columns where N or D is smaller. Each direction is such that its largest coordinate is positive.
///
/// A range finder with power iterations (Halko, Martinsson, Tropp 2011, algorithm 4.4): the covariance of 24,576 outputs would
/// not fit. It is exact where N or D is at most `count + 10`.
///
/// # Errors
/// When a number is not finite, or libtorch fails.
pub fn pca(rows: &Tensor, count: i64, seed: u64) -> Result<Tensor, PlaneError> {
    let rows = finite(rows)?;
    Ok(guard("principal components", || components(rows, count, seed))?)
}

fn components(rows: &Tensor, count: i64, seed: u64) -> Tensor {
    let (n, d) = (rows.size()[0], rows.size()[1]);
    let count = count.min(n).min(d);
    let wide = (count + SPARE).min(n).min(d);
    let x = rows.to_kind(Kind::Float);
    let x = &x - x.mean_dim([0i64].as_slice(), true, Kind::Float);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let noise: Vec<f32> = (0..d * wide).map(|_| StandardNormal.sample(&mut rng)).collect();
    let orthonormal = |m: &Tensor| Tensor::linalg_qr(m, "reduced").0;
    let mut basis = orthonormal(&x.matmul(&Tensor::from_slice(&noise).view([d, wide]).to_device(x.device())));
    for _ in 0..ROUNDS {
        basis = orthonormal(&x.matmul(&orthonormal(&x.tr().matmul(&basis))));
    }
    let (u, s, _) = basis.tr().matmul(&x).svd(true, true);
    let scores = (basis.matmul(&u) * s).narrow(1, 0, count);
    let largest = scores.gather(0, &scores.abs().argmax(0, true), false);
    let sign: Vec<f32> = list(&largest).iter().map(|v: &f32| if *v < 0.0 { -1.0 } else { 1.0 }).collect();
    scores * Tensor::from_slice(&sign).to_device(x.device())
}
