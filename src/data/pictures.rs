//! Data sets that are folders of pictures: ImageNette, ImageNet, ImageNetV2, Tiny ImageNet, and `folder:PATH`.
//!
//! [`load`] decodes one into [`Packed`] images, training and test; [`look`] says what a folder of the user's own holds.

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::folder::{ClassFolders, decode};
use super::images::{Dataset, Images};
use super::locate::{DataDirs, locate};
use super::packed::{Packed, Packing, pack};
use super::registry::{self, DatasetInfo, Download, Format, Layout, Part, Unpack};

/// What a data set's name begins with where it is a folder of the user's own.
pub const PREFIX: &str = "folder:";
/// Mean of ImageNet's channels, of images in [0, 1].
pub const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of ImageNet's channels.
pub const STD: [f64; 3] = [0.229, 0.224, 0.225];

/// Files whose size is looked at.
const SAMPLED: usize = 1000;
const IMAGENETTE_SITE: &[&str] = &["https://s3.amazonaws.com/fast-ai-imageclas"];
const IMAGENET_HOW: &str = "register at https://image-net.org/download-images, accept the terms, download \
    ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, and unpack them below the data folder as \
    ImageNet/train/CLASS/*.JPEG and ImageNet/val/CLASS/*.JPEG, a folder for each of the 1000 classes (n01440764 …; the \
    development kit lists the class of each validation image)";

/// What all of these share.
const PICTURES: DatasetInfo = DatasetInfo {
    name: "",
    format: Format::Folder(Layout::TrainVal),
    shape: [3, 160, 160],
    classes: &[],
    splits: &["train"],
    places: &[],
    system: &[],
    unreadable: None,
    files: &[],
    downloads: &[],
    sites: &[],
    manual: None,
};

/// Ten easy classes of ImageNet (fast.ai; Apache-2.0), shorter side 160 pixels: 9,469 training and 3,925 test images.
pub const IMAGENETTE: DatasetInfo = DatasetInfo {
    name: "ImageNette",
    places: &["imagenette2-160", "ImageNette/imagenette2-160", "imagenette/imagenette2-160"],
    downloads: &[Download {
        file: "imagenette2-160.tgz",
        bytes: 99_003_388,
        md5: "e793b78cc4c9e9a4ccc0c1155377a412",
        unpack: Unpack::TarGz("imagenette2-160"),
    }],
    sites: IMAGENETTE_SITE,
    ..PICTURES
};

/// The same, shorter side 320 pixels.
pub const IMAGENETTE_320: DatasetInfo = DatasetInfo {
    name: "ImageNette320",
    shape: [3, 320, 320],
    places: &["imagenette2-320", "ImageNette/imagenette2-320", "imagenette/imagenette2-320"],
    downloads: &[Download {
        file: "imagenette2-320.tgz",
        bytes: 341_663_724,
        md5: "3df6f0d01a2c9592104656642f5e78a3",
        unpack: Unpack::TarGz("imagenette2-320"),
    }],
    ..IMAGENETTE
};

/// The same in ImageNet's own sizes.
pub const IMAGENETTE_FULL: DatasetInfo = DatasetInfo {
    name: "ImageNetteFull",
    shape: [3, 320, 320],
    places: &["imagenette2", "ImageNette/imagenette2", "imagenette/imagenette2"],
    downloads: &[Download {
        file: "imagenette2.tgz",
        bytes: 1_557_161_267,
        md5: "fe2fc210e6bb7c5664d602c3cd71e612",
        unpack: Unpack::TarGz("imagenette2"),
    }],
    ..IMAGENETTE
};

/// 200 classes of ImageNet at 64×64 pixels (Stanford's CS231n): 100,000 training and 10,000 validation images.
pub const TINY_IMAGENET: DatasetInfo = DatasetInfo {
    name: "TinyImageNet",
    shape: [3, 64, 64],
    places: &["tiny-imagenet-200", "TinyImageNet/tiny-imagenet-200", "TinyImageNet"],
    downloads: &[Download {
        file: "tiny-imagenet-200.zip",
        bytes: 248_100_043,
        md5: "90528d7ca1a48142e341f4ef8d21d0de",
        unpack: Unpack::Zip("tiny-imagenet-200"),
    }],
    sites: &["http://cs231n.stanford.edu"],
    ..PICTURES
};

/// ILSVRC2012: 1,281,167 training and 50,000 validation images of 1000 classes.
pub const IMAGENET: DatasetInfo = DatasetInfo {
    name: "ImageNet",
    shape: [3, 256, 256],
    places: &["ImageNet", "imagenet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC"],
    manual: Some(IMAGENET_HOW),
    ..PICTURES
};

/// New test images for ImageNet (Recht et al. 2019; MIT licence), chosen as often as ImageNet's own were: 10,000.
pub const IMAGENET_V2_MATCHED: DatasetInfo = DatasetInfo {
    name: "ImageNetV2MatchedFrequency",
    format: Format::Folder(Layout::OneSet),
    shape: [3, 256, 256],
    splits: &["train", "val", "test"],
    places: &["imagenetv2-matched-frequency-format-val", "ImageNetV2/imagenetv2-matched-frequency-format-val"],
    downloads: &[Download {
        file: "imagenetv2-matched-frequency.tar.gz",
        bytes: 1_264_079_360,
        md5: "f0c37fdf925916b19ea1323cd9a2208cdb6959ba2c32eef2a7fc393835c9ca7c",
        unpack: Unpack::TarGz("imagenetv2-matched-frequency-format-val"),
    }],
    sites: &["https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main"],
    ..PICTURES
};

/// The same, chosen by at least 70 % of the people asked.
pub const IMAGENET_V2_THRESHOLD: DatasetInfo = DatasetInfo {
    name: "ImageNetV2Threshold07",
    places: &["imagenetv2-threshold0.7-format-val", "ImageNetV2/imagenetv2-threshold0.7-format-val"],
    downloads: &[Download {
        file: "imagenetv2-threshold0.7.tar.gz",
        bytes: 1_249_906_176,
        md5: "32142bfe998f9cfa4141be691f6a80eeb1e27b24bd532a668eb08c26d98897a2",
        unpack: Unpack::TarGz("imagenetv2-threshold0.7-format-val"),
    }],
    ..IMAGENET_V2_MATCHED
};

/// The same, those chosen most often.
pub const IMAGENET_V2_TOP: DatasetInfo = DatasetInfo {
    name: "ImageNetV2TopImages",
    places: &["imagenetv2-top-images-format-val", "ImageNetV2/imagenetv2-top-images-format-val"],
    downloads: &[Download {
        file: "imagenetv2-top-images.tar.gz",
        bytes: 1_245_927_936,
        md5: "85e4ace30f3f0d660152062254b8759dda66267b27f7ec0fd8d5768f1073a04b",
        unpack: Unpack::TarGz("imagenetv2-top-images-format-val"),
    }],
    ..IMAGENET_V2_MATCHED
};

/// Whether a data set's images are pictures in folders: decoded on demand, cropped at random sizes, normalised.
pub fn is_pictures(name: &str) -> bool {
    name.starts_with(PREFIX) || registry::find(name).is_ok_and(|d| matches!(d.format, Format::Folder(_)))
}

/// A part's folders: what trains, and what tests where there is something else to test on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Training images.
    pub train: PathBuf,
    /// Test images.
    pub test: Option<PathBuf>,
}

/// The parts in a data set's folder, or what is missing (nothing said where there is nothing of it).
pub fn parts(layout: Layout, folder: &Path) -> Result<Parts, Option<String>> {
    if !folder.is_dir() {
        return Err(None);
    }
    if layout == Layout::OneSet {
        return Ok(Parts { train: folder.to_path_buf(), test: Some(folder.to_path_buf()) });
    }
    let train = folder.join("train");
    let test = ["val", "test"].map(|n| folder.join(n)).into_iter().find(|p| p.is_dir());
    match (train.is_dir(), test) {
        (true, test) => Ok(Parts { train, test }),
        (false, Some(_)) => Err(Some("lacks train".to_string())),
        (false, None) => Err(Some("lacks train and val".to_string())),
    }
}

/// Where a data set's pictures are. `px` chooses among ImageNette's archives: the smallest that is there and large enough.
///
/// # Errors
/// When they are not there.
fn find_parts(name: &str, px: Option<i64>, dirs: &DataDirs) -> Result<(Parts, Vec<String>), DataError> {
    if let Some(path) = name.strip_prefix(PREFIX) {
        let folder = PathBuf::from(path);
        let found = parts(Layout::TrainVal, &folder).map_err(|why| DataError::Folder {
            path: folder.clone(),
            cause: match why {
                Some(why) => format!("it {why} (a folder a class is expected in train, and in val or test)"),
                None => "there is no such folder".to_string(),
            },
        })?;
        return Ok((found, Vec::new()));
    }
    let info = registry::find(name)?;
    let wanted: &[&DatasetInfo] = match (info.name, px.unwrap_or(0)) {
        ("ImageNette", ..=160) => &[&IMAGENETTE, &IMAGENETTE_320, &IMAGENETTE_FULL],
        ("ImageNette", ..=320) => &[&IMAGENETTE_320, &IMAGENETTE_FULL],
        ("ImageNette", _) => &[&IMAGENETTE_FULL],
        _ => &[info],
    };
    let parts_of = [Part::Train, Part::Test];
    let mut first = None;
    for candidate in wanted {
        match locate(candidate, &parts_of, dirs) {
            Ok(found) => {
                let Format::Folder(layout) = candidate.format else { continue };
                let parts = parts(layout, &found.folder).map_err(|why| DataError::Folder {
                    path: found.folder.clone(),
                    cause: why.unwrap_or_else(|| "there is no such folder".into()),
                })?;
                let mut notes = Vec::new();
                if first.is_some() {
                    notes.push(format!("{} is read from {}", info.name, found.folder.display()));
                }
                if layout == Layout::OneSet {
                    let name = info.name;
                    notes.push(format!("{name} has one set of images: what trains is what tests (but --validation)"));
                }
                return Ok((parts, notes));
            }
            Err(e) => first = first.or(Some(e)),
        }
    }
    Err(first.unwrap_or(DataError::NoReader { name: info.name, why: "its pictures are not known" }))
}

/// A data set of pictures, decoded.
#[derive(Debug)]
pub struct PictureSet {
    /// Training images.
    pub train: Packed,
    /// Test images, if there are others.
    pub test: Option<Packed>,
    /// Where they are.
    pub source: String,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// Decodes a data set's pictures to `shape` (channels, height, width), or maps what an earlier run decoded.
///
/// # Errors
/// When they are not there or cannot be decoded.
pub fn load(
    name: &str,
    px: Option<i64>,
    shape: [usize; 3],
    dirs: &DataDirs,
    how: &mut Packing,
) -> Result<PictureSet, DataError> {
    let (parts, mut notes) = find_parts(name, px, dirs)?;
    let files = ClassFolders::list(&parts.train, None)?;
    let train = pack(&files, shape, how)?;
    notes.extend(train.notes.iter().cloned());
    let test = match &parts.test {
        None => None,
        Some(folder) => {
            let files = if *folder == parts.train { files } else { ClassFolders::list(folder, Some(&files.classes))? };
            Some(pack(&files, shape, how)?)
        }
    };
    if let Some(test) = test.as_ref().filter(|_| parts.test.as_ref() != Some(&parts.train)) {
        notes.extend(test.notes.iter().cloned());
    }
    let source = parts.train.parent().unwrap_or(&parts.train).display().to_string();
    Ok(PictureSet { train, test, source, notes })
}

/// What tells the pictures that [`load`] would read from others: a hash of their lists.
///
/// # Errors
/// When they are not there.
pub fn fingerprint(name: &str, px: Option<i64>, dirs: &DataDirs) -> Result<String, DataError> {
    let (parts, _) = find_parts(name, px, dirs)?;
    let train = ClassFolders::list(&parts.train, None)?;
    let test = parts.test.map(|folder| ClassFolders::list(&folder, Some(&train.classes))).transpose()?;
    Ok(format!("{:016x}{:016x}", train.fingerprint(), test.map_or(0, |t| t.fingerprint())))
}

/// The lists of a data set's parts: training, and test where it is another.
///
/// # Errors
/// When a part cannot be read.
pub(super) fn lists(info: &DatasetInfo, folder: &Path) -> Result<Vec<ClassFolders>, DataError> {
    let Format::Folder(layout) = info.format else { return Ok(Vec::new()) };
    let found = parts(layout, folder).map_err(|why| DataError::Folder {
        path: folder.to_path_buf(),
        cause: why.unwrap_or_else(|| "there is no such folder".into()),
    })?;
    let train = ClassFolders::list(&found.train, None)?;
    let test = found.test.filter(|test| *test != found.train);
    let test = test.map(|test| ClassFolders::list(&test, Some(&train.classes))).transpose()?;
    Ok(std::iter::once(train).chain(test).collect())
}

/// Training images, test images and bytes on the disk (of many files about so many).
///
/// # Errors
/// When a part cannot be read.
pub(super) fn count(info: &DatasetInfo, folder: &Path) -> Result<[u64; 3], DataError> {
    let all = lists(info, folder)?;
    // A million files are not asked one by one: a thousand of them speak for the others.
    let size = |l: &ClassFolders| {
        let step = l.files.len().div_ceil(SAMPLED).max(1);
        let sizes = (0..l.files.len()).step_by(step).filter_map(|i| l.path(i).metadata().ok());
        let (sum, asked) = sizes.fold((0, 0), |(sum, asked), m| (sum + m.len(), asked + 1));
        sum * l.files.len() as u64 / u64::max(asked, 1)
    };
    let n = |i: usize| all.get(i).or(all.first()).map_or(0, |l| l.files.len() as u64);
    Ok([n(0), n(1), all.iter().map(size).sum()])
}

/// What a folder of the user's own holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Names of its classes.
    pub classes: Vec<String>,
    /// Training images.
    pub train: usize,
    /// Test images.
    pub test: usize,
    /// Height and width of the first picture that can be read.
    pub size: [usize; 2],
}

/// Looks into `PATH` of `folder:PATH` without decoding more than a picture.
///
/// # Errors
/// When it is not laid out as it should be, or holds no picture.
pub fn look(path: &Path) -> Result<Look, DataError> {
    let name = format!("{PREFIX}{}", path.display());
    let (parts, _) = find_parts(&name, None, &DataDirs::only(path))?;
    let train = ClassFolders::list(&parts.train, None)?;
    let test = parts.test.map(|folder| ClassFolders::list(&folder, Some(&train.classes))).transpose()?;
    let first = (0..train.files.len()).find_map(|i| decode(&train.path(i)).ok());
    let first = first.ok_or_else(|| DataError::Folder {
        path: parts.train,
        cause: "none of its pictures can be read".to_string(),
    })?;
    Ok(Look {
        train: train.files.len(),
        test: test.map_or(0, |t| t.files.len()),
        size: [first.height() as usize, first.width() as usize],
        classes: train.classes,
    })
}

/// A data set of pictures in memory, at the registry's size (or that of the first picture).
pub(super) fn in_memory(name: &str, split: &str, dirs: &DataDirs) -> Result<Dataset, DataError> {
    let shape = match name.strip_prefix(PREFIX) {
        Some(path) => {
            let [h, w] = look(Path::new(path))?.size;
            [3, h, w]
        }
        None => {
            let info = registry::find(name)?;
            if !split.is_empty() && !info.splits.contains(&split) {
                let known = info.splits.to_vec();
                return Err(DataError::UnknownSplit { name: info.name.into(), split: split.into(), known });
            }
            info.shape
        }
    };
    let mut how = Packing { cache: None, on: &mut |_| {}, stop: None };
    let set = load(name, None, shape, dirs, &mut how)?;
    let images = |packed: &Packed| {
        let pixels = (0..packed.len()).flat_map(|i| packed.image(i).iter().copied()).collect();
        Images { channels: shape[0], height: shape[1], width: shape[2], pixels, labels: packed.labels.clone() }
    };
    let none = Images { channels: shape[0], height: shape[1], width: shape[2], pixels: vec![], labels: vec![] };
    Ok(Dataset {
        name: name.to_string(),
        train: images(&set.train),
        test: set.test.as_ref().map_or(none, images),
        classes: set.train.classes.clone(),
        source: set.source,
        notes: set.notes,
    })
}
