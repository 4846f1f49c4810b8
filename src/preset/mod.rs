//! Presets: from a name or a typed model to a network in which every key has its value and every shape is known.
//!
//! ```text
//! block string ─ grammar ─┐
//! preset.json ─ catalogue ┼─ ModelSpec ─ overrides ─ resolve(image, classes) ─ NetworkConfig
//! --model '…' ─ model ────┘
//! CIFAR10_50 ─── dataset ─────────────── overrides ─ validation ────────────── DatasetConfig
//! ```
//!
//! - [`grammar`] reads and prints block strings (`Soft-c96-k5-lr0.08-t0.7`); [`key`] is the table of their keys.
//! - [`words`] reads what stands beside a block string: operations, activation, pool.
//! - [`model`] is a whole network before its shapes are known, and the language of `--model` and `preset.json`.
//! - [`published`] reads blocks as the published program and its recorded runs write them.
//! - [`catalogue`] is `preset.json`: models, layer defaults, data sets.
//! - [`dataset`] turns `CIFAR10_50` into its configuration.
//! - [`overrides`] are `--set b0.layer.t_invert=0.7`.
//! - [`mod@resolve`] walks the shapes; [`layer`] fills a layer's keys and initial range.
//! - [`settings`] sets a layer's keys one by one.
//! - [`describe`] prints networks and lists for people and machines.

pub mod catalogue;
pub mod config;
pub mod dataset;
pub mod describe;
pub mod error;
pub mod grammar;
pub mod key;
pub mod layer;
pub mod model;
pub mod overrides;
pub mod problem;
pub mod published;
pub mod resolve;
pub mod settings;
pub mod suggest;
pub mod words;

pub use catalogue::Catalogue;
pub use config::*;
pub use dataset::{dataset_config, dataset_config_with};
pub use error::{GrammarError, GrammarErrorKind, PresetError, SettingError};
pub use grammar::{BlockSpec, parse_block};
pub use key::{Key, KeyValue};
pub use layer::layer_config;
pub use model::{BlockEntry, ModelSpec};
pub use overrides::{Override, Target, apply_overrides};
pub use problem::BlockProblem;
pub use resolve::{replaced_units, resolve, resolve_on};
