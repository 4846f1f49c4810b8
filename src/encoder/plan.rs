//! A run's plan: everything that was typed, resolved and checked; what `config.json` holds.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::model::{Encoder, Rule, halved};
use super::{EncoderError, SourceSpec};

/// Of which kind a plan's file is.
pub const VERSION: u32 = 1;
/// The largest image side: beyond it the first layer's matrix alone has more than 4 GB.
const LARGEST: u32 = 362;

/// Everything that a run needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`VERSION`].
    pub encoder_version: u32,
    /// Where the images are.
    pub source: SourceSpec,
    /// Channels of an image: 1 grey, 3 RGB, 4 RGBA.
    pub channels: usize,
    /// Rows and columns that every image is resized to.
    pub size: u32,
    /// Channels of each layer.
    pub layers: Vec<i64>,
    /// How lateral weights learn.
    pub rule: Rule,
    /// Passes.
    pub epochs: u64,
    /// Images a step.
    pub batch_size: usize,
    /// Seed of the convolutions and of the order of images.
    pub seed: u64,
    /// The device, as asked for.
    pub device: crate::device::DeviceChoice,
    /// Threads; 0: as many as there are cores.
    pub threads: usize,
    /// Folder of the data sets, if it was given.
    pub data_dir: Option<PathBuf>,
}

impl Plan {
    /// Checks all settings.
    ///
    /// # Errors
    /// The first that is wrong, by its flag.
    pub fn check(&self) -> Result<(), EncoderError> {
        let wrong = |name, value: String, rule: &str| Err(EncoderError::Setting { name, value, rule: rule.into() });
        if self.layers.is_empty() || self.layers.len() > 16 {
            return wrong("--layers", format!("{:?}", self.layers), "1 to 16 layers are possible");
        }
        if let Some(c) = self.layers.iter().find(|c| !(1..=8192).contains(*c)) {
            return wrong("--layers", c.to_string(), "a layer has 1 to 8192 channels");
        }
        if self.size < 2 || self.size > LARGEST {
            let n = u64::from(LARGEST);
            let rule = format!("it must be 2 to {n}: N positions need a matrix of N² weights");
            return wrong("--size", self.size.to_string(), &rule);
        }
        if self.epochs == 0 {
            return wrong("--epochs", "0".into(), "it must be at least 1");
        }
        if self.batch_size == 0 || self.batch_size > 65_536 {
            return wrong("--batch-size", self.batch_size.to_string(), "it must be 1 to 65536");
        }
        if !(self.rule.rate >= 0.0 && self.rule.rate.is_finite()) {
            return wrong("--rate", self.rule.rate.to_string(), "it must be a number of at least 0");
        }
        if !(self.rule.clamp > 0.0 && self.rule.clamp.is_finite()) {
            return wrong("--clamp", self.rule.clamp.to_string(), "it must be a number above 0");
        }
        Ok(())
    }

    /// Channels, rows and columns of an image.
    pub fn input(&self) -> [i64; 3] {
        [self.channels as i64, i64::from(self.size), i64::from(self.size)]
    }

    /// The untrained encoder.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn encoder(&self) -> Result<Encoder, EncoderError> {
        self.check()?;
        Encoder::new(self.input(), &self.layers, self.rule, self.seed)
    }

    /// `96×96×4 → 48×48×16 → 24×24×32`.
    pub fn shapes(&self) -> String {
        let mut side = i64::from(self.size);
        let mut text = format!("{side}×{side}×{}", self.channels);
        for c in &self.layers {
            side = halved(side);
            text += &format!(" → {side}×{side}×{c}");
        }
        text
    }
}
