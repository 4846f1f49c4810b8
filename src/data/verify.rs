//! Every byte of a data set read and compared with what its site publishes.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::cifar;
use super::digest;
use super::embedded;
use super::error::DataError;
use super::folder;
use super::idx;
use super::load::other_count;
use super::locate::{DataDirs, Located, locate, records};
use super::pictures;
use super::registry::{self, Content, DatasetInfo, FileInfo, Format, Part};
use super::stl10;

/// What came out for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The official file.
    Official,
    /// Sound, but with another number of records than the official file.
    Partial,
    /// Readable, of the official size, but not the official bytes.
    Differs,
    /// Cannot be read.
    Bad,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileCheck {
    /// Where it is.
    pub path: PathBuf,
    /// What came out.
    pub verdict: Verdict,
    /// Its records, where they could be counted.
    pub records: Option<u64>,
    /// Records of the official file.
    pub official_records: u64,
    /// MD5 of its unpacked content.
    pub md5: Option<String>,
    /// MD5 of the official file's unpacked content.
    pub official_md5: Option<&'static str>,
    /// What is amiss.
    pub problem: Option<String>,
}

/// A data set's files.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VerifyReport {
    /// The data set.
    pub name: &'static str,
    /// Their folder; none inside the program.
    pub folder: Option<PathBuf>,
    /// One entry a file.
    pub files: Vec<FileCheck>,
    /// Whether all is well: every file is the official one or a sound part of it.
    pub ok: bool,
}

/// Reads all files of a data set and compares sizes, labels and checksums. Files that are amiss are in the report; an error
/// means that there was nothing to check.
pub fn verify(name: &str, dirs: &DataDirs) -> Result<VerifyReport, DataError> {
    let info = registry::find(name)?;
    if info.format == Format::Embedded {
        return Ok(verify_embedded(info));
    }
    if matches!(info.format, Format::Folder(_)) {
        return verify_pictures(info, dirs);
    }
    let all = [Part::Train, Part::Test, Part::Unlabeled];
    let found = locate(info, &all, dirs).or_else(|_| locate(info, &all[..2], dirs))?;
    let files: Vec<FileCheck> = found.files.iter().map(|(file, path)| check(info, &found, file, path)).collect();
    let ok = files.iter().all(|f| matches!(f.verdict, Verdict::Official | Verdict::Partial));
    Ok(VerifyReport { name: info.name, folder: Some(found.folder), files, ok })
}

fn check(info: &DatasetInfo, found: &Located, file: &FileInfo, path: &Path) -> FileCheck {
    let summed = digest::md5_unpacked(path).ok();
    let read = read(info, found, file, path);
    let same = summed.as_ref().is_some_and(|s| s.md5 == file.md5);
    let (verdict, records, problem) = match read {
        Ok(count) if same => (Verdict::Official, Some(count), None),
        Ok(count) => match other_count(file, count) {
            Some(note) => (Verdict::Partial, Some(count), Some(note)),
            None => (Verdict::Differs, Some(count), Some("the bytes are not those of the official file".into())),
        },
        Err(why) => (Verdict::Bad, None, Some(why)),
    };
    FileCheck {
        path: path.to_path_buf(),
        verdict,
        records,
        official_records: file.records,
        md5: summed.map(|s| s.md5),
        official_md5: Some(file.md5),
        problem,
    }
}

/// Counts a file's records, reading it as [`load`](super::load::load) would, or says what is wrong with it.
fn read(info: &DatasetInfo, found: &Located, file: &FileInfo, path: &Path) -> Result<u64, String> {
    let [_, height, width] = info.shape;
    let expected = idx::Expected { height, width, classes: info.classes.len() };
    let say = |e: DataError| e.to_string();
    let count = match (info.format, file.content) {
        (Format::Cifar(labels), _) => cifar::read_into(path, labels, &mut cifar::empty()).map_err(say)?,
        (Format::Idx, Content::Labels) => idx::read_labels(path, expected).map_err(say)?.len() as u64,
        (Format::Idx, _) => idx::read_images(path, expected).map_err(say)?.len() as u64 / file.record,
        (Format::Stl10, Content::Labels) => stl10::read_labels(path).map_err(say)?.len() as u64,
        // Any byte is a pixel: the size is all there is to check, and the file may be larger than memory.
        (Format::Stl10, _) => {
            let len = path.metadata().map_err(|e| format!("cannot read {}: {e}", path.display()))?.len();
            records(file, len).map_err(|why| format!("{}: {why}", path.display()))?
        }
        (Format::Embedded | Format::Folder(_), _) => 0,
    };
    if file.content == Content::Labels {
        // The other file's own faults are its own line's affair.
        for (other, path) in found.files.iter().filter(|(o, _)| o.part == file.part && o.content == Content::Images) {
            let images = super::locate::unpacked_len(path).ok().and_then(|len| records(other, len).ok());
            if let Some(images) = images.filter(|&i| i != count) {
                return Err(format!("{count} labels, but {} holds {images} images", path.display()));
            }
        }
    }
    Ok(count)
}

/// Decodes every picture: a line for each part, and one for each broken picture.
fn verify_pictures(info: &'static DatasetInfo, dirs: &DataDirs) -> Result<VerifyReport, DataError> {
    let found = locate(info, &[Part::Train, Part::Test], dirs)?;
    let check = |path: PathBuf, verdict, records, problem| FileCheck {
        path,
        verdict,
        records,
        official_records: 0,
        md5: None,
        official_md5: None,
        problem,
    };
    let mut files = Vec::new();
    for list in pictures::lists(info, &found.folder)? {
        let broken = |i: usize| folder::decode(&list.path(i)).err().map(|why| (list.path(i), why));
        let broken: Vec<_> = (0..list.files.len()).into_par_iter().filter_map(broken).collect();
        let sound = (list.files.len() - broken.len()) as u64;
        let classes = format!("{} classes", list.classes.len());
        files.push(check(list.root, Verdict::Partial, Some(sound), Some(classes)));
        files.extend(broken.into_iter().map(|(path, why)| check(path, Verdict::Bad, None, Some(why))));
    }
    let ok = files.iter().all(|f| f.verdict != Verdict::Bad);
    Ok(VerifyReport { name: info.name, folder: Some(found.folder), files, ok })
}

fn verify_embedded(info: &'static DatasetInfo) -> VerifyReport {
    let read = embedded::fashion_mini();
    let (verdict, records, problem) = match read {
        Ok(data) => (Verdict::Official, Some((data.train.len() + data.test.len()) as u64), None),
        Err(e) => (Verdict::Bad, None, Some(e.to_string())),
    };
    let check = FileCheck {
        path: PathBuf::from("fashion_mini.idx.gz"),
        verdict,
        records,
        official_records: records.unwrap_or(0),
        md5: None,
        official_md5: None,
        problem,
    };
    VerifyReport { name: info.name, folder: None, files: vec![check], ok: verdict == Verdict::Official }
}
