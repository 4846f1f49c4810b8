//! A deep Hebbian image encoder: `softhebb encode`.
//!
//! A stack of convolutions whose positions are connected laterally, channel by channel; the lateral weights learn which
//! positions are active together, and nothing else learns. Images are then arranged by the likeness of the last layer's
//! output. [`model`] has the equations; the source is Casey, *Deep Hebbian Image Encoder* (2025).
//!
//! | file | subject |
//! |---|---|
//! | [`model`] | the layer and the stack, with one N×N matrix a layer |
//! | [`lateral`] | a symmetric matrix of which half is kept |
//! | [`published`] | the same with a (C, N, N) tensor a layer: the oracle of tests and benchmark |
//! | [`plan`] | everything that a run needs to know |
//! | [`source`] | folders, sprite sheets and data sets as lists of images |
//! | [`stream`] | decoding ahead of whoever computes |
//! | [`train`], [`checkpoint`] | a run |
//! | [`features`] | the outputs of many images, on disk |
//! | [`layout`], [`scores`] | clusters and places in the plane; silhouette, NMI, purity |
//! | [`neighbors`] | most similar images |
//! | [`pictures`], [`projector`] | the canvas, the grid, the heat map; tensorboard's projector |
//! | [`mod@bench`] | an epoch of both forms in one process |

pub mod bench;
pub mod checkpoint;
mod error;
pub mod features;
pub mod lateral;
pub mod layout;
pub mod model;
pub mod neighbors;
pub mod pictures;
pub mod plan;
pub mod projector;
pub mod published;
pub mod scores;
pub mod source;
pub mod stream;
pub mod train;

pub use error::EncoderError;
pub use features::Features;
pub use model::{Encoder, Rule, StepLog, Variant};
pub use plan::Plan;
pub use source::{Item, Source, SourceSpec};
