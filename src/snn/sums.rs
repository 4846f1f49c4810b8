//! The loops over rows of weights. All are elementwise, so that the compiler makes vectors of them and the order of additions
//! does not depend on the processor.

use super::aligned::Aligned;

/// Units are stored in whole vectors of this many.
pub(super) const LANES: usize = 16;
/// Columns that are summed together: four chains of additions, so that one does not wait for the other.
pub(super) const BLOCK: usize = 4 * LANES;
/// What is added to a norm that divides.
pub(super) const NORM_EPS: f32 = 1e-6;

/// The widest instructions that the hot loops are compiled for and this processor has.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vectors {
    Avx512,
    Avx2,
    Plain,
}

#[cfg(target_arch = "x86_64")]
impl Vectors {
    /// Looks once; later calls read what was found.
    #[inline]
    pub(super) fn detect() -> Vectors {
        use std::arch::is_x86_feature_detected as has;
        let wide = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
        if wide && has!("avx2") && has!("bmi1") && has!("popcnt") {
            Vectors::Avx512
        } else if has!("avx2") {
            Vectors::Avx2
        } else {
            Vectors::Plain
        }
    }
}

/// Rows of `columns` as rows of `width`, filled up with zeros.
pub(super) fn widened(w: &[f32], columns: usize, width: usize) -> Aligned {
    let mut out = Aligned::zeros(w.len() / columns * width);
    for (to, from) in out.chunks_exact_mut(width).zip(w.chunks_exact(columns)) {
        to[..columns].copy_from_slice(from);
    }
    out
}

/// The sum of these rows, as long as `out`. Column block by column block, so that the sums stay in registers.
#[inline(always)]
pub(super) fn sum_rows(w: &[f32], stride: usize, rows: &[u32], out: &mut [f32]) {
    for start in (0..out.len()).step_by(BLOCK) {
        sum_block(w, stride, rows, start, out);
    }
}

/// The same for the four vectors from `start` on, or for as many as there are.
#[inline(always)]
pub(super) fn sum_block(w: &[f32], stride: usize, rows: &[u32], start: usize, out: &mut [f32]) {
    match (out.len() - start) / LANES {
        1 => block::<LANES>(w, stride, rows, start, out),
        2 => block::<{ 2 * LANES }>(w, stride, rows, start, out),
        3 => block::<{ 3 * LANES }>(w, stride, rows, start, out),
        _ => block::<BLOCK>(w, stride, rows, start, out),
    }
}

#[inline(always)]
fn block<const N: usize>(w: &[f32], stride: usize, rows: &[u32], start: usize, out: &mut [f32]) {
    let mut sum = [0.0f32; N];
    for &r in rows {
        let row = &w[r as usize * stride + start..][..N];
        for (s, w) in sum.iter_mut().zip(row) {
            *s += w;
        }
    }
    out[start..start + N].copy_from_slice(&sum);
}

/// Divides each column of w·factor by its norm + 1e-6.
#[inline(always)]
pub(super) fn normalise_columns(w: &mut [f32], width: usize, factor: f32) {
    for start in (0..width).step_by(LANES) {
        let mut norms = [0.0f32; LANES];
        for row in w.chunks_exact(width) {
            for (n, w) in norms.iter_mut().zip(&row[start..start + LANES]) {
                *n += w * w;
            }
        }
        let by = norms.map(|n| factor / (factor * n.sqrt() + NORM_EPS));
        for row in w.chunks_exact_mut(width) {
            for (w, by) in row[start..start + LANES].iter_mut().zip(&by) {
                *w *= by;
            }
        }
    }
}
