//! Downloads become files: gunzip, untar, unzip, and moving the result to its place in one step.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::error::FetchError;

/// Files of at least so many bytes are synced one by one.
const SYNCED: usize = 1 << 20;

/// Unpacks a gzipped file to `target`.
pub(super) fn gunzip(packed: &Path, target: &Path) -> Result<(), FetchError> {
    let source = File::open(packed).map_err(corrupt(packed))?;
    write_from(&mut MultiGzDecoder::new(BufReader::new(source)), packed, target)
}

/// Unpacks a tar, gzipped or not, below `folder`. All that it may hold is folders and plain files below the one folder `top`; an entry
/// that is a link or a device, or whose path leaves `folder`, ends the unpacking.
pub(super) fn untar(packed: &Path, top: &str, folder: &Path) -> Result<(), FetchError> {
    let mut source = BufReader::new(File::open(packed).map_err(corrupt(packed))?);
    // ImageNetV2's archives are called .tar.gz and are plain.
    let gzipped = source.fill_buf().map_err(corrupt(packed))?.starts_with(&[0x1f, 0x8b]);
    let source: Box<dyn Read> = if gzipped { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) };
    let mut archive = Archive::new(source);
    for entry in archive.entries().map_err(corrupt(packed))? {
        let mut entry = entry.map_err(corrupt(packed))?;
        let name = entry.path().map_err(corrupt(packed))?.into_owned();
        let refuse = |why: &str| FetchError::Archive {
            path: packed.to_path_buf(),
            cause: format!("its entry {} {why}; nothing was installed", name.display()),
        };
        let Some(inside) = inside(&name) else {
            return Err(refuse("leads out of the folder"));
        };
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            _ if !inside.starts_with(top) && inside.components().next().is_some() => {
                return Err(refuse(&format!("is not in {top}")));
            }
            EntryType::Directory => {
                let path = folder.join(inside);
                fs::create_dir_all(&path).map_err(FetchError::write(&path))?;
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let path = folder.join(inside);
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent).map_err(FetchError::write(parent))?;
                }
                write_from(&mut entry, packed, &path)?;
            }
            _ => return Err(refuse("is neither a file nor a folder")),
        }
    }
    Ok(())
}

/// Unpacks a zip below `folder`, under the same rules.
pub(super) fn unzip(packed: &Path, top: &str, folder: &Path) -> Result<(), FetchError> {
    let wrong = |e: zip::result::ZipError| FetchError::Archive { path: packed.to_path_buf(), cause: e.to_string() };
    let source = BufReader::new(File::open(packed).map_err(corrupt(packed))?);
    let mut archive = zip::ZipArchive::new(source).map_err(wrong)?;
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).map_err(wrong)?;
        let name = PathBuf::from(entry.name().map_err(wrong)?.into_owned());
        let refuse = |why: &str| FetchError::Archive {
            path: packed.to_path_buf(),
            cause: format!("its entry {} {why}; nothing was installed", name.display()),
        };
        let Some(inside) = inside(&name) else {
            return Err(refuse("leads out of the folder"));
        };
        let path = match inside.starts_with(top) {
            true => folder.join(inside),
            false => return Err(refuse(&format!("is not in {top}"))),
        };
        if entry.is_dir() {
            fs::create_dir_all(&path).map_err(FetchError::write(&path))?;
        } else if entry.is_file() {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(FetchError::write(parent))?;
            }
            write_from(&mut entry, packed, &path)?;
        } else {
            return Err(refuse("is neither a file nor a folder"));
        }
    }
    Ok(())
}

/// The path of an entry without `.`, or nothing if it is absolute or climbs.
fn inside(name: &Path) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// Copies a stream into a new file and syncs it, telling apart whether reading or writing failed.
fn write_from(from: &mut dyn Read, packed: &Path, target: &Path) -> Result<(), FetchError> {
    let mut out = File::create(target).map_err(FetchError::write(target))?;
    let mut buffer = vec![0; 1 << 16];
    let mut written = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                out.write_all(&buffer[..n]).map_err(FetchError::write(target))?;
                written += n;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(corrupt(packed)(e)),
        }
    }
    // A picture among a hundred thousand is not waited for: one that a power cut empties is found when it is decoded.
    if written < SYNCED {
        return Ok(());
    }
    out.sync_all().map_err(FetchError::write(target))
}

/// Moves a folder of unpacked files to its place. A new place appears in one step; in one that is there, file by file is
/// replaced, each in one step, and files that are not of the data set stay.
pub(super) fn install(from: &Path, to: &Path) -> Result<(), FetchError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(FetchError::write(parent))?;
    }
    if !to.exists() {
        return fs::rename(from, to).map_err(FetchError::write(to));
    }
    for entry in fs::read_dir(from).map_err(FetchError::write(from))? {
        let entry = entry.map_err(FetchError::write(from))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            install(&entry.path(), &target)?;
        } else {
            fs::rename(entry.path(), &target).map_err(FetchError::write(&target))?;
        }
    }
    Ok(())
}

fn corrupt(packed: &Path) -> impl Fn(io::Error) -> FetchError + '_ {
    move |e| FetchError::Archive { path: packed.to_path_buf(), cause: e.to_string() }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A tar.gz with one entry whose name is written as it is (`tar` itself refuses to write such names).
    fn tar_gz(name: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        builder.append(&header, content).unwrap();
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn entries_that_could_do_harm_are_refused() {
        let file = EntryType::Regular;
        for (name, kind, complaint) in [
            ("top/ok.bin", file, ""),
            ("./top/ok.bin", file, ""),
            ("top/deep/ok.bin", file, ""),
            ("top/", EntryType::Directory, ""),
            ("../out.bin", file, "leads out"),
            ("top/../../out.bin", file, "leads out"),
            ("/out.bin", file, "leads out"),
            ("other/x.bin", file, "is not in top"),
            ("top/link", EntryType::Symlink, "neither"),
            ("top/link", EntryType::Link, "neither"),
            ("top/device", EntryType::Char, "neither"),
        ] {
            let root = tempfile::tempdir().unwrap();
            let packed = root.path().join("a.tar.gz");
            fs::write(&packed, tar_gz(name, kind, b"data")).unwrap();
            let folder = root.path().join("x/y");
            fs::create_dir_all(&folder).unwrap();
            let result = untar(&packed, "top", &folder);
            match complaint {
                "" => assert!(result.is_ok(), "{name}: {result:?}"),
                _ => {
                    let message = result.unwrap_err().to_string();
                    assert!(message.contains(complaint) && message.contains("a.tar.gz"), "{message}");
                }
            }
            let out = root.path().join("out.bin");
            assert!(!out.exists() && !root.path().join("x/out.bin").exists() && !Path::new("/out.bin").exists());
        }
    }

    #[test]
    fn a_tar_that_is_not_gzipped_is_read_all_the_same() {
        let root = tempfile::tempdir().unwrap();
        let packed = root.path().join("a.tar.gz");
        let mut plain = Vec::new();
        MultiGzDecoder::new(&tar_gz("top/x.bin", EntryType::Regular, b"data")[..]).read_to_end(&mut plain).unwrap();
        fs::write(&packed, plain).unwrap();
        untar(&packed, "top", root.path()).unwrap();
        assert_eq!(fs::read(root.path().join("top/x.bin")).unwrap(), b"data");
    }

    #[test]
    fn zips_are_unpacked_under_the_same_rules() {
        for (name, complaint) in [
            ("top/a/x.bin", ""),
            ("../out.bin", "leads out"),
            ("/out.bin", "leads out"),
            ("other/x.bin", "is not in top"),
        ] {
            let root = tempfile::tempdir().unwrap();
            let packed = root.path().join("a.zip");
            let mut zip = zip::ZipWriter::new(File::create(&packed).unwrap());
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(b"data").unwrap();
            zip.finish().unwrap();
            let folder = root.path().join("x");
            fs::create_dir(&folder).unwrap();
            match (complaint, unzip(&packed, "top", &folder)) {
                ("", result) => {
                    result.unwrap();
                    assert_eq!(fs::read(folder.join("top/a/x.bin")).unwrap(), b"data");
                }
                (_, result) => {
                    let message = result.unwrap_err().to_string();
                    assert!(message.contains(complaint) && message.contains("a.zip"), "{message}");
                }
            }
            assert!(!root.path().join("out.bin").exists());
            let whole = fs::read(&packed).unwrap();
            fs::write(&packed, &whole[..whole.len() / 2]).unwrap();
            assert!(matches!(unzip(&packed, "top", &folder), Err(FetchError::Archive { .. })));
        }
    }

    #[test]
    fn a_truncated_archive_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let packed = root.path().join("a.tar.gz");
        let noise: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let whole = tar_gz("top/x.bin", EntryType::Regular, &noise);
        fs::write(&packed, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(untar(&packed, "top", root.path()), Err(FetchError::Archive { .. })));
        assert!(matches!(gunzip(&packed, &root.path().join("y")), Err(FetchError::Archive { .. })));
    }

    #[test]
    fn installing_keeps_files_that_are_not_of_the_data_set() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("deep/to"));
        for (file, text) in [("a", "new"), ("sub/b", "new")] {
            fs::create_dir_all(from.join(file).parent().unwrap()).unwrap();
            fs::write(from.join(file), text).unwrap();
        }
        fs::create_dir_all(to.join("sub")).unwrap();
        for (file, text) in [("a", "old"), ("mine", "mine"), ("sub/mine", "mine")] {
            fs::write(to.join(file), text).unwrap();
        }
        install(&from, &to).unwrap();
        let read = |file: &str| fs::read_to_string(to.join(file)).unwrap();
        assert_eq!([read("a"), read("sub/b"), read("mine"), read("sub/mine")], ["new", "new", "mine", "mine"]);
    }
}
