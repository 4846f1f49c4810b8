//! A sprite sheet: one image file cut into tiles, row by row.

use std::path::Path;
use std::sync::Arc;

use image::RgbaImage;

use super::{Item, Origin, Source, SourceSpec, decode};
use crate::encoder::EncoderError;

pub(super) fn list(spec: &SourceSpec, path: &Path) -> Result<Source, EncoderError> {
    let Some([width, height]) = spec.tile else {
        let rule = "it is one file: --tile WIDTHxHEIGHT says how large the tiles of a sprite sheet are".to_string();
        return Err(EncoderError::Setting { name: "SOURCE", value: spec.place.clone(), rule });
    };
    let broken = |cause| EncoderError::Broken { path: path.to_path_buf(), cause };
    let sheet = Arc::new(decode::file(path).map_err(broken)?);
    let (columns, rows) = (sheet.width().checked_div(width), sheet.height().checked_div(height));
    let (columns, rows) = (columns.unwrap_or(0), rows.unwrap_or(0));
    let size = format!("{}x{}", sheet.width(), sheet.height());
    if columns * rows == 0 {
        let (value, rule) = (format!("{width}x{height}"), format!("the sheet {} has {size} pixels", path.display()));
        return Err(EncoderError::Setting { name: "--tile", value, rule });
    }
    let file = path.file_name().map_or("sheet".into(), |n| n.to_string_lossy().into_owned());
    let mut items = Vec::new();
    for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
        let (left, top) = (column * width, row * height);
        if !is_empty(&sheet, [left, top, width, height]) {
            let origin = Origin::Tile { sheet: Arc::clone(&sheet), left, top, width, height };
            items.push(Item { name: format!("{file}#{row},{column}"), class: None, origin });
        }
    }
    let mut notes = Vec::new();
    let empty = (rows * columns) as usize - items.len();
    if items.is_empty() {
        let cause = format!("all of its {} tiles are empty", rows * columns);
        return Err(EncoderError::NoImages { place: spec.place.clone(), cause, hint: None });
    }
    if empty > 0 {
        notes.push(format!("{empty} of {} tiles of {file} are empty and skipped", rows * columns));
    }
    let rest = (sheet.width() - columns * width, sheet.height() - rows * height);
    if rest != (0, 0) {
        let (w, h) = rest;
        notes.push(format!("{file} has {size} pixels: {w} columns and {h} rows beyond the last tiles are left out"));
    }
    let stem = path.file_stem().map_or("sheet".into(), |n| n.to_string_lossy().into_owned());
    Ok(Source { spec: spec.clone(), stem, items, classes: vec![], notes, natural: None })
}

/// Whether a tile shows nothing: wholly transparent, or all of one colour.
fn is_empty(sheet: &RgbaImage, [left, top, width, height]: [u32; 4]) -> bool {
    let pixel = |i: u32| sheet.get_pixel(left + i % width, top + i / width);
    let first = pixel(0);
    (0..width * height).all(|i| pixel(i).0[3] == 0) || (0..width * height).all(|i| pixel(i) == first)
}
