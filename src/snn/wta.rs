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
/// compiler makes vectors of; five tries are enough for 32 of 256.
#[inline(always)]
pub fn winners(v: &[f32], k: usize, out: &mut Vec<u32>) {
    out.clear();
    match k {
        0 => return,
        1 => return one(v, out),
        _ => {}
    }
    let positive = count_above(v, 0.0);
    if positive <= k {
        return collect(v, 0.0, positive, out);
    }
    // More than k are above `low`, fewer than k above `high`.
    let (mut low, mut high) = (0.0f32, largest(v));
    let (mut above_low, mut above_high) = (positive, 0);
    for tries in 0u32.. {
        if low.next_up() >= high {
            // No number is between the two: those at `high` are equal, and some of them win.
            return tied(v, high, k, out);
        }
        let share = (above_low - k) as f32 / (above_low - above_high) as f32;
        let t = between(low, high, share, tries);
        let n = count_above(v, t);
        if n == k {
            return collect(v, t, k, out);
        }
        let more = n > k;
        low = if more { t } else { low };
        above_low = if more { n } else { above_low };
        high = if more { high } else { t };
        above_high = if more { above_high } else { n };
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

#[inline(always)]
fn one(v: &[f32], out: &mut Vec<u32>) {
    let best = largest(v);
    if best > 0.0
        && let Some(j) = v.iter().position(|&x| x == best)
    {
        out.push(j as u32);
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
    lanes.into_iter().chain(rest.iter().copied()).fold(0.0, larger)
}

/// How many are above this number.
#[inline(always)]
fn count_above(v: &[f32], t: f32) -> usize {
    let (groups, rest) = v.as_chunks::<LANES>();
    let mut lanes = [0u32; LANES];
    for group in groups {
        for (lane, &x) in lanes.iter_mut().zip(group) {
            *lane += u32::from(x > t);
        }
    }
    total(lanes) as usize + rest.iter().filter(|x| **x > t).count()
}

/// Halves are added, so that it takes four steps and not sixteen.
#[inline(always)]
fn total(mut lanes: [u32; LANES]) -> u32 {
    let mut half = LANES / 2;
    while half > 0 {
        let (left, right) = lanes.split_at_mut(half);
        left.iter_mut().zip(right.iter()).for_each(|(a, b)| *a += b);
        half /= 2;
    }
    lanes[0]
}

/// The `n` units above `t`, ascending.
#[inline(always)]
fn collect(v: &[f32], t: f32, n: usize, out: &mut Vec<u32>) {
    out.resize(n, 0);
    let (words, rest) = v.as_chunks::<64>();
    let mut found = 0;
    let mut put = |mut mask: u64, start: usize| {
        while mask != 0 {
            if let Some(place) = out.get_mut(found) {
                *place = start as u32 + mask.trailing_zeros();
            }
            found += 1;
            mask &= mask - 1;
        }
    };
    for (i, word) in words.iter().enumerate() {
        let groups = word.as_chunks::<LANES>().0.iter().enumerate();
        put(groups.fold(0, |mask, (g, group)| mask | u64::from(mask_above(group, t)) << (g * LANES)), i * 64);
    }
    for (i, &x) in rest.iter().enumerate() {
        put(u64::from(x > t), words.len() * 64 + i);
    }
}

/// A bit for each potential above `t`, the lowest for the first.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn mask_above(group: &[f32; LANES], t: f32) -> u32 {
    use std::arch::x86_64::{_mm_cmpgt_ps, _mm_movemask_ps, _mm_set1_ps, _mm_setr_ps};
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
fn mask_above(group: &[f32; LANES], t: f32) -> u32 {
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
        winners(v, k, &mut out);
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
