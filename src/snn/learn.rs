//! Learning: what a training image changes, written only where something changes. [`super::model`] has the equations.

#[cfg(target_arch = "x86_64")]
use super::sums::Vectors;
use super::sums::{NORM_EPS, normalise_columns, sum_rows};
use super::{Activity, Network, Readout, Spikes};

/// A scale below this is multiplied into its column at once.
const SMALL: f32 = 1e-6;

impl Network {
    /// Trains on an image: its spikes, its label, and whether the teacher fires in each step. [`Network::end_batch`] ends
    /// the batch.
    ///
    /// The caller has seen to it that the spikes fit the inputs and the label the classes.
    pub fn train_image(&mut self, spikes: &Spikes, label: usize, teacher: &[bool], a: &mut Activity) {
        a.rest(self);
        #[cfg(target_arch = "x86_64")]
        match Vectors::detect() {
            // SAFETY: the processor has these instructions.
            Vectors::Avx512 => return unsafe { self.train_avx512(spikes, label, teacher, a) },
            // SAFETY: likewise.
            Vectors::Avx2 => return unsafe { self.train_avx2(spikes, label, teacher, a) },
            Vectors::Plain => {}
        }
        self.train_steps::<false>(spikes, label, teacher, a);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,popcnt")]
    fn train_avx512(&mut self, spikes: &Spikes, label: usize, teacher: &[bool], a: &mut Activity) {
        self.train_steps::<true>(spikes, label, teacher, a);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn train_avx2(&mut self, spikes: &Spikes, label: usize, teacher: &[bool], a: &mut Activity) {
        self.train_steps::<false>(spikes, label, teacher, a);
    }

    #[inline(always)]
    fn train_steps<const WIDE: bool>(&mut self, spikes: &Spikes, label: usize, teacher: &[bool], a: &mut Activity) {
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
            self.react::<WIDE>(a);
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
        let u = &self.u[..];
        for &j in &a.changed {
            let mut sum = 0.0;
            for &d in active {
                sum += u[d as usize * self.stride + j as usize];
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
            let u = &mut self.u[..];
            for &d in active {
                u[d as usize * stride + j] += add;
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
            for (w, change) in row.iter_mut().zip(a.change_o.iter()) {
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
}
