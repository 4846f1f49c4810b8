//! Synchronous recall: all neurons of all states at once; a sweep is one product S·Wᵀ, (B, N)·(N, N), and one pass.
//!
//! The product is taken for a block of neurons at a time: the fields of a block, (B, [`BLOCK`]), stay in the cache for the pass
//! that follows, and beside W and two sets of states no large matrix is needed. The pass compares the new state with the
//! last two, and the product gives the energy of the state before it for nothing: E = −½ s·(Ws) + θ·Σs.
//!
//! States that are done leave: the last one of the batch takes their place.

use tch::{Device, Kind, Tensor};

use super::recall::{Options, Recalled, Status, Sweep};
use super::{Activation, HopfieldError, Network};
use crate::device;
use crate::layer::wide::{numbers, numbers_mut};
use crate::parallel;

/// Neurons whose fields are computed at a time.
pub const BLOCK: usize = 1024;

/// What a sweep found out about a state.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// s·(Ws) and Σs, of the state before the sweep.
    product: f64,
    sum: f64,
    /// Largest change of a neuron.
    change: f32,
    /// Largest difference from the state two sweeps ago.
    back: f32,
}

/// Where a state of the batch is.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// Which start it came from.
    origin: usize,
    /// Its energy before the last sweep, and the largest change in it.
    energy: f64,
    change: f32,
}

/// Recalls states (B, N), each on its own; `listen` hears of each sweep and ends the recall by `false`.
///
/// # Errors
/// When the states do not fit the network, an option is wrong, or libtorch fails (memory).
pub fn recall(
    network: &Network,
    starts: &Tensor,
    options: &Options,
    listen: &mut dyn FnMut(Sweep) -> bool,
) -> Result<Recalled, HopfieldError> {
    options.check()?;
    network.dynamics.check()?;
    network.fits(starts, "start states")?;
    let starts = starts.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    Ok(device::guard("recalling", || Batch::new(network, &starts, options).run(listen))?)
}

/// A recall that goes on.
struct Batch<'a> {
    network: &'a Network,
    options: &'a Options,
    n: usize,
    slots: Vec<Slot>,
    /// The states, those of one sweep before, and the fields of a block of neurons.
    now: Tensor,
    before: Tensor,
    fields: Tensor,
    out: Recalled,
}

impl Batch<'_> {
    fn new<'a>(network: &'a Network, starts: &Tensor, options: &'a Options) -> Batch<'a> {
        let (b, n) = (starts.size()[0] as usize, network.neurons());
        let slots = (0..b).map(|origin| Slot { origin, energy: f64::NAN, change: f32::INFINITY }).collect();
        Batch {
            network,
            options,
            n,
            slots,
            now: starts.copy().view([-1]),
            before: starts.full_like(f64::INFINITY).view([-1]), // before the start there was nothing to go back to
            fields: Tensor::empty([(b * BLOCK.min(n)) as i64], (Kind::Float, Device::Cpu)),
            out: Recalled {
                states: starts.copy(),
                status: vec![Status::Moving; b],
                sweeps: vec![0; b],
                energies: vec![Vec::new(); b],
                interrupted: false,
            },
        }
    }

    fn run(mut self, listen: &mut dyn FnMut(Sweep) -> bool) -> Recalled {
        let of = self.options.sweeps;
        for done in 1..=of {
            if self.slots.is_empty() {
                break;
            }
            let seen = self.sweep();
            self.judge(done, &seen);
            if !listen(Sweep { done, of, active: self.slots.len() }) && done < of {
                self.out.interrupted = true;
                break;
            }
        }
        self.end();
        self.out
    }

    /// The rows of the batch that are still in it, as (active, N).
    fn active(&self, t: &Tensor) -> Tensor {
        let (active, n) = (self.slots.len() as i64, self.n as i64);
        t.narrow(0, 0, active * n).view([active, n])
    }

    /// Fields of the neurons from `start`: (active, len).
    fn fields(&self, start: usize, len: usize) -> Tensor {
        let active = self.slots.len() as i64;
        let fields = self.fields.narrow(0, 0, active * len as i64).view([active, len as i64]);
        let weights = self.network.weights().narrow(0, start as i64, len as i64);
        self.active(&self.now).mm_out(&fields, &weights.tr())
    }

    /// One sweep of all states; `now` is then the new states and `before` the earlier ones.
    fn sweep(&mut self) -> Vec<Seen> {
        let (n, active) = (self.n, self.slots.len());
        let mut seen = vec![Seen::default(); active];
        for start in (0..n).step_by(BLOCK) {
            let len = BLOCK.min(n - start);
            let fields = self.fields(start, len);
            let (fields, now) = (numbers(&fields), numbers(&self.now));
            // SAFETY: the batch's own tensor, of which nobody has another handle.
            let before = unsafe { numbers_mut(&mut self.before) };
            let dynamics = &self.network.dynamics;
            parallel::each(before.chunks_mut(n).zip(&mut seen), |row, (before, seen)| {
                let before = &mut before[start..][..len];
                let (fields, now) = (&fields[row * len..][..len], &now[row * n + start..][..len]);
                pass(dynamics, fields, now, before, seen);
            });
        }
        std::mem::swap(&mut self.now, &mut self.before);
        seen
    }

    /// Notes the energies and lets those leave that are done.
    fn judge(&mut self, done: usize, seen: &[Seen]) {
        let theta = self.network.dynamics.threshold;
        let exact = self.network.dynamics.activation == Activation::Sign;
        let still = self.options.still();
        let mut leaving = Vec::new();
        for (i, (slot, seen)) in self.slots.iter_mut().zip(seen).enumerate() {
            let energy = -0.5 * seen.product + theta * seen.sum;
            let settled = (energy - slot.energy).abs() < self.options.convergence_threshold && slot.change <= still;
            (slot.energy, slot.change) = (energy, seen.change);
            let energies = &mut self.out.energies[slot.origin];
            energies.push(energy);
            self.out.sweeps[slot.origin] = done;
            let near = if exact { 0.0 } else { still };
            let status = if seen.change == 0.0 || settled {
                energies.push(energy);
                Status::Converged
            } else if seen.back <= near && seen.change > 2.0 * near {
                // The energy after this sweep is the one before the last.
                let again = energies.len().checked_sub(2).map_or(energy, |i| energies[i]);
                energies.push(again);
                Status::Oscillating
            } else {
                continue;
            };
            if self.options.early_stop {
                leaving.push((i, status));
            } else {
                energies.pop();
                self.out.status[slot.origin] = status;
            }
        }
        for &(i, status) in leaving.iter().rev() {
            self.leave(i, status, done);
        }
    }

    /// Takes a state out of the batch.
    fn leave(&mut self, i: usize, status: Status, done: usize) {
        let (n, slot) = (self.n, self.slots[i]);
        // One that goes back and forth ends as it would have after all sweeps.
        let odd = status == Status::Oscillating && (self.options.sweeps - done) % 2 == 1;
        let from = numbers(if odd { &self.before } else { &self.now })[i * n..][..n].to_vec();
        // SAFETY: here and below, the batch's own tensors.
        let out = unsafe { numbers_mut(&mut self.out.states) };
        out[slot.origin * n..][..n].copy_from_slice(&from);
        self.out.status[slot.origin] = status;
        let last = self.slots.len() - 1;
        if i < last {
            for states in [&mut self.now, &mut self.before] {
                // SAFETY: as above.
                let states = unsafe { numbers_mut(states) };
                states.copy_within(last * n..(last + 1) * n, i * n);
            }
        }
        self.slots.swap_remove(i);
    }

    /// The states that never left, and their last energies.
    fn end(&mut self) {
        if self.slots.is_empty() {
            return;
        }
        let states = self.active(&self.now);
        let energies = if self.options.energies { self.network.energy(&states).unwrap_or_default() } else { vec![] };
        // SAFETY: the batch's own tensor, and not the one that is read.
        let (n, now, out) = (self.n, numbers(&self.now), unsafe { numbers_mut(&mut self.out.states) });
        for (i, slot) in self.slots.iter().enumerate() {
            out[slot.origin * n..][..n].copy_from_slice(&now[i * n..][..n]);
            self.out.energies[slot.origin].extend(energies.get(i));
        }
    }
}

/// The pass over a block of one state: what was two sweeps ago becomes the new state.
fn pass(dynamics: &super::Dynamics, fields: &[f32], now: &[f32], before: &mut [f32], seen: &mut Seen) {
    let (slope, theta) = ((1.0 / dynamics.temperature) as f32, dynamics.threshold as f32);
    match dynamics.activation {
        Activation::Sign => lanes(fields, now, before, seen, |h, s| Activation::Sign.apply(h - theta, s, slope)),
        Activation::Tanh => lanes(fields, now, before, seen, |h, s| Activation::Tanh.apply(h - theta, s, slope)),
        Activation::Sigmoid => lanes(fields, now, before, seen, |h, s| Activation::Sigmoid.apply(h - theta, s, slope)),
    }
}

/// Numbers added up in single precision before they join a sum in double precision.
const CHUNK: usize = 64;

#[inline(always)]
fn lanes(fields: &[f32], now: &[f32], before: &mut [f32], seen: &mut Seen, apply: impl Fn(f32, f32) -> f32) {
    let chunks = fields.chunks(CHUNK).zip(now.chunks(CHUNK)).zip(before.chunks_mut(CHUNK));
    for ((fields, now), before) in chunks {
        let (mut products, mut sums, mut changes, mut backs) = ([0f32; 8], [0f32; 8], [0f32; 8], [0f32; 8]);
        let mut one = |lane: usize, h: f32, s: f32, b: &mut f32| {
            let new = apply(h, s);
            products[lane] += h * s;
            sums[lane] += s;
            let (change, back) = ((new - s).abs(), (new - *b).abs());
            changes[lane] = if change > changes[lane] { change } else { changes[lane] };
            backs[lane] = if back > backs[lane] { back } else { backs[lane] };
            *b = new;
        };
        let (eights, rest) = fields.as_chunks::<8>();
        let (now_eights, now_rest) = now.as_chunks::<8>();
        let (before_eights, before_rest) = before.as_chunks_mut::<8>();
        for ((h, s), b) in eights.iter().zip(now_eights).zip(before_eights) {
            for lane in 0..8 {
                one(lane, h[lane], s[lane], &mut b[lane]);
            }
        }
        for ((h, s), b) in rest.iter().zip(now_rest).zip(before_rest) {
            one(0, *h, *s, b);
        }
        seen.product += f64::from(products.iter().sum::<f32>());
        seen.sum += f64::from(sums.iter().sum::<f32>());
        for lane in 0..8 {
            seen.change = seen.change.max(changes[lane]);
            seen.back = seen.back.max(backs[lane]);
        }
    }
}
