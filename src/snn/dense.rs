//! The notebook's loop line by line, dense: the oracle that the sparse network is compared with.
//!
//! Nothing is skipped and nothing folded: every input is multiplied whether it fires or not, all weights decay in
//! every step, all columns are normalised after every image. It is what the speed is measured against, too.

use super::{Constants, Readout, wta};

/// A network with its weights as they are: `w1` (D, H) and `w2` (H, C), row by row.
#[derive(Debug, Clone)]
pub struct Dense {
    /// Its constants.
    pub constants: Constants,
    /// Inputs, D.
    pub inputs: usize,
    /// Classes, C.
    pub classes: usize,
    /// Weights to the hidden layer, (D, H).
    pub w1: Vec<f32>,
    /// Weights to the output, (H, C).
    pub w2: Vec<f32>,
    /// Thresholds of the hidden units (zeros in the notebook).
    pub thresholds: Vec<f32>,
    /// If watched, the smallest relative distance so far between a potential that fired and one that did not: where it
    /// is of the size of rounding, another order of additions may let another unit fire.
    pub margin: Option<f32>,
}

/// The potentials of an image, and the spikes of the current step.
struct Activity {
    v_h: Vec<f32>,
    v_o: Vec<f32>,
    s_h: Vec<f32>,
    s_o: Vec<f32>,
}

impl Dense {
    /// With these weights; thresholds are 0.
    pub fn new(constants: &Constants, inputs: usize, classes: usize, w1: Vec<f32>, w2: Vec<f32>) -> Dense {
        let thresholds = vec![0.0; constants.hidden];
        Dense { constants: constants.clone(), inputs, classes, w1, w2, thresholds, margin: None }
    }

    /// Output spikes by class of a dense train, (steps, D) row by row.
    pub fn counts(&mut self, spikes: &[f32]) -> Vec<f32> {
        let mut a = self.rest();
        let mut counts = vec![0.0; self.classes];
        for x in spikes.chunks_exact(self.inputs) {
            self.step(x, &mut a);
            for (n, s) in counts.iter_mut().zip(&a.s_o) {
                *n += s;
            }
        }
        counts
    }

    /// One image of a training batch: its dense train (steps, D), its label, and whether the teacher fires in each
    /// step. [`Dense::clip`] ends the batch.
    pub fn train_image(&mut self, spikes: &[f32], label: usize, teacher: &[bool]) {
        let c = self.constants.clone();
        let (eta1, theta) = (c.eta1 as f32, c.theta as f32);
        let keep = [1.0 - c.decay1, 1.0 - c.decay2].map(|x| x as f32);
        let mut a = self.rest();
        for (x, &teach) in spikes.chunks_exact(self.inputs).zip(teacher) {
            self.step(x, &mut a);
            let mut y = vec![0.0; self.classes];
            y[label] = f32::from(u8::from(teach));
            // Oja's rule on the units that fired.
            for (&x, row) in x.iter().zip(self.w1.chunks_exact_mut(c.hidden)) {
                for (w, &s) in row.iter_mut().zip(&a.s_h).filter(|(_, s)| **s > 0.0) {
                    *w += eta1 * (x * s - s * s * *w);
                }
            }
            self.learn_output(&a.s_h, &a.s_o, &y, label);
            self.w1.iter_mut().for_each(|w| *w *= keep[0]);
            self.w2.iter_mut().for_each(|w| *w *= keep[1]);
            if theta > 0.0 {
                let mean = c.k_hidden as f32 / c.hidden as f32;
                self.thresholds.iter_mut().zip(&a.s_h).for_each(|(t, s)| *t += theta * (s - mean));
            }
        }
        normalise_columns(&mut self.w1, c.hidden);
        if c.readout == Readout::Notebook {
            normalise_columns(&mut self.w2, self.classes);
        }
    }

    /// What ends a batch: all weights to −1…1.
    pub fn clip(&mut self) {
        for w in self.w1.iter_mut().chain(&mut self.w2) {
            *w = w.clamp(-1.0, 1.0);
        }
    }

    fn rest(&self) -> Activity {
        let (h, c) = (self.constants.hidden, self.classes);
        Activity { v_h: vec![0.0; h], v_o: vec![0.0; c], s_h: vec![0.0; h], s_o: vec![0.0; c] }
    }

    /// A step of both layers.
    fn step(&mut self, x: &[f32], a: &mut Activity) {
        let c = &self.constants;
        integrate(c.alpha_h(), &mut a.v_h, x, &self.w1);
        // A threshold is what a potential must exceed, so that its unit competes with what it has beyond.
        let beyond: Vec<f32> = a.v_h.iter().zip(&self.thresholds).map(|(v, t)| v - t).collect();
        a.s_h = compete(&beyond, c.k_hidden, &mut self.margin);
        reset(c.vth_h as f32, &mut a.v_h, &a.s_h);
        integrate(c.alpha_o(), &mut a.v_o, &a.s_h, &self.w2);
        a.s_o = compete(&a.v_o, c.k_output, &mut self.margin);
        reset(c.vth_o as f32, &mut a.v_o, &a.s_o);
    }

    /// The weights to the output, by the rule of the constants; `y` is the teacher.
    fn learn_output(&mut self, hidden: &[f32], natural: &[f32], y: &[f32], label: usize) {
        let (eta2, eta2_neg) = (self.constants.eta2 as f32, self.constants.eta2_neg as f32);
        let positive: Vec<f32> = natural.iter().zip(y).map(|(s, y)| s.max(*y)).collect();
        let mut negative = natural.to_vec();
        negative[label] = 0.0;
        for (&h, row) in hidden.iter().zip(self.w2.chunks_exact_mut(self.classes)) {
            for (c, w) in row.iter_mut().enumerate() {
                match self.constants.readout {
                    Readout::Notebook => {
                        *w += eta2 * (h * positive[c]);
                        *w -= eta2_neg * (h * negative[c]);
                    }
                    Readout::Counts => *w += eta2 * (h * (y[c] - *w)),
                    Readout::Errors => *w += eta2 * (h * (y[c] - natural[c])),
                }
            }
        }
    }
}

/// v ← α·v + x·W, W (inputs, units) row by row.
fn integrate(alpha: f32, v: &mut [f32], x: &[f32], w: &[f32]) {
    let mut current = vec![0.0; v.len()];
    for (&x, row) in x.iter().zip(w.chunks_exact(v.len())) {
        for (c, &w) in current.iter_mut().zip(row) {
            *c += x * w;
        }
    }
    for (v, c) in v.iter_mut().zip(&current) {
        *v = alpha * *v + c;
    }
}

/// The spikes of the k largest positive potentials.
fn compete(v: &[f32], k: usize, margin: &mut Option<f32>) -> Vec<f32> {
    let fired = wta::selected(v, k);
    let mut spikes = vec![0.0; v.len()];
    for &j in &fired {
        spikes[j as usize] = 1.0;
    }
    if let Some(margin) = margin {
        *margin = margin.min(distance(v, &spikes, k));
    }
    spikes
}

/// v ← v − vth·s.
fn reset(vth: f32, v: &mut [f32], s: &[f32]) {
    for (v, s) in v.iter_mut().zip(s) {
        *v -= vth * s;
    }
}

/// Divides each column by its norm + 1e-6.
fn normalise_columns(w: &mut [f32], columns: usize) {
    let mut norms = vec![0.0f32; columns];
    for row in w.chunks_exact(columns) {
        for (n, w) in norms.iter_mut().zip(row) {
            *n += w * w;
        }
    }
    norms.iter_mut().for_each(|n| *n = n.sqrt() + 1e-6);
    for row in w.chunks_exact_mut(columns) {
        for (w, n) in row.iter_mut().zip(&norms) {
            *w /= n;
        }
    }
}

/// How far apart the last potential that fired and the best that did not are, relative to the largest potential.
fn distance(v: &[f32], spikes: &[f32], k: usize) -> f32 {
    let largest = v.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    let (mut last, mut best, mut fired) = (f32::INFINITY, f32::NEG_INFINITY, 0);
    for (&v, &s) in v.iter().zip(spikes) {
        if s > 0.0 {
            (last, fired) = (last.min(v), fired + 1);
        } else {
            best = best.max(v);
        }
    }
    // With fewer than k winners 0 is what decides, on both sides.
    let gap = if fired < k { last.min(-best) } else { (last - best).min(last) };
    if largest > 0.0 && gap.is_finite() { gap / largest } else { f32::INFINITY }
}
