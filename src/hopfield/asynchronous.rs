//! Asynchronous recall: one neuron after the other, in a fresh random order each sweep and state.
//!
//! The fields h = Ws of all states come from one product at the start. A neuron that changes by δ then changes all fields by
//! δ times its column of W: one axpy of N numbers for each neuron that flips, and nothing for one that stays. Near an attractor few
//! flip, so a sweep costs little more than looking at N fields. [`naive`] is the form that computes every neuron's field from its
//! row when its turn comes: the oracle of the tests and the benchmark.
//!
//! With symmetric W, a diagonal of 0 and the sign activation, an update never raises the energy (Hopfield 1982).

use rand::seq::SliceRandom;
use tch::{Device, Kind, Tensor};

use super::recall::{Options, Recalled, Status, Sweep};
use super::{Activation, Dynamics, HopfieldError, Network};
use crate::device::{self, rng};
use crate::layer::wide::{numbers, numbers_mut};
use crate::parallel;

/// The fields of one state's neurons, however they are come by.
trait Fields: Send {
    /// (Ws) of a neuron of the state, which is `s`.
    fn of(&self, neuron: usize, s: &[f32]) -> f32;
    /// A neuron has changed by this much.
    fn changed(&mut self, neuron: usize, change: f32);
    /// s·(Ws).
    fn product(&self, s: &[f32]) -> f64;
}

/// Fields that are kept and changed by columns of W.
struct Kept<'a> {
    columns: &'a [f32],
    fields: &'a mut [f32],
}

impl Fields for Kept<'_> {
    fn of(&self, neuron: usize, _: &[f32]) -> f32 {
        self.fields[neuron]
    }

    fn changed(&mut self, neuron: usize, change: f32) {
        let n = self.fields.len();
        axpy(change, &self.columns[neuron * n..][..n], self.fields);
    }

    fn product(&self, s: &[f32]) -> f64 {
        f64::from(dot(self.fields, s))
    }
}

/// Fields computed from the rows of W.
struct Rows<'a> {
    n: usize,
    weights: &'a [f32],
}

impl Fields for Rows<'_> {
    fn of(&self, neuron: usize, s: &[f32]) -> f32 {
        dot(&self.weights[neuron * self.n..][..self.n], s)
    }

    fn changed(&mut self, _: usize, _: f32) {}

    fn product(&self, s: &[f32]) -> f64 {
        (0..self.n).map(|neuron| f64::from(self.of(neuron, s)) * f64::from(s[neuron])).sum()
    }
}

/// Recalls states (B, N); `seed` names the orders, in which a state's own do not depend on the others.
///
/// # Errors
/// When the states do not fit the network, an option is wrong, or libtorch fails (memory).
pub fn recall(
    network: &Network,
    starts: &Tensor,
    options: &Options,
    seed: u64,
    listen: &mut dyn FnMut(Sweep) -> bool,
) -> Result<Recalled, HopfieldError> {
    let starts = prepare(network, starts, options)?;
    let mut fields = device::guard("recalling", || starts.matmul(&network.weights().tr()))?;
    // Rows of a symmetric matrix are its columns; those of another one are copied.
    let columns = device::guard("recalling", || match network.is_symmetric() {
        true => network.weights().shallow_clone(),
        false => network.weights().tr().contiguous(),
    })?;
    let columns = numbers(&columns);
    // SAFETY: the product is ours alone.
    let fields = unsafe { numbers_mut(&mut fields) }.chunks_mut(network.neurons().max(1));
    Ok(walk(fields.map(|fields| Kept { columns, fields }).collect(), &network.dynamics, starts, options, seed, listen))
}

/// The same, with every neuron's field computed from its row of W when its turn comes.
///
/// # Errors
/// As [`recall`].
pub fn naive(
    network: &Network,
    starts: &Tensor,
    options: &Options,
    seed: u64,
    listen: &mut dyn FnMut(Sweep) -> bool,
) -> Result<Recalled, HopfieldError> {
    let starts = prepare(network, starts, options)?;
    let rows = || Rows { n: network.neurons(), weights: numbers(network.weights()) };
    Ok(walk((0..starts.size()[0]).map(|_| rows()).collect(), &network.dynamics, starts, options, seed, listen))
}

/// The checked start states, a copy that is ours.
fn prepare(network: &Network, starts: &Tensor, options: &Options) -> Result<Tensor, HopfieldError> {
    options.check()?;
    network.dynamics.check()?;
    network.fits(starts, "start states")?;
    Ok(starts.detach().to_device(Device::Cpu).to_kind(Kind::Float).copy().contiguous())
}

/// A state while it is recalled.
#[derive(Debug, Clone)]
struct Walker {
    order: Vec<u32>,
    active: bool,
    status: Status,
    sweeps: usize,
    energies: Vec<f64>,
}

/// What all states of a recall have in common.
struct Rules<'a> {
    dynamics: &'a Dynamics,
    options: &'a Options,
    seed: u64,
}

fn walk<F: Fields>(
    mut fields: Vec<F>,
    dynamics: &Dynamics,
    mut states: Tensor,
    options: &Options,
    seed: u64,
    listen: &mut dyn FnMut(Sweep) -> bool,
) -> Recalled {
    let (b, n) = (states.size()[0] as usize, states.size()[1] as usize);
    let new = Walker { order: vec![0; n], active: true, status: Status::Moving, sweeps: 0, energies: vec![] };
    let mut walkers = vec![new; b];
    let rules = Rules { dynamics, options, seed };
    let (of, mut interrupted) = (options.sweeps, false);
    for done in 1..=of {
        {
            // SAFETY: `prepare` copied the states, so they are ours alone.
            let states = unsafe { numbers_mut(&mut states) };
            parallel::each(
                walkers.iter_mut().zip(&mut fields).zip(states.chunks_mut(n)),
                |i, ((walker, fields), s)| {
                    if walker.active {
                        rules.sweep(i, done, walker, fields, s);
                    }
                },
            );
        }
        let active = walkers.iter().filter(|w| w.active).count();
        if !listen(Sweep { done, of, active }) && done < of {
            interrupted = true;
            break;
        }
        if active == 0 {
            break;
        }
    }
    Recalled {
        states,
        status: walkers.iter().map(|w| w.status).collect(),
        sweeps: walkers.iter().map(|w| w.sweeps).collect(),
        energies: walkers.into_iter().map(|w| w.energies).collect(),
        interrupted,
    }
}

impl Rules<'_> {
    /// Updates every neuron of a state once.
    fn sweep(&self, i: usize, done: usize, walker: &mut Walker, fields: &mut impl Fields, s: &mut [f32]) {
        let (activation, theta) = (self.dynamics.activation, self.dynamics.threshold as f32);
        let slope = (1.0 / self.dynamics.temperature) as f32;
        // Energies are cheap where fields are kept; a sign state needs none to know that it is done.
        let wanted = self.options.energies || activation != Activation::Sign;
        if wanted && done == 1 {
            walker.energies.push(self.energy(fields, s));
        }
        walker.order.iter_mut().zip(0..).for_each(|(o, neuron)| *o = neuron);
        walker.order.shuffle(&mut rng(self.seed, &["update order".into(), (i as u64).into(), (done as u64).into()]));
        let mut largest = 0f32;
        for &neuron in &walker.order {
            let neuron = neuron as usize;
            let new = activation.apply(fields.of(neuron, s) - theta, s[neuron], slope);
            let change = new - s[neuron];
            if change != 0.0 {
                s[neuron] = new;
                fields.changed(neuron, change);
                largest = largest.max(change.abs());
            }
        }
        walker.sweeps = done;
        let mut settled = false;
        if wanted {
            let energy = self.energy(fields, s);
            let last = walker.energies.last().copied().unwrap_or(f64::NAN);
            settled = (energy - last).abs() < self.options.convergence_threshold && largest <= self.options.still();
            walker.energies.push(energy);
        }
        if largest == 0.0 || settled {
            walker.status = Status::Converged;
            walker.active = !self.options.early_stop;
        } else {
            walker.status = Status::Moving;
        }
    }

    fn energy(&self, fields: &impl Fields, s: &[f32]) -> f64 {
        let sum: f64 = s.iter().map(|x| f64::from(*x)).sum();
        -0.5 * fields.product(s) + self.dynamics.threshold * sum
    }
}

/// y += a·x.
fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// Σ x·y, in sixteen sums, so that it runs as fast as memory gives the numbers.
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut sums = [0f32; 16];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<16>(), y.as_chunks::<16>());
    for (x, y) in x.iter().zip(y) {
        for lane in 0..16 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}
