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

use super::wta;
use super::{Constants, Readout, SnnError, Spikes};

/// Units are stored in whole vectors of this many.
const LANES: usize = 16;
/// A scale below this is multiplied into its column at once.
const SMALL: f32 = 1e-6;
/// Sums that are taken ahead, at most.
const AHEAD: usize = 1 << 22;
/// What is added to a norm that divides.
const NORM_EPS: f32 = 1e-6;

/// The weights of a network and its constants.
#[derive(Debug, Clone)]
pub struct Network {
    constants: Constants,
    inputs: usize,
    classes: usize,
    /// Hidden units and classes, rounded up to whole vectors.
    width_h: usize,
    width_o: usize,
    /// From one row of U to the next.
    stride: usize,
    /// U, (D, stride).
    u: Vec<f32>,
    /// W1[:, j] = decayed·scale[j]·U[:, j].
    scale: Vec<f32>,
    decayed: f32,
    /// ‖U[:, j]‖².
    norms: Vec<f64>,
    /// V, (H, width_o); W2 = decayed_o·V.
    w2: Vec<f32>,
    decayed_o: f32,
    thresholds: Vec<f32>,
    /// Whether any is not 0, or may become so.
    has_thresholds: bool,
}

/// The state of one image's simulation: one a thread, used for one image after the other.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// Hidden potentials, and what they exceed their thresholds by.
    pub v_h: Vec<f32>,
    beyond: Vec<f32>,
    /// Sum of the rows of U of the inputs that fire; the same for all steps; units whose columns changed since.
    sum: Vec<f32>,
    ahead: Vec<f32>,
    changed: Vec<u32>,
    /// Output potentials.
    pub v_o: Vec<f32>,
    current_o: Vec<f32>,
    change_o: Vec<f32>,
    /// Hidden units that fire in this step, ascending.
    pub fired_h: Vec<u32>,
    /// Output units that fire in this step, ascending.
    pub fired_o: Vec<u32>,
    /// Output spikes so far, by class.
    pub counts: Vec<u32>,
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
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { self.forward_avx2(spikes, a) };
        }
        self.forward_steps(spikes, a);
    }

    /// The same loop compiled for AVX2. Additions keep their order, so the results are the same bits.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn forward_avx2(&self, spikes: &Spikes, a: &mut Activity) {
        self.forward_steps(spikes, a);
    }

    #[inline(always)]
    fn forward_steps(&self, spikes: &Spikes, a: &mut Activity) {
        let ahead = self.sum_ahead(spikes, a);
        for t in 0..spikes.steps() {
            if ahead {
                a.take_sum(t, self.width_h);
            } else {
                sum_rows(&self.u, self.stride, spikes.step(t), &mut a.sum);
            }
            self.react(a);
        }
    }

    /// One step of both layers, for whoever wants to look on. [`Activity::rest`] begins an image.
    pub fn step(&self, active: &[u32], a: &mut Activity) {
        sum_rows(&self.u, self.stride, active, &mut a.sum);
        self.react(a);
    }

    /// The sums of all steps at once, block of columns by block: the rows' pieces stay in the nearest cache from step to
    /// step. Not for trains whose sums would fill the memory; then it returns false.
    #[inline(always)]
    fn sum_ahead(&self, spikes: &Spikes, a: &mut Activity) -> bool {
        let (steps, width) = (spikes.steps(), self.width_h);
        if steps.saturating_mul(width) > AHEAD {
            return false;
        }
        a.ahead.resize(steps * width, 0.0);
        for start in (0..width).step_by(2 * LANES) {
            for (t, out) in a.ahead.chunks_exact_mut(width).enumerate() {
                sum_block(&self.u, self.stride, spikes.step(t), start, out);
            }
        }
        true
    }

    /// What both layers make of the sums of this step's rows.
    #[inline(always)]
    fn react(&self, a: &mut Activity) {
        let c = &self.constants;
        let alpha = c.alpha_h();
        let decayed = self.decayed;
        for ((v, sum), scale) in a.v_h.iter_mut().zip(&a.sum).zip(&self.scale) {
            *v = alpha * *v + sum * (scale * decayed);
        }
        let mut field = &a.v_h;
        if self.has_thresholds {
            for ((b, v), t) in a.beyond.iter_mut().zip(&a.v_h).zip(&self.thresholds) {
                *b = v - t;
            }
            field = &a.beyond;
        }
        wta::winners(field, c.k_hidden, &mut a.fired_h);
        let vth = c.vth_h as f32;
        for &j in &a.fired_h {
            a.v_h[j as usize] -= vth;
        }
        sum_rows(&self.w2, self.width_o, &a.fired_h, &mut a.current_o);
        let alpha = c.alpha_o();
        for (v, current) in a.v_o.iter_mut().zip(&a.current_o) {
            *v = alpha * *v + current * self.decayed_o;
        }
        wta::winners(&a.v_o, c.k_output, &mut a.fired_o);
        let vth = c.vth_o as f32;
        for &o in &a.fired_o {
            a.v_o[o as usize] -= vth;
            a.counts[o as usize] += 1;
        }
    }

    /// Trains on an image: its spikes, its label, and whether the teacher fires in each step. [`Network::end_batch`] ends
    /// the batch.
    ///
    /// The caller has seen to it that the spikes fit the inputs and the label the classes.
    pub fn train_image(&mut self, spikes: &Spikes, label: usize, teacher: &[bool], a: &mut Activity) {
        a.rest(self);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { self.train_avx2(spikes, label, teacher, a) };
        }
        self.train_steps(spikes, label, teacher, a);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn train_avx2(&mut self, spikes: &Spikes, label: usize, teacher: &[bool], a: &mut Activity) {
        self.train_steps(spikes, label, teacher, a);
    }

    #[inline(always)]
    fn train_steps(&mut self, spikes: &Spikes, label: usize, teacher: &[bool], a: &mut Activity) {
        let c = &self.constants;
        let keep = [1.0 - c.decay1, 1.0 - c.decay2].map(|x| x as f32);
        // Only columns of units that fired change: where they are few, it is less work to sum these anew.
        let few = c.k_hidden.saturating_mul(spikes.steps()).saturating_mul(6) < c.hidden;
        let ahead = few && self.sum_ahead(spikes, a);
        for (t, &teach) in teacher.iter().enumerate().take(spikes.steps()) {
            let active = spikes.step(t);
            if ahead {
                a.take_sum(t, self.width_h);
                self.sum_changed(active, a);
            } else {
                sum_rows(&self.u, self.stride, active, &mut a.sum);
            }
            self.react(a);
            self.oja(active, a);
            if ahead {
                a.note_changed();
            }
            self.learn_output(label, teach, a);
            self.decayed *= keep[0];
            self.decayed_o *= keep[1];
            self.adapt(a);
        }
        self.normalise();
    }

    /// The sums of those columns that changed since they were taken ahead; in the same order, so the same bits.
    #[inline(always)]
    fn sum_changed(&self, active: &[u32], a: &mut Activity) {
        for &j in &a.changed {
            let mut sum = 0.0;
            for &d in active {
                sum += self.u[d as usize * self.stride + j as usize];
            }
            a.sum[j as usize] = sum;
        }
    }

    /// W1[:, j] += eta1·(x − W1[:, j]) for each unit that fired.
    #[inline(always)]
    fn oja(&mut self, active: &[u32], a: &Activity) {
        let eta = self.constants.eta1 as f32;
        if eta == 0.0 {
            return;
        }
        let stride = self.stride;
        for &j in &a.fired_h {
            let j = j as usize;
            let mut scale = self.scale[j] * (1.0 - eta);
            let mut sum = f64::from(a.sum[j]);
            if scale * self.decayed < SMALL {
                // Rare: the column takes its scale, and is measured anew.
                let factor = scale * self.decayed;
                self.u.iter_mut().skip(j).step_by(stride).for_each(|u| *u *= factor);
                self.norms[j] *= f64::from(factor) * f64::from(factor);
                sum *= f64::from(factor);
                scale = 1.0 / self.decayed;
            }
            self.scale[j] = scale;
            let add = eta / (scale * self.decayed);
            for &d in active {
                self.u[d as usize * stride + j] += add;
            }
            let add = f64::from(add);
            self.norms[j] += add * (2.0 * sum + active.len() as f64 * add);
        }
    }

    #[inline(always)]
    fn learn_output(&mut self, label: usize, teach: bool, a: &mut Activity) {
        let (eta2, eta2_neg) = (self.constants.eta2 as f32, self.constants.eta2_neg as f32);
        a.change_o.fill(0.0);
        let target = f32::from(u8::from(teach));
        let mut shrink = 1.0;
        match self.constants.readout {
            Readout::Notebook => {
                for &o in &a.fired_o {
                    a.change_o[o as usize] += if o as usize == label { eta2 } else { eta2 - eta2_neg };
                }
                if teach {
                    a.change_o[label] = eta2;
                }
            }
            Readout::Counts => {
                shrink = 1.0 - eta2;
                a.change_o[label] = eta2 * target;
            }
            Readout::Errors => {
                for &o in &a.fired_o {
                    a.change_o[o as usize] -= eta2;
                }
                a.change_o[label] += eta2 * target;
            }
        }
        let grow = 1.0 / self.decayed_o;
        a.change_o.iter_mut().for_each(|c| *c *= grow);
        for &j in &a.fired_h {
            let row = &mut self.w2[j as usize * self.width_o..][..self.width_o];
            for (w, change) in row.iter_mut().zip(&a.change_o) {
                *w = *w * shrink + change;
            }
        }
    }

    /// Homeostasis: a unit that fires more often than k/H gets a higher threshold.
    #[inline(always)]
    fn adapt(&mut self, a: &Activity) {
        let c = &self.constants;
        if c.theta == 0.0 {
            return;
        }
        let theta = c.theta as f32;
        let mean = theta * (c.k_hidden as f32 / c.hidden as f32);
        let h = c.hidden;
        self.thresholds[..h].iter_mut().for_each(|t| *t -= mean);
        for &j in &a.fired_h {
            self.thresholds[j as usize] += theta;
        }
    }

    /// Columns of W1 to norm 1 by their scales; those of W2 (the notebook's readout) by their weights.
    #[inline(always)]
    fn normalise(&mut self) {
        for (scale, norm) in self.scale.iter_mut().zip(&self.norms) {
            let effective = *scale * self.decayed;
            // Rounding may leave less than nothing of a column that vanished.
            let norm = norm.max(0.0).sqrt() as f32;
            // A column of zeros stays one; its scale must not grow without bound.
            *scale = if norm > 0.0 { effective / (effective.abs() * norm + NORM_EPS) } else { 1.0 };
        }
        self.decayed = 1.0;
        if self.constants.readout == Readout::Notebook {
            normalise_columns(&mut self.w2, self.width_o, self.decayed_o);
            self.decayed_o = 1.0;
        }
    }

    /// Ends a batch: scales into the weights, weights to −1…1, norms anew.
    pub fn end_batch(&mut self) {
        for row in self.u.chunks_exact_mut(self.stride) {
            for (u, scale) in row.iter_mut().zip(&self.scale) {
                *u = (*u * (scale * self.decayed)).clamp(-1.0, 1.0);
            }
        }
        self.scale.fill(1.0);
        self.decayed = 1.0;
        let decayed = self.decayed_o;
        self.w2.iter_mut().for_each(|w| *w = (*w * decayed).clamp(-1.0, 1.0));
        self.decayed_o = 1.0;
        self.measure_norms();
    }

    fn measure_norms(&mut self) {
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
            v.clear();
            v.resize(n, 0.0);
        }
        self.counts.clear();
        self.counts.resize(network.width_o, 0);
        self.fired_h.clear();
        self.fired_o.clear();
        self.changed.clear();
    }

    fn take_sum(&mut self, t: usize, width: usize) {
        self.sum.copy_from_slice(&self.ahead[t * width..][..width]);
    }

    fn note_changed(&mut self) {
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

/// Rows of `columns` as rows of `width`, filled up with zeros.
fn widened(w: &[f32], columns: usize, width: usize) -> Vec<f32> {
    let mut out = vec![0.0; w.len() / columns * width];
    for (to, from) in out.chunks_exact_mut(width).zip(w.chunks_exact(columns)) {
        to[..columns].copy_from_slice(from);
    }
    out
}

/// The sum of these rows, as long as `out`. Column block by column block, so that the sums stay in registers.
#[inline(always)]
fn sum_rows(w: &[f32], stride: usize, rows: &[u32], out: &mut [f32]) {
    for start in (0..out.len()).step_by(2 * LANES) {
        sum_block(w, stride, rows, start, out);
    }
}

/// The same for the two vectors from `start` on, or for one if there is no more.
#[inline(always)]
fn sum_block(w: &[f32], stride: usize, rows: &[u32], start: usize, out: &mut [f32]) {
    match out.len() - start {
        LANES => block::<LANES>(w, stride, rows, start, out),
        _ => block::<{ 2 * LANES }>(w, stride, rows, start, out),
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
fn normalise_columns(w: &mut [f32], width: usize, factor: f32) {
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
