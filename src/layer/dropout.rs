//! Dropout: each input is dropped with probability p, the others grow by 1/(1−p) (Srivastava et al. 2014).
//!
//! On the CPU the mask comes from our own generator, seeded by the step: the same for any number of threads, and with
//! no state to save. On other devices it comes from libtorch's generator, seeded likewise.

use tch::{Device, Kind, Tensor};

use crate::parallel::{self, Shared};

/// Inputs that share one generator.
const CHUNK: usize = 4096;

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
    let out = Tensor::empty(x.size(), (Kind::Float, Device::Cpu));
    let n = x.numel();
    // SAFETY: both are contiguous float tensors of n elements on the CPU, alive to the end of this function; `out` is
    // new, so nobody else writes or reads it.
    let (source, target) = unsafe {
        (
            std::slice::from_raw_parts(x.data_ptr() as *const f32, n),
            std::slice::from_raw_parts_mut(out.data_ptr() as *mut f32, n),
        )
    };
    let scale = (1.0 / (1.0 - p)) as f32;
    let threshold = (p * 65536.0).round() as u16; // a mask bit costs 16 random bits: p to 1/65536
    let target = Shared::new(target);
    parallel::for_each(n.div_ceil(CHUNK), |chunk| {
        let (start, len) = (chunk * CHUNK, CHUNK.min(n - chunk * CHUNK));
        // SAFETY: chunks are disjoint.
        let (to, from) = (unsafe { target.part(start, len) }, &source[start..start + len]);
        let mut state = mix(seed ^ mix(chunk as u64));
        for (to, from) in to.chunks_mut(4).zip(from.chunks(4)) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let bits = mix(state);
            for (i, (to, from)) in to.iter_mut().zip(from).enumerate() {
                let keep = ((bits >> (16 * i)) as u16) >= threshold;
                *to = if keep { from * scale } else { 0.0 };
            }
        }
    });
    out
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
    fn the_differentiable_form_drops_the_same() {
        let x = Tensor::randn([64, 100], (Kind::Float, Device::Cpu));
        let leaf = x.copy().set_requires_grad(true);
        assert_eq!(apply(&x, 0.5, 3), apply(&leaf, 0.5, 3).detach());
    }
}
