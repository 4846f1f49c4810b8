//! Speed: synchronous batches against the machine's own large product, asynchronous sweeps against their plain form.
//!
//! Only products count as operations: storing P patterns is 2PN², a sweep of B states 2BN². The machine's product is measured
//! beside them, in turns, in the same process.

use std::time::Instant;

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::{Dynamics, HopfieldError, Network, Options, Patterns, Trainer, asynchronous, synchronous};
use crate::bench::sgemm;
use crate::device;

/// Storing and recalling against the machine's product.
#[derive(Debug, Clone, Serialize)]
pub struct Batch {
    /// N, P, B, sweeps.
    pub size: [usize; 4],
    /// Seconds of storing: median.
    pub store_seconds: f64,
    /// Seconds of all sweeps: median.
    pub recall_seconds: f64,
    /// 10⁹ operations a second: storing, recalling, both together, the machine's product (medians).
    pub gflops: [f64; 4],
    /// Storing, recalling and both as shares of the machine's product, medians of each repetition's own.
    pub share: [f64; 3],
    /// Smallest and largest share of both together.
    pub range: [f64; 2],
    /// Repetitions.
    pub repeats: usize,
    /// Largest memory of the process so far, MiB, where the system says.
    pub peak_mib: Option<u64>,
}

/// Asynchronous sweeps with kept fields against a row of W for every neuron.
#[derive(Debug, Clone, Serialize)]
pub struct Sweeps {
    /// N, P, B.
    pub size: [usize; 3],
    /// Share of flipped bits in the starts.
    pub noise: f64,
    /// Sweeps at most.
    pub sweeps: usize,
    /// Whether states leave that have converged.
    pub early_stop: bool,
    /// Milliseconds a state: kept fields, plain form (medians).
    pub ms: [f64; 2],
    /// Plain over kept, median, smallest and largest.
    pub ratio: [f64; 3],
    /// Neurons that flipped, a state.
    pub flips: f64,
    /// Sweeps that a state took.
    pub taken: f64,
    /// Whether both ended in the same states.
    pub same: bool,
    /// Repetitions.
    pub repeats: usize,
}

/// Stores P random patterns and recalls B noisy ones for so many sweeps of all of them.
///
/// # Errors
/// When libtorch fails (memory).
pub fn batch(size: [usize; 4], repeats: usize) -> Result<Batch, HopfieldError> {
    let [n, p, b, sweeps] = size;
    let patterns = device::guard("making patterns", || Patterns::random(p, n, super::Activation::Sign, 0))?;
    let starts = patterns.rows(&(0..b).map(|i| i % p).collect::<Vec<_>>()).noisy(0.1, 0, "bench");
    let options = Options { sweeps, early_stop: false, energies: false, ..Options::default() };
    let trainer = Trainer::default();
    let square = |a: usize| a as f64 * (n * n) as f64 * 2.0 / 1e9;
    let (mut store, mut recall, mut machine, mut shares) = (vec![], vec![], vec![], vec![vec![]; 3]);
    // The first repetition warms up.
    for i in 0..=repeats {
        let product = device::guard("measuring", || sgemm(Device::Cpu, 1).gflops)?;
        let began = Instant::now();
        let mut network = device::guard("making the weights", || Network::new(n, Dynamics::default()))?;
        trainer.train(&mut network, &patterns)?;
        let stored = began.elapsed().as_secs_f64();
        let began = Instant::now();
        synchronous::recall(&network, starts.values(), &options, &mut |_| true)?;
        let recalled = began.elapsed().as_secs_f64();
        if i > 0 {
            let all = (square(p) + square(b * sweeps)) / (stored + recalled);
            for (list, rate) in shares.iter_mut().zip([square(p) / stored, square(b * sweeps) / recalled, all]) {
                list.push(rate / product);
            }
            store.push(stored);
            recall.push(recalled);
            machine.push(product);
        }
    }
    let (stored, recalled) = (median(&store), median(&recall));
    let all = (square(p) + square(b * sweeps)) / (stored + recalled);
    let both = &shares[2];
    Ok(Batch {
        size,
        store_seconds: stored,
        recall_seconds: recalled,
        gflops: [square(p) / stored, square(b * sweeps) / recalled, all, median(&machine)],
        share: [median(&shares[0]), median(&shares[1]), median(both)],
        range: [both.iter().copied().fold(f64::INFINITY, f64::min), both.iter().copied().fold(0.0, f64::max)],
        repeats,
        peak_mib: peak(),
    })
}

/// Recalls B noisy states asynchronously, in turns with kept fields and in the plain form.
///
/// # Errors
/// When libtorch fails (memory).
pub fn sweeps(
    size: [usize; 3],
    noise: f64,
    sweeps: usize,
    early_stop: bool,
    repeats: usize,
) -> Result<Sweeps, HopfieldError> {
    let [n, p, b] = size;
    let patterns = device::guard("making patterns", || Patterns::random(p, n, super::Activation::Sign, 0))?;
    let starts = patterns.rows(&(0..b).map(|i| i % p).collect::<Vec<_>>()).noisy(noise, 0, "bench");
    let mut network = Network::new(n, Dynamics::default());
    // Whole numbers: both forms then add up the same numbers without rounding.
    let trainer = Trainer { normalize_by_patterns: false, subtract_mean: false, ..Trainer::default() };
    trainer.train(&mut network, &patterns)?;
    let options = Options { sweeps, early_stop, energies: false, ..Options::default() };
    let starts = starts.values();
    let (mut ms, mut ratios) = ([vec![], vec![]], vec![]);
    let (mut same, mut taken, mut flips) = (true, 0.0, 0.0);
    for i in 0..=repeats {
        let began = Instant::now();
        let kept = asynchronous::recall(&network, starts, &options, 0, &mut |_| true)?;
        let fast = began.elapsed().as_secs_f64() * 1e3 / b as f64;
        let began = Instant::now();
        let plain = asynchronous::naive(&network, starts, &options, 0, &mut |_| true)?;
        let slow = began.elapsed().as_secs_f64() * 1e3 / b as f64;
        same &= kept.states == plain.states;
        taken = kept.sweeps.iter().sum::<usize>() as f64 / b as f64;
        flips = kept.states.ne_tensor(starts).sum(Kind::Double).double_value(&[]) / b as f64;
        if i > 0 {
            ms[0].push(fast);
            ms[1].push(slow);
            ratios.push(slow / fast);
        }
    }
    let range = [ratios.iter().copied().fold(f64::INFINITY, f64::min), ratios.iter().copied().fold(0.0, f64::max)];
    Ok(Sweeps {
        size,
        noise,
        sweeps,
        early_stop,
        ms: [median(&ms[0]), median(&ms[1])],
        ratio: [median(&ratios), range[0], range[1]],
        flips,
        taken,
        same,
        repeats,
    })
}

/// Milliseconds of one full product W·s: what each neuron would cost that is updated by a whole product.
///
/// # Errors
/// When libtorch fails (memory).
pub fn full_product_ms(n: usize, repeats: usize) -> Result<f64, HopfieldError> {
    Ok(device::guard("measuring", || {
        let shape = [n as i64, n as i64];
        let (w, s) =
            (Tensor::ones(shape, (Kind::Float, Device::Cpu)), Tensor::ones([n as i64], (Kind::Float, Device::Cpu)));
        crate::bench::Times::of(repeats, Device::Cpu, || drop(w.mv(&s))).median * 1e3
    })?)
}

/// The middle one.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The largest memory that this process has held, MiB.
fn peak() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? / 1024)
}
