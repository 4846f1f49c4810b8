//! Training: from a plan to trained blocks.
//!
//! ```text
//! RunPlan ─ phases ─┬─ Hebbian: batch → blocks in train mode → updates
//!                   ├─ supervised: batch → cross entropy → Adam
//!                   └─ hybrid: both in each step
//! ```
//!
//! - [`request`]: names and overrides, before they are resolved to a plan.
//! - [`folder`]: `folder:PATH` as a data set.
//! - [`plan`]: which blocks learn when, on what; printable and serialisable, complete before anything is touched.
//! - [`bank`]: images and the stored outputs of frozen blocks, so that none is computed twice for the same images.
//! - [`engine`]: the loop over phases, epochs and steps; stopping, saving, reporting.
//! - [`learner`]: what one step of each kind of phase does; [`adam`] is the optimiser of backpropagation.
//! - [`evaluate`]: loss and accuracy, and the score of unlabelled units.
//! - [`baseline`]: the same classifier on random layers, or on the images alone; [`mod@learned`] says how far layers came.
//! - [`checkpoint`]: the network's state and how far the run came.
//! - [`post_hoc`]: the loss of a fixed classifier while the layer under it learns again.
//! - [`outlook`]: how long the run still takes.
//! - [`watch`]: NaN and infinity, with the block, the step and the likely cause.

pub mod adam;
pub mod bank;
pub mod baseline;
pub mod checkpoint;
pub mod compare;
pub mod data;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod folder;
pub mod learned;
pub mod learner;
pub mod outlook;
pub mod plan;
pub mod post_hoc;
pub mod request;
pub mod steps;
pub mod watch;

pub use engine::{Outcome, Trainer, learned};
pub use error::TrainError;
pub use plan::{Baseline, Phase, RunPlan, TrainingMode};
pub use request::Request;
