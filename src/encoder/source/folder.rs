//! Images in a folder: flat, or in folders below it that are the classes (`cats/1.png`, also `train/cats/images/1.png`).

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{Item, Origin, Source, SourceSpec};
use crate::encoder::EncoderError;
use crate::files::FileError;

/// Endings of the formats that are read.
pub const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "gif", "bmp", "webp"];

/// What a walk through folders found.
#[derive(Default)]
struct Found {
    images: Vec<PathBuf>,
    others: usize,
    seen: HashSet<PathBuf>,
}

pub(super) fn list(spec: &SourceSpec, root: &Path) -> Result<Source, EncoderError> {
    let mut found = Found::default();
    walk(root, &mut found)?;
    if found.images.is_empty() {
        let cause = format!("none of its {} files ends in {}", found.others, EXTENSIONS.join(", "));
        return Err(EncoderError::NoImages { place: spec.place.clone(), cause, hint: None });
    }
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_path_buf();
    let paths: Vec<PathBuf> = found.images.iter().map(|p| below(p)).collect();
    // Classes if each image lies in a folder, below what all have in common (`train/`), and there are at least two of those.
    let parts = |path: &Path| -> Vec<String> {
        let folders = path.parent().into_iter().flat_map(Path::components);
        folders.map(|c| c.as_os_str().to_string_lossy().into_owned()).collect()
    };
    let common = paths
        .iter()
        .map(|p| parts(p))
        .reduce(|a, b| a.into_iter().zip(b).map_while(|(a, b)| (a == b).then_some(a)).collect());
    let depth = common.map_or(0, |c| c.len());
    let folder = |path: &PathBuf| parts(path).into_iter().nth(depth);
    let folders: Option<Vec<String>> = paths.iter().map(folder).collect();
    let names: BTreeSet<String> = folders.iter().flatten().cloned().collect();
    let classes: Vec<String> = if names.len() > 1 { names.into_iter().collect() } else { vec![] };
    let class = |i: usize| {
        let name = folders.as_ref().filter(|_| !classes.is_empty()).map(|f| &f[i])?;
        classes.binary_search(name).ok().map(|c| c as u32)
    };
    let items = paths.iter().zip(&found.images).enumerate();
    let items: Vec<Item> = items
        .map(|(i, (name, path))| Item {
            name: name.to_string_lossy().into_owned(),
            class: class(i),
            origin: Origin::File(path.clone()),
        })
        .collect();
    let notes = match found.others {
        0 => vec![],
        n => vec![format!("{n} files in {} are left out: no images by their names", root.display())],
    };
    let stem = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let stem = stem.file_name().map_or("images".into(), |n| n.to_string_lossy().into_owned());
    Ok(Source { spec: spec.clone(), stem, items, classes, notes, natural: None })
}

/// Collects files in the order of their names, folders included, each folder once however links lead to it.
fn walk(folder: &Path, found: &mut Found) -> Result<(), EncoderError> {
    let real = folder.canonicalize().map_err(FileError::read(folder))?;
    if !found.seen.insert(real) {
        return Ok(());
    }
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut paths: Vec<PathBuf> = entries.map_err(FileError::read(folder))?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
            continue;
        }
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if ending.is_some_and(|e| EXTENSIONS.contains(&e.as_str())) {
            found.images.push(path);
        } else {
            found.others += 1;
        }
    }
    Ok(())
}
