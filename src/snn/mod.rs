//! A two-layer spiking network that learns by Hebbian rules: `softhebb snn`.
//!
//! Images become Poisson spike trains; a hidden layer of leaky integrate-and-fire units competes (k winners take all)
//! and learns by Oja's rule; an output layer learns with a teacher's spikes, Hebbian towards the target and
//! anti-Hebbian away from other classes; the class is the output that fires most. [`model`] has the equations.
//!
//! | file | subject |
//! |---|---|
//! | [`plan`] | constants with their checks, the presets `notebook` and `tuned` |
//! | [`spikes`] | spike trains, the Poisson code, random streams |
//! | [`wta`] | k winners take all, ties to the lowest index |
//! | [`dense`] | the loop line by line: the oracle of tests and benchmark |
//! | [`model`], `learn`, `sums`, `aligned` | the same network, sparse in spikes |
//! | [`train`], [`eval`], [`checkpoint`] | a run |
//! | [`pictures`] | templates, weights, rasters, potentials |
//! | [`mod@bench`] | speed of the sparse and the dense form in one process |
//! | [`verify`] | a recorded run, recomputed |

mod aligned;
pub mod bench;
pub mod checkpoint;
mod constants;
pub mod dense;
mod error;
pub mod eval;
mod learn;
pub mod model;
pub mod pictures;
pub mod plan;
pub mod spikes;
mod sums;
pub mod train;
pub mod verify;
pub mod wta;

pub use constants::{Constants, Readout};
pub use error::SnnError;
pub use model::{Activity, Network};
pub use plan::{Ends, Mode, Plan, Preset};
pub use spikes::{Encoder, Spikes, Stream, generator};
