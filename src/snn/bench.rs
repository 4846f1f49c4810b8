//! Speed: the sparse network against the dense loop, on one thread of one process, in turns.
//!
//! Both start from the same weights and see the same spikes, which are drawn before the clock runs, as in the notebook's
//! functions. The machine may be busy: what counts is the thread's time on a processor where the system tells it (Linux),
//! the two of a pair are measured one after the other, and medians are reported.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

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

/// A measurement is repeated until it lasted this long: Linux counts a thread's time in ticks of some milliseconds.
const LONG: Duration = Duration::from_millis(250);

/// Measures on the first images of a data set.
///
/// # Errors
/// When a constant is wrong, or nothing is to be measured.
pub fn speed(plan: &Plan, data: &Dataset, images: usize, repeats: usize) -> Result<Speed, SnnError> {
    let c = &plan.constants;
    let inputs = data.train.stride();
    let mut sparse = train::initial(plan, inputs, data.classes.len())?;
    fits(&sparse, &data.train)?;
    let mut dense = Dense::new(c, inputs, data.classes.len(), sparse.w1(), sparse.w2());
    for (name, value) in [("--limit", images), ("--repeats", repeats)] {
        if value == 0 {
            return Err(SnnError::Constant { name, value: "0".into(), rule: "must be at least 1".into() });
        }
    }
    let images = images.min(data.train.len());
    let mut encoder = Encoder::new(c.p_input(), c.input_spikes);
    let (mut trains, mut teachers) = (vec![Spikes::default(); images], Vec::new());
    let mut draw = || {
        teachers.clear();
        for (i, spikes) in trains.iter_mut().enumerate() {
            let mut rng = generator(plan.seed, Stream::Train { epoch: 1, position: i as u64 });
            encoder.encode(data.train.image(i), c.steps, &mut rng, spikes);
            let p = c.p_teacher();
            teachers.push((0..c.steps).map(|_| f64::from(rng.next_u32()) / 4_294_967_296.0 < p).collect::<Vec<bool>>());
        }
    };
    let encode_us = micros(images, &mut draw);
    let dense_trains: Vec<Vec<f32>> = trains.iter().map(|t| t.to_dense(inputs)).collect();
    let label = |i: usize| data.train.labels[i] as usize; // checked: classes, from 0
    let mut a = Activity::default();
    let (mut training, mut evaluation) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let slow = micros(images, || {
            for (i, spikes) in dense_trains.iter().enumerate() {
                dense.train_image(spikes, label(i), &teachers[i]);
                if (i + 1) % plan.batch_size == 0 {
                    dense.clip();
                }
            }
        });
        let fast = micros(images, || {
            for (i, spikes) in trains.iter().enumerate() {
                sparse.train_image(spikes, label(i), &teachers[i], &mut a);
                if (i + 1) % plan.batch_size == 0 {
                    sparse.end_batch();
                }
            }
        });
        training.push((slow, fast));
        // What comes out is used, so that no compiler leaves the work out.
        let slow = micros(images, || {
            dense_trains.iter().for_each(|spikes| drop(black_box(dense.counts(spikes))));
        });
        let fast = micros(images, || {
            for spikes in &trains {
                sparse.forward(spikes, &mut a);
                black_box(&a.counts);
            }
        });
        evaluation.push((slow, fast));
    }
    let spikes: usize = trains.iter().map(Spikes::total).sum();
    let spikes_a_step = spikes as f64 / (images * c.steps) as f64;
    Ok(Speed { images, repeats, spikes_a_step, encode_us, train: pair(&training), eval: pair(&evaluation) })
}

/// Microseconds an image of work on so many images.
fn micros(images: usize, mut work: impl FnMut()) -> f64 {
    let clock = Clock::start();
    for times in 1.. {
        work();
        let elapsed = clock.elapsed();
        if elapsed >= LONG {
            return elapsed.as_secs_f64() * 1e6 / (images * times) as f64;
        }
    }
    f64::NAN // `for` ends with the numbers, not before
}

/// A stop watch of this thread.
#[derive(Debug, Clone, Copy)]
struct Clock {
    on_processor: Option<Duration>,
    wall: Instant,
}

impl Clock {
    fn start() -> Clock {
        Clock { on_processor: on_processor(), wall: Instant::now() }
    }

    fn elapsed(&self) -> Duration {
        match (self.on_processor, on_processor()) {
            (Some(start), Some(now)) if now > start => now - start,
            _ => self.wall.elapsed(),
        }
    }
}

/// How long this thread has been on a processor: the first number, in nanoseconds, of a file that Linux keeps.
fn on_processor() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
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
