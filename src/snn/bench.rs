//! Speed: the sparse network against the dense loop, on one thread of one process, in turns.
//!
//! Both start from the same weights and see the same spikes, which are drawn before the clock runs, as in the notebook's
//! functions. The machine may be busy: each pair of measurements follows one another, and medians are reported.

use std::time::Instant;

use rand_chacha::rand_core::RngCore;
use serde::Serialize;

use super::dense::Dense;
use super::eval::fits;
use super::{Activity, Encoder, Plan, SnnError, Spikes, Stream, generator, train};
use crate::data::Dataset;

/// Microseconds an image: the median over the repetitions, and the ratio of each repetition's pair.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    /// Of the dense loop.
    pub dense_us: f64,
    /// Of the sparse network.
    pub sparse_us: f64,
    /// Median of dense / sparse of each repetition.
    pub ratio: f64,
    /// Smallest and largest of them.
    pub range: [f64; 2],
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Speed {
    /// Images of each measurement of the dense loop.
    pub images: usize,
    /// Repetitions.
    pub repeats: usize,
    /// Input spikes a step.
    pub spikes_a_step: f64,
    /// Drawing the spikes of an image, microseconds.
    pub encode_us: f64,
    /// Training.
    pub train: Pair,
    /// Evaluation.
    pub eval: Pair,
}

/// The sparse network trains on so many images for one of the dense loop: else its time is too short to measure.
const MORE: usize = 8;

/// Measures on the first images of a data set.
///
/// # Errors
/// When the constants are wrong or there are too few images.
pub fn speed(plan: &Plan, data: &Dataset, images: usize, repeats: usize) -> Result<Speed, SnnError> {
    let c = &plan.constants;
    let inputs = data.train.stride();
    let mut sparse = train::initial(plan, inputs, data.classes.len())?;
    fits(&sparse, &data.train)?;
    let mut dense = Dense::new(c, inputs, data.classes.len(), sparse.w1(), sparse.w2());
    let images = images.min(data.train.len());
    let many = (images * MORE).min(data.train.len());
    if images == 0 || repeats == 0 {
        let found = format!("{images} images, {repeats} repetitions");
        return Err(SnnError::Shape { what: "benchmark", found, wanted: "at least one of each".into() });
    }
    let mut encoder = Encoder::new(c.p_input(), c.input_spikes);
    let clock = Instant::now();
    let mut trains = Vec::new();
    let mut teachers = Vec::new();
    for i in 0..many {
        let mut rng = generator(plan.seed, Stream::Train { epoch: 1, position: i as u64 });
        let mut spikes = Spikes::default();
        encoder.encode(data.train.image(i), c.steps, &mut rng, &mut spikes);
        trains.push(spikes);
        let p = c.p_teacher();
        teachers.push((0..c.steps).map(|_| f64::from(rng.next_u32()) / 4_294_967_296.0 < p).collect::<Vec<bool>>());
    }
    let encode_us = micros(clock, many);
    let dense_trains: Vec<Vec<f32>> = trains[..images].iter().map(|t| t.to_dense(inputs)).collect();
    let label = |i: usize| data.train.labels[i] as usize;
    let mut a = Activity::default();
    let (mut training, mut evaluation) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let clock = Instant::now();
        for (i, spikes) in dense_trains.iter().enumerate() {
            dense.train_image(spikes, label(i), &teachers[i]);
            if (i + 1) % plan.batch_size == 0 {
                dense.clip();
            }
        }
        let slow = micros(clock, images);
        let clock = Instant::now();
        for (i, spikes) in trains.iter().enumerate() {
            sparse.train_image(spikes, label(i), &teachers[i], &mut a);
            if (i + 1) % plan.batch_size == 0 {
                sparse.end_batch();
            }
        }
        training.push((slow, micros(clock, many)));
        let clock = Instant::now();
        let mut spikes_out = 0.0;
        for spikes in &dense_trains {
            spikes_out += dense.counts(spikes)[0];
        }
        let slow = micros(clock, images);
        let clock = Instant::now();
        let mut other = 0;
        for spikes in &trains {
            sparse.forward(spikes, &mut a);
            other += a.counts[0];
        }
        evaluation.push((slow, micros(clock, many)));
        // Used, so that no compiler leaves the work out.
        std::hint::black_box((spikes_out, other));
    }
    let spikes: usize = trains.iter().map(Spikes::total).sum();
    let spikes_a_step = spikes as f64 / (many * c.steps) as f64;
    Ok(Speed { images, repeats, spikes_a_step, encode_us, train: pair(&training), eval: pair(&evaluation) })
}

fn micros(since: Instant, images: usize) -> f64 {
    since.elapsed().as_secs_f64() * 1e6 / images as f64
}

fn pair(times: &[(f64, f64)]) -> Pair {
    let ratios: Vec<f64> = times.iter().map(|(d, s)| d / s).collect();
    let range = [ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max)];
    Pair {
        dense_us: median(times.iter().map(|t| t.0).collect()),
        sparse_us: median(times.iter().map(|t| t.1).collect()),
        ratio: median(ratios),
        range,
    }
}

/// The middle one, or the mean of the two in the middle; not empty.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { (values[(n - 1) / 2] + values[n / 2]) / 2.0 }
}
