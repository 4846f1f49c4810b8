//! `folder:PATH` as a data set: what the folder holds becomes a configuration.
//!
//! `folder:PATH` takes the configuration that stands for the preset's own, as a bare name does; `folder_50aug:PATH` names one
//! (`softhebb show folder` lists them). Classes, numbers of images and size are those of the folder: the size of its first picture, or
//! 160 by 160 if that is larger than 256; `--set dataset_sup.width=…` gives another.

use std::path::{Path, PathBuf};

use super::TrainError;
use crate::data::DataError;
use crate::data::pictures::{self, PREFIX};
use crate::preset::config::DatasetConfig;
use crate::preset::{Catalogue, Override, PresetError, Target, dataset_config_with};

/// Name of the catalogue's entry.
pub const ENTRY: &str = "folder";
/// Largest side that is taken as it is, pixels.
const AS_IT_IS: usize = 256;
/// Side in place of a larger one, ImageNette's.
const SIDE: usize = 160;

/// `folder:PATH` or `folder_CONFIG:PATH`, taken apart; `None` for any other name.
fn parse(name: &str) -> Option<(Option<&str>, &Path)> {
    let (head, path) = name.split_once(':')?;
    match head.strip_prefix(ENTRY)? {
        "" => Some((None, Path::new(path))),
        config => Some((Some(config.strip_prefix('_')?), Path::new(path))),
    }
}

/// How a phase uses a data set.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// The preset's own configuration.
    pub own: &'a str,
    /// Hold out a fifth.
    pub validation: bool,
    /// Seed of the run.
    pub seed: u64,
    /// Which overrides are for it.
    pub target: Target,
    /// What was typed with `--set`.
    pub overrides: &'a [Override],
}

/// The configuration of a typed data set: of the catalogue, or of a folder.
///
/// # Errors
/// When there is no such configuration, or the folder is not one of pictures.
pub fn config(catalogue: &Catalogue, name: &str, how: Use) -> Result<DatasetConfig, TrainError> {
    let resolve = |catalogue: &Catalogue, name: &str| -> Result<DatasetConfig, PresetError> {
        dataset_config_with(catalogue, name, how.validation, how.seed, how.target, how.overrides)
    };
    let (config, path) = match parse(name) {
        Some((config, path)) if !path.as_os_str().is_empty() => (config, path),
        None if name.split('_').next() != Some(ENTRY) => return Ok(resolve(catalogue, name)?),
        _ => {
            let name = name.trim_end_matches(':');
            let why = format!(
                "{name} names no folder of pictures\nhint: {name}:PATH, with PATH/train/CLASS and PATH/val/CLASS"
            );
            return Err(TrainError::Plan(why));
        }
    };
    let path: PathBuf =
        std::path::absolute(path).map_err(|source| DataError::Read { path: path.to_path_buf(), source })?;
    let look = pictures::look(&path)?;
    let large = look.size.iter().any(|n| *n > AS_IT_IS);
    let [height, width] = if large { [SIDE; 2] } else { look.size };
    let mut catalogue = catalogue.clone();
    catalogue.describe(ENTRY, |c| {
        (c.height, c.width) = (height as i64, width as i64);
        c.out_channels = look.classes.len() as i64;
        (c.training_sample, c.testing_sample) = (look.train as i64, look.test as i64);
    });
    let full = match config {
        Some(config) => format!("{ENTRY}_{config}"),
        None => catalogue.counterpart(how.own, ENTRY)?,
    };
    let mut found = resolve(&catalogue, &full)?;
    // The configuration's name is part of the run folder's, so it has no slash.
    let base = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let base: String = base.chars().map(|c| if c.is_alphanumeric() || "-.".contains(c) { c } else { '-' }).collect();
    found.config = format!("{base}_{}", full.split_once('_').map_or("default", |(_, short)| short));
    found.name = format!("{PREFIX}{}", path.display());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(parse("folder:/a/b"), Some((None, Path::new("/a/b"))));
        assert_eq!(parse("folder_50aug:c:d"), Some((Some("50aug"), Path::new("c:d"))));
        for other in ["CIFAR10_50", "folders:/a", "folder", "folder50:/a"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
