//! Decoded images that several processes share: one file, mapped into memory, that the system keeps once for all of them.
//!
//! ```text
//! magic (8 bytes) · length of the header (8, little-endian) · header (JSON) · training labels · test labels (64 bits each)
//! · training pixels · test pixels
//! ```
//!
//! The file's name holds a fingerprint of the data set's files (names, sizes, times of change): other files, another pack.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::DataError;
use super::load::{load, training_parts};
use super::locate::{DataDirs, locate};
use super::registry::{self, Format, Part};
use crate::files::{FileError, write_atomic};

const MAGIC: &[u8; 8] = b"SHIMAGE1";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Header {
    name: String,
    notes: Vec<String>,
    /// Images, channels, rows, columns of the training images.
    train: [usize; 4],
    /// The same of the test images.
    test: [usize; 4],
}

/// Images of one split in a mapped file.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// Channels of an image.
    pub channels: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// One label an image.
    pub labels: Vec<i64>,
    /// The file; the pixels begin at `offset`.
    pub map: Arc<Mmap>,
    offset: usize,
}

impl Mapped {
    /// All pixels, image after image.
    pub fn pixels(&self) -> &[u8] {
        let len = self.labels.len() * self.channels * self.height * self.width;
        self.map.get(self.offset..self.offset + len).unwrap_or_default()
    }
}

/// A data set in a mapped file.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Training images.
    pub train: Mapped,
    /// Test images.
    pub test: Mapped,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// What tells the files of a data set from others: a hash of their names, sizes and times of change.
///
/// # Errors
/// When the files are not there.
pub fn fingerprint(name: &str, split: &str, dirs: &DataDirs) -> Result<String, DataError> {
    let info = registry::find(name)?;
    let parts = training_parts(info, split)?;
    let mut sha = Sha256::new();
    sha.update(format!("{} {split} ", info.name));
    if info.format == Format::Embedded {
        sha.update(env!("CARGO_PKG_VERSION"));
    } else {
        let wanted: Vec<Part> = parts.iter().copied().chain([Part::Test]).collect();
        for (_, path) in locate(info, &wanted, dirs)?.files {
            let meta = path.metadata().map_err(|source| DataError::Read { path: path.clone(), source })?;
            let changed = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            sha.update(format!("{} {} {} ", path.display(), meta.len(), changed.as_nanos()));
        }
    }
    Ok(sha.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect())
}

fn path(folder: &Path, name: &str, fingerprint: &str) -> PathBuf {
    folder.join(format!("{name}-{fingerprint}.images"))
}

/// Decodes a data set into this folder, unless that was done already. What is inside the program needs no file.
///
/// # Errors
/// When the data set cannot be read. A file that cannot be written is returned as `Ok(Err(…))`: whoever reads then
/// decodes for itself.
pub fn pack(name: &str, split: &str, dirs: &DataDirs, folder: &Path) -> Result<Result<(), FileError>, DataError> {
    if registry::find(name)?.format == Format::Embedded {
        return Ok(Ok(()));
    }
    let path = path(folder, name, &fingerprint(name, split, dirs)?);
    if open(&path).is_some() {
        return Ok(Ok(()));
    }
    let data = load(name, split, dirs)?;
    let shape = |images: &super::Images| [images.len(), images.channels, images.height, images.width];
    let header = Header {
        name: data.name.clone(),
        notes: data.notes.clone(),
        train: shape(&data.train),
        test: shape(&data.test),
    };
    Ok(write_atomic(&path, |out| {
        let header = serde_json::to_vec(&header)?;
        out.write_all(MAGIC)?;
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for label in data.train.labels.iter().chain(&data.test.labels) {
            out.write_all(&label.to_le_bytes())?;
        }
        out.write_all(&data.train.pixels)?;
        out.write_all(&data.test.pixels)
    }))
}

/// The pack of a data set, if this folder has one of the files as they are now.
pub fn find(name: &str, split: &str, dirs: &DataDirs, folder: &Path) -> Option<Shared> {
    open(&path(folder, name, &fingerprint(name, split, dirs).ok()?))
}

/// A whole pack, or nothing.
fn open(path: &Path) -> Option<Shared> {
    let file = File::open(path).ok()?;
    // SAFETY: the file was renamed into place whole, and nobody writes to it afterwards; removing it leaves the map.
    let map = Arc::new(unsafe { Mmap::map(&file) }.ok()?);
    let bytes: &[u8] = &map;
    if bytes.get(..8)? != MAGIC {
        return None;
    }
    let length = usize::try_from(u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?)).ok()?;
    let end = length.checked_add(16)?;
    let header: Header = serde_json::from_slice(bytes.get(16..end)?).ok()?;
    let mut at = end;
    let mut labels = |n: usize| -> Option<Vec<i64>> {
        let bytes = bytes.get(at..at.checked_add(n.checked_mul(8)?)?)?;
        at += bytes.len();
        Some(bytes.chunks_exact(8).filter_map(|b| b.try_into().ok().map(i64::from_le_bytes)).collect())
    };
    let (train, test) = (labels(header.train[0])?, labels(header.test[0])?);
    let mut part = |[n, channels, height, width]: [usize; 4], labels| -> Option<Mapped> {
        let len = n.checked_mul(channels)?.checked_mul(height)?.checked_mul(width)?;
        bytes.get(at..at.checked_add(len)?)?;
        let mapped = Mapped { channels, height, width, labels, map: Arc::clone(&map), offset: at };
        at += len;
        Some(mapped)
    };
    let (train, test) = (part(header.train, train)?, part(header.test, test)?);
    (at == bytes.len()).then_some(Shared { train, test, notes: header.notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four CIFAR-10 records in each file: the reader takes what is there.
    fn cifar(root: &Path) -> DataDirs {
        let folder = root.join("cifar-10-batches-bin");
        std::fs::create_dir_all(&folder).unwrap();
        for (i, name) in
            (0u8..).zip(["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"])
        {
            let records: Vec<u8> = (0..4u8).flat_map(|r| [vec![r], vec![i * 16 + r; 3072]].concat()).collect();
            std::fs::write(folder.join(format!("{name}.bin")), records).unwrap();
        }
        DataDirs::only(root)
    }

    #[test]
    fn a_pack_holds_what_was_decoded() {
        let root = tempfile::tempdir().unwrap();
        let dirs = cifar(root.path());
        let folder = root.path().join("images");
        assert!(find("CIFAR10", "train", &dirs, &folder).is_none());
        pack("CIFAR10", "train", &dirs, &folder).unwrap().unwrap();
        let (packed, plain) =
            (find("CIFAR10", "train", &dirs, &folder).unwrap(), load("CIFAR10", "train", &dirs).unwrap());
        assert_eq!((packed.train.pixels(), &packed.train.labels), (&plain.train.pixels[..], &plain.train.labels));
        assert_eq!((packed.test.pixels(), &packed.test.labels), (&plain.test.pixels[..], &plain.test.labels));
        assert_eq!((packed.notes, plain.train.len()), (plain.notes, 20));
    }

    #[test]
    fn other_files_and_broken_packs_are_not_taken() {
        let root = tempfile::tempdir().unwrap();
        let dirs = cifar(root.path());
        let folder = root.path().join("images");
        pack("CIFAR10", "train", &dirs, &folder).unwrap().unwrap();
        let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read(&file).unwrap();
        for bytes in [&whole[..whole.len() - 1], &whole[..20], &[][..], b"SHIMAGE1\xff\xff\xff\xff\xff\xff\xff\xff"] {
            std::fs::write(&file, bytes).unwrap();
            assert!(find("CIFAR10", "train", &dirs, &folder).is_none());
        }
        pack("CIFAR10", "train", &dirs, &folder).unwrap().unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), whole, "a broken pack is made anew");
        let batch = root.path().join("cifar-10-batches-bin/data_batch_1.bin");
        std::fs::write(&batch, vec![1; 3073]).unwrap();
        assert!(find("CIFAR10", "train", &dirs, &folder).is_none(), "the file has another size");
    }

    #[test]
    fn what_is_inside_the_program_needs_no_pack() {
        let root = tempfile::tempdir().unwrap();
        let dirs = DataDirs::only(root.path());
        pack("FashionMini", "train", &dirs, &root.path().join("images")).unwrap().unwrap();
        assert!(!root.path().join("images").exists());
        assert!(pack("CIFAR10", "train", &dirs, root.path()).is_err(), "it is not there");
    }
}
