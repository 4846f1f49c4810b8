//! Spike trains as lists, and the Poisson code that makes them of images.
//!
//! At 30 Hz and 5 ms an image of MNIST fires 15 of its 784 inputs a step, so a train is the list of the inputs that
//! fire, step by step. An input of intensity x ∈ [0, 1] fires in a step with probability x·rate·dt.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::SnnError;

/// A spike train of (steps, inputs): for each step the inputs that fire, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spikes {
    /// Where each step's list ends.
    ends: Vec<u32>,
    active: Vec<u32>,
}

impl Spikes {
    /// From a dense train of zeros and ones, (steps, inputs) row by row.
    ///
    /// # Errors
    /// When a value is neither 0 nor 1, or the rows are not whole.
    pub fn from_dense(dense: &[f32], inputs: usize) -> Result<Spikes, SnnError> {
        let fail = |found: String, wanted: &str| SnnError::Shape { what: "spikes", found, wanted: wanted.into() };
        if inputs == 0 || !dense.len().is_multiple_of(inputs) {
            return Err(fail(format!("{} values for {inputs} inputs", dense.len()), "one value an input and step"));
        }
        let mut out = Spikes::default();
        for row in dense.chunks_exact(inputs) {
            for (d, &x) in row.iter().enumerate() {
                if x == 1.0 {
                    out.active.push(d as u32);
                } else if x != 0.0 {
                    return Err(fail(format!("{x} at input {d}"), "0 or 1"));
                }
            }
            out.end_step();
        }
        Ok(out)
    }

    /// As zeros and ones, (steps, inputs) row by row; inputs from `inputs` on are left out.
    pub fn to_dense(&self, inputs: usize) -> Vec<f32> {
        let mut dense = vec![0.0; self.steps() * inputs];
        for t in 0..self.steps() {
            for &d in self.step(t).iter().filter(|d| (**d as usize) < inputs) {
                dense[t * inputs + d as usize] = 1.0;
            }
        }
        dense
    }

    /// How many steps.
    pub fn steps(&self) -> usize {
        self.ends.len()
    }

    /// The inputs that fire in step `t`.
    pub fn step(&self, t: usize) -> &[u32] {
        let start = if t == 0 { 0 } else { self.ends[t - 1] };
        &self.active[start as usize..self.ends[t] as usize]
    }

    /// How many spikes in all steps.
    pub fn total(&self) -> usize {
        self.active.len()
    }

    /// Whether every spike is one of the first `inputs` inputs.
    pub fn fits(&self, inputs: usize) -> bool {
        self.active.iter().all(|d| (*d as usize) < inputs)
    }

    fn clear(&mut self) {
        self.ends.clear();
        self.active.clear();
    }

    fn end_step(&mut self) {
        self.ends.push(self.active.len() as u32);
    }
}

/// What a stream of random numbers is for; each use has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Initial weights.
    Weights,
    /// Spikes and teacher of a training image.
    Train {
        /// Epoch, from 1.
        epoch: u64,
        /// Which image of the epoch.
        position: u64,
    },
    /// Spikes of a test image.
    Test {
        /// Which image.
        image: u64,
    },
    /// Spikes of the example in pictures.
    Example,
}

/// The generator of a use: known without running what came before it, so that a resumed run and a parallel evaluation
/// draw the same spikes as any other.
pub fn generator(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x736e_6e00_0000_0000);
    rng.set_stream(match stream {
        Stream::Weights => 0,
        Stream::Example => 1,
        Stream::Test { image } => (1 << 62) | image,
        Stream::Train { epoch, position } => (1 << 63) | (epoch << 32) | position,
    });
    rng
}

/// The Poisson code of one kind of image.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// Probability of a spike a step at full intensity.
    p: f64,
    /// Mean spikes a step that every image is scaled to; 0 leaves images as they are.
    input_spikes: f64,
    /// Inputs that can fire, and the draws (of 2³²) below which they do.
    rates: Vec<(u32, u32)>,
}

/// 2³²: draws are 32-bit integers.
const DRAWS: f64 = 4_294_967_296.0;

impl Encoder {
    /// `p` is rate·dt; `input_spikes` the spikes a step that an image is scaled to (0: as it is).
    pub fn new(p: f64, input_spikes: f64) -> Encoder {
        Encoder { p, input_spikes, rates: Vec::new() }
    }

    /// Draws a train of `steps` steps for an image of 8-bit intensities, in place of what `out` held.
    pub fn encode(&mut self, image: &[u8], steps: usize, rng: &mut ChaCha8Rng, out: &mut Spikes) {
        let mut scale = self.p / 255.0;
        if self.input_spikes > 0.0 {
            let total: u64 = image.iter().map(|x| u64::from(*x)).sum();
            scale = if total == 0 { 0.0 } else { self.input_spikes / total as f64 };
        }
        self.rates.clear();
        // An input of intensity 0 never fires and needs no draw.
        for (d, &x) in image.iter().enumerate().filter(|(_, x)| **x > 0) {
            // Saturates at 2³²−1: an input with p = 1 misses one draw in four billion.
            let below = (f64::from(x) * scale * DRAWS).round() as u32;
            self.rates.push((d as u32, below));
        }
        out.clear();
        for _ in 0..steps {
            let start = out.active.len();
            out.active.resize(start + self.rates.len(), 0);
            let mut n = start;
            for &(d, below) in &self.rates {
                // Written always, kept only if it fires: no branch to mispredict.
                out.active[n] = d;
                n += usize::from(rng.next_u32() < below);
            }
            out.active.truncate(n);
            out.end_step();
        }
    }
}
