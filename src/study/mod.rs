//! What a trained network is worth and what it makes of images.
//!
//! - [`choice`]: which images, of the run's data set or of another.
//! - [`eval`]: the classes that a network names, as its run's own score does.
//! - [`confusion`]: what is right and what is taken for what; accuracy with its interval.
//! - [`draw`]: the same as a picture.
//! - [`features`]: the outputs of a block, for NumPy.
//! - [`runs`]: the runs below a folder.

pub mod choice;
pub mod confusion;
pub mod draw;
pub mod eval;
pub mod features;
pub mod runs;
