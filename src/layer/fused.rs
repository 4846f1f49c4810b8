//! The fast form of a Hebbian step on the CPU: few passes over memory where the plain form makes many.
//!
//! - [`compete`]: scaling, softmax, winner, sign and Σ y·u in one pass over each row of pre-activations.
//! - [`measure`]: largest |Δ| of each group and every unit's radius in one pass, without writing Δ.
//! - [`apply`]: W += η/largest·Δ in one pass, Δ computed on the way.
//!
//! Sums over rows are made in a fixed number of parts that do not depend on the number of threads. The plain form
//! ([`super::competition`], [`super::plasticity`]) is what other devices and other rules use, and the tests' oracle.

use tch::{Device, Kind, Tensor};

use super::competition::Competition;
use super::wide::{LANES, dispatch, numbers, numbers_mut};
use crate::parallel;

/// Parts in which sums over rows are made.
const PARTS: usize = 16;
/// As in [`super::plasticity`].
const TINY: f32 = 1e-30;

/// Activities, and what is summed up on the way.
#[derive(Debug)]
pub struct Competed {
    /// y `(N, G, M)`.
    pub y: Tensor,
    /// Σ_n y·u of each unit `(G·M)`.
    pub yu: Vec<f32>,
    /// Σ_n max(y, 0) of each unit `(G·M)`.
    pub mass: Vec<f32>,
    /// Σ max(−y, 0) over all units.
    pub anti: f64,
}

/// Whether [`compete`] knows this competition.
pub fn knows(competition: &Competition) -> bool {
    match competition {
        Competition::Hard => true,
        Competition::Soft { t_invert } | Competition::SoftKrotov { t_invert } => *t_invert > 0.0,
        Competition::HardKrotov { .. } | Competition::Labels => false,
    }
}

/// The competition on u `(N, G, M)`, contiguous.
pub fn compete(competition: &Competition, u: &Tensor) -> Competed {
    let size = u.size();
    let (n, width, m) = (size[0] as usize, (size[1] * size[2]) as usize, size[2] as usize);
    let mut y = Tensor::empty(&size, (Kind::Float, Device::Cpu));
    let parts = PARTS.min(n.max(1));
    let mut sums = vec![0f32; parts * 2 * width];
    let mut anti = vec![0f64; parts];
    {
        // SAFETY: `y` is new.
        let (from, mut to) = (numbers(u), unsafe { numbers_mut(&mut y) });
        let range = |part: usize| n * part / parts * width..n * (part + 1) / parts * width;
        let ranges = (0..parts).map(|part| to.split_off_mut(..range(part).len()).unwrap_or_default());
        let items: Vec<_> = ranges.zip(sums.chunks_mut((2 * width).max(1))).zip(&mut anti).collect();
        parallel::each(items, |part, ((to, sums), anti)| {
            let (yu, mass) = sums.split_at_mut(width);
            rows(competition, &from[range(part)], to, m, yu, mass, anti);
        });
    }
    let mut yu = vec![0f32; width];
    let mut mass = vec![0f32; width];
    for part in sums.chunks_exact(2 * width) {
        yu.iter_mut().zip(&part[..width]).for_each(|(a, b)| *a += b);
        mass.iter_mut().zip(&part[width..]).for_each(|(a, b)| *a += b);
    }
    Competed { y, yu, mass, anti: anti.iter().sum() }
}

dispatch! {
    /// All rows of a part; a row holds the M units of each group in turn.
    fn rows(c: &Competition, u: &[f32], y: &mut [f32], m: usize, yu: &mut [f32], mass: &mut [f32], anti: &mut f64) = rows_loop
}

#[inline(always)]
fn rows_loop(c: &Competition, u: &[f32], y: &mut [f32], m: usize, yu: &mut [f32], mass: &mut [f32], anti: &mut f64) {
    let width = yu.len();
    for (u, y) in u.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let groups =
            u.chunks_exact(m).zip(y.chunks_exact_mut(m)).zip(yu.chunks_exact_mut(m).zip(mass.chunks_exact_mut(m)));
        for ((u, y), (yu, mass)) in groups {
            let (winner, max) = largest(u);
            match *c {
                Competition::Soft { t_invert } => {
                    let inverse = 1.0 / exponentials(u, y, t_invert as f32, max);
                    for (((y, u), yu), mass) in y.iter_mut().zip(u).zip(yu).zip(mass) {
                        *y *= inverse;
                        *yu += *y * u;
                        *mass += *y;
                    }
                }
                Competition::SoftKrotov { t_invert } => {
                    let inverse = 1.0 / exponentials(u, y, t_invert as f32, max);
                    for ((y, u), yu) in y.iter_mut().zip(u).zip(yu.iter_mut()) {
                        *y *= -inverse;
                        *yu += *y * u;
                    }
                    // The winner was handled as a loser: its sign is turned.
                    let won = -y[winner];
                    y[winner] = won;
                    yu[winner] += 2.0 * won * u[winner];
                    mass[winner] += won;
                    *anti += f64::from(1.0 - won);
                }
                Competition::Hard | Competition::HardKrotov { .. } | Competition::Labels => {
                    y.fill(0.0);
                    y[winner] = 1.0;
                    // NaN must show in the sums: nothing else of the row does.
                    yu[winner] += if max.is_finite() { max } else { f32::NAN };
                    mass[winner] += 1.0;
                }
            }
        }
    }
}

/// The first of the largest values, and that value (NaN if none is larger than −∞).
#[inline(always)]
fn largest(u: &[f32]) -> (usize, f32) {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = u.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (a, b) in lanes.iter_mut().zip(chunk) {
            *a = if *b > *a { *b } else { *a };
        }
    }
    let mut max = f32::NEG_INFINITY;
    for v in lanes.iter().chain(rest) {
        max = if *v > max { *v } else { max };
    }
    match u.iter().position(|v| *v == max) {
        Some(winner) => (winner, max),
        None => (0, f32::NAN),
    }
}

/// y = exp(t·u − t·max), and the sum. The products are rounded before they are subtracted, as in the plain form: where
/// t·u is large that rounding shows, and the two forms are to agree.
#[inline(always)]
fn exponentials(u: &[f32], y: &mut [f32], t: f32, max: f32) -> f32 {
    let top = t * max;
    let mut lanes = [0f32; LANES];
    let (mut us, mut ys) = (u.chunks_exact(LANES), y.chunks_exact_mut(LANES));
    for (u, y) in us.by_ref().zip(ys.by_ref()) {
        for ((y, u), sum) in y.iter_mut().zip(u).zip(&mut lanes) {
            *y = exp(t * u - top);
            *sum += *y;
        }
    }
    let mut sum: f32 = lanes.iter().sum();
    for (y, u) in ys.into_remainder().iter_mut().zip(us.remainder()) {
        *y = exp(t * u - top);
        sum += *y;
    }
    sum
}

/// e^x for x ≤ 0 to about 1e-7 of its value: 2^n times a polynomial on [−ln 2/2, ln 2/2] (the constants of Cephes'
/// `expf`). NaN stays NaN.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5·2^23: adding it rounds to a whole number that then stands in the low bits
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x < -87.0 { -87.0 } else { x };
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { p * power }
}

/// What an update needs beside Σ y·x: largest |Δ| of each group, radius of each unit.
#[derive(Debug)]
pub struct Measured {
    /// Largest |yx − yu·w| of each group; NaN if any of them is.
    pub largest: Vec<f32>,
    /// ‖w‖₂ of each unit.
    pub radius: Vec<f32>,
}

/// One pass over Σ y·x and W, both `(G, M, K)`; `yu` is `(G·M)`.
pub fn measure(yx: &Tensor, yu: &[f32], w: &Tensor) -> Measured {
    let size = w.size();
    let (g, m, k) = (size[0] as usize, size[1] as usize, size[2] as usize);
    let (yx, w) = (numbers(yx), numbers(w));
    let mut units = vec![[0f32; 2]; g * m];
    parallel::each(&mut units, |i, unit| {
        *unit = measure_unit(&yx[i * k..(i + 1) * k], &w[i * k..(i + 1) * k], yu[i]);
    });
    let largest = units
        .chunks_exact(m.max(1))
        .map(|group| group.iter().fold(0f32, |a, u| if u[0] > a || u[0].is_nan() { u[0] } else { a }));
    Measured { largest: largest.collect(), radius: units.iter().map(|u| u[1].sqrt()).collect() }
}

dispatch! {
    /// Largest |Δ| and Σ w² of one unit.
    fn measure_unit(yx: &[f32], w: &[f32], yu: f32) -> [f32; 2] = measure_unit_loop
}

#[inline(always)]
fn measure_unit_loop(yx: &[f32], w: &[f32], yu: f32) -> [f32; 2] {
    let (mut max, mut squares) = ([0f32; LANES], [0f32; LANES]);
    let mut visit = |lane: usize, yx: f32, w: f32| {
        let delta = (yx - yu * w).abs();
        // Written so that NaN replaces anything and is replaced by nothing.
        max[lane] = if delta <= max[lane] || max[lane].is_nan() { max[lane] } else { delta };
        squares[lane] += w * w;
    };
    let (mut a, mut b) = (yx.chunks_exact(LANES), w.chunks_exact(LANES));
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for lane in 0..LANES {
            visit(lane, a[lane], b[lane]);
        }
    }
    for (lane, (a, b)) in a.remainder().iter().zip(b.remainder()).enumerate() {
        visit(lane, *a, *b);
    }
    let largest = max.iter().fold(0f32, |a, b| if *b > a || b.is_nan() { *b } else { a });
    [largest, squares.iter().sum()]
}

/// W += η_i/(largest + 1e-30)·(yx − yu·W) for each unit i, in one pass. `lr` has one entry a unit.
pub fn apply(w: &mut Tensor, yx: &Tensor, yu: &[f32], largest: &[f32], lr: &[f32]) {
    let size = w.size();
    let (m, k) = (size[1] as usize, size[2] as usize);
    let yx = numbers(yx);
    // SAFETY: a layer changes its weights between its products, which are done.
    let w = unsafe { numbers_mut(w) };
    parallel::each(w.chunks_mut(k.max(1)).take(lr.len()), |i, w| {
        apply_unit(w, &yx[i * k..(i + 1) * k], yu[i], lr[i], largest[i / m] + TINY);
    });
}

dispatch! {
    /// One unit's share of [`apply`].
    fn apply_unit(w: &mut [f32], yx: &[f32], yu: f32, lr: f32, largest: f32) = apply_unit_loop
}

#[inline(always)]
fn apply_unit_loop(w: &mut [f32], yx: &[f32], yu: f32, lr: f32, largest: f32) {
    // Divided by the maximum first, as in the plain form: lr/largest alone can overflow where Δ is nearly zero.
    let inverse = 1.0 / largest;
    let exact = inverse.is_finite();
    for (w, yx) in w.iter_mut().zip(yx) {
        let delta = yx - yu * *w;
        let normal = if exact { delta * inverse } else { delta / largest };
        *w += lr * normal;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::plasticity;
    use proptest::prelude::*;

    fn close(a: &Tensor, b: &Tensor, what: &str) {
        let error = (a - b).abs().max().double_value(&[]);
        let scale = b.abs().max().double_value(&[]).max(1e-30);
        assert!(error <= 1e-5 * scale, "{what}: {error} of {scale}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// The fused step computes what the plain one does, whatever the sizes.
        #[test]
        fn the_fast_form_is_the_plain_form(
            n in 1i64..70, g in 1i64..4, m in 1i64..40, k in 1i64..50, t in 0.05f64..3.0, kind in 0usize..3, seed in 0i64..1000,
        ) {
            tch::manual_seed(seed);
            let o = (Kind::Float, Device::Cpu);
            let (u, x, mut w) = (Tensor::randn([n, g, m], o) * 3.0, Tensor::randn([g, n, k], o), Tensor::randn([g, m, k], o));
            let rules = [Competition::Hard, Competition::Soft { t_invert: t }, Competition::SoftKrotov { t_invert: t }];
            let c: Competition = rules[kind];
            let y = c.activities(&u);
            let fast = compete(&c, &u);
            close(&fast.y, &y, "y");
            let yx = y.permute([1, 2, 0]).bmm(&x).contiguous();
            let measured = measure(&yx, &fast.yu, &w);
            close(&Tensor::from_slice(&measured.radius), &w.norm_scalaropt_dim(2.0, [2i64].as_slice(), false).view(-1), "radius");
            let update = plasticity::update(&x, &y, &u, &w);
            close(&Tensor::from_slice(&measured.largest).view([g, 1, 1]), &update.1, "largest");
            let lr: Vec<f32> = (0..g * m).map(|i| 0.01 * i as f32).collect();
            let expected = &w + &update.0 * Tensor::from_slice(&lr).view([g, m, 1]);
            apply(&mut w, &yx, &fast.yu, &measured.largest, &lr);
            close(&w, &expected, "weights");
            let mass = y.relu().sum_dim_intlist([0i64].as_slice(), false, Kind::Float).view(-1);
            close(&Tensor::from_slice(&fast.mass), &mass, "mass");
            let anti = y.neg().relu().sum(Kind::Double).double_value(&[]);
            prop_assert!((fast.anti - anti).abs() <= 1e-4 * n as f64);
        }
    }

    #[test]
    fn exp_is_accurate_to_rounding() {
        let worst = (0..870_000).map(|i| -(i as f32) * 1e-4).map(|x| {
            let exact = f64::from(x).exp();
            (f64::from(exp(x)) - exact).abs() / exact
        });
        assert!(worst.fold(0.0, f64::max) < 3e-7);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-200.0), 0.0);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn nan_shows_in_what_is_measured() {
        let o = (Kind::Float, Device::Cpu);
        let u = Tensor::randn([9, 1, 33], o);
        let _ = u.get(4).get(0).get(20).fill_(f64::NAN);
        for c in [Competition::Soft { t_invert: 1.0 }, Competition::SoftKrotov { t_invert: 1.0 }] {
            assert!(compete(&c, &u).yu.iter().any(|v| v.is_nan()), "{c:?}");
        }
        let (yx, w) = (Tensor::randn([1, 5, 33], o), Tensor::randn([1, 5, 33], o));
        let _ = yx.get(0).get(3).get(32).fill_(f64::NAN);
        assert!(measure(&yx, &[0.0; 5], &w).largest[0].is_nan());
    }
}
