//! The idx format of MNIST and FashionMNIST, plain or gzipped.
//!
//! An image file is the magic number `0x00000803`, the numbers of images, rows and columns (32 bits each, big-endian) and
//! one byte a pixel, row by row. A label file is `0x00000801`, the number of labels, and one byte a label.
//! Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".

use std::path::Path;

use super::error::DataError;
use super::images::Images;
use super::reader::Reader;

const IMAGES: u32 = 0x803;
const LABELS: u32 = 0x801;

/// What an idx file should hold.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Labels are below this.
    pub classes: usize,
}

/// Reads an image file and its label file: `(N, 1, height, width)`.
pub fn read_pair(images: &Path, labels: &Path, expected: Expected) -> Result<Images, DataError> {
    let pixels = read_images(images, expected)?;
    let labels_read = read_labels(labels, expected)?;
    pair(pixels, labels_read, expected).map_err(|(pixels, labels_read)| DataError::Format {
        path: labels.to_path_buf(),
        offset: 4,
        cause: format!("{labels_read} labels, but {} holds {pixels} images", images.display()),
    })
}

/// Pixels of an image file, one image after the other.
pub fn read_images(path: &Path, expected: Expected) -> Result<Vec<u8>, DataError> {
    let mut reader = Reader::open(path)?;
    let pixels = parse_images(&mut reader, expected)?;
    reader.end()?;
    Ok(pixels)
}

/// Labels of a label file.
pub fn read_labels(path: &Path, expected: Expected) -> Result<Vec<i64>, DataError> {
    let mut reader = Reader::open(path)?;
    let labels = parse_labels(&mut reader, expected)?;
    reader.end()?;
    Ok(labels)
}

/// Four idx files that follow each other in one stream: training images and labels, test images and labels.
pub(super) fn parse_two_pairs(reader: &mut Reader, expected: Expected) -> Result<(Images, Images), DataError> {
    let mut next = || {
        let pixels = parse_images(reader, expected)?;
        let at = reader.offset();
        let labels = parse_labels(reader, expected)?;
        pair(pixels, labels, expected).map_err(|(p, l)| reader.error(at + 4, format!("{l} labels for {p} images")))
    };
    let both = (next()?, next()?);
    reader.end()?;
    Ok(both)
}

/// Puts pixels and labels together, or says how many of each there are.
fn pair(pixels: Vec<u8>, labels: Vec<i64>, expected: Expected) -> Result<Images, (usize, usize)> {
    let count = pixels.len() / (expected.height * expected.width);
    if count != labels.len() {
        return Err((count, labels.len()));
    }
    Ok(Images { channels: 1, height: expected.height, width: expected.width, pixels, labels })
}

fn parse_images(reader: &mut Reader, expected: Expected) -> Result<Vec<u8>, DataError> {
    let start = reader.offset();
    magic(reader, IMAGES, "images")?;
    let [count, rows, columns] = [number(reader)?, number(reader)?, number(reader)?];
    if (rows as usize, columns as usize) != (expected.height, expected.width) {
        let cause = format!(
            "images of {rows} × {columns} pixels (rows × columns), expected {} × {}",
            expected.height, expected.width
        );
        return Err(reader.error(start + 8, cause));
    }
    if count == 0 {
        return Err(reader.error(start + 4, "the file holds no images"));
    }
    // Cannot overflow: the count has 32 bits and the sides are those of a real data set.
    reader.bytes(u64::from(count) * (expected.height * expected.width) as u64, &format!("{count} images"))
}

fn parse_labels(reader: &mut Reader, expected: Expected) -> Result<Vec<i64>, DataError> {
    magic(reader, LABELS, "labels")?;
    let count = number(reader)?;
    let start = reader.offset();
    let bytes = reader.bytes(u64::from(count), &format!("{count} labels"))?;
    if let Some(i) = bytes.iter().position(|&b| usize::from(b) >= expected.classes) {
        let cause = format!("label {} of image {i} is out of range 0..={}", bytes[i], expected.classes - 1);
        return Err(reader.error(start + i as u64, cause));
    }
    Ok(bytes.into_iter().map(i64::from).collect())
}

fn number(reader: &mut Reader) -> Result<u32, DataError> {
    Ok(u32::from_be_bytes(reader.exact("the header's numbers")?))
}

fn magic(reader: &mut Reader, expected: u32, what: &str) -> Result<(), DataError> {
    let at = reader.offset();
    let got = number(reader)?;
    if got == expected {
        return Ok(());
    }
    let but = match got {
        IMAGES => " (it holds images)",
        LABELS => " (it holds labels)",
        _ => "",
    };
    Err(reader.error(at, format!("magic number 0x{got:08x}, expected 0x{expected:08x} for {what}{but}")))
}
