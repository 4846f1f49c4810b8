//! The speed of an epoch with one N×N matrix a layer against the published (C, N, N) form, in one process.
//!
//! Both forms learn from the same decoded images in the same order, in turns; the outputs of the last step are compared. The
//! peak of memory is read before the published form has taken any.

use std::time::Instant;

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::published::Published;
use super::stream::Decoder;
use super::{Encoder, EncoderError, Plan, Source};
use crate::device::guard;

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Images an epoch.
    pub images: usize,
    /// Lateral weights that are kept, and those of the published form.
    pub laterals: (i64, i64),
    /// Operations of an epoch of ours, 10⁹.
    pub gflop: f64,
    /// This machine's product of large single-precision matrices, 10⁹ operations a second.
    pub sgemm: f64,
    /// Seconds that `gflop` would take at that speed: nothing that makes these products can be faster.
    pub limit: f64,
    /// Seconds of each epoch of ours.
    pub ours: Vec<f64>,
    /// Seconds of each epoch of the published form.
    pub published: Vec<f64>,
    /// Their ratio, repetition by repetition: median.
    pub ratio: f64,
    /// Largest |difference| of the last outputs, as a share of the largest output.
    pub difference: f64,
    /// Largest memory of the process with ours alone, and with both, MiB; absent where the system does not say.
    pub peak_mib: (Option<u64>, Option<u64>),
    /// Threads.
    pub threads: usize,
}

/// Measures so many epochs of each form.
///
/// # Errors
/// When images cannot be read or libtorch fails.
pub fn run(plan: &Plan, source: &Source, device: Device, repeats: usize) -> Result<Report, EncoderError> {
    let decoder = Decoder::new(&source.items, plan.channels, plan.size);
    let order = crate::data::epoch_order(plan.seed, 0, 1, source.items.len());
    let mut images = 0;
    decoder.each(&order, 0, plan.batch_size, |batch| {
        images += batch.indices.len();
        Ok(true)
    })?;
    let mut ours = plan.encoder()?.to_device(device);
    // The first steps ask for the memory that all later ones use.
    let few = &order[..order.len().min(4 * plan.batch_size)];
    let _ = epoch(&decoder, few, plan, device, |x| ours.step(x).0)?;
    let mut ours: Encoder = plan.encoder()?.to_device(device);
    let gflop = ours.flop(images as i64) / 1e9;
    let (first, mut last_ours) = epoch(&decoder, &order, plan, device, |x| ours.step(x).0)?;
    let peak_ours = peak_mib();
    let sgemm = guard("measuring a product", || product(device))?;
    let mut published = Published::like(&plan.encoder()?.to_device(device));
    let (theirs, mut last_theirs) = epoch(&decoder, &order, plan, device, |x| published.step(x).0)?;
    let (mut a, mut b) = (vec![first], vec![theirs]);
    for _ in 1..repeats.max(1) {
        let (seconds, last) = epoch(&decoder, &order, plan, device, |x| ours.step(x).0)?;
        last_ours = last;
        a.push(seconds);
        let (seconds, last) = epoch(&decoder, &order, plan, device, |x| published.step(x).0)?;
        last_theirs = last;
        b.push(seconds);
    }
    let largest = |t: &Tensor| t.abs().max().double_value(&[]);
    let difference = largest(&(&last_ours - &last_theirs)) / largest(&last_theirs).max(f64::MIN_POSITIVE);
    let mut ratios: Vec<f64> = b.iter().zip(&a).map(|(b, a)| b / a).collect();
    ratios.sort_by(f64::total_cmp);
    Ok(Report {
        images,
        laterals: ours.laterals(),
        gflop,
        sgemm,
        limit: gflop / sgemm,
        ratio: ratios[ratios.len() / 2],
        ours: a,
        published: b,
        difference,
        peak_mib: (peak_ours, peak_mib()),
        threads: crate::device::threads(),
    })
}

/// An epoch: its seconds and its last output.
fn epoch(
    decoder: &Decoder,
    order: &[u32],
    plan: &Plan,
    device: Device,
    mut step: impl FnMut(&Tensor) -> Tensor,
) -> Result<(f64, Tensor), EncoderError> {
    let (begin, mut last) = (Instant::now(), Tensor::new());
    decoder.each(order, 0, plan.batch_size, |batch| {
        last = guard("a training step", || step(&decoder.tensor(&batch, device)))?;
        Ok(true)
    })?;
    Ok((begin.elapsed().as_secs_f64(), last))
}

/// The best of a few products of large matrices, 10⁹ operations a second.
fn product(device: Device) -> f64 {
    let n = 2048i64;
    let a = Tensor::ones([n, n], (Kind::Float, device));
    let time = |_| {
        let begin = Instant::now();
        let sum = a.mm(&a).sum(Kind::Float).double_value(&[]); // waits for the device, too
        debug_assert!(sum > 0.0);
        begin.elapsed().as_secs_f64()
    };
    let best = (0..5).map(time).fold(f64::INFINITY, f64::min);
    2.0 * (n as f64).powi(3) / best / 1e9
}

/// The largest memory that this process has had, MiB; on Linux.
pub fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}
