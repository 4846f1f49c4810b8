//! Data sets: formats, places, downloads, and which images train.
//!
//! [`load`] is the way in: a name and a split become a [`Dataset`] in memory. `registry` says what there is; `locate` finds it;
//! `idx`, `cifar`, `stl10` and `embedded` read it; `fetch` downloads it; `survey` and `verify` report on it; `select` chooses the
//! images of a phase and the order of an epoch. `folder` lists and decodes pictures, `packed` keeps them decoded in a mapped
//! file, `pictures` are the data sets made of them; `shared` is a decoded copy of any other set for processes that run side by side.
//! What becomes tensors is in `augment` and `whiten`.

mod archive;
pub mod augment;
mod cifar;
mod classes;
mod digest;
mod download;
mod embedded;
mod error;
mod fetch;
pub mod folder;
mod idx;
mod images;
mod load;
mod locate;
pub mod packed;
pub mod pictures;
mod reader;
pub mod registry;
mod select;
pub mod shared;
mod stl10;
mod survey;
mod verify;
pub mod whiten;

pub use download::FetchEvent;
pub use error::{DataError, FetchError, Looked};
pub use fetch::{FetchOptions, FetchReport, fetch, fetch_info};
pub use images::{Dataset, Images};
pub use load::load;
pub use locate::{DataDirs, Located, locate};
pub use registry::find;
pub use select::{Selection, epoch_order, select};
pub use survey::{Listing, look_at, survey};
pub use verify::{FileCheck, Verdict, VerifyReport, verify};
