//! Adam (Kingma & Ba 2015) with libtorch's constants, its moments in reach so that a run can be resumed exactly.

use tch::{Kind, Tensor};

use crate::layer::wide::{dispatch, numbers, numbers_mut, reaches};
use crate::parallel;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;
/// Parameters that one loop of the fast form handles.
const CHUNK: usize = 8192;

/// Adam over a list of parameters.
#[derive(Debug)]
pub struct Adam {
    parameters: Vec<Tensor>,
    /// First and second moments, one pair a parameter.
    moments: Vec<(Tensor, Tensor)>,
    /// Steps made.
    steps: i64,
}

impl Adam {
    /// An optimiser that has made no step.
    pub fn new(parameters: Vec<Tensor>) -> Adam {
        let moments = parameters.iter().map(|p| (p.detach().zeros_like(), p.detach().zeros_like())).collect();
        Adam { parameters, moments, steps: 0 }
    }

    /// The parameters.
    pub fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// One step along the gradients (one a parameter, in order) with learning rate `lr`.
    pub fn step(&mut self, gradients: &[Tensor], lr: f64) {
        self.steps += 1;
        let n = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (correction1, correction2) = (1.0 - BETA1.powi(n), 1.0 - BETA2.powi(n));
        tch::no_grad(|| {
            for ((p, (m, v)), g) in self.parameters.iter_mut().zip(&mut self.moments).zip(gradients) {
                let plain = |t: &Tensor| reaches(t.device()) && t.kind() == Kind::Float && t.is_contiguous();
                if [&*p, &*m, &*v, g].into_iter().all(plain) {
                    one_pass(&mut p.detach(), m, v, g, [lr / correction1, correction2.sqrt()].map(|c| c as f32));
                    continue;
                }
                let _ = m.lerp_(g, 1.0 - BETA1);
                let _ = v.g_mul_scalar_(BETA2).addcmul_(&(g * (1.0 - BETA2)), g);
                let denominator = (v.sqrt() / correction2.sqrt()).g_add_scalar_(EPS);
                let _ = p.g_add_(&(&*m / denominator * (-lr / correction1)));
            }
        });
    }

    /// Steps made.
    pub fn steps(&self) -> i64 {
        self.steps
    }

    /// The moments as named tensors, for a checkpoint.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let named = |(i, (m, v)): (usize, &(Tensor, Tensor))| {
            [(format!("adam.{i}.m"), m.shallow_clone()), (format!("adam.{i}.v"), v.shallow_clone())]
        };
        self.moments.iter().enumerate().flat_map(named).collect()
    }

    /// Takes back what [`Adam::state`] gave; `None` if a tensor is missing or has another shape.
    pub fn load(&mut self, steps: i64, state: &std::collections::BTreeMap<String, Tensor>) -> Option<()> {
        for (i, (m, v)) in self.moments.iter_mut().enumerate() {
            for (name, moment) in [(format!("adam.{i}.m"), m), (format!("adam.{i}.v"), v)] {
                let saved = state.get(&name).filter(|t| t.size() == moment.size())?;
                moment.copy_(saved);
            }
        }
        self.steps = steps;
        Some(())
    }
}

/// The step on the CPU in one pass, which reads and writes each number once; `by` is the corrected learning rate and the root
/// of the second moment's correction.
fn one_pass(p: &mut Tensor, m: &mut Tensor, v: &mut Tensor, g: &Tensor, by: [f32; 2]) {
    let g = numbers(g);
    // SAFETY: the moments are the optimiser's own, and a step comes after the products that read the parameters.
    let (p, m, v) = unsafe { (numbers_mut(p), numbers_mut(m), numbers_mut(v)) };
    let parts = p.chunks_mut(CHUNK).zip(m.chunks_mut(CHUNK)).zip(v.chunks_mut(CHUNK)).zip(g.chunks(CHUNK));
    parallel::each(parts, |_, (((p, m), v), g)| chunk(p, m, v, g, by));
}

dispatch! {
    /// One chunk of [`one_pass`].
    fn chunk(p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], by: [f32; 2]) = chunk_loop
}

#[inline(always)]
fn chunk_loop(p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], [lr, root]: [f32; 2]) {
    for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
        *m += (g - *m) * (1.0 - BETA1) as f32;
        *v = *v * BETA2 as f32 + g * (1.0 - BETA2) as f32 * g;
        *p -= *m / (v.sqrt() / root + EPS as f32) * lr;
    }
}

/// Adam's learning rate in an epoch (from 1): halved after epoch ⌊q·E⌋ for each q of the published schedule.
pub fn learning_rate(start: f64, epoch: u64, epochs: u64) -> f64 {
    let quantiles: &[f64] = match epochs {
        0..20 => &[],
        20..50 => &[0.5, 0.75],
        _ => &[0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9],
    };
    let halvings = quantiles.iter().filter(|q| epoch > (epochs as f64 * **q) as u64).count();
    start * 0.5_f64.powi(i32::try_from(halvings).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::nn::OptimizerConfig;
    use tch::{Device, Kind};

    #[test]
    fn rate_is_halved_as_published() {
        // epochs, epoch, halvings
        for (epochs, epoch, halvings) in [
            (50, 1, 0),
            (50, 10, 0),
            (50, 11, 1),
            (50, 17, 1),
            (50, 18, 2),
            (50, 46, 7),
            (20, 10, 0),
            (20, 11, 1),
            (20, 16, 2),
            (19, 19, 0),
            (70, 49, 4),
            (70, 50, 5),
        ] {
            assert_eq!(learning_rate(0.001, epoch, epochs), 0.001 * 0.5_f64.powi(halvings), "{epoch} of {epochs}");
        }
    }

    #[test]
    fn makes_the_steps_of_libtorchs_adam() {
        let vs = tch::nn::VarStore::new(Device::Cpu);
        let theirs = vs.root().var("w", &[7, 5], tch::nn::Init::Const(0.3));
        let mut libtorch = tch::nn::Adam::default().build(&vs, 0.01).expect("libtorch has Adam");
        let ours = theirs.detach().copy().set_requires_grad(true);
        let mut adam = Adam::new(vec![ours.shallow_clone()]);
        let target = Tensor::randn([7, 5], (Kind::Float, Device::Cpu));
        let loss = |w: &Tensor| (w - &target).pow_tensor_scalar(2).sum(Kind::Float);
        for _ in 0..20 {
            libtorch.backward_step(&loss(&theirs));
            let gradients = Tensor::run_backward(&[loss(&ours)], adam.parameters(), false, false);
            adam.step(&gradients, 0.01);
        }
        let error = (theirs - ours).abs().max().double_value(&[]);
        assert!(error < 1e-6, "{error}");
    }
}
