//! The network, sparse in spikes: what the notebook computes, to the rounding of 32-bit floats, in a fraction of its
//! operations.
//!
//! In each step, for inputs x (D), hidden units (H) and outputs (C):
//!
//! ```text
//! v_h ← α_h·v_h + x·W1        s_h = the k largest of v_h, if positive       v_h ← v_h − vth_h·s_h
//! v_o ← α_o·v_o + s_h·W2      s_o = the same with k_output                  v_o ← v_o − vth_o·s_o
//! learning:  W1[:, j] += eta1·(x − W1[:, j]) for each j that fired (Oja),   W1 *= 1 − decay1
//!            W2 += s_h ⊗ (eta2·max(s_o, y) − eta2_neg·s_o without the target),  W2 *= 1 − decay2
//! after an image: columns of W1 and W2 to norm 1;  after a batch: weights to −1…1
//! ```
//!
//! What makes it fast:
//! - x·W1 is the sum of the rows of the inputs that fire (15 of 784);
//! - W1 is stored as U·diag(scale): the decay, Oja's shrinking and the normalisation of a column multiply one
//!   number, and only the weights of inputs that fire to units that fire are written;
//! - the norm of a column follows from what is known already: adding δ to the n inputs that fire changes ‖U_j‖² by
//!   2δ·(their sum, which is the unit's current) + n·δ². So normalisation reads no weights;
//! - at the end of a batch the scales are multiplied into U and the norms are taken anew, so that rounding does not add up.

use super::aligned::Aligned;
#[cfg(target_arch = "x86_64")]
use super::sums::Vectors;
use super::sums::{BLOCK, LANES, sum_block, sum_rows, widened};
use super::wta;
use super::{Constants, SnnError, Spikes};

/// Sums that are taken ahead, at most.
const AHEAD: usize = 1 << 22;

/// The weights of a network and its constants.
#[derive(Debug, Clone)]
pub struct Network {
    pub(super) constants: Constants,
    pub(super) inputs: usize,
    pub(super) classes: usize,
    /// Hidden units and classes, rounded up to whole vectors.
    pub(super) width_h: usize,
    pub(super) width_o: usize,
    /// From one row of U to the next.
    pub(super) stride: usize,
    /// U, (D, stride).
    pub(super) u: Aligned,
    /// W1[:, j] = decayed·scale[j]·U[:, j].
    pub(super) scale: Vec<f32>,
    pub(super) decayed: f32,
    /// ‖U[:, j]‖².
    pub(super) norms: Vec<f64>,
    /// V, (H, width_o); W2 = decayed_o·V.
    pub(super) w2: Aligned,
    pub(super) decayed_o: f32,
    pub(super) thresholds: Vec<f32>,
    /// Whether any is not 0, or may become so.
    pub(super) has_thresholds: bool,
}

/// The state of one image's simulation: one a thread, used for one image after the other.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// Hidden potentials, and what they exceed their thresholds by.
    pub(super) v_h: Aligned,
    pub(super) beyond: Aligned,
    /// Sum of the rows of U of the inputs that fire; the same for all steps; units whose columns changed since.
    pub(super) sum: Aligned,
    pub(super) ahead: Aligned,
    pub(super) changed: Vec<u32>,
    /// Output potentials.
    pub(super) v_o: Aligned,
    pub(super) current_o: Aligned,
    pub(super) change_o: Aligned,
    /// Hidden units that fire in this step, ascending.
    pub fired_h: Vec<u32>,
    /// Output units that fire in this step, ascending.
    pub fired_o: Vec<u32>,
    /// Output spikes so far, by class.
    pub counts: Vec<u32>,
    /// What the winners' potentials exceeded in the last step.
    pub(super) level_h: f32,
    pub(super) level_o: f32,
}

impl Network {
    /// With these weights: `w1` (D, H) and `w2` (H, C), row by row.
    ///
    /// # Errors
    /// When a constant is wrong or the weights do not fit them.
    pub fn new(
        constants: &Constants,
        inputs: usize,
        classes: usize,
        w1: &[f32],
        w2: &[f32],
    ) -> Result<Network, SnnError> {
        constants.check(classes)?;
        let h = constants.hidden;
        for (what, found, wanted) in [("weights w1", w1.len(), [inputs, h]), ("weights w2", w2.len(), [h, classes])] {
            if inputs == 0 || found != wanted[0] * wanted[1] {
                return Err(SnnError::Shape { what, found: format!("{found} numbers"), wanted: format!("{wanted:?}") });
            }
        }
        let (width_h, width_o) = (h.next_multiple_of(LANES), classes.next_multiple_of(LANES));
        // An odd number of pairs of cache lines: pieces of many rows then do not compete for the same places of a cache.
        let stride = (h.div_ceil(2 * LANES) | 1) * 2 * LANES;
        let mut network = Network {
            constants: constants.clone(),
            inputs,
            classes,
            width_h,
            width_o,
            stride,
            u: widened(w1, h, stride),
            scale: vec![1.0; width_h],
            decayed: 1.0,
            norms: vec![0.0; width_h],
            w2: widened(w2, classes, width_o),
            decayed_o: 1.0,
            thresholds: vec![0.0; width_h],
            has_thresholds: constants.theta != 0.0,
        };
        network.measure_norms();
        Ok(network)
    }

    /// Its constants.
    pub fn constants(&self) -> &Constants {
        &self.constants
    }

    /// Inputs, D.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Classes, C.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// W1, (D, H) row by row.
    pub fn w1(&self) -> Vec<f32> {
        let rows = self.u.chunks_exact(self.stride);
        let row = |row: &[f32]| -> Vec<f32> {
            row.iter().zip(&self.scale).take(self.constants.hidden).map(|(u, s)| u * (s * self.decayed)).collect()
        };
        rows.flat_map(row).collect()
    }

    /// W2, (H, C) row by row.
    pub fn w2(&self) -> Vec<f32> {
        let rows = self.w2.chunks_exact(self.width_o);
        rows.flat_map(|row| row.iter().take(self.classes).map(|w| w * self.decayed_o)).collect()
    }

    /// Thresholds of the hidden units, H.
    pub fn thresholds(&self) -> &[f32] {
        &self.thresholds[..self.constants.hidden]
    }

    /// Sets the thresholds of the hidden units; those that are not given stay.
    pub fn set_thresholds(&mut self, thresholds: &[f32]) {
        let h = self.constants.hidden;
        self.thresholds[..h].iter_mut().zip(thresholds).for_each(|(to, from)| *to = *from);
        self.has_thresholds |= self.thresholds.iter().any(|t| *t != 0.0);
    }

    /// Changes the learning rates; for schedules.
    pub fn set_rates(&mut self, eta1: f64, eta2: f64, theta: f64) {
        (self.constants.eta1, self.constants.eta2, self.constants.theta) = (eta1, eta2, theta);
    }

    /// Simulates an image without learning; its output spikes by class are in `a.counts`.
    pub fn forward(&self, spikes: &Spikes, a: &mut Activity) {
        a.rest(self);
        #[cfg(target_arch = "x86_64")]
        match Vectors::detect() {
            // SAFETY: the processor has these instructions.
            Vectors::Avx512 => return unsafe { self.forward_avx512(spikes, a) },
            // SAFETY: likewise.
            Vectors::Avx2 => return unsafe { self.forward_avx2(spikes, a) },
            Vectors::Plain => {}
        }
        self.forward_steps::<false>(spikes, a);
    }

    /// The same loop compiled for AVX-512. Additions keep their order, so the results are the same bits.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,popcnt")]
    fn forward_avx512(&self, spikes: &Spikes, a: &mut Activity) {
        self.forward_steps::<true>(spikes, a);
    }

    /// The same for AVX2.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn forward_avx2(&self, spikes: &Spikes, a: &mut Activity) {
        self.forward_steps::<false>(spikes, a);
    }

    #[inline(always)]
    fn forward_steps<const WIDE: bool>(&self, spikes: &Spikes, a: &mut Activity) {
        let ahead = self.sum_ahead(spikes, a);
        for t in 0..spikes.steps() {
            if ahead {
                a.take_sum(t, self.width_h);
            } else {
                sum_rows(&self.u, self.stride, spikes.step(t), &mut a.sum);
            }
            self.react::<WIDE>(a);
        }
    }

    /// One step of both layers, for whoever wants to look on. [`Activity::rest`] begins an image.
    pub fn step(&self, active: &[u32], a: &mut Activity) {
        sum_rows(&self.u, self.stride, active, &mut a.sum);
        self.react::<false>(a);
    }

    /// The sums of all steps at once, block of columns by block: the rows' pieces stay in the nearest cache from step to
    /// step. Not for trains whose sums would fill the memory; then it returns false.
    #[inline(always)]
    pub(super) fn sum_ahead(&self, spikes: &Spikes, a: &mut Activity) -> bool {
        let (steps, width) = (spikes.steps(), self.width_h);
        if steps.saturating_mul(width) > AHEAD {
            return false;
        }
        a.ahead.resize(steps * width);
        for start in (0..width).step_by(BLOCK) {
            for (t, out) in a.ahead.chunks_exact_mut(width).enumerate() {
                sum_block(&self.u, self.stride, spikes.step(t), start, out);
            }
        }
        true
    }

    /// What both layers make of the sums of this step's rows.
    #[inline(always)]
    pub(super) fn react<const WIDE: bool>(&self, a: &mut Activity) {
        let c = &self.constants;
        let alpha = c.alpha_h();
        let decayed = self.decayed;
        for ((v, sum), scale) in a.v_h.iter_mut().zip(a.sum.iter()).zip(&self.scale) {
            *v = alpha * *v + sum * (scale * decayed);
        }
        let mut field = &a.v_h;
        if self.has_thresholds {
            for ((b, v), t) in a.beyond.iter_mut().zip(a.v_h.iter()).zip(&self.thresholds) {
                *b = v - t;
            }
            field = &a.beyond;
        }
        wta::winners::<WIDE>(field, c.k_hidden, &mut a.level_h, &mut a.fired_h);
        let vth = c.vth_h as f32;
        for &j in &a.fired_h {
            a.v_h[j as usize] -= vth;
        }
        sum_rows(&self.w2, self.width_o, &a.fired_h, &mut a.current_o);
        let alpha = c.alpha_o();
        for (v, current) in a.v_o.iter_mut().zip(a.current_o.iter()) {
            *v = alpha * *v + current * self.decayed_o;
        }
        wta::winners::<WIDE>(&a.v_o, c.k_output, &mut a.level_o, &mut a.fired_o);
        let vth = c.vth_o as f32;
        for &o in &a.fired_o {
            a.v_o[o as usize] -= vth;
            a.counts[o as usize] += 1;
        }
    }

    pub(super) fn measure_norms(&mut self) {
        self.norms.fill(0.0);
        for row in self.u.chunks_exact(self.stride) {
            for (n, u) in self.norms.iter_mut().zip(row) {
                *n += f64::from(*u) * f64::from(*u);
            }
        }
    }

    /// The first weight that is not a finite number, and its layer.
    pub fn not_finite(&self) -> Option<(&'static str, f32)> {
        let first = |w: &[f32]| w.iter().copied().find(|w| !w.is_finite());
        // A column with such a weight has such a norm; the norms are few.
        let hidden = self.norms.iter().any(|n| !n.is_finite()).then(|| first(&self.u)).flatten();
        hidden.map(|w| ("the hidden layer", w)).or_else(|| first(&self.w2).map(|w| ("the output layer", w)))
    }
}

impl Activity {
    /// At rest, in the sizes of this network.
    pub fn rest(&mut self, network: &Network) {
        for (v, n) in [
            (&mut self.v_h, network.width_h),
            (&mut self.beyond, network.width_h),
            (&mut self.sum, network.width_h),
            (&mut self.v_o, network.width_o),
            (&mut self.current_o, network.width_o),
            (&mut self.change_o, network.width_o),
        ] {
            v.resize(n);
            v.fill(0.0);
        }
        self.counts.clear();
        self.counts.resize(network.width_o, 0);
        self.fired_h.clear();
        self.fired_o.clear();
        self.changed.clear();
        (self.level_h, self.level_o) = (0.0, 0.0);
    }

    pub(super) fn take_sum(&mut self, t: usize, width: usize) {
        self.sum.copy_from_slice(&self.ahead[t * width..][..width]);
    }

    pub(super) fn note_changed(&mut self) {
        for j in &self.fired_h {
            if !self.changed.contains(j) {
                self.changed.push(*j);
            }
        }
    }

    /// The class with most output spikes; of equals the lowest.
    pub fn predicted(&self) -> usize {
        let best = self.counts.iter().copied().max().unwrap_or(0);
        self.counts.iter().position(|n| *n == best).unwrap_or(0)
    }
}
