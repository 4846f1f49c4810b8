//! Where data sets are: the data folder, the places below it, and what is there.
//!
//! The data folder is `--data-dir`, else `$SOFTHEBB_DATA`, else `~/.cache/softhebb/datasets`. Below it are looked for, in this
//! order, the folder that the site's own archive unpacks to, torchvision's folders, and the files themselves.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::digest;
use super::error::{DataError, Looked};
use super::pictures;
use super::registry::{ALL, Content, DatasetInfo, FileInfo, Format, Part};

/// Where to look for data sets.
#[derive(Debug, Clone)]
pub struct DataDirs {
    root: PathBuf,
    typed: bool,
    system: bool,
}

impl DataDirs {
    /// `--data-dir` if it was given, else `$SOFTHEBB_DATA`, else `~/.cache/softhebb/datasets`.
    pub fn resolve(flag: Option<&Path>) -> Result<DataDirs, DataError> {
        DataDirs::choose(flag, std::env::var_os("SOFTHEBB_DATA"), std::env::home_dir())
    }

    /// [`DataDirs::resolve`] with everything given. An empty variable counts as none.
    pub fn choose(flag: Option<&Path>, env: Option<OsString>, home: Option<PathBuf>) -> Result<DataDirs, DataError> {
        let typed = flag.is_some();
        let root = match (flag, env.filter(|e| !e.is_empty()), home.filter(|h| !h.as_os_str().is_empty())) {
            (Some(flag), _, _) => flag.to_path_buf(),
            (None, Some(env), _) => PathBuf::from(env),
            (None, None, Some(home)) => home.join(".cache/softhebb/datasets"),
            (None, None, None) => return Err(DataError::NoHome),
        };
        Ok(DataDirs { root, typed, system: true })
    }

    /// This folder alone, without the places where systems put their packages.
    pub fn only(root: impl Into<PathBuf>) -> DataDirs {
        DataDirs { root: root.into(), typed: true, system: false }
    }

    /// The data folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where what was computed from data sets is kept: decoded pictures, whitenings.
    pub fn cache(&self) -> PathBuf {
        self.root.join(".packed")
    }

    /// The command that downloads a data set into this folder.
    pub fn fetch_command(&self, name: &str) -> String {
        let root = self.root.display().to_string();
        match self.typed {
            // Quoted where a shell would take the path apart.
            true if root.contains(|c: char| !c.is_alphanumeric() && !"/._-+".contains(c)) => {
                format!("softhebb data fetch {name} --data-dir '{}'", root.replace('\'', r"'\''"))
            }
            true => format!("softhebb data fetch {name} --data-dir {root}"),
            false => format!("softhebb data fetch {name}"),
        }
    }
}

/// A data set that is there.
#[derive(Debug, Clone)]
pub struct Located<'a> {
    /// The folder of its files.
    pub folder: PathBuf,
    /// The files, in the registry's order.
    pub files: Vec<(&'a FileInfo, PathBuf)>,
}

impl Located<'_> {
    /// Paths of the files of a part that hold this.
    pub fn paths(&self, part: Part, content: Content) -> Vec<&Path> {
        let of = |f: &FileInfo| f.part == part && f.content == content;
        self.files.iter().filter(|(f, _)| of(f)).map(|(_, p)| p.as_path()).collect()
    }
}

/// Looks for the files of these parts. The first place that holds all of them is taken.
pub fn locate<'a>(info: &'a DatasetInfo, parts: &[Part], dirs: &DataDirs) -> Result<Located<'a>, DataError> {
    let mut looked = Vec::new();
    if dirs.root.is_dir() {
        for place in info.places {
            // `join("")` would add a slash to the path that is shown.
            let folder = if place.is_empty() { dirs.root.clone() } else { dirs.root.join(place) };
            match look(info, parts, folder) {
                Ok(found) => return Ok(found),
                Err(why) => looked.push(why),
            }
        }
    } else {
        looked.push(Looked { folder: dirs.root.clone(), why: Some("no such folder".into()) });
    }
    if dirs.system {
        for folder in info.system {
            match look(info, parts, PathBuf::from(folder)) {
                Ok(found) => return Ok(found),
                Err(why) => looked.push(why),
            }
        }
    }
    if let Some((folder, version)) = info.unreadable {
        let folder = dirs.root.join(folder);
        if folder.is_dir() {
            looked.push(Looked { folder, why: Some(format!("holds {version}")) });
        }
    }
    match info.manual {
        Some(how) => Err(DataError::NotThere { name: info.name, looked, how }),
        None => Err(DataError::NotFound { name: info.name, looked, fetch: dirs.fetch_command(info.name) }),
    }
}

fn look<'a>(info: &'a DatasetInfo, parts: &[Part], folder: PathBuf) -> Result<Located<'a>, Looked> {
    if let Format::Folder(layout) = info.format {
        return match pictures::parts(layout, &folder) {
            Ok(_) => Ok(Located { folder, files: Vec::new() }),
            Err(why) => Err(Looked { folder, why }),
        };
    }
    let mut files = Vec::new();
    let mut missing = Vec::new();
    for file in info.files.iter().filter(|f| parts.contains(&f.part)) {
        match spellings(info.format, file.name).into_iter().map(|n| folder.join(n)).find(|p| p.is_file()) {
            Some(path) => files.push((file, path)),
            None => missing.push(file.name),
        }
    }
    if !missing.is_empty() {
        let why = (!files.is_empty()).then(|| format!("lacks {}", missing.join(", ")));
        return Err(Looked { folder, why });
    }
    match other_owner(info, &files) {
        Some(other) => Err(Looked { folder, why: Some(format!("holds {other}")) }),
        None => Ok(Located { folder, files }),
    }
}

/// File names under which a file is looked for: idx files are published as `train-images-idx3-ubyte`, found as
/// `train-images.idx3-ubyte` too, and may still be packed.
fn spellings(format: Format, name: &str) -> Vec<String> {
    match format {
        Format::Idx => {
            let dotted = name.replace("-idx", ".idx");
            vec![name.to_string(), dotted.clone(), format!("{name}.gz"), format!("{dotted}.gz")]
        }
        Format::Cifar(_) | Format::Stl10 | Format::Embedded | Format::Folder(_) => vec![name.to_string()],
    }
}

/// MNIST and FashionMNIST have files of the same names: the official labels tell which one a folder holds.
fn other_owner(info: &DatasetInfo, files: &[(&FileInfo, PathBuf)]) -> Option<&'static str> {
    let (file, path) = files.iter().find(|(f, _)| info.format == Format::Idx && f.content == Content::Labels)?;
    // A file that cannot be read is the reader's to complain about.
    let md5 = digest::md5_unpacked(path).ok()?.md5;
    if md5 == file.md5 {
        return None;
    }
    let owns = |d: &&'static DatasetInfo| d.format == Format::Idx && d.files.iter().any(|f| f.md5 == md5);
    ALL.into_iter().find(owns).map(|d| d.name)
}

/// Size of a file's unpacked content, bytes. A gzip's is what its last four bytes say, without unpacking it.
pub fn unpacked_len(path: &Path) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut start = [0; 2];
    if path.extension().is_some_and(|e| e == "gz") && len >= 18 {
        file.read_exact(&mut start)?;
        if start == [0x1f, 0x8b] {
            let mut last = [0; 4];
            file.seek(SeekFrom::End(-4))?;
            file.read_exact(&mut last)?;
            return Ok(u64::from(u32::from_le_bytes(last)));
        }
    }
    Ok(len)
}

/// How many records a file of this size holds, or what is wrong with the size.
pub fn records(file: &FileInfo, len: u64) -> Result<u64, String> {
    match len.checked_sub(file.header) {
        Some(body) if body > 0 && body % file.record == 0 => Ok(body / file.record),
        _ => Err(format!("{len} bytes are no whole number of records ({} each)", file.record)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_the_flag_then_the_variable_then_the_cache() {
        let root = |flag: Option<&str>, env: Option<&str>, home: Option<&str>| {
            DataDirs::choose(flag.map(Path::new), env.map(OsString::from), home.map(PathBuf::from))
                .map(|d| d.root().display().to_string())
                .ok()
        };
        assert_eq!(root(Some("/a"), Some("/b"), Some("/c")).as_deref(), Some("/a"));
        assert_eq!(root(None, Some("/b"), Some("/c")).as_deref(), Some("/b"));
        assert_eq!(root(None, Some(""), Some("/c")).as_deref(), Some("/c/.cache/softhebb/datasets"));
        assert_eq!(root(None, None, None), None);
    }

    #[test]
    fn the_fetch_command_names_a_folder_only_if_one_was_typed() {
        let typed = DataDirs::choose(Some(Path::new("/d")), None, None).unwrap();
        assert_eq!(typed.fetch_command("CIFAR10"), "softhebb data fetch CIFAR10 --data-dir /d");
        let odd = DataDirs::only("/my data/it's");
        assert_eq!(odd.fetch_command("MNIST"), r"softhebb data fetch MNIST --data-dir '/my data/it'\''s'");
        let env = DataDirs::choose(None, Some("/d".into()), None).unwrap();
        assert_eq!(env.fetch_command("CIFAR10"), "softhebb data fetch CIFAR10");
    }
}
