//! Where images come from: a folder, a sprite sheet, or a data set by its name; each as a list of [`Item`]s.
//!
//! Listing is cheap; an image is decoded when it is wanted ([`Item::picture`]), so that decoding can run beside training
//! and an unreadable file costs that file only.

mod decode;
mod folder;
mod sheet;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbaImage;
use serde::{Deserialize, Serialize};

pub use decode::planes;
pub(super) use decode::resize;
pub use folder::EXTENSIONS;

use super::EncoderError;
use crate::data::{self, DataDirs, DataError, Images};

/// A source, as it was typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSpec {
    /// A folder, a sprite sheet, or the name of a data set.
    pub place: String,
    /// Width and height of a sheet's tiles.
    pub tile: Option<[u32; 2]>,
    /// Use the test images of a data set.
    pub test: bool,
    /// Use only so many images, from the first; 0: all.
    pub limit: usize,
}

/// Where an image's pixels are.
#[derive(Debug, Clone)]
enum Origin {
    File(PathBuf),
    Tile { sheet: Arc<RgbaImage>, left: u32, top: u32, width: u32, height: u32 },
    Data { images: Arc<Images>, index: usize },
}

/// An image that can be decoded.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its path below the folder, `sheet.png#row,column`, or `FashionMini#17`.
    pub name: String,
    /// Its class, if the source has classes.
    pub class: Option<u32>,
    origin: Origin,
}

impl Item {
    /// The image itself, with alpha.
    ///
    /// # Errors
    /// Says why it cannot be read.
    pub fn picture(&self) -> Result<RgbaImage, String> {
        match &self.origin {
            Origin::File(path) => decode::file(path),
            Origin::Tile { sheet, left, top, width, height } => {
                Ok(image::imageops::crop_imm(&**sheet, *left, *top, *width, *height).to_image())
            }
            Origin::Data { images, index } => decode::data(images, *index),
        }
    }
}

/// A list of images.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it was typed as.
    pub spec: SourceSpec,
    /// A word for it, good for a folder's name: `tiny-imagenet-sample`.
    pub stem: String,
    /// The images.
    pub items: Vec<Item>,
    /// Names of the classes; none if the source has none.
    pub classes: Vec<String>,
    /// Remarks: tiles and files that were left out.
    pub notes: Vec<String>,
    /// Channels and side of its images, where all have the same.
    pub natural: Option<(usize, u32)>,
}

impl Source {
    /// Lists the images of a source.
    ///
    /// # Errors
    /// When it is none, cannot be read, or has no image.
    pub fn open(spec: &SourceSpec, data_dir: Option<&Path>) -> Result<Source, EncoderError> {
        let path = Path::new(&spec.place);
        let mut source = if path.is_dir() {
            without_tile(spec, "a folder")?;
            folder::list(spec, path)?
        } else if path.is_file() {
            sheet::list(spec, path)?
        } else {
            let known = data::find(&spec.place).is_ok();
            if !known && (spec.tile.is_some() || spec.place.contains(['/', '.'])) {
                return Err(missing(spec, "there is no such file or folder".to_string()));
            }
            without_tile(spec, "a data set")?;
            data_set(spec, data_dir)?
        };
        if spec.limit > 0 {
            source.items.truncate(spec.limit);
        }
        Ok(source)
    }
}

fn without_tile(spec: &SourceSpec, what: &str) -> Result<(), EncoderError> {
    match spec.tile {
        Some([w, h]) => {
            let rule = format!("{} is {what}; --tile is for a sprite sheet, one image file", spec.place);
            Err(EncoderError::Setting { name: "--tile", value: format!("{w}x{h}"), rule })
        }
        None => Ok(()),
    }
}

fn missing(spec: &SourceSpec, rule: String) -> EncoderError {
    EncoderError::Setting { name: "SOURCE", value: spec.place.clone(), rule }
}

fn data_set(spec: &SourceSpec, data_dir: Option<&Path>) -> Result<Source, EncoderError> {
    let info = data::find(&spec.place).map_err(|e| match e {
        // Whoever typed a path wants to hear that there is no such file.
        DataError::UnknownName { known, .. } => {
            missing(spec, format!("there is no such folder or file, and the data sets are {}", known.join(", ")))
        }
        other => other.into(),
    })?;
    let loaded = data::load(info.name, "train", &DataDirs::resolve(data_dir)?)?;
    let images = if spec.test { loaded.test } else { loaded.train };
    let natural = (images.height == images.width).then_some((images.channels, images.width as u32));
    let images = Arc::new(images);
    let item = |index: usize| Item {
        name: format!("{}#{index}", info.name),
        class: u32::try_from(images.labels[index]).ok(),
        origin: Origin::Data { images: Arc::clone(&images), index },
    };
    let items = (0..images.len()).map(item).collect();
    let stem = if spec.test { format!("{}-test", info.name) } else { info.name.to_string() };
    Ok(Source { spec: spec.clone(), stem, items, classes: loaded.classes, notes: loaded.notes, natural })
}
