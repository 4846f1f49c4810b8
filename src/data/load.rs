//! A data set by its name: found, read, and compared with what the site publishes.

use super::cifar;
use super::embedded;
use super::error::DataError;
use super::idx;
use super::images::{Dataset, Images};
use super::locate::{DataDirs, Located, locate};
use super::pictures;
use super::registry::{self, Content, DatasetInfo, FileInfo, Format, Part};
use super::stl10;

/// Reads a data set. `split` says which images train (`train`, and for STL10 `unlabeled` or `train+unlabeled`); an empty
/// one is `train`. The test images are always those of the test files.
///
/// A file with another number of whole records than the official one is read and noted in [`Dataset::notes`]; anything else
/// that is amiss is an error that names the file and the byte. A folder of pictures is decoded into memory at the size that the
/// registry names (`folder:PATH`: that of its first picture); [`pictures::load`] is for large ones.
pub fn load(name: &str, split: &str, dirs: &DataDirs) -> Result<Dataset, DataError> {
    if pictures::is_pictures(name) {
        return pictures::in_memory(name, split, dirs);
    }
    let info = registry::find(name)?;
    let parts = training_parts(info, split)?;
    if info.format == Format::Embedded {
        return embedded::fashion_mini();
    }
    let wanted: Vec<Part> = parts.iter().copied().chain([Part::Test]).collect();
    let found = locate(info, &wanted, dirs)?;
    let mut notes = Vec::new();
    let train = read(info, &found, parts, &mut notes)?;
    let test = read(info, &found, &[Part::Test], &mut notes)?;
    Ok(Dataset {
        name: info.name.to_string(),
        train,
        test,
        classes: info.classes.iter().map(|c| c.to_string()).collect(),
        source: found.folder.display().to_string(),
        notes,
    })
}

/// Which files a split trains on.
pub(super) fn training_parts(info: &'static DatasetInfo, split: &str) -> Result<&'static [Part], DataError> {
    let split = if split.is_empty() { "train" } else { split };
    match split {
        _ if !info.splits.contains(&split) => Err(DataError::UnknownSplit {
            name: info.name.to_string(),
            split: split.to_string(),
            known: info.splits.to_vec(),
        }),
        "unlabeled" => Ok(&[Part::Unlabeled]),
        "train+unlabeled" => Ok(&[Part::Train, Part::Unlabeled]),
        _ => Ok(&[Part::Train]),
    }
}

/// Images of these parts, one after the other.
fn read(info: &DatasetInfo, found: &Located, parts: &[Part], notes: &mut Vec<String>) -> Result<Images, DataError> {
    let mut images = match info.format {
        Format::Stl10 => stl10::empty(),
        _ => cifar::empty(),
    };
    for (file, path) in &found.files {
        if !parts.contains(&file.part) || file.content == Content::Labels {
            continue;
        }
        let labels = found.paths(file.part, Content::Labels).first().copied();
        let records = match (info.format, labels) {
            (Format::Idx, Some(labels)) => {
                let [_, height, width] = info.shape;
                let expected = idx::Expected { height, width, classes: info.classes.len() };
                images = idx::read_pair(path, labels, expected)?;
                images.len() as u64
            }
            (Format::Stl10, labels) => stl10::read_into(path, labels, &mut images)?,
            (Format::Cifar(labels), _) => cifar::read_into(path, labels, &mut images)?,
            // The registry gives every idx image file a label file; nothing to read otherwise.
            (Format::Idx | Format::Embedded | Format::Folder(_), _) => 0,
        };
        notes.extend(other_count(file, records));
    }
    Ok(images)
}

/// What there is to say about a file whose number of records is not the official one.
pub fn other_count(file: &FileInfo, records: u64) -> Option<String> {
    (records != file.records)
        .then(|| format!("{} holds {records} records, the official one {}", file.name, file.records))
}
