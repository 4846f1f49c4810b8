//! Dropout: each input is dropped with probability p, the others grow by 1/(1−p) (Srivastava et al. 2014).
//!
//! On the CPU the mask comes from our own generator, seeded by the step: the same for any number of threads, and with
//! no state to save. On other devices it comes from libtorch's generator, seeded likewise.

use tch::{Device, Kind, Tensor};

use super::wide::{dispatch, numbers, numbers_mut};
use crate::parallel;

/// Inputs that share one generator.
const CHUNK: usize = 4096;
/// Inputs that share one of its numbers.
pub const GROUP: usize = 4;
/// SplitMix64's step.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Drops inputs of `x` with probability `p`.
pub fn apply(x: &Tensor, p: f64, seed: u64) -> Tensor {
    if p <= 0.0 {
        return x.shallow_clone();
    }
    if x.device() != Device::Cpu {
        tch::manual_seed(seed as i64);
        return x.dropout(p, true);
    }
    if x.requires_grad() {
        return x * kept(&x.ones_like().detach(), p, seed);
    }
    kept(x, p, seed)
}

/// The fused pass: reads each input once, writes it scaled or 0.
fn kept(x: &Tensor, p: f64, seed: u64) -> Tensor {
    let x = x.contiguous();
    let mut out = Tensor::empty(x.size(), (Kind::Float, Device::Cpu));
    let mask = Mask::new(p, seed);
    // SAFETY: `out` is new.
    let (source, target) = (numbers(&x), unsafe { numbers_mut(&mut out) });
    parallel::each(target.chunks_mut(CHUNK), |chunk, to| {
        let start = chunk * CHUNK;
        mask.apply(start, &source[start..start + to.len()], to);
    });
    out
}

/// Which of the numbers of a tensor are kept: any part of the mask can be made on its own.
#[derive(Debug, Clone, Copy)]
pub struct Mask {
    seed: u64,
    scale: f32,
    threshold: u16,
}

impl Mask {
    /// Drops with probability `p` (to 1/65536: a number costs 16 random bits).
    pub fn new(p: f64, seed: u64) -> Mask {
        Mask { seed, scale: (1.0 / (1.0 - p)) as f32, threshold: (p * 65536.0).round() as u16 }
    }

    /// Writes what is left of `from`, whose first number is the tensor's number `at` (in reading order; a multiple of 4).
    pub fn apply(&self, at: usize, from: &[f32], to: &mut [f32]) {
        debug_assert!(at.is_multiple_of(GROUP) && from.len() == to.len());
        let (mut at, mut from, mut to) = (at, from, to);
        while !from.is_empty() {
            let (chunk, within) = (at / CHUNK, at % CHUNK);
            let len = (CHUNK - within).min(from.len());
            let state = mix(self.seed ^ mix(chunk as u64));
            let (from_here, rest) = from.split_at(len);
            let (to_here, to_rest) = std::mem::take(&mut to).split_at_mut(len);
            kept_part(state, within / GROUP, from_here, to_here, self.scale, self.threshold);
            (at, from, to) = (at + len, rest, to_rest);
        }
    }
}

dispatch! {
    /// A part of one chunk, from its group `first` on.
    fn kept_part(state: u64, first: usize, from: &[f32], to: &mut [f32], scale: f32, threshold: u16) = kept_loop
}

#[inline(always)]
fn kept_loop(state: u64, first: usize, from: &[f32], to: &mut [f32], scale: f32, threshold: u16) {
    const GROUPS: usize = 16;
    let bits = |group: usize| mix(state.wrapping_add((group as u64 + 1).wrapping_mul(GOLDEN)));
    let mut group = first;
    let (mut froms, mut tos) = (from.chunks_exact(GROUPS * GROUP), to.chunks_exact_mut(GROUPS * GROUP));
    for (from, to) in froms.by_ref().zip(tos.by_ref()) {
        let mut lanes = [0u16; GROUPS * GROUP];
        for (i, lanes) in lanes.chunks_exact_mut(GROUP).enumerate() {
            let bits = bits(group + i);
            for (j, lane) in lanes.iter_mut().enumerate() {
                *lane = (bits >> (16 * j)) as u16;
            }
        }
        for ((to, from), lane) in to.iter_mut().zip(from).zip(lanes) {
            *to = if lane >= threshold { from * scale } else { 0.0 };
        }
        group += GROUPS;
    }
    for (to, from) in tos.into_remainder().chunks_mut(GROUP).zip(froms.remainder().chunks(GROUP)) {
        let bits = bits(group);
        for (j, (to, from)) in to.iter_mut().zip(from).enumerate() {
            *to = if (bits >> (16 * j)) as u16 >= threshold { from * scale } else { 0.0 };
        }
        group += 1;
    }
}

/// The output function of SplitMix64 (Steele et al. 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_mean_and_drops_its_share() {
        let x = Tensor::ones([300, 1000], (Kind::Float, Device::Cpu));
        for p in [0.1, 0.4, 0.5] {
            let y = apply(&x, p, 7);
            let dropped = y.eq(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
            assert!((dropped - p).abs() < 0.005, "p {p}: dropped {dropped}");
            assert!((y.mean(Kind::Double).double_value(&[]) - 1.0).abs() < 0.01);
        }
        assert_eq!(apply(&x, 0.5, 7), apply(&x, 0.5, 7));
        assert_ne!(apply(&x, 0.5, 7), apply(&x, 0.5, 8));
        // Neighbouring chunks differ.
        let y = apply(&x, 0.5, 7).view(-1);
        assert_ne!(y.narrow(0, 0, CHUNK as i64), y.narrow(0, CHUNK as i64, CHUNK as i64));
    }

    #[test]
    fn a_part_of_the_mask_is_that_part() {
        let x: Vec<f32> = (0..20_000).map(|i| i as f32 + 1.0).collect();
        let whole: Vec<f32> = Vec::try_from(apply(&Tensor::from_slice(&x), 0.3, 5)).unwrap();
        for (at, len) in [(0, 20_000), (4, 100), (4_000, 9_000), (8_188, 8), (19_996, 4), (64, 63)] {
            let mut part = vec![0.0; len];
            Mask::new(0.3, 5).apply(at, &x[at..at + len], &mut part);
            assert_eq!(part, whole[at..at + len], "{at}");
        }
    }

    #[test]
    fn the_differentiable_form_drops_the_same() {
        let x = Tensor::randn([64, 100], (Kind::Float, Device::Cpu));
        let leaf = x.copy().set_requires_grad(true);
        assert_eq!(apply(&x, 0.5, 3), apply(&leaf, 0.5, 3).detach());
    }
}
