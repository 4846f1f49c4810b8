//! k-winners-take-all: the k largest potentials fire, if they are positive.
//!
//! Of equal potentials the one of the lowest index wins. (numpy's `argpartition`, which the notebook uses, leaves
//! that open.) A potential that is not a number never fires.

/// The winners by partial sorting, as the notebook does it: for the dense network.
pub fn selected(v: &[f32], k: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..v.len() as u32).filter(|&j| v[j as usize] > 0.0).collect();
    if order.len() > k {
        // The larger first, of equals the lower index.
        order.select_nth_unstable_by(k, |&a, &b| v[b as usize].total_cmp(&v[a as usize]).then(a.cmp(&b)));
        order.truncate(k);
    }
    order.sort_unstable();
    order
}

/// The same winners, ascending, in place of what `out` held, without sorting.
///
/// Looks for a threshold that k potentials exceed. Each try counts those above a number, a loop over all units that the
/// compiler makes vectors of. It begins with `hint`, where it ended in the step before, and leaves there where it ended now.
/// `WIDE` is for processors with AVX-512 (F): whoever sets it has seen to that.
#[inline(always)]
pub(super) fn winners<const WIDE: bool>(v: &[f32], k: usize, hint: &mut f32, out: &mut Vec<u32>) {
    out.clear();
    match k {
        0 => return,
        1 => return one::<WIDE>(v, out),
        _ => {}
    }
    let positive = count_above::<WIDE>(v, 0.0);
    if positive <= k {
        return collect::<WIDE>(v, 0.0, positive, out);
    }
    // More than k are above `low`, fewer than k above `high`.
    let (mut low, mut high) = (0.0f32, largest(v));
    let (mut above_low, mut above_high) = (positive, 0);
    let mut t = *hint;
    for tries in 0u32.. {
        if low.next_up() >= high {
            // No number is between the two: those at `high` are equal, and some of them win.
            return tied(v, high, k, out);
        }
        if !(t > low && t < high) {
            let share = (above_low - k) as f32 / (above_low - above_high) as f32;
            t = between(low, high, share, tries);
        }
        let n = count_above::<WIDE>(v, t);
        if n == k {
            *hint = t;
            return collect::<WIDE>(v, t, k, out);
        }
        let more = n > k;
        low = if more { t } else { low };
        above_low = if more { n } else { above_low };
        high = if more { high } else { t };
        above_high = if more { above_high } else { n };
        t = 0.0;
    }
}

/// A number between two positive ones: at this share of the way, by halves if that goes on for long, and at last by halves
/// of the bits, which ends whatever the values are.
#[inline(always)]
fn between(low: f32, high: f32, share: f32, tries: u32) -> f32 {
    let by_value = low + (high - low) * if tries % 3 == 2 { 0.5 } else { share };
    if tries < 20 && by_value > low && by_value < high {
        return by_value;
    }
    // Bits of positive floats are in the order of the floats.
    f32::from_bits(low.to_bits() + (high.to_bits() - low.to_bits()) / 2)
}

/// The unit of the largest potential, the first of equals.
#[inline(always)]
fn one<const WIDE: bool>(v: &[f32], out: &mut Vec<u32>) {
    let best = largest(v);
    if best <= 0.0 {
        return;
    }
    // Above the next smaller number is what is not below `best`.
    let below = best.next_down();
    let (groups, rest) = v.as_chunks::<LANES>();
    for (g, group) in groups.iter().enumerate() {
        let mask = mask_above::<WIDE>(group, below);
        if mask != 0 {
            return out.push(g as u32 * LANES as u32 + mask.trailing_zeros());
        }
    }
    if let Some(j) = rest.iter().position(|&x| x == best) {
        out.push((v.len() - rest.len() + j) as u32);
    }
}

/// Potentials are looked at in groups of this many: the compiler makes vectors of such loops, where it may not change
/// the order of one long chain of comparisons.
const LANES: usize = 16;

/// The largest of those above 0, or 0.
#[inline(always)]
fn largest(v: &[f32]) -> f32 {
    let (groups, rest) = v.as_chunks::<LANES>();
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [0.0f32; LANES];
    for group in groups {
        for (lane, &x) in lanes.iter_mut().zip(group) {
            *lane = larger(*lane, x);
        }
    }
    // By halves, so that it takes four steps and not sixteen.
    let mut half = LANES / 2;
    while half > 0 {
        let (left, right) = lanes.split_at_mut(half);
        left.iter_mut().zip(right.iter()).for_each(|(a, b)| *a = larger(*a, *b));
        half /= 2;
    }
    rest.iter().copied().fold(lanes[0], larger)
}

/// How many are above this number.
#[inline(always)]
fn count_above<const WIDE: bool>(v: &[f32], t: f32) -> usize {
    let (groups, rest) = v.as_chunks::<LANES>();
    let rest = rest.iter().filter(|x| **x > t).count();
    if WIDE {
        return groups.iter().map(|group| mask_above::<WIDE>(group, t).count_ones()).sum::<u32>() as usize + rest;
    }
    let mut lanes = [0u32; LANES];
    for group in groups {
        for (lane, &x) in lanes.iter_mut().zip(group) {
            *lane += u32::from(x > t);
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (left, right) = lanes.split_at_mut(half);
        left.iter_mut().zip(right.iter()).for_each(|(a, b)| *a += b);
        half /= 2;
    }
    lanes[0] as usize + rest
}

/// The `n` units above `t`, ascending.
#[inline(always)]
fn collect<const WIDE: bool>(v: &[f32], t: f32, n: usize, out: &mut Vec<u32>) {
    let (groups, rest) = v.as_chunks::<LANES>();
    let mut found = 0;
    #[cfg(target_arch = "x86_64")]
    if WIDE {
        // Whole vectors are written, of which the next one overwrites what is too much.
        out.resize(n + LANES, 0);
        for (g, group) in groups.iter().enumerate() {
            let mask = mask_above::<WIDE>(group, t);
            if let Some(place) = out.get_mut(found..).and_then(|o| o.first_chunk_mut::<LANES>()) {
                // SAFETY: whoever set WIDE has seen to it that the processor has AVX-512F; the place has 16 numbers.
                unsafe { compress(mask as u16, (g * LANES) as u32, place) };
            }
            found += mask.count_ones() as usize;
        }
    }
    if !WIDE {
        out.resize(n + LANES, 0);
        for (g, group) in groups.iter().enumerate() {
            let mut mask = mask_above::<WIDE>(group, t);
            while mask != 0 {
                if let Some(place) = out.get_mut(found) {
                    *place = (g * LANES) as u32 + mask.trailing_zeros();
                }
                found += 1;
                mask &= mask - 1;
            }
        }
    }
    for (i, _) in rest.iter().enumerate().filter(|(_, x)| **x > t) {
        if let Some(place) = out.get_mut(found) {
            *place = (groups.len() * LANES + i) as u32;
        }
        found += 1;
    }
    out.truncate(n);
}

/// Writes start, start + 1, … for the bits of a mask that are set.
///
/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn compress(mask: u16, start: u32, place: &mut [u32; LANES]) {
    use std::arch::x86_64::{
        _mm512_add_epi32, _mm512_maskz_compress_epi32, _mm512_set1_epi32, _mm512_setr_epi32, _mm512_storeu_si512,
    };
    // SAFETY: the caller's word; 16 numbers are written.
    unsafe {
        let counted = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let units = _mm512_add_epi32(counted, _mm512_set1_epi32(start as i32));
        _mm512_storeu_si512(place.as_mut_ptr().cast(), _mm512_maskz_compress_epi32(mask, units));
    }
}

/// A bit for each potential above `t`, the lowest for the first.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn mask_above<const WIDE: bool>(group: &[f32; LANES], t: f32) -> u32 {
    use std::arch::x86_64::{
        _CMP_GT_OQ, _mm_cmpgt_ps, _mm_movemask_ps, _mm_set1_ps, _mm_setr_ps, _mm512_cmp_ps_mask, _mm512_loadu_ps,
        _mm512_set1_ps,
    };
    if WIDE {
        // SAFETY: whoever set WIDE has seen to it that the processor has AVX-512F; 16 numbers are read.
        return unsafe {
            u32::from(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(_mm512_loadu_ps(group.as_ptr()), _mm512_set1_ps(t)))
        };
    }
    let mut mask = 0;
    for (i, part) in group.as_chunks::<4>().0.iter().enumerate() {
        // SAFETY: SSE, which every x86-64 has.
        let above = unsafe {
            let above = _mm_cmpgt_ps(_mm_setr_ps(part[0], part[1], part[2], part[3]), _mm_set1_ps(t));
            _mm_movemask_ps(above)
        };
        mask |= (above as u32) << (4 * i);
    }
    mask
}

/// A bit for each potential above `t`, the lowest for the first.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn mask_above<const WIDE: bool>(group: &[f32; LANES], t: f32) -> u32 {
    group.iter().enumerate().fold(0, |mask, (i, &x)| mask | u32::from(x > t) << i)
}

/// Units above `t`, and of those at `t` the first, k in all.
#[cold]
fn tied(v: &[f32], t: f32, k: usize, out: &mut Vec<u32>) {
    let mut left = k - v.iter().filter(|x| **x > t).count().min(k);
    for (j, &x) in v.iter().enumerate() {
        if x > t {
            out.push(j as u32);
        } else if x == t && left > 0 {
            left -= 1;
            out.push(j as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn both(v: &[f32], k: usize) -> (Vec<u32>, Vec<u32>) {
        let mut out = vec![7; 3];
        winners::<false>(v, k, &mut 0.0, &mut out);
        // Wherever it begins it ends with the same.
        for mut hint in [f32::NAN, f32::INFINITY, -1.0, 0.5, 1.0, 2.5] {
            let mut again = vec![];
            winners::<false>(v, k, &mut hint, &mut again);
            assert_eq!(again, out);
            winners::<false>(v, k, &mut hint, &mut again);
            assert_eq!(again, out);
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx512f") {
                winners::<true>(v, k, &mut hint, &mut again);
                assert_eq!(again, out, "with AVX-512");
            }
        }
        (out, selected(v, k))
    }

    #[test]
    fn table() {
        let nan = f32::NAN;
        let inf = f32::INFINITY;
        for (v, k, want) in [
            (&[][..], 3, &[][..]),
            (&[1.0, 2.0, 3.0], 0, &[]),
            (&[1.0, 2.0, 3.0], 1, &[2]),
            (&[1.0, 2.0, 3.0], 2, &[1, 2]),
            (&[1.0, 2.0, 3.0], 9, &[0, 1, 2]),
            (&[-1.0, 0.0, -0.0], 2, &[]),
            (&[-1.0, 0.5, -2.0], 2, &[1]),
            // Ties: the lowest index.
            (&[1.0, 1.0, 1.0], 1, &[0]),
            (&[1.0, 2.0, 1.0, 1.0], 3, &[0, 1, 2]),
            (&[5.0, 5.0, 5.0, 7.0], 2, &[0, 3]),
            (&[2e-38, 2e-38, 3e-38], 2, &[0, 2]), // below that, a processor may flush to zero
            (&[nan, 1.0, nan, 2.0, 3.0], 2, &[3, 4]),
            (&[inf, inf, 1.0, inf], 2, &[0, 1]),
        ] {
            let (got, other) = both(v, k);
            assert_eq!(got, want, "{v:?} {k}");
            assert_eq!(other, want, "{v:?} {k}, by partial sorting");
        }
    }

    proptest! {
        #[test]
        fn without_sorting_is_the_same(
            v in prop::collection::vec(prop_oneof![-2.0f32..2.0, (0u8..6).prop_map(f32::from), any::<f32>()], 0..200),
            k in 0usize..64,
        ) {
            // total_cmp puts NaN above all; the filter x > 0 has removed it.
            let (got, want) = both(&v, k);
            prop_assert!(got.len() <= k);
            prop_assert_eq!(got, want);
        }
    }
}
