//! The binary versions of CIFAR-10 and CIFAR-100.
//!
//! A file is a row of records without header: the label bytes, then 3072 pixels as three planes of 32 × 32 (red, green,
//! blue), row by row, which is the order of [`Images`]. CIFAR-10 has one label byte; CIFAR-100 has two, the coarse and
//! then the fine label, of which the fine one is used. Source: Krizhevsky, "Learning multiple layers of features from tiny
//! images", 2009.

use std::path::Path;

use super::error::DataError;
use super::images::Images;
use super::reader::{Reader, reserve};

/// Bytes of an image.
pub const PIXELS: usize = 3 * 32 * 32;

/// How many values each label byte of a record has; the last byte is the label that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels(pub &'static [usize]);

/// CIFAR-10: one byte, ten classes.
pub const CIFAR10: Labels = Labels(&[10]);
/// CIFAR-100: a coarse label of twenty, a fine label of a hundred.
pub const CIFAR100: Labels = Labels(&[20, 100]);

impl Labels {
    /// Bytes of a record.
    pub fn record(self) -> usize {
        self.0.len() + PIXELS
    }
}

/// No images yet.
pub fn empty() -> Images {
    Images { channels: 3, height: 32, width: 32, pixels: Vec::new(), labels: Vec::new() }
}

/// Appends the records of a file to `images`; returns how many there were.
pub fn read_into(path: &Path, labels: Labels, images: &mut Images) -> Result<u64, DataError> {
    let mut reader = Reader::plain(path)?;
    let record = labels.record();
    // The size is only a help for memory: what counts is what is read.
    let expected = path.metadata().map_or(0, |m| m.len()) as usize / record;
    reserve(&mut images.pixels, expected.saturating_mul(PIXELS), path)?;
    reserve(&mut images.labels, expected, path)?;
    let mut buffer = vec![0; 256 * record];
    let mut count = 0;
    loop {
        let got = reader.fill(&mut buffer)?;
        for bytes in buffer[..got].chunks(record) {
            let at = count * record as u64;
            if bytes.len() < record {
                let cause = format!("truncated: the last record has {} of {record} bytes", bytes.len());
                return Err(reader.error(at, cause));
            }
            for (i, (&label, &classes)) in bytes.iter().zip(labels.0).enumerate() {
                if usize::from(label) >= classes {
                    let cause = format!("label {label} of record {count} is out of range 0..={}", classes - 1);
                    return Err(reader.error(at + i as u64, cause));
                }
            }
            images.labels.push(i64::from(bytes[labels.0.len() - 1]));
            images.pixels.extend_from_slice(&bytes[labels.0.len()..]);
            count += 1;
        }
        if got < buffer.len() {
            break;
        }
    }
    if count == 0 {
        return Err(reader.error(0, "the file holds no records"));
    }
    Ok(count)
}
