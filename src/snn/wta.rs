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
/// Looks for a threshold that k potentials exceed; `guess` holds the one found last, which is mostly a good start.
/// Each try counts the potentials above it, a loop over all units that the compiler makes vectors of.
#[inline(always)]
pub fn winners(v: &[f32], k: usize, guess: &mut f32, out: &mut Vec<u32>) {
    out.clear();
    match k {
        0 => return,
        1 => return one(v, out),
        _ => {}
    }
    let positive = count_above(v, 0.0);
    if positive <= k {
        return collect(v, 0.0, out);
    }
    // More than k are above `low`, fewer than k above `high`.
    let (mut low, mut high) = (0.0f32, v.iter().fold(0.0f32, |a, &b| if b > a { b } else { a }));
    let (mut above_low, mut above_high) = (positive, 0);
    let mut t = *guess;
    for tries in 0.. {
        if !(t > low && t < high) {
            t = between(low, high, above_low, above_high, k, tries);
            if t <= low || t >= high {
                // No number is between the two: those at `high` are equal, and some of them win.
                return tied(v, high, k, out);
            }
        }
        let n = count_above(v, t);
        if n == k {
            *guess = t;
            return collect(v, t, out);
        }
        if n > k {
            (low, above_low) = (t, n);
        } else {
            (high, above_high) = (t, n);
        }
        t = f32::NAN;
    }
}

/// A number between two positive ones: by the counts at first, then by halves of the value, at last by halves of the
/// bits, which ends after 32 tries whatever the values are.
#[inline(always)]
fn between(low: f32, high: f32, above_low: usize, above_high: usize, k: usize, tries: u32) -> f32 {
    let by_value = match tries {
        0..=12 if tries % 3 != 2 => {
            let share = (above_low - k) as f32 / (above_low - above_high) as f32;
            low + (high - low) * share
        }
        0..=24 => low + (high - low) * 0.5,
        _ => f32::NAN,
    };
    if by_value > low && by_value < high {
        return by_value;
    }
    // Bits of positive floats are in the order of the floats.
    f32::from_bits(low.to_bits() + (high.to_bits() - low.to_bits()) / 2)
}

#[inline(always)]
fn one(v: &[f32], out: &mut Vec<u32>) {
    let best = v.iter().fold(0.0f32, |a, &b| if b > a { b } else { a });
    if best > 0.0
        && let Some(j) = v.iter().position(|&x| x == best)
    {
        out.push(j as u32);
    }
}

#[inline(always)]
fn count_above(v: &[f32], t: f32) -> usize {
    v.iter().map(|&x| u32::from(x > t)).sum::<u32>() as usize
}

/// Units above `t`, ascending.
#[inline(always)]
fn collect(v: &[f32], t: f32, out: &mut Vec<u32>) {
    for (block, part) in v.chunks(32).enumerate() {
        let mut mask = 0u32;
        for (i, &x) in part.iter().enumerate() {
            mask |= u32::from(x > t) << i;
        }
        while mask != 0 {
            out.push((block * 32) as u32 + mask.trailing_zeros());
            mask &= mask - 1;
        }
    }
}

/// Units above `t`, and of those at `t` the first, k in all.
#[cold]
fn tied(v: &[f32], t: f32, k: usize, out: &mut Vec<u32>) {
    let mut left = k - count_above(v, t).min(k);
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

    fn both(v: &[f32], k: usize, guess: f32) -> (Vec<u32>, Vec<u32>) {
        let (mut out, mut guess) = (Vec::new(), guess);
        winners(v, k, &mut guess, &mut out);
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
            (&[1e-45, 1e-45, 2e-45], 2, &[0, 2]),
            (&[nan, 1.0, nan, 2.0, 3.0], 2, &[3, 4]),
            (&[inf, inf, 1.0, inf], 2, &[0, 1]),
        ] {
            let (got, other) = both(v, k, 0.3);
            assert_eq!(got, want, "{v:?} {k}");
            assert_eq!(other, want, "{v:?} {k}, by partial sorting");
        }
    }

    proptest! {
        #[test]
        fn without_sorting_is_the_same(
            v in prop::collection::vec(prop_oneof![-2.0f32..2.0, (0u8..6).prop_map(f32::from), any::<f32>()], 0..200),
            k in 0usize..64,
            guess in any::<f32>(),
        ) {
            // total_cmp puts NaN above all; the filter x > 0 has removed it.
            let (got, want) = both(&v, k, guess);
            prop_assert!(got.len() <= k);
            prop_assert_eq!(got, want);
        }
    }
}
