//! SoftHebb: deep networks that learn images without labels, feedback or gradients.
pub mod bench;
pub mod cli;
pub mod data;
pub mod device;
pub mod files;
pub mod layer;
pub mod parallel;
pub mod preset;
pub mod report;
pub mod train;
pub mod verify;
