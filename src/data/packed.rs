//! Pictures of a folder, decoded once into one file that is mapped into memory.
//!
//! Decoding JPEG files costs more than a Hebbian step, and every epoch would pay it again. So the first run decodes all of
//! a part in parallel, scaled to the size that the network sees, and appends them to a file: a record an image,
//!
//! ```text
//! width u32, height u32 (the picture's own; 0, 0 for a broken one), C·H·W bytes
//! ```
//!
//! and eight bytes at the end, the fingerprint of the folder's listing. Only a batch of pictures a thread is in memory at a
//! time. A file without its end is a decoding that was interrupted: it goes on after its last whole record. A file whose
//! fingerprint is not that of the folder any more is made anew. The files lie in `.packed` below the data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::Mmap;
use rayon::prelude::*;

use super::error::DataError;
use super::folder::{ClassFolders, Fnv, decode_to};

/// Bytes before the pixels of a record.
const HEAD: usize = 8;
/// Pictures decoded between two writes, for each thread.
const BATCH: usize = 32;
/// Broken pictures that are named one by one.
const NAMED: usize = 20;

/// How pictures become memory.
pub struct Packing<'a> {
    /// Folder of the packed files; none: decode into memory and leave nothing.
    pub cache: Option<PathBuf>,
    /// Told how many of a part's pictures are decoded.
    pub on: &'a mut dyn FnMut(PackEvent),
    /// Set from elsewhere to stop.
    pub stop: Option<&'a AtomicBool>,
}

/// What happens while pictures are decoded; for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackEvent<'a> {
    /// A part begins, or goes on.
    Begin {
        /// Its folder.
        folder: &'a Path,
        /// Its pictures.
        images: u64,
        /// Those that an earlier run decoded.
        done: u64,
    },
    /// Pictures that are decoded.
    Done(u64),
    /// The part is complete.
    End,
}

enum Bytes {
    Mapped(Mmap),
    Held(Vec<u8>),
}

/// The decoded pictures of one part; broken ones are left out.
pub struct Packed {
    bytes: Bytes,
    /// The folder of its classes.
    root: PathBuf,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// One label an image.
    pub labels: Vec<i64>,
    /// Names of the classes, in label order.
    pub classes: Vec<String>,
    /// Record of each image: broken pictures have none.
    records: Vec<u32>,
    /// Remarks for the user: which pictures are broken.
    pub notes: Vec<String>,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed").field("shape", &self.shape).field("images", &self.len()).finish_non_exhaustive()
    }
}

impl Packed {
    /// How many images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of one image.
    pub fn stride(&self) -> usize {
        self.shape.iter().product()
    }

    fn record(&self, i: usize) -> &[u8] {
        let bytes: &[u8] = match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Held(bytes) => bytes,
        };
        let size = HEAD + self.stride();
        &bytes[self.records[i] as usize * size..][..size]
    }

    /// Planes of image `i`.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.record(i)[HEAD..]
    }

    /// Files of these images, below the folder of the classes.
    ///
    /// # Errors
    /// When the folder does not list any more.
    pub fn files(&self, images: impl Iterator<Item = usize>) -> Result<Vec<PathBuf>, DataError> {
        let list = ClassFolders::list(&self.root, Some(&self.classes))?;
        let file = |i: usize| list.files.get(self.records[i] as usize).map(|(file, _)| file.clone());
        Ok(images.map(|i| file(i).unwrap_or_default()).collect())
    }

    /// Width over height of image `i` before it was scaled.
    pub fn aspect(&self, i: usize) -> f32 {
        let [w, h] = own_size(self.record(i));
        w as f32 / h.max(1) as f32
    }
}

fn own_size(record: &[u8]) -> [u32; 2] {
    let number = |at: usize| record[at..at + 4].iter().rev().fold(0, |n, b| n << 8 | u32::from(*b));
    [number(0), number(4)]
}

/// Decodes the pictures of a part, or maps what an earlier run decoded.
///
/// # Errors
/// When nothing can be decoded, memory or the disk is full, or the user stops.
pub fn pack(files: &ClassFolders, shape: [usize; 3], how: &mut Packing) -> Result<Packed, DataError> {
    let mut broken = Vec::new();
    let bytes = match &how.cache {
        Some(folder) => {
            let path = folder.join(file_name(&files.root, shape));
            match on_disk(files, shape, &path, how, &mut broken) {
                Ok(map) => Bytes::Mapped(map),
                Err(Trouble::Data(e)) => return Err(e),
                Err(Trouble::Write(source)) => {
                    return Err(DataError::Pack { path, source });
                }
            }
        }
        None => Bytes::Held(in_memory(files, shape, how, &mut broken)?),
    };
    let all: &[u8] = match &bytes {
        Bytes::Mapped(map) => map,
        Bytes::Held(bytes) => bytes,
    };
    let size = HEAD + shape.iter().product::<usize>();
    let sound = |i: &usize| own_size(&all[i * size..]) != [0, 0];
    let records: Vec<u32> = (0..files.files.len()).filter(sound).map(|i| i as u32).collect();
    if records.is_empty() {
        let cause = match broken.first() {
            Some((path, cause)) => format!("none of its pictures can be read; {}: {cause}", path.display()),
            None => "none of its pictures can be read".to_string(),
        };
        return Err(DataError::Folder { path: files.root.clone(), cause });
    }
    let labels = records.iter().map(|&i| files.files[i as usize].1).collect();
    let missing = files.files.len() - records.len();
    let notes = notes(files, &broken, missing);
    let root = files.root.clone();
    Ok(Packed { bytes, root, shape, labels, classes: files.classes.clone(), records, notes })
}

/// What there is to say of broken pictures: each once with its path when it is found, later only how many there are.
fn notes(files: &ClassFolders, broken: &[(PathBuf, String)], missing: usize) -> Vec<String> {
    let say = |(path, why): &(PathBuf, String)| format!("{} cannot be read and is left out: {why}", path.display());
    let mut notes: Vec<String> = broken.iter().take(NAMED).map(say).collect();
    if broken.len() > NAMED {
        notes.push(format!("and {} more below {}", broken.len() - NAMED, files.root.display()));
    } else if broken.len() < missing {
        let n = missing - broken.len();
        notes.push(format!("{n} broken pictures below {} were left out by an earlier run", files.root.display()));
    }
    notes
}

/// `train-160x160-0123456789abcdef.bin`: the same folder and size, the same file.
fn file_name(root: &Path, [c, h, w]: [usize; 3]) -> String {
    let mut hash = Fnv::new();
    let whole = fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    hash.eat(whole.as_os_str().as_encoded_bytes());
    let part = root.file_name().unwrap_or_default().to_string_lossy();
    format!("{part}-{w}x{h}x{c}-{:016x}.bin", hash.0)
}

/// Which side failed.
enum Trouble {
    Data(DataError),
    Write(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(e: io::Error) -> Trouble {
        Trouble::Write(e)
    }
}

fn on_disk(
    files: &ClassFolders,
    shape: [usize; 3],
    path: &Path,
    how: &mut Packing,
    broken: &mut Vec<(PathBuf, String)>,
) -> Result<Mmap, Trouble> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Two runs of one data set: the second waits and finds the file complete.
    let lock = File::create(path.with_extension("lock"))?;
    let _ = lock.lock();
    let fingerprint = files.fingerprint().to_le_bytes();
    let size = HEAD + shape.iter().product::<usize>();
    let whole = (files.files.len() * size + fingerprint.len()) as u64;
    if let Some(map) = complete(path, whole, fingerprint)? {
        return Ok(map);
    }
    // The name of what is under way holds the fingerprint: one of another state of the folder is not gone on with.
    let part = path.with_extension(format!("{:016x}.part", u64::from_le_bytes(fingerprint)));
    for old in siblings(path, "part").filter(|p| *p != part) {
        let _ = fs::remove_file(old);
    }
    let mut out = OpenOptions::new().create(true).truncate(false).write(true).open(&part)?;
    let done = (out.metadata()?.len() as usize / size).min(files.files.len());
    out.set_len((done * size) as u64)?;
    out.seek(SeekFrom::End(0))?;
    let mut write = |bytes: &[u8]| out.write_all(bytes);
    decode_all(files, shape, done, how, broken, &mut write)?;
    out.write_all(&fingerprint)?;
    out.sync_all()?;
    drop(out);
    fs::rename(&part, path)?;
    complete(path, whole, fingerprint)?
        .ok_or_else(|| Trouble::Write(io::Error::other("it is not there after it was written")))
}

/// The file, mapped, if it is whole and of this state of the folder.
fn complete(path: &Path, len: u64, fingerprint: [u8; 8]) -> io::Result<Option<Mmap>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    if file.metadata()?.len() != len {
        return Ok(None);
    }
    // SAFETY: packed files are written under another name and renamed, and never changed after that.
    let map = unsafe { Mmap::map(&file)? };
    Ok(map.ends_with(&fingerprint).then_some(map))
}

/// Files beside `path` that begin with its stem and end in this.
fn siblings(path: &Path, end: &'static str) -> impl Iterator<Item = PathBuf> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let entries = path.parent().and_then(|p| fs::read_dir(p).ok()).into_iter().flatten().flatten().map(|e| e.path());
    entries.filter(move |p| {
        let name = p.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&stem) && name.ends_with(end)
    })
}

fn in_memory(
    files: &ClassFolders,
    shape: [usize; 3],
    how: &mut Packing,
    broken: &mut Vec<(PathBuf, String)>,
) -> Result<Vec<u8>, DataError> {
    let bytes = files.files.len() * (HEAD + shape.iter().product::<usize>());
    let memory = || DataError::Memory { path: files.root.clone(), bytes: bytes as u64 };
    // The allocator of Linux promises more than there is; the promise is checked against what is free.
    if crate::device::available_memory().is_some_and(|free| bytes as u64 > free / 10 * 8) {
        return Err(memory());
    }
    let mut all = Vec::new();
    all.try_reserve_exact(bytes).map_err(|_| memory())?;
    let mut write = |bytes: &[u8]| {
        all.extend_from_slice(bytes);
        Ok(())
    };
    match decode_all(files, shape, 0, how, broken, &mut write) {
        Ok(()) => Ok(all),
        Err(Trouble::Data(e)) => Err(e),
        Err(Trouble::Write(source)) => Err(DataError::Pack { path: files.root.clone(), source }),
    }
}

/// Decodes the pictures from `done` on, a batch at a time, and hands their records to `write`.
fn decode_all(
    files: &ClassFolders,
    shape: [usize; 3],
    done: usize,
    how: &mut Packing,
    broken: &mut Vec<(PathBuf, String)>,
    write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), Trouble> {
    let images = files.files.len();
    (how.on)(PackEvent::Begin { folder: &files.root, images: images as u64, done: done as u64 });
    let batch = BATCH * rayon::current_num_threads();
    for start in (done..images).step_by(batch) {
        if how.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(Trouble::Data(DataError::Stopped { path: files.root.clone() }));
        }
        let end = images.min(start + batch);
        let decoded: Vec<_> = (start..end).into_par_iter().map(|i| decode_to(&files.path(i), shape)).collect();
        for (i, picture) in (start..end).zip(decoded) {
            let (planes, own) = picture.unwrap_or_else(|why| {
                broken.push((files.path(i), why));
                (vec![0; shape.iter().product()], [0, 0])
            });
            write(&own[0].to_le_bytes())?;
            write(&own[1].to_le_bytes())?;
            write(&planes)?;
        }
        (how.on)(PackEvent::Done(end as u64));
    }
    (how.on)(PackEvent::End);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    /// Two classes of three pictures, one of them broken.
    fn pictures(root: &Path) -> ClassFolders {
        for (class, colour) in [("a", 10u8), ("b", 200)] {
            let folder = root.join("train").join(class);
            fs::create_dir_all(&folder).unwrap();
            for i in 0..3u8 {
                RgbImage::from_pixel(6, 3, Rgb([colour, i, 0])).save(folder.join(format!("{i}.png"))).unwrap();
            }
        }
        fs::write(root.join("train/a/1.png"), "broken").unwrap();
        ClassFolders::list(&root.join("train"), None).unwrap()
    }

    fn packed(files: &ClassFolders, cache: Option<&Path>) -> (Packed, u64) {
        let mut decoded = 0;
        let mut on = |e: PackEvent| {
            if let PackEvent::Begin { images, done, .. } = e {
                decoded = images - done;
            }
        };
        let mut how = Packing { cache: cache.map(Path::to_path_buf), on: &mut on, stop: None };
        let packed = pack(files, [3, 4, 4], &mut how).unwrap();
        (packed, decoded)
    }

    #[test]
    fn a_second_run_maps_what_the_first_decoded() {
        let dir = tempfile::tempdir().unwrap();
        let (files, cache) = (pictures(dir.path()), dir.path().join(".packed"));
        let (first, decoded) = packed(&files, Some(&cache));
        assert_eq!((first.len(), decoded, first.notes.len()), (5, 6, 1));
        assert!(first.notes[0].contains("train/a/1.png cannot be read"), "{:?}", first.notes);
        assert_eq!(first.labels, [0, 0, 1, 1, 1]);
        assert_eq!((first.image(1)[0], first.image(1)[16], first.image(4)[0]), (10, 2, 200));
        assert!((first.aspect(0) - 2.0).abs() < 1e-6);
        let (second, decoded) = packed(&files, Some(&cache));
        assert_eq!((second.len(), decoded), (5, 0));
        assert_eq!(second.notes.len(), 1);
        assert!(second.notes[0].contains("1 broken pictures"), "{:?}", second.notes);
        assert!((0..5).all(|i| first.image(i) == second.image(i)));
        // Without a cache the same bytes, and no file.
        let (held, _) = packed(&files, None);
        assert!((0..5).all(|i| first.image(i) == held.image(i)));
        // A changed folder is decoded anew, in place of the old file.
        RgbImage::from_pixel(2, 2, Rgb([1, 2, 3])).save(dir.path().join("train/a/1.png")).unwrap();
        let (third, decoded) = packed(&ClassFolders::list(&files.root, None).unwrap(), Some(&cache));
        assert_eq!((third.len(), decoded, third.notes.len()), (6, 6, 0));
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 2, "the file and its lock");
    }

    #[test]
    fn an_interrupted_decoding_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let (files, cache) = (pictures(dir.path()), dir.path().join(".packed"));
        let whole = packed(&files, Some(&cache)).0;
        let path = cache.join(file_name(&files.root, [3, 4, 4]));
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let part = path.with_extension(format!("{:016x}.part", files.fingerprint()));
        // Three records and a half.
        fs::write(&part, &bytes[..3 * 56 + 20]).unwrap();
        fs::write(path.with_extension("0000000000000000.part"), "of another state").unwrap();
        let (again, decoded) = packed(&files, Some(&cache));
        assert_eq!(decoded, 3);
        assert!((0..5).all(|i| whole.image(i) == again.image(i)));
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_decoded_at_all_is_an_error_with_its_cause() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("train/a")).unwrap();
        fs::write(dir.path().join("train/a/x.jpg"), "no picture").unwrap();
        let files = ClassFolders::list(&dir.path().join("train"), None).unwrap();
        let mut how = Packing { cache: None, on: &mut |_| {}, stop: None };
        let message = pack(&files, [3, 4, 4], &mut how).unwrap_err().to_string();
        assert!(message.contains("x.jpg"), "{message}");
        let stop = AtomicBool::new(true);
        let mut how = Packing { cache: None, on: &mut |_| {}, stop: Some(&stop) };
        assert!(matches!(pack(&files, [3, 4, 4], &mut how), Err(DataError::Stopped { .. })));
    }
}
