//! The binary version of STL-10.
//!
//! An `X` file is a row of images without header, three planes of 96 × 96 (red, green, blue) each; a plane is stored column
//! by column and is turned here to row by row. A `y` file has one byte a label, 1 to 10, which becomes 0 to 9; unlabeled
//! images get −1. Source: Coates, Lee, Ng, "An analysis of single layer networks in unsupervised feature learning", 2011.

use std::path::Path;

use super::error::DataError;
use super::images::Images;
use super::reader::{Reader, reserve};

const SIDE: usize = 96;
const PLANE: usize = SIDE * SIDE;
/// Bytes of an image.
pub const PIXELS: usize = 3 * PLANE;
const CLASSES: u8 = 10;

/// No images yet.
pub fn empty() -> Images {
    Images { channels: 3, height: SIDE, width: SIDE, pixels: Vec::new(), labels: Vec::new() }
}

/// Appends the images of an `X` file and their labels (−1 without a `y` file); returns how many there were.
pub fn read_into(x: &Path, y: Option<&Path>, images: &mut Images) -> Result<u64, DataError> {
    let count = read_pixels(x, &mut images.pixels)?;
    match y {
        None => images.labels.resize(images.labels.len() + count, -1),
        Some(y) => {
            let labels = read_labels(y)?;
            if labels.len() != count {
                return Err(DataError::Format {
                    path: y.to_path_buf(),
                    offset: labels.len().min(count) as u64,
                    cause: format!("{} labels, but {} holds {count} images", labels.len(), x.display()),
                });
            }
            images.labels.extend(labels);
        }
    }
    Ok(count as u64)
}

fn read_pixels(path: &Path, out: &mut Vec<u8>) -> Result<usize, DataError> {
    let mut reader = Reader::plain(path)?;
    let expected = path.metadata().map_or(0, |m| m.len()) as usize;
    reserve(out, expected, path)?;
    let mut image = vec![0; PIXELS];
    let mut count = 0;
    loop {
        match reader.fill(&mut image)? {
            0 => break,
            PIXELS => {}
            got => {
                let cause = format!("truncated: the last image has {got} of {PIXELS} bytes");
                return Err(reader.error((count * PIXELS) as u64, cause));
            }
        }
        for plane in image.chunks_exact(PLANE) {
            for row in 0..SIDE {
                out.extend(plane[row..].iter().step_by(SIDE));
            }
        }
        count += 1;
    }
    if count == 0 {
        return Err(reader.error(0, "the file holds no images"));
    }
    Ok(count)
}

/// Labels of a `y` file, from 0.
pub fn read_labels(path: &Path) -> Result<Vec<i64>, DataError> {
    let mut reader = Reader::plain(path)?;
    let mut labels = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let at = reader.offset();
        let got = reader.fill(&mut buffer)?;
        for (i, &label) in buffer[..got].iter().enumerate() {
            if !(1..=CLASSES).contains(&label) {
                let offset = at + i as u64;
                return Err(
                    reader.error(offset, format!("label {label} of image {offset} is out of range 1..={CLASSES}"))
                );
            }
            labels.push(i64::from(label) - 1);
        }
        if got < buffer.len() {
            return Ok(labels);
        }
    }
}
