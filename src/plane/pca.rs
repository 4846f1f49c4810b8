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
    if n == 0 || count == 0 {
        return scores;
    }
    let largest = scores.gather(0, &scores.abs().argmax(0, true), false);
    let sign: Vec<f32> = list(&largest).iter().map(|v: &f32| if *v < 0.0 { -1.0 } else { 1.0 }).collect();
    scores * Tensor::from_slice(&sign).to_device(x.device())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    /// Scores along the eigenvectors of the covariance, largest first, without their signs.
    fn by_covariance(x: &Tensor, count: i64) -> Tensor {
        let x = x.to_kind(Kind::Double);
        let x = &x - x.mean_dim([0i64].as_slice(), true, Kind::Double);
        let (_, vectors) = x.tr().mm(&x).linalg_eigh("L");
        x.mm(&vectors.flip([1i64]).narrow(1, 0, count)).abs()
    }

    #[test]
    fn components_are_those_of_the_covariance() {
        tch::manual_seed(1);
        // Wide, tall, and larger than what the range finder keeps; each column of another size, one of them constant.
        for (n, d, count) in [(12i64, 40i64, 5i64), (300, 8, 5), (200, 60, 2)] {
            let spread = Tensor::arange(d, (Kind::Float, Device::Cpu)).exp2().reciprocal().clamp_min(1e-4) * 100;
            let x = Tensor::randn([n, d], (Kind::Float, Device::Cpu)) * spread;
            let _ = x.select(1, d - 1).fill_(7.0);
            let (ours, exact) = (pca(&x, count, 0).unwrap(), by_covariance(&x, count));
            assert_eq!(ours.size(), [n, count]);
            let error = (ours.abs().to_kind(Kind::Double) - &exact).abs().amax([0i64].as_slice(), false)
                / exact.amax([0i64].as_slice(), false);
            assert!(error.max().double_value(&[]) < 1e-3, "{n}×{d}: {error}");
            let largest: Vec<f32> = list(&ours.gather(0, &ours.abs().argmax(0, true), false));
            assert!(largest.iter().all(|v| *v > 0.0), "{largest:?}");
        }
    }

    #[test]
    fn few_rows_few_columns_and_none_that_differ() {
        let row = Tensor::from_slice(&[1f32, 2.0]).view([1, 2]);
        assert_eq!(list::<f32>(&pca(&row, 2, 0).unwrap()), [0.0]);
        assert_eq!(
            pca(&Tensor::ones([5, 3], (Kind::Float, Device::Cpu)), 2, 0).unwrap().abs().max().double_value(&[]),
            0.0
        );
        assert_eq!(pca(&Tensor::randn([9, 1], (Kind::Float, Device::Cpu)), 2, 0).unwrap().size(), [9, 1]);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        let x = Tensor::ones([4, 3], (Kind::Float, Device::Cpu));
        let _ = x.get(2).fill_(f64::NAN);
        assert_eq!(pca(&x, 2, 0).unwrap_err().to_string(), "row 2 of 4 has values that are not finite");
    }
}
