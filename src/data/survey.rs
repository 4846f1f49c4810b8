//! What is there, at a glance: names, folders, counts and sizes, without reading the images.

use std::path::PathBuf;

use super::embedded;
use super::error::DataError;
use super::load::other_count;
use super::locate::{DataDirs, locate, records, unpacked_len};
use super::pictures;
use super::registry::{ALL, Content, DatasetInfo, Format, Part};

/// One data set at a glance.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listing {
    /// Its name.
    pub name: &'static str,
    /// Whether its files are there.
    pub present: bool,
    /// Their folder.
    pub folder: Option<PathBuf>,
    /// Training images.
    pub train: Option<u64>,
    /// Training images without labels, where there are some.
    pub unlabeled: Option<u64>,
    /// Test images.
    pub test: Option<u64>,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Whether every file has the official size; only `softhebb data verify` compares checksums.
    pub official: bool,
    /// What is amiss: `test_batch.bin holds 1000 records, the official one 10000`.
    pub problems: Vec<String>,
}

/// All data sets, whether or not they are there.
pub fn survey(dirs: &DataDirs) -> Vec<Listing> {
    ALL.into_iter().map(|info| look_at(info, dirs)).collect()
}

/// One data set at a glance. STL-10 counts as there without its unlabeled images.
pub fn look_at(info: &'static DatasetInfo, dirs: &DataDirs) -> Listing {
    let mut listing = Listing {
        name: info.name,
        present: false,
        folder: None,
        train: None,
        unlabeled: None,
        test: None,
        bytes: 0,
        official: false,
        problems: Vec::new(),
    };
    if info.format == Format::Embedded {
        let counts = embedded::fashion_mini().map(|d| (d.train.len() as u64, d.test.len() as u64));
        listing.bytes = embedded::bytes();
        match counts {
            Ok((train, test)) => {
                (listing.present, listing.official) = (true, true);
                (listing.train, listing.test) = (Some(train), Some(test));
            }
            Err(e) => listing.problems.push(e.to_string()),
        }
        return listing;
    }
    let found = match locate(info, &[Part::Train, Part::Test, Part::Unlabeled], dirs)
        .or_else(|_| locate(info, &[Part::Train, Part::Test], dirs))
    {
        Ok(found) => found,
        Err(DataError::NotFound { looked, .. } | DataError::NotThere { looked, .. }) => {
            // A folder that is not there is no news; one that is incomplete, or holds something else, is.
            let news = looked.iter().filter(|l| l.folder != dirs.root() && l.why.is_some());
            listing.problems = news.map(ToString::to_string).collect();
            return listing;
        }
        Err(e) => {
            listing.problems.push(e.to_string());
            return listing;
        }
    };
    (listing.present, listing.official) = (true, true);
    if matches!(info.format, Format::Folder(_)) {
        match pictures::count(info, &found.folder) {
            Ok([train, test, bytes]) => {
                (listing.train, listing.test, listing.bytes) = (Some(train), Some(test), bytes);
            }
            Err(e) => listing.problems.push(e.to_string()),
        }
        // Folders have no official size; `softhebb data verify` decodes every picture.
        (listing.official, listing.folder) = (false, Some(found.folder));
        return listing;
    }
    for (file, path) in &found.files {
        listing.bytes += path.metadata().map_or(0, |m| m.len());
        let count = unpacked_len(path).map_err(|e| e.to_string()).and_then(|len| records(file, len));
        match count {
            Ok(count) => {
                let sum = match file.part {
                    Part::Train => &mut listing.train,
                    Part::Test => &mut listing.test,
                    Part::Unlabeled => &mut listing.unlabeled,
                };
                if file.content != Content::Labels {
                    *sum = Some(sum.unwrap_or(0) + count);
                }
                listing.problems.extend(other_count(file, count));
            }
            Err(why) => listing.problems.push(format!("{}: {why}", path.display())),
        }
    }
    if found.files.len() < info.files.len() {
        let there = |name: &str| found.files.iter().any(|(f, _)| f.name == name);
        let missing = info.files.iter().map(|f| f.name).filter(|n| !there(n));
        listing.problems.push(format!("lacks {}", missing.collect::<Vec<_>>().join(", ")));
    }
    listing.official = listing.problems.is_empty();
    listing.folder = Some(found.folder);
    listing
}
