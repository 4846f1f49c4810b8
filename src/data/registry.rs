//! The data sets that this program knows: their files, sizes, checksums, places and sites.
//!
//! Sizes and checksums are those of the files that the sites publish; a checksum of a [`FileInfo`] is that of the unpacked
//! content. A new data set is one more entry here, and a reader if its format is new.

use super::cifar;
use super::classes;
use super::error::DataError;
use super::pictures;
use super::stl10;

/// How the files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// MNIST's idx files, plain or gzipped.
    Idx,
    /// CIFAR's binary records.
    Cifar(cifar::Labels),
    /// STL-10's binary files.
    Stl10,
    /// Inside the program.
    Embedded,
    /// Folders of pictures.
    Folder(Layout),
}

/// How folders of pictures are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `train` and `val` (or `test`), each with a folder a class.
    TrainVal,
    /// A folder a class, one set of images for everything.
    OneSet,
}

/// Which images a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Training images.
    Train,
    /// Test images.
    Test,
    /// Training images without labels.
    Unlabeled,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Pixels only.
    Images,
    /// Labels only.
    Labels,
    /// Both, record by record.
    Records,
}

/// One file of a data set, as its site publishes it (unpacked).
#[derive(Debug, Clone, Copy)]
pub struct FileInfo {
    /// Its name.
    pub name: &'static str,
    /// Which images it belongs to.
    pub part: Part,
    /// What it holds.
    pub content: Content,
    /// Bytes before the first record.
    pub header: u64,
    /// Bytes of a record.
    pub record: u64,
    /// Records of the official file.
    pub records: u64,
    /// MD5 of the official file.
    pub md5: &'static str,
}

impl FileInfo {
    /// Bytes of the official file.
    pub fn bytes(&self) -> u64 {
        self.header + self.record * self.records
    }
}

/// How a download becomes files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpack {
    /// One gzipped file; its name without `.gz`.
    Gzip,
    /// A tar, gzipped or not, with this one folder at its top.
    TarGz(&'static str),
    /// A zip with this one folder at its top.
    Zip(&'static str),
}

/// One file on a site.
#[derive(Debug, Clone, Copy)]
pub struct Download {
    /// Its name.
    pub file: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its MD5, or its SHA-256 where the site publishes that.
    pub md5: &'static str,
    /// What to do with it.
    pub unpack: Unpack,
}

/// Everything about one data set.
#[derive(Debug, Clone, Copy)]
pub struct DatasetInfo {
    /// Its name.
    pub name: &'static str,
    /// How its files are read.
    pub format: Format,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// Names of the classes.
    pub classes: &'static [&'static str],
    /// Splits that can train; the first is the default.
    pub splits: &'static [&'static str],
    /// Where its files may be below the data folder, in the order of preference; `fetch` puts them into the first.
    pub places: &'static [&'static str],
    /// Where its files may be on a system that packages them.
    pub system: &'static [&'static str],
    /// A folder that holds another version of it, which cannot be read, and which version that is.
    pub unreadable: Option<(&'static str, &'static str)>,
    /// Its files.
    pub files: &'static [FileInfo],
    /// What is downloaded.
    pub downloads: &'static [Download],
    /// Where from: base addresses, the official one first.
    pub sites: &'static [&'static str],
    /// How to get it, where it may not be downloaded.
    pub manual: Option<&'static str>,
}

impl DatasetInfo {
    /// Records of the official files of a part (labels are not counted twice).
    pub fn official(&self, part: Part) -> u64 {
        let of = |f: &&FileInfo| f.part == part && f.content != Content::Labels;
        self.files.iter().filter(of).map(|f| f.records).sum()
    }
}

/// All data sets, in the order in which they are listed.
pub const ALL: [&DatasetInfo; 14] = [
    &FASHION_MINI,
    &MNIST,
    &FASHION_MNIST,
    &CIFAR10,
    &CIFAR100,
    &STL10,
    &pictures::IMAGENETTE,
    &pictures::IMAGENETTE_320,
    &pictures::IMAGENETTE_FULL,
    &pictures::TINY_IMAGENET,
    &pictures::IMAGENET,
    &pictures::IMAGENET_V2_MATCHED,
    &pictures::IMAGENET_V2_THRESHOLD,
    &pictures::IMAGENET_V2_TOP,
];

/// Finds a data set by its name; case, `-`, `_` and spaces do not matter.
pub fn find(name: &str) -> Result<&'static DatasetInfo, DataError> {
    let plain = |s: &str| s.chars().filter(|c| !"-_ ".contains(*c)).collect::<String>().to_lowercase();
    let wanted = plain(name);
    ALL.into_iter().find(|d| plain(d.name) == wanted).ok_or_else(|| DataError::UnknownName {
        name: name.to_string(),
        known: ALL.into_iter().map(|d| d.name).collect(),
    })
}

const fn idx_images(name: &'static str, part: Part, records: u64, md5: &'static str) -> FileInfo {
    FileInfo { name, part, content: Content::Images, header: 16, record: 28 * 28, records, md5 }
}

const fn idx_labels(name: &'static str, part: Part, records: u64, md5: &'static str) -> FileInfo {
    FileInfo { name, part, content: Content::Labels, header: 8, record: 1, records, md5 }
}

const fn bare(name: &'static str, part: Part, content: Content, shape: (usize, u64), md5: &'static str) -> FileInfo {
    FileInfo { name, part, content, header: 0, record: shape.0 as u64, records: shape.1, md5 }
}

const fn gzip(file: &'static str, bytes: u64, md5: &'static str) -> Download {
    Download { file, bytes, md5, unpack: Unpack::Gzip }
}

/// A part of FashionMNIST that ships inside the program.
pub const FASHION_MINI: DatasetInfo = DatasetInfo {
    name: "FashionMini",
    format: Format::Embedded,
    shape: [1, 28, 28],
    classes: &classes::FASHION,
    splits: &["train"],
    places: &[],
    system: &[],
    unreadable: None,
    files: &[],
    downloads: &[],
    sites: &[],
    manual: None,
};

/// Handwritten digits (LeCun, Cortes, Burges).
pub const MNIST: DatasetInfo = DatasetInfo {
    name: "MNIST",
    format: Format::Idx,
    shape: [1, 28, 28],
    classes: &classes::DIGITS,
    splits: &["train"],
    places: &["MNIST/raw", "MNIST", "mnist", ""],
    system: &[],
    unreadable: None,
    files: &[
        idx_images("train-images-idx3-ubyte", Part::Train, 60_000, "6bbc9ace898e44ae57da46a324031adb"),
        idx_labels("train-labels-idx1-ubyte", Part::Train, 60_000, "a25bea736e30d166cdddb491f175f624"),
        idx_images("t10k-images-idx3-ubyte", Part::Test, 10_000, "2646ac647ad5339dbf082846283269ea"),
        idx_labels("t10k-labels-idx1-ubyte", Part::Test, 10_000, "27ae3e4e09519cfbb04c329615203637"),
    ],
    downloads: &[
        gzip("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        gzip("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
        gzip("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        gzip("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ],
    sites: &["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"],
    manual: None,
};

/// Articles of clothing (Xiao, Rasul, Vollgraf; MIT licence).
pub const FASHION_MNIST: DatasetInfo = DatasetInfo {
    name: "FashionMNIST",
    format: Format::Idx,
    shape: [1, 28, 28],
    classes: &classes::FASHION,
    splits: &["train"],
    places: &["FashionMNIST/raw", "FashionMNIST", "fashion-mnist", ""],
    system: &["/usr/share/datasets/fashion-mnist"],
    unreadable: None,
    files: &[
        idx_images("train-images-idx3-ubyte", Part::Train, 60_000, "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        idx_labels("train-labels-idx1-ubyte", Part::Train, 60_000, "9018921c3c673c538a1fc5bad174d6f9"),
        idx_images("t10k-images-idx3-ubyte", Part::Test, 10_000, "8181f5470baa50b63fa0f6fddb340f0a"),
        idx_labels("t10k-labels-idx1-ubyte", Part::Test, 10_000, "15d484375f8d13e6eb1aabb0c3f46965"),
    ],
    downloads: &[
        gzip("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        gzip("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
        gzip("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        gzip("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ],
    sites: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ],
    manual: None,
};

const CIFAR_SITES: &[&str] = &["https://www.cs.toronto.edu/~kriz", "https://cave.cs.toronto.edu/kriz"];

const fn cifar10(name: &'static str, part: Part, md5: &'static str) -> FileInfo {
    bare(name, part, Content::Records, (1 + cifar::PIXELS, 10_000), md5)
}

/// Small colour photographs in ten classes (Krizhevsky).
pub const CIFAR10: DatasetInfo = DatasetInfo {
    name: "CIFAR10",
    format: Format::Cifar(cifar::CIFAR10),
    shape: [3, 32, 32],
    classes: &classes::CIFAR10,
    splits: &["train"],
    places: &["cifar-10-batches-bin", "CIFAR10/cifar-10-batches-bin", "CIFAR10", ""],
    system: &[],
    unreadable: Some(("cifar-10-batches-py", "the Python version; the binary version is needed")),
    files: &[
        cifar10("data_batch_1.bin", Part::Train, "5dd7e06a14cb22eb9f671a540d1b7c25"),
        cifar10("data_batch_2.bin", Part::Train, "5ea93a67294ea407fff1d09f752e9692"),
        cifar10("data_batch_3.bin", Part::Train, "942cd6a4bcdd0dd3c604fbe906cb4421"),
        cifar10("data_batch_4.bin", Part::Train, "ae636b3ba5c66a11e91e8cb52e771fcb"),
        cifar10("data_batch_5.bin", Part::Train, "53f37980c15c3d472c316c40844f3f0d"),
        cifar10("test_batch.bin", Part::Test, "803d5f7f4d78ea53de84dbe85f74fb6d"),
    ],
    downloads: &[Download {
        file: "cifar-10-binary.tar.gz",
        bytes: 170_052_171,
        md5: "c32a1d4ab5d03f1284b67883e8d87530",
        unpack: Unpack::TarGz("cifar-10-batches-bin"),
    }],
    sites: CIFAR_SITES,
    manual: None,
};

/// Small colour photographs in a hundred classes (Krizhevsky).
pub const CIFAR100: DatasetInfo = DatasetInfo {
    name: "CIFAR100",
    format: Format::Cifar(cifar::CIFAR100),
    shape: [3, 32, 32],
    classes: &classes::CIFAR100,
    splits: &["train"],
    places: &["cifar-100-binary", "CIFAR100/cifar-100-binary", "CIFAR100", ""],
    system: &[],
    unreadable: Some(("cifar-100-python", "the Python version; the binary version is needed")),
    files: &[
        bare(
            "train.bin",
            Part::Train,
            Content::Records,
            (2 + cifar::PIXELS, 50_000),
            "6172c7755cfe09b2fe270c85cebc1b15",
        ),
        bare("test.bin", Part::Test, Content::Records, (2 + cifar::PIXELS, 10_000), "4499cfba6c016c1be1438163640a0898"),
    ],
    downloads: &[Download {
        file: "cifar-100-binary.tar.gz",
        bytes: 168_513_733,
        md5: "03b5dce01913d631647c71ecec9e9cb8",
        unpack: Unpack::TarGz("cifar-100-binary"),
    }],
    sites: CIFAR_SITES,
    manual: None,
};

/// Larger colour photographs in ten classes, and many without labels (Coates, Lee, Ng).
pub const STL10: DatasetInfo = DatasetInfo {
    name: "STL10",
    format: Format::Stl10,
    shape: [3, 96, 96],
    classes: &classes::STL10,
    splits: &["train", "unlabeled", "train+unlabeled"],
    places: &["stl10_binary", "STL10/stl10_binary", "STL10", ""],
    system: &[],
    unreadable: None,
    files: &[
        bare("train_X.bin", Part::Train, Content::Images, (stl10::PIXELS, 5_000), "918c2871b30a85fa023e0c44e0bee87f"),
        bare("train_y.bin", Part::Train, Content::Labels, (1, 5_000), "5a34089d4802c674881badbb80307741"),
        bare("test_X.bin", Part::Test, Content::Images, (stl10::PIXELS, 8_000), "7f263ba9f9e0b06b93213547f721ac82"),
        bare("test_y.bin", Part::Test, Content::Labels, (1, 8_000), "36f9794fa4beb8a2c72628de14fa638e"),
        bare(
            "unlabeled_X.bin",
            Part::Unlabeled,
            Content::Images,
            (stl10::PIXELS, 100_000),
            "5242ba1fed5e4be9e1e742405eb56ca4",
        ),
    ],
    downloads: &[Download {
        file: "stl10_binary.tar.gz",
        bytes: 2_640_397_119,
        md5: "91f7769df0f17e558f3565bffb0c7dfb",
        unpack: Unpack::TarGz("stl10_binary"),
    }],
    sites: &["https://cs.stanford.edu/~acoates/stl10", "http://ai.stanford.edu/~acoates/stl10"],
    manual: None,
};
