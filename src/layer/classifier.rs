//! The fast form of a step of the linear classifier on stored features: dropout, logits and gradients without a copy of the
//! batch.
//!
//! A batch of the published classifier is 64 rows of 24,576 numbers. The plain form gathers them, writes what dropout
//! leaves, and reads that twice; here each row is read where it is stored, twice, and dropped on the way.
//!
//! `z_bo = Σ_d m_bd·x_bd·w_od + c_o` and `∂L/∂w_od = Σ_b ∂L/∂z_bo·m_bd·x_bd`, m the mask of [`super::dropout`]. Sums over d are made
//! in blocks whose number does not depend on the number of threads.

use tch::{Kind, Tensor};

use super::dropout::{self, Mask};
use super::wide::{LANES, dispatch, numbers, numbers_mut, reaches};
use crate::parallel;

/// Inputs that are handled together: their weights to ten classes fill most of a first-level cache.
const BLOCK: usize = 512;
/// Images whose parts are read together, into the same cache.
const TOGETHER: usize = 4;

/// Rows `index` of a matrix of features, `(B, D)`, read where they lie.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    numbers: &'a [f32],
    stride: usize,
    index: &'a [i64],
    d: usize,
}

impl<'a> Rows<'a> {
    /// The first `d` columns of some rows of `stored` `(N, ≥ d)`; `None` where the plain form has to read them (another device
    /// or layout).
    pub fn new(stored: &'a Tensor, index: &'a [i64], d: i64) -> Option<Rows<'a>> {
        let size = stored.size();
        let fits = reaches(stored.device()) && stored.kind() == Kind::Float && stored.is_contiguous();
        let within = size.len() == 2 && d <= size[1] && index.iter().all(|i| (0..size[0]).contains(i));
        let d = usize::try_from(d).ok().filter(|d| fits && within && d.is_multiple_of(dropout::GROUP))?;
        Some(Rows { numbers: numbers(stored), stride: size[1] as usize, index, d })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// `len` columns from `start` on of the rows from `first` on, dropped, one row after the other, as many as `to` holds.
    fn block(&self, mask: Option<&Mask>, first: usize, start: usize, len: usize, to: &mut [f32]) {
        for ((b, row), to) in self.index.iter().enumerate().skip(first).zip(to.chunks_exact_mut(len)) {
            let at = *row as usize * self.stride + start;
            let from = &self.numbers[at..at + len];
            match mask {
                Some(mask) => mask.apply(b * self.d + start, from, to),
                None => to.copy_from_slice(from),
            }
        }
    }
}

/// Logits `(B, O)` from weights `(O, D)` and biases `(O)`, if there are any.
pub fn logits(rows: &Rows, mask: Option<&Mask>, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let (b, d, o) = (rows.len(), rows.d, weight.size()[0] as usize);
    let w = numbers(weight);
    let blocks = d.div_ceil(BLOCK);
    let mut sums = vec![0f32; blocks * b * o];
    parallel::each(sums.chunks_mut((b * o).max(1)), |i, sums| {
        let (start, len) = (i * BLOCK, BLOCK.min(d - i * BLOCK));
        let mut x = [0f32; TOGETHER * BLOCK];
        for (first, sums) in (0..b).step_by(TOGETHER).zip(sums.chunks_mut(TOGETHER * o)) {
            let x = &mut x[..TOGETHER.min(b - first) * len];
            rows.block(mask, first, start, len, x);
            products(x, len, &w[start..], d, o, sums);
        }
    });
    let sums = Tensor::from_slice(&sums).view([blocks as i64, b as i64, o as i64]);
    let z = sums.sum_dim_intlist([0i64].as_slice(), false, Kind::Float);
    bias.map_or_else(|| z.shallow_clone(), |bias| &z + bias)
}

/// ∂L/∂W `(O, D)` from ∂L/∂z `(B, O)`.
pub fn gradient(rows: &Rows, mask: Option<&Mask>, by_logits: &Tensor) -> Tensor {
    let (b, d, o) = (rows.len(), rows.d, by_logits.size()[1] as usize);
    let g = by_logits.contiguous();
    let g = numbers(&g);
    let mut out = Tensor::empty([o as i64, d as i64], (Kind::Float, tch::Device::Cpu));
    {
        // A block's columns are a part of each row. SAFETY: `out` is new.
        let mut columns: Vec<Vec<&mut [f32]>> = (0..d.div_ceil(BLOCK)).map(|_| Vec::with_capacity(o)).collect();
        for row in unsafe { numbers_mut(&mut out) }.chunks_mut(d.max(1)) {
            columns.iter_mut().zip(row.chunks_mut(BLOCK)).for_each(|(block, part)| block.push(part));
        }
        parallel::each(columns, |i, columns| {
            let (start, len) = (i * BLOCK, BLOCK.min(d - i * BLOCK));
            let (mut x, mut sums) = ([0f32; TOGETHER * BLOCK], vec![0f32; o * len]);
            for (first, g) in (0..b).step_by(TOGETHER).zip(g.chunks(TOGETHER * o)) {
                let x = &mut x[..TOGETHER.min(b - first) * len];
                rows.block(mask, first, start, len, x);
                outer_products(x, len, g, o, &mut sums);
            }
            columns.into_iter().zip(sums.chunks_exact(len)).for_each(|(to, sums)| to.copy_from_slice(sums));
        });
    }
    out
}

dispatch! {
    /// `sums_bo = Σ_j x_bj·w_oj` over the columns of a block; row o of w begins at `o·stride`.
    fn products(x: &[f32], len: usize, w: &[f32], stride: usize, o: usize, sums: &mut [f32]) = products_loop
}

#[inline(always)]
fn products_loop(x: &[f32], len: usize, w: &[f32], stride: usize, o: usize, sums: &mut [f32]) {
    for t in 0..o {
        let w = &w[t * stride..t * stride + len];
        if let Some(all) = x.len().checked_sub(4 * len).map(|_| x.split_at(2 * len)) {
            // Four images at a time: a weight that is loaded serves all of them.
            let ((x0, x1), (x2, x3)) = (all.0.split_at(len), all.1.split_at(len));
            let dots = four_dots(w, [x0, x1, x2, x3]);
            dots.iter().zip(sums.chunks_exact_mut(o)).for_each(|(dot, sums)| sums[t] = *dot);
        } else {
            for (x, sums) in x.chunks_exact(len).zip(sums.chunks_exact_mut(o)) {
                sums[t] = four_dots(w, [x, x, x, x])[0];
            }
        }
    }
}

/// Σ_j w_j·x_j for four x of the length of w.
#[inline(always)]
fn four_dots(w: &[f32], [x0, x1, x2, x3]: [&[f32]; 4]) -> [f32; 4] {
    let mut sums = [[0f32; LANES]; 4];
    let whole = w.len() / LANES * LANES;
    let vectors = w.chunks_exact(LANES).zip(x0.chunks_exact(LANES)).zip(x1.chunks_exact(LANES));
    for (((w, x0), x1), (x2, x3)) in vectors.zip(x2.chunks_exact(LANES).zip(x3.chunks_exact(LANES))) {
        for l in 0..LANES {
            sums[0][l] += w[l] * x0[l];
            sums[1][l] += w[l] * x1[l];
            sums[2][l] += w[l] * x2[l];
            sums[3][l] += w[l] * x3[l];
        }
    }
    let rest = |x: &[f32]| x[whole..].iter().zip(&w[whole..]).map(|(x, w)| x * w).sum::<f32>();
    let rest = [rest(x0), rest(x1), rest(x2), rest(x3)];
    std::array::from_fn(|i| sums[i].iter().sum::<f32>() + rest[i])
}

dispatch! {
    /// `sums_oj += Σ_b g_bo·x_bj`.
    fn outer_products(x: &[f32], len: usize, g: &[f32], o: usize, sums: &mut [f32]) = outer_products_loop
}

#[inline(always)]
fn outer_products_loop(x: &[f32], len: usize, g: &[f32], o: usize, sums: &mut [f32]) {
    // Four images at a time: a sum is loaded and stored once for all of them.
    let (mut xs, mut gs) = (x.chunks_exact(4 * len), g.chunks_exact(4 * o));
    for (x, g) in xs.by_ref().zip(gs.by_ref()) {
        let (x0, x) = x.split_at(len);
        let (x1, x) = x.split_at(len);
        let (x2, x3) = x.split_at(len);
        for (t, sums) in sums.chunks_exact_mut(len).enumerate() {
            let g = [g[t], g[o + t], g[2 * o + t], g[3 * o + t]];
            for ((((s, x0), x1), x2), x3) in sums.iter_mut().zip(x0).zip(x1).zip(x2).zip(x3) {
                *s += (g[0] * x0 + g[1] * x1) + (g[2] * x2 + g[3] * x3);
            }
        }
    }
    for (x, g) in xs.remainder().chunks_exact(len).zip(gs.remainder().chunks_exact(o)) {
        for (g, sums) in g.iter().zip(sums.chunks_exact_mut(len)) {
            sums.iter_mut().zip(x).for_each(|(s, x)| *s += g * x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tch::Device;

    fn close(a: &Tensor, b: &Tensor, what: &str) {
        let error = (a - b).abs().max().double_value(&[]);
        let scale = b.abs().max().double_value(&[]).max(1e-30);
        assert!(error <= 2e-5 * scale, "{what}: {error} of {scale}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Reading rows where they lie computes what gathering, dropping and autograd do, whatever the sizes.
        #[test]
        fn the_fast_form_is_the_plain_form(
            b in 1i64..13, quarter in 1i64..400, more in 0i64..9, o in 1i64..27, drop: bool, seed in 0u64..1000,
        ) {
            let (d, n) = (4 * quarter, 20);
            let o1 = (Kind::Float, Device::Cpu);
            tch::manual_seed(seed as i64);
            let (stored, w, c) = (Tensor::randn([n, d + more], o1), Tensor::randn([o, d], o1), Tensor::randn([o], o1));
            let index: Vec<i64> = (0..b).map(|i| (i * 7 + seed as i64) % n).collect();
            let p = if drop { 0.5 } else { 0.0 };
            let x = stored.index_select(0, &Tensor::from_slice(&index)).narrow(1, 0, d).contiguous();
            let (w1, c1) = (w.copy().set_requires_grad(true), c.copy());
            let plain = dropout::apply(&x, p, seed).linear(&w1, Some(&c1));
            let mask = Mask::new(p, seed);
            let mask = drop.then_some(&mask);
            let rows = Rows::new(&stored, &index, d).expect("it reaches");
            close(&logits(&rows, mask, &w, Some(&c)), &plain, "logits");
            let g = Tensor::randn([b, o], o1);
            let by_weight = Tensor::run_backward(&[(&plain * &g).sum(Kind::Float)], &[w1], false, false);
            close(&gradient(&rows, mask, &g), &by_weight[0], "gradient");
        }
    }

    #[test]
    fn what_it_cannot_read_is_left_to_the_plain_form() {
        let stored = Tensor::zeros([4, 8], (Kind::Float, Device::Cpu));
        assert!(Rows::new(&stored, &[0, 3], 8).is_some());
        assert!(Rows::new(&stored, &[0, 4], 8).is_none(), "a row that is not there");
        assert!(Rows::new(&stored, &[0], 7).is_none(), "a mask comes in fours");
        assert!(Rows::new(&stored, &[0], 12).is_none(), "columns that are not there");
        assert!(Rows::new(&stored.to_kind(Kind::Double), &[0], 8).is_none());
        assert!(Rows::new(&stored.tr(), &[0], 4).is_none());
    }
}
