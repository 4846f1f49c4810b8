//! Searches: many runs of one network over a space of keys and seeds.
//!
//! ```text
//! configs/NAME.toml ─ read ─ Space ─ expand ─ trials ─ Runner ─ Launcher ─ one process a trial ─ work ─ Trainer
//!                                                        │                                        │
//!                                       trials.csv, summary.csv                  state.json, progress.csv, …
//! ```
//!
//! - [`space`] is a search and its expansion into trials; [`axis`] the values of one key; [`read`] and [`mod@write`] its file.
//! - [`store`] is what a search keeps in its folder; [`dir`](mod@dir) knows the names of all files; [`state`] is how a trial stands.
//! - [`runner`] starts and watches trials, by the decisions of [`policy`]; [`launch`] is how a process is started and stopped.
//! - [`work`] is one trial in its own process; [`progress`] its table; [`live`] how far it is; [`layers`] the store of trained first blocks.
//! - [`tables`] and [`screen`] show what was found, to programs and to people; [`metric`] is what trials are compared by.

pub mod axis;
pub mod dir;
pub mod error;
pub mod launch;
pub mod layers;
pub mod live;
pub mod metric;
pub mod policy;
pub mod progress;
pub mod read;
#[cfg(test)]
mod read_tests;
pub mod runner;
#[cfg(test)]
mod runner_tests;
pub mod screen;
pub mod space;
#[cfg(test)]
mod space_tests;
pub mod state;
pub mod store;
pub mod tables;
pub mod work;
pub mod write;

pub use dir::SearchDir;
pub use error::SearchError;
pub use metric::Metric;
pub use space::{Space, Trial};
