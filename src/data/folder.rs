//! Folders of pictures: one subfolder a class, JPEG or PNG files in it, as ImageNet and its kin are laid out.
//!
//! ```text
//! PATH/train/CLASS/*.jpg      or  train/CLASS/images/*.JPEG  (Tiny ImageNet)
//! PATH/val/CLASS/*.jpg        or  test/CLASS/*.jpg, or val/images/*.JPEG with val/val_annotations.txt  (Tiny ImageNet)
//! ```
//!
//! Classes are numbered in the order of their names; names that are all numbers (ImageNetV2's `0` … `999`) in the order of
//! those numbers. Any other kind of file is passed over. [`decode`] is the one decoder: whatever needs a picture of a file
//! uses it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use image::imageops::{self, FilterType};
use image::{ImageReader, Limits, RgbImage};

use super::error::DataError;
use crate::device;

/// Largest side of a picture that is read, pixels.
const LARGEST: u32 = 20_000;
/// Most memory that decoding a picture may take, bytes.
const MEMORY: u64 = 1 << 30;
/// Tiny ImageNet's list of the classes of its validation images.
const ANNOTATIONS: &str = "val_annotations.txt";

/// The pictures of one part (train or val), in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassFolders {
    /// The folder of the classes.
    pub root: PathBuf,
    /// Names of the classes, in label order.
    pub classes: Vec<String>,
    /// Files below the root, each with its label.
    pub files: Vec<(PathBuf, i64)>,
}

impl ClassFolders {
    /// Lists a part. `classes` are those of the training part, which give the labels; none if this is it.
    ///
    /// # Errors
    /// When the folder cannot be read, holds no pictures, or has a class that the training part has not.
    pub fn list(root: &Path, classes: Option<&[String]>) -> Result<ClassFolders, DataError> {
        let annotations = root.join(ANNOTATIONS);
        if annotations.is_file() {
            return annotated(root, &annotations, classes);
        }
        let mut own: Vec<String> = entries(root)?.into_iter().filter(|n| root.join(n).is_dir()).collect();
        sort_classes(&mut own);
        let known = classes.unwrap_or(&own);
        let mut files = Vec::new();
        for class in &own {
            let label = label_of(class, known, root)?;
            // Tiny ImageNet has its pictures one level deeper, beside a list of boxes.
            let inner = Path::new(class).join("images");
            let folder = if root.join(&inner).is_dir() { inner } else { PathBuf::from(class) };
            let pictures = entries(&root.join(&folder))?.into_iter().filter(|n| is_picture(n));
            files.extend(pictures.map(|name| (folder.join(name), label)));
        }
        let known = known.to_vec();
        if files.is_empty() {
            let flat = entries(root)?.iter().filter(|n| is_picture(n)).count();
            let cause = match flat {
                0 => "there are no class folders with .jpg, .jpeg or .png files in it".to_string(),
                n => format!("its {n} pictures lie side by side; they must be sorted into a folder for each class"),
            };
            return Err(DataError::Folder { path: root.to_path_buf(), cause });
        }
        Ok(ClassFolders { root: root.to_path_buf(), classes: known, files })
    }

    /// The whole path of a picture.
    pub fn path(&self, i: usize) -> PathBuf {
        self.root.join(&self.files[i].0)
    }

    /// A number that changes when a file is added, removed, renamed, or changes its size or date.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv::new();
        for (file, label) in &self.files {
            hash.eat(file.as_os_str().as_encoded_bytes());
            hash.eat(&label.to_le_bytes());
            let meta = fs::metadata(self.root.join(file)).ok();
            let date = meta.as_ref().and_then(|m| m.modified().ok()).and_then(|t| t.duration_since(UNIX_EPOCH).ok());
            hash.eat(&meta.map_or(0, |m| m.len()).to_le_bytes());
            hash.eat(&date.map_or(0, |d| d.as_nanos()).to_le_bytes());
        }
        hash.0
    }
}

/// FNV-1a, 64 bits: stable for ever, and good enough to tell one folder from another.
pub(super) struct Fnv(pub u64);

impl Fnv {
    pub fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    pub fn eat(&mut self, bytes: &[u8]) {
        for b in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// Decodes a picture, whatever its name says it is (one of ImageNet's .JPEG files is a PNG).
///
/// # Errors
/// Says why it is none; also where the decoder itself fails.
pub fn decode(path: &Path) -> Result<RgbImage, String> {
    let read = || -> Result<RgbImage, String> {
        let mut reader = ImageReader::open(path).map_err(|e| e.to_string())?;
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(LARGEST), Some(LARGEST));
        limits.max_alloc = Some(MEMORY);
        reader.limits(limits);
        let reader = reader.with_guessed_format().map_err(|e| e.to_string())?;
        Ok(reader.decode().map_err(|e| e.to_string())?.to_rgb8())
    };
    // A decoder that panics on a damaged file must not end a run of a million pictures.
    device::guard("decoding", read).map_err(|e| e.to_string())?
}

/// A picture scaled to the height and width of `shape` (bilinear, with antialiasing), its sides each on its own, as planes
/// `(C, H, W)`; one channel is its grey. Beside it, its own width and height.
///
/// # Errors
/// Says why it is no picture.
pub fn decode_to(path: &Path, shape: [usize; 3]) -> Result<(Vec<u8>, [u32; 2]), String> {
    let picture = decode(path)?;
    let own = [picture.width(), picture.height()];
    let [channels, height, width] = shape;
    let (w, h) = (u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(height).unwrap_or(u32::MAX));
    if own.contains(&0) {
        return Err("it has no pixels".to_string());
    }
    let picture = if own == [w, h] { picture } else { imageops::resize(&picture, w, h, FilterType::Triangle) };
    let planes = match channels {
        1 => imageops::grayscale(&picture).into_raw(),
        _ => (0..3).flat_map(|c| picture.pixels().map(move |p| p.0[c])).collect(),
    };
    Ok((planes, own))
}

/// Names in a folder, sorted, without hidden ones.
fn entries(folder: &Path) -> Result<Vec<String>, DataError> {
    let wrong = |source| DataError::Read { path: folder.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        // A name that is not UTF-8 names no class and no picture of these data sets.
        names.extend(entry.map_err(wrong)?.file_name().into_string().ok().filter(|n| !n.starts_with('.')));
    }
    names.sort_unstable();
    Ok(names)
}

fn is_picture(name: &str) -> bool {
    let kind = Path::new(name).extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    matches!(kind.as_deref(), Some("jpg" | "jpeg" | "png"))
}

/// By number where all are numbers, else by name.
fn sort_classes(classes: &mut [String]) {
    match classes.iter().map(|c| c.parse::<u64>()).collect::<Result<Vec<_>, _>>() {
        Ok(_) => classes.sort_by_key(|c| c.parse::<u64>().unwrap_or(u64::MAX)),
        Err(_) => classes.sort_unstable(),
    }
}

fn label_of(class: &str, known: &[String], root: &Path) -> Result<i64, DataError> {
    // Both lists are in the same order, but a search is fast enough for a thousand classes.
    known.iter().position(|k| k == class).map(|i| i as i64).ok_or_else(|| DataError::Folder {
        path: root.to_path_buf(),
        cause: format!("its class {class:?} is none of the training images' {} classes", known.len()),
    })
}

/// Tiny ImageNet's validation images: one folder, and a table of file and class.
fn annotated(root: &Path, table: &Path, classes: Option<&[String]>) -> Result<ClassFolders, DataError> {
    let text = fs::read_to_string(table).map_err(|source| DataError::Read { path: table.to_path_buf(), source })?;
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let mut cells = line.split('\t');
        match (cells.next(), cells.next()) {
            (Some(file), Some(class)) if is_picture(file) => rows.insert(file.to_string(), class.to_string()),
            _ => {
                let cause = format!("the line {line:?} names no file and class");
                return Err(DataError::Folder { path: table.to_path_buf(), cause });
            }
        };
    }
    let mut own: Vec<String> = rows.values().cloned().collect();
    sort_classes(&mut own);
    own.dedup();
    let known = classes.unwrap_or(&own);
    let file = |(file, class): (&String, &String)| Ok((Path::new("images").join(file), label_of(class, known, root)?));
    let files = rows.iter().map(file).collect::<Result<Vec<_>, DataError>>()?;
    if files.is_empty() {
        return Err(DataError::Folder { path: table.to_path_buf(), cause: "it lists no pictures".into() });
    }
    Ok(ClassFolders { root: root.to_path_buf(), classes: known.to_vec(), files })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn save(path: &Path, width: u32, height: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 7])).save(path).unwrap();
    }

    #[test]
    fn numbered_classes_are_in_the_order_of_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        for class in ["10", "9", "0"] {
            save(&dir.path().join(class).join("a.png"), 2, 2);
        }
        let list = ClassFolders::list(dir.path(), None).unwrap();
        assert_eq!(list.classes, ["0", "9", "10"]);
        assert_eq!(list.files.iter().map(|f| f.1).collect::<Vec<_>>(), [0, 1, 2]);
        let before = list.fingerprint();
        save(&dir.path().join("9/b.jpg"), 3, 2);
        fs::write(dir.path().join("9/notes.txt"), "no picture").unwrap();
        let list = ClassFolders::list(dir.path(), None).unwrap();
        assert_eq!(list.files.len(), 4);
        assert_ne!(list.fingerprint(), before);
    }

    #[test]
    fn tiny_imagenet_is_read_as_it_is_laid_out() {
        let dir = tempfile::tempdir().unwrap();
        for class in ["n02", "n01"] {
            save(&dir.path().join("train").join(class).join("images/x.JPEG.png"), 2, 2);
        }
        save(&dir.path().join("val/images/val_0.png"), 2, 2);
        fs::write(dir.path().join("val/val_annotations.txt"), "val_0.png\tn02\t0\t0\t1\t1\n").unwrap();
        let train = ClassFolders::list(&dir.path().join("train"), None).unwrap();
        assert_eq!((train.classes.len(), train.files.len()), (2, 2));
        let val = ClassFolders::list(&dir.path().join("val"), Some(&train.classes)).unwrap();
        assert_eq!((val.classes.as_slice(), val.files[0].1), (train.classes.as_slice(), 1));
        let other = ["n01".to_string()];
        let message = ClassFolders::list(&dir.path().join("val"), Some(&other)).unwrap_err().to_string();
        assert!(message.contains("n02"), "{message}");
    }

    #[test]
    fn pictures_are_told_by_their_content_and_scaled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        save(&path, 8, 4);
        let png_named_jpeg = dir.path().join("b.JPEG");
        fs::rename(&path, &png_named_jpeg).unwrap();
        let (planes, own) = decode_to(&png_named_jpeg, [3, 4, 8]).unwrap();
        assert_eq!((own, planes.len()), ([8, 4], 96));
        assert_eq!(planes[..8], [0, 1, 2, 3, 4, 5, 6, 7], "red is the column");
        assert_eq!(planes[32..40], [0; 8], "green is the row");
        let (small, _) = decode_to(&png_named_jpeg, [3, 2, 2]).unwrap();
        assert!(small[0] < small[1] && small[4] < small[6] && small[8] == 7, "{small:?}");
        assert_eq!(decode_to(&png_named_jpeg, [1, 4, 8]).unwrap().0.len(), 32);
        fs::write(&path, b"\x89PNG\r\n\x1a\nno picture").unwrap();
        assert!(decode(&path).is_err());
        assert!(decode(&dir.path().join("nothing.png")).is_err());
    }

    #[test]
    fn folders_without_classes_say_what_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let said = |root: &Path| ClassFolders::list(root, None).unwrap_err().to_string();
        assert!(said(dir.path()).contains("no class folders"));
        save(&dir.path().join("a.png"), 2, 2);
        assert!(said(dir.path()).contains("sorted into a folder for each class"));
        assert!(said(&dir.path().join("nowhere")).contains("cannot read"));
    }
}
