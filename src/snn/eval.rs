//! Accuracy: the class of most output spikes, image by image, in parallel.

use rayon::prelude::*;

use super::{Activity, Encoder, Network, SnnError, Spikes, Stream, generator};
use crate::data::Images;

/// What an evaluation found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Score {
    /// Images evaluated.
    pub images: usize,
    /// Those whose class was found.
    pub correct: usize,
    /// Those for which no output fired; they count as class 0.
    pub silent: usize,
    /// Rows: true class; columns: class found.
    pub confusion: Vec<Vec<usize>>,
}

impl Score {
    /// Accuracy, percent; absent for no images.
    pub fn accuracy(&self) -> Option<f64> {
        (self.images > 0).then(|| 100.0 * self.correct as f64 / self.images as f64)
    }
}

/// Evaluates these images. The spikes of an image depend on the seed and its number alone, so the result is the same
/// whatever the number of threads.
///
/// # Errors
/// When the images do not fit the network.
pub fn evaluate(network: &Network, images: &Images, which: &[u32], seed: u64) -> Result<Score, SnnError> {
    fits(network, images)?;
    let c = network.constants();
    let classes = network.classes();
    let start = || (Encoder::new(c.p_input(), c.input_spikes), Activity::default(), Spikes::default());
    // Two bytes an image: the class found, and whether an output fired.
    let found: Vec<(usize, bool)> = which
        .par_iter()
        .with_min_len(16)
        .map_init(start, |(encoder, activity, spikes), &i| {
            let mut rng = generator(seed, Stream::Test { image: u64::from(i) });
            encoder.encode(images.image(i as usize), c.steps, &mut rng, spikes);
            network.forward(spikes, activity);
            (activity.predicted(), activity.counts.iter().all(|n| *n == 0))
        })
        .collect();
    let mut score = Score { images: which.len(), confusion: vec![vec![0; classes]; classes], ..Score::default() };
    for (&i, (predicted, silent)) in which.iter().zip(found) {
        let label = images.labels[i as usize] as usize;
        score.confusion[label][predicted.min(classes - 1)] += 1;
        score.correct += usize::from(label == predicted);
        score.silent += usize::from(silent);
    }
    Ok(score)
}

/// Whether images and labels are of the network's sizes.
///
/// # Errors
/// When they are not; says what differs.
pub fn fits(network: &Network, images: &Images) -> Result<(), SnnError> {
    if images.stride() != network.inputs() {
        let found = format!("{}x{}x{} pixels", images.channels, images.height, images.width);
        return Err(SnnError::Shape { what: "images", found, wanted: format!("{} inputs", network.inputs()) });
    }
    let classes = network.classes();
    match images.labels.iter().find(|label| !(0..classes as i64).contains(label)) {
        Some(label) => Err(SnnError::Shape {
            what: "labels",
            found: format!("one is {label}"),
            wanted: format!("classes 0 to {}", classes.saturating_sub(1)),
        }),
        None => Ok(()),
    }
}
