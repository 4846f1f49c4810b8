//! Triangle and pool in one pass over a convolution's pre-activations, channels-last on the CPU: the plain form
//! ([`super::activation`], [`super::pool`]) makes six, and takes a power of every number where the pool keeps one in four.
//!
//! `relu(u − mean over channels)^p` (Journé et al. 2023, §3.2) grows with u for p > 0, so a max pool of it is the power of the max
//! pool of `relu(u − mean)`. For an average pool that holds for p = 1 alone.

use tch::{Device, Kind, Tensor};

use super::wide::{LANES, dispatch, numbers, numbers_mut, reaches};
use crate::parallel;
use crate::preset::config::{Activation, ActivationFn, Pool, PoolKind};

/// Whether [`triangle_pool`] can do this.
pub fn knows(activation: &Activation, pool: &Pool) -> bool {
    let p = activation.param;
    activation.function == ActivationFn::Triangle && (pool.kind == PoolKind::Max && p > 0.0 || p == 1.0)
}

/// `(B, C, H, W)`, channels-last, to `(B, C, H', W')`, channels-last; `None` where the plain form has to do it (another
/// device or layout, or autograd follows).
pub fn triangle_pool(u: &Tensor, power: f64, pool: &Pool) -> Option<Tensor> {
    let rows = u.permute([0, 2, 3, 1]);
    if !reaches(u.device()) || u.kind() != Kind::Float || u.requires_grad() || !rows.is_contiguous() {
        return None;
    }
    let size = rows.size();
    let [h, w, c] = [size[1] as usize, size[2] as usize, size[3] as usize];
    let to = |n: usize| ((n as i64 + 2 * pool.padding - pool.kernel) / pool.stride + 1).max(0) as usize;
    let (oh, ow) = (to(h), to(w));
    let mut out = Tensor::empty([size[0], oh as i64, ow as i64, size[3]], (Kind::Float, Device::Cpu));
    {
        // SAFETY: `out` is new.
        let (from, to) = (numbers(&rows), unsafe { numbers_mut(&mut out) });
        let window = Window { pool, h, w, ow };
        parallel::each(to.chunks_mut((oh * ow * c).max(1)), |i, to| {
            image(&from[i * h * w * c..(i + 1) * h * w * c], to, c, &window);
        });
    }
    if power != 1.0 {
        let _ = out.pow_(power);
    }
    Some(out.permute([0, 3, 1, 2]))
}

/// Where a pool's windows lie.
struct Window<'a> {
    pool: &'a Pool,
    h: usize,
    w: usize,
    ow: usize,
}

impl Window<'_> {
    /// The positions of the image that the i-th window along an axis of length n covers.
    fn covers(&self, i: usize, n: usize) -> std::ops::Range<usize> {
        let start = i as i64 * self.pool.stride - self.pool.padding;
        start.max(0) as usize..((start + self.pool.kernel).clamp(0, n as i64) as usize)
    }
}

dispatch! {
    /// One image `(H, W, C)`.
    fn image(u: &[f32], out: &mut [f32], c: usize, window: &Window<'_>) = image_loop
}

#[inline(always)]
fn image_loop(u: &[f32], out: &mut [f32], c: usize, window: &Window<'_>) {
    let means: Vec<f32> = u.chunks_exact(c).map(mean).collect();
    let average = window.pool.kind == PoolKind::Avg;
    // Average pools count the padding.
    let share = 1.0 / (window.pool.kernel * window.pool.kernel) as f32;
    for (i, out) in out.chunks_exact_mut(c).enumerate() {
        out.fill(0.0); // relu's floor
        for y in window.covers(i / window.ow, window.h) {
            for x in window.covers(i % window.ow, window.w) {
                let at = y * window.w + x;
                let (u, mean) = (&u[at * c..(at + 1) * c], means[at]);
                if average {
                    for (out, u) in out.iter_mut().zip(u) {
                        let v = u - mean;
                        *out += if v < 0.0 { 0.0 } else { v }; // NaN stays
                    }
                } else {
                    for (out, u) in out.iter_mut().zip(u) {
                        let v = u - mean;
                        *out = if v > *out || v.is_nan() { v } else { *out }; // NaN stays
                    }
                }
            }
        }
        if average {
            out.iter_mut().for_each(|v| *v *= share);
        }
    }
}

#[inline(always)]
fn mean(u: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = u.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (sum, v) in lanes.iter_mut().zip(chunk) {
            *sum += v;
        }
    }
    (lanes.iter().sum::<f32>() + rest) / u.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{activation, patches, pool};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(80))]

        /// One pass computes what the plain passes do, whatever the sizes.
        #[test]
        fn the_fast_form_is_the_plain_form(
            b in 1i64..4, c in 1i64..40, h in 4i64..11, w in 4i64..11, kernel in 1i64..5, stride in 1i64..4, padding in 0i64..3,
            average: bool, power in 0.3f64..2.5, seed in 0i64..1000,
        ) {
            let padding = padding.min(kernel / 2); // as libtorch asks
            tch::manual_seed(seed);
            let u = patches::channels_last(&Tensor::randn([b, c, h, w], (Kind::Float, Device::Cpu)));
            let kind = if average { PoolKind::Avg } else { PoolKind::Max };
            let p = Pool { kind, kernel, stride, padding };
            let a = Activation { function: ActivationFn::Triangle, param: if average { 1.0 } else { power } };
            prop_assert!(knows(&a, &p));
            let plain = pool::apply(&p, &activation::apply(&a, &u.copy()));
            let fast = triangle_pool(&u, a.param, &p).expect("it reaches");
            prop_assert_eq!(fast.size(), plain.size());
            let error = (&fast - &plain).abs().max().double_value(&[]);
            prop_assert!(error <= 1e-5 * plain.abs().max().double_value(&[]).max(1.0), "{}", error);
        }
    }

    #[test]
    fn a_power_does_not_pass_an_average() {
        let p = Pool { kind: PoolKind::Avg, kernel: 2, stride: 2, padding: 0 };
        assert!(!knows(&Activation { function: ActivationFn::Triangle, param: 1.4 }, &p));
        assert!(!knows(&Activation { function: ActivationFn::Relu, param: 1.0 }, &p));
    }

    #[test]
    fn nan_stays() {
        for kind in [PoolKind::Max, PoolKind::Avg] {
            let u = patches::channels_last(&Tensor::randn([1, 3, 4, 4], (Kind::Float, Device::Cpu)));
            let _ = u.narrow(2, 3, 1).narrow(3, 3, 1).fill_(f64::NAN);
            let out = triangle_pool(&u, 1.0, &Pool { kind, kernel: 2, stride: 2, padding: 0 }).expect("it reaches");
            assert_eq!(out.isnan().sum(Kind::Int64).int64_value(&[]), 3);
        }
    }
}
