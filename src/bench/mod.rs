//! `bench`: how fast this machine is, and how much of that a preset reaches, in one process and so comparably.
//!
//! Rates are floating-point operations (a multiply-add is two) by the median time; the share is of this machine's own
//! large product of single-precision matrices (sgemm), measured in the same process. Only products are counted, so the
//! share says how close everything else comes to costing nothing.

mod machine;
mod parts;
mod preset;

use std::time::Instant;

use serde::Serialize;
use tch::Device;

pub use machine::{Machine, Product, sgemm};
pub use parts::Part;
pub use preset::{Classifier, Work};

use crate::device::{self, DeviceError, Precision};
use crate::preset::config::{DatasetConfig, NetworkConfig};

/// Times of one thing, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    /// Median.
    pub median: f64,
    /// Fastest.
    pub min: f64,
    /// Slowest.
    pub max: f64,
    /// How often it was measured, after a warm-up.
    pub repeats: usize,
}

impl Times {
    /// Runs `work` twice to warm up, then `repeats` times.
    pub fn of(repeats: usize, device: Device, mut work: impl FnMut()) -> Times {
        let mut seconds = Vec::with_capacity(repeats);
        for i in 0..repeats + 2 {
            let began = Instant::now();
            work();
            if let Device::Cuda(index) = device {
                tch::Cuda::synchronize(index as i64);
            }
            if i >= 2 {
                seconds.push(began.elapsed().as_secs_f64());
            }
        }
        seconds.sort_by(f64::total_cmp);
        let at = |i: usize| seconds.get(i).copied().unwrap_or(f64::NAN);
        Times { median: at(repeats / 2), min: at(0), max: at(repeats.saturating_sub(1)), repeats }
    }

    /// Operations a second, in units of 10⁹.
    pub fn gflops(&self, flop: f64) -> f64 {
        flop / self.median / 1e9
    }
}

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The preset.
    pub preset: String,
    /// The device, as asked for.
    pub device: String,
    /// Threads.
    pub threads: usize,
    /// How products are computed.
    pub precision: Precision,
    /// What the machine can do.
    pub machine: Machine,
    /// One step of all Hebbian blocks together.
    pub step: Work,
    /// What that step's time goes into, block by block.
    pub parts: Vec<Part>,
    /// The frozen blocks' outputs.
    pub features: Work,
    /// The classifier's epochs on stored outputs, if the network ends in one.
    pub classifier: Option<Classifier>,
}

/// Measures a network's training.
///
/// # Errors
/// When libtorch fails (memory).
pub fn run(
    network: &NetworkConfig,
    unsup: &DatasetConfig,
    sup: &DatasetConfig,
    on: Device,
    precision: Precision,
    repeats: usize,
) -> Result<Report, DeviceError> {
    device::guard("measuring", || {
        let machine = Machine::measure(network, unsup.batch_size, on, repeats);
        Report {
            preset: network.name.clone(),
            device: format!("{on:?}").to_lowercase(),
            threads: device::threads(),
            precision,
            step: preset::step(network, unsup.batch_size, on, precision, repeats, machine.sgemm_gflops),
            parts: parts::breakdown(network, unsup.batch_size, on, precision, repeats),
            features: preset::features(network, on, precision, repeats, machine.sgemm_gflops),
            classifier: preset::classifier(network, sup, on, repeats),
            machine,
        }
    })
}
