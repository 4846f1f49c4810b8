//! SoftHebb: deep networks that learn images without labels, feedback or gradients.
//!
//! The library behind the `softhebb` program. A reader who looks for the paper finds it in this order: block strings become
//! layers ([`preset`], [`layer`]), layers a network, a network goes through phases ([`train`]), and phases report events
//! ([`report`]).
//!
//! | module | what it is for |
//! |---|---|
//! | [`preset`] | block strings, the catalogue of models and data sets, shapes and initial ranges |
//! | [`data`] | formats, places, downloads, which images train, augmentation, whitening |
//! | [`layer`] | competition, update, rate; convolutional and fully connected alike; blocks and networks |
//! | [`train`] | the plan of a run, its engine, stored features, evaluation, checkpoints |
//! | [`report`] | the events of a run and who listens: console, log, csv, tensorboard, pictures |
//! | [`search`] | sweeps of seeds and hyperparameters: spaces, trials, the runner, what it leaves |
//! | [`verify`] | recomputing recorded runs of the published program |
//! | [`mod@bench`] | measuring training against the machine's own matrix products |
//! | [`draw`] | pictures: charts, tiles, heat maps, in one font |
//! | [`plane`] | PCA, UMAP, K-means and nearest neighbours of the rows of a matrix |
//! | [`plot`] | what a trained network's units look for, and how it sees the classes |
//! | [`study`] | what a trained network is worth and what it makes of images; the runs that are there |
//! | [`robust`] | noise and attacks on a trained network |
//! | [`snn`] | a sibling: a two-layer Hebbian spiking network |
//! | [`hopfield`] | a sibling: Hopfield networks and associative memory |
//! | [`encoder`] | a sibling: a deep Hebbian image encoder |
//! | [`cli`] | the command line: arguments to plans |
//! | [`device`], [`parallel`], [`files`] | the machine, threads, the one function that writes files |
//!
//! Modules know those below them and never those above: cli → search, snn, hopfield, encoder, verify, bench → train → report, layer, data → preset, draw → device.
//!
//! ```
//! use softhebb::preset::{Catalogue, dataset_config, resolve};
//!
//! let catalogue = Catalogue::embedded()?;
//! let data = dataset_config(&catalogue, "CIFAR10_50", false, 0)?;
//! let network = resolve(&catalogue, &catalogue.model("4SoftHebbCnnCIFAR")?, &data)?;
//! assert_eq!(network.blocks[2].out_shape, [1536, 4, 4]);
//! # Ok::<(), softhebb::preset::PresetError>(())
//! ```

pub mod bench;
pub mod cli;
pub mod data;
pub mod device;
pub mod draw;
pub mod encoder;
pub mod files;
pub mod hopfield;
pub mod layer;
pub mod parallel;
pub mod plane;
pub mod plot;
pub mod preset;
pub mod report;
pub mod robust;
pub mod search;
pub mod snn;
pub mod study;
pub mod train;
pub mod verify;
