//! Promise: data sets are found where they are, read as their sites describe them, and what is wrong with a file is said with
//! the file, the byte and the cause.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use softhebb::data::{DataDirs, DataError, Dataset, Verdict, find, load, look_at, survey, verify};
use tempfile::TempDir;

// ---- files like those of the sites, but small -------------------------------------------------------------------------

fn idx_images(n: usize, side: u32, seed: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for number in [0x803, n as u32, side, side] {
        out.extend(number.to_be_bytes());
    }
    out.extend((0..n * (side * side) as usize).map(|i| (i * 7 + seed) as u8));
    out
}

fn idx_labels(n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for number in [0x801, n as u32] {
        out.extend(number.to_be_bytes());
    }
    out.extend((0..n).map(|i| (i % 10) as u8));
    out
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// MNIST's four files with 20 and 10 images.
fn mnist() -> [(&'static str, Vec<u8>); 4] {
    [
        ("train-images-idx3-ubyte", idx_images(20, 28, 1)),
        ("train-labels-idx1-ubyte", idx_labels(20)),
        ("t10k-images-idx3-ubyte", idx_images(10, 28, 2)),
        ("t10k-labels-idx1-ubyte", idx_labels(10)),
    ]
}

/// CIFAR records: labels, then planes whose pixels tell their channel, row and column.
fn cifar(n: usize, labels: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let pixel = |i: usize, c: usize, y: usize, x: usize| (i + 60 * c + 2 * y + x) as u8;
    let mut out = Vec::new();
    for i in 0..n {
        out.extend(labels(i));
        for c in 0..3 {
            out.extend((0..32).flat_map(|y| (0..32).map(move |x| pixel(i, c, y, x))));
        }
    }
    out
}

fn cifar10() -> Vec<(String, Vec<u8>)> {
    let file = |n| cifar(n, |i| vec![(i % 10) as u8]);
    let mut files: Vec<_> = (1..=5).map(|b| (format!("data_batch_{b}.bin"), file(b))).collect();
    files.push(("test_batch.bin".into(), file(4)));
    files
}

/// STL-10 images, column by column.
fn stl(n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for i in 0..n {
        for c in 0..3 {
            out.extend((0..96).flat_map(|x| (0..96).map(move |y| (i + 50 * c + y + 2 * x) as u8)));
        }
    }
    out
}

fn write(root: &Path, place: &str, name: &str, bytes: &[u8]) {
    let folder = root.join(place);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn read(root: &TempDir, name: &str) -> Result<Dataset, DataError> {
    load(name, "", &DataDirs::only(root.path()))
}

// ---- reading ------------------------------------------------------------------------------------------------------------

#[test]
fn idx_files_are_found_plain_packed_and_under_both_spellings() {
    for place in ["MNIST/raw", "MNIST", "mnist", ""] {
        for packed in [false, true] {
            for dotted in [false, true] {
                let root = TempDir::new().unwrap();
                for (name, bytes) in mnist() {
                    let name = if dotted { name.replace("-idx", ".idx") } else { name.to_string() };
                    match packed {
                        true => write(root.path(), place, &format!("{name}.gz"), &gz(&bytes)),
                        false => write(root.path(), place, &name, &bytes),
                    }
                }
                let data = read(&root, "mnist").unwrap();
                assert_eq!((data.name.as_str(), data.train.len(), data.test.len()), ("MNIST", 20, 10));
                assert_eq!((data.train.channels, data.train.height, data.train.width), (1, 28, 28));
                assert_eq!(data.train.pixels, idx_images(20, 28, 1)[16..]);
                assert_eq!(data.test.image(3), &idx_images(10, 28, 2)[16 + 3 * 784..16 + 4 * 784]);
                assert_eq!(data.test.labels, (0..10).collect::<Vec<i64>>());
                assert_eq!(
                    PathBuf::from(&data.source),
                    if place.is_empty() { root.path().into() } else { root.path().join(place) }
                );
                assert!(data.notes[0].contains("train-images-idx3-ubyte holds 20 records, the official one 60000"));
            }
        }
    }
}

#[test]
fn cifar10_is_read_in_order_of_batches_and_planes() {
    let root = TempDir::new().unwrap();
    for (name, bytes) in cifar10() {
        write(root.path(), "cifar-10-batches-bin", &name, &bytes);
    }
    let data = read(&root, "CIFAR-10").unwrap();
    assert_eq!((data.train.len(), data.test.len()), (1 + 2 + 3 + 4 + 5, 4));
    assert_eq!(data.train.labels[..6], [0, 0, 1, 0, 1, 2]);
    // Image 2 of batch 3, channel 1, row 4, column 9.
    assert_eq!(data.train.image(3 + 2)[1024 + 4 * 32 + 9], 2 + 60 + 8 + 9);
    assert_eq!(data.classes[3], "cat");
    assert_eq!(data.notes.len(), 6);
}

#[test]
fn cifar100_uses_the_fine_label() {
    let root = TempDir::new().unwrap();
    write(root.path(), "cifar-100-binary", "train.bin", &cifar(3, |i| vec![19, 97 + i as u8]));
    write(root.path(), "cifar-100-binary", "test.bin", &cifar(2, |i| vec![i as u8, 5]));
    let data = read(&root, "CIFAR100").unwrap();
    assert_eq!((data.train.labels.as_slice(), data.test.labels.as_slice()), (&[97, 98, 99][..], &[5, 5][..]));
    assert_eq!(data.train.image(1)[0], 1);
    assert_eq!((data.classes.len(), data.classes[99].as_str()), (100, "worm"));
}

#[test]
fn stl10_is_turned_to_rows_and_has_three_splits() {
    let root = TempDir::new().unwrap();
    let dirs = DataDirs::only(root.path());
    let add = |name: &str, bytes: &[u8]| write(root.path(), "stl10_binary", name, bytes);
    add("train_X.bin", &stl(3));
    add("train_y.bin", &[1, 10, 4]);
    add("test_X.bin", &stl(2));
    add("test_y.bin", &[2, 3]);
    let train = load("STL10", "train", &dirs).unwrap();
    assert_eq!((train.train.labels.as_slice(), train.test.labels.as_slice()), (&[0, 9, 3][..], &[1, 2][..]));
    // Image 1, channel 2, row 5, column 7.
    assert_eq!(train.train.image(1)[2 * 96 * 96 + 5 * 96 + 7], 1 + 100 + 5 + 14);

    let missing = load("STL10", "unlabeled", &dirs).unwrap_err();
    assert!(missing.to_string().contains("lacks unlabeled_X.bin"), "{missing}");
    add("unlabeled_X.bin", &stl(5));
    let unlabeled = load("STL10", "unlabeled", &dirs).unwrap();
    assert_eq!(unlabeled.train.labels, [-1; 5]);
    let both = load("STL10", "train+unlabeled", &dirs).unwrap();
    assert_eq!(both.train.labels, [0, 9, 3, -1, -1, -1, -1, -1]);
    assert_eq!(both.train.image(3), unlabeled.train.image(0));
    assert_eq!(both.test, train.test);

    let wrong = load("STL10", "valid", &dirs).unwrap_err().to_string();
    assert!(wrong.contains("no split \"valid\"") && wrong.contains("train+unlabeled"), "{wrong}");
}

#[test]
fn fashion_mini_needs_no_file() {
    let data = load("FashionMini", "", &DataDirs::only("/no/such/folder")).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (5000, 1000));
}

// ---- what is wrong, and where ---------------------------------------------------------------------------------------------

/// A copy that is changed by `f`.
fn but(bytes: &[u8], f: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    f(&mut bytes);
    bytes
}

#[test]
fn broken_idx_files_are_named_with_byte_and_cause() {
    let images = idx_images(20, 28, 1);
    let labels = idx_labels(20);
    let (i, l) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    let table: Vec<(&str, Vec<u8>, u64, &str)> = vec![
        (i, vec![], 0, "truncated"),
        (i, images[..10].to_vec(), 10, "truncated"),
        (i, images[..images.len() - 5].to_vec(), 16 + 20 * 784 - 5, "truncated: 20 images take 15680 bytes"),
        (i, but(&images, |b| b.push(0)), 16 + 20 * 784, "goes on after its last record"),
        (i, but(&images, |b| b[3] = 9), 0, "magic number 0x00000809, expected 0x00000803"),
        (i, labels.clone(), 0, "(it holds labels)"),
        (i, idx_images(5, 32, 0), 8, "32 × 32 pixels (rows × columns), expected 28 × 28"),
        (i, idx_images(0, 28, 0), 4, "no images"),
        // A header that promises four billion images must not ask for the memory of four billion.
        (i, but(&images, |b| b[4..8].fill(255)), 16 + 20 * 784, "truncated"),
        (i, idx_images(19, 28, 1), 4, "20 labels, but"),
        (l, but(&labels, |b| b[8 + 7] = 10), 8 + 7, "label 10 of image 7 is out of range 0..=9"),
        (l, idx_labels(21), 4, "21 labels, but"),
        (l, images.clone(), 0, "(it holds images)"),
        (l, labels[..12].to_vec(), 12, "truncated: 20 labels take 20 bytes, but the file ends after 4"),
    ];
    for (file, bytes, byte, cause) in table {
        for packed in [false, true] {
            let root = TempDir::new().unwrap();
            for (name, good) in mnist() {
                let bytes = if name == file { &bytes } else { &good };
                match packed {
                    true => write(root.path(), "MNIST", &format!("{name}.gz"), &gz(bytes)),
                    false => write(root.path(), "MNIST", name, bytes),
                }
            }
            match read(&root, "MNIST") {
                Err(DataError::Format { path, offset, cause: said }) => {
                    assert_eq!(offset, byte, "{said}");
                    assert!(said.contains(cause), "{said}");
                    // A wrong count shows in the label file, whichever of the two is to blame.
                    let told = path.file_name().unwrap().to_str().unwrap().to_string();
                    assert!(told.starts_with(file) || cause.contains("labels, but"), "{told}");
                }
                other => panic!("{cause}: {other:?}"),
            }
        }
    }
}

#[test]
fn corrupt_gzips_are_named() {
    let good = gz(&idx_images(20, 28, 1));
    for (bytes, cause) in [
        (good[..good.len() / 2].to_vec(), "truncated: the gzip data end early"),
        (good[..good.len() - 4].to_vec(), "truncated: the gzip data end early"),
        (but(&good, |b| b[good.len() - 6] ^= 1), "the gzip data are corrupt"),
        (but(&good, |b| b[10] = 0xff), "the gzip data are corrupt"),
    ] {
        let root = TempDir::new().unwrap();
        for (name, file) in mnist() {
            write(root.path(), "MNIST/raw", &format!("{name}.gz"), &gz(&file));
        }
        write(root.path(), "MNIST/raw", "train-images-idx3-ubyte.gz", &bytes);
        let said = read(&root, "MNIST").unwrap_err().to_string();
        assert!(said.contains("train-images-idx3-ubyte.gz, byte ") && said.contains(cause), "{said}");
    }
}

#[test]
fn broken_cifar_and_stl_files_are_named_with_byte_and_cause() {
    let one = |name: &str| cifar10().into_iter().find(|(n, _)| n == name).unwrap().1;
    let batch = one("data_batch_4.bin");
    for (bytes, byte, cause) in [
        (batch[..2 * 3073 + 7].to_vec(), 2 * 3073, "truncated: the last record has 7 of 3073 bytes"),
        (but(&batch, |b| b[3 * 3073] = 10), 3 * 3073, "label 10 of record 3 is out of range 0..=9"),
        (vec![], 0, "no records"),
    ] {
        let root = TempDir::new().unwrap();
        for (name, good) in cifar10() {
            write(root.path(), "", &name, &good);
        }
        write(root.path(), "", "data_batch_4.bin", &bytes);
        let said = read(&root, "CIFAR10").unwrap_err().to_string();
        assert!(said.contains(&format!("data_batch_4.bin, byte {byte}: ")) && said.contains(cause), "{said}");
    }

    for (x, y, file, byte, cause) in [
        (stl(2), vec![1, 0], "train_y.bin", 1, "label 0 of image 1 is out of range 1..=10"),
        (stl(2), vec![11, 1], "train_y.bin", 0, "label 11 of image 0 is out of range 1..=10"),
        (stl(2), vec![1], "train_y.bin", 1, "1 labels, but"),
        (stl(2)[..30_000].to_vec(), vec![1, 1], "train_X.bin", 27_648, "truncated: the last image has 2352 of 27648"),
    ] {
        let root = TempDir::new().unwrap();
        let files = [("train_X.bin", x), ("train_y.bin", y), ("test_X.bin", stl(1)), ("test_y.bin", vec![1])];
        for (name, bytes) in files {
            write(root.path(), "stl10_binary", name, &bytes);
        }
        let said = read(&root, "STL10").unwrap_err().to_string();
        assert!(said.contains(&format!("{file}, byte {byte}: ")) && said.contains(cause), "{said}");
    }

    let root = TempDir::new().unwrap();
    write(root.path(), "cifar-100-binary", "train.bin", &cifar(2, |i| vec![20 * i as u8, 0]));
    write(root.path(), "cifar-100-binary", "test.bin", &cifar(1, |_| vec![0, 100]));
    let said = read(&root, "CIFAR100").unwrap_err().to_string();
    assert!(said.contains("train.bin, byte 3074: label 20 of record 1 is out of range 0..=19"), "{said}");
}

#[test]
fn a_missing_batch_is_an_error() {
    let root = TempDir::new().unwrap();
    for (name, bytes) in cifar10().into_iter().filter(|(n, _)| n != "data_batch_3.bin") {
        write(root.path(), "cifar-10-batches-bin", &name, &bytes);
    }
    let error = read(&root, "CIFAR10").unwrap_err();
    assert!(error.to_string().contains("cifar-10-batches-bin (lacks data_batch_3.bin)"), "{error}");
}

#[test]
fn what_is_not_there_is_said_with_the_places_and_the_way_out() {
    let root = TempDir::new().unwrap();
    write(root.path(), "cifar-10-batches-py", "data_batch_1", b"pickled");
    let error = read(&root, "CIFAR10").unwrap_err();
    let DataError::NotFound { name, looked, fetch } = &error else { panic!("{error}") };
    assert_eq!(*name, "CIFAR10");
    assert_eq!(looked[0].folder, root.path().join("cifar-10-batches-bin"));
    assert!(fetch.starts_with("softhebb data fetch CIFAR10 --data-dir "));
    let said = error.to_string();
    assert!(said.contains("cifar-10-batches-py (holds the Python version"), "{said}");
    assert!(error.hint().unwrap().contains(fetch.as_str()));

    let nowhere = load("CIFAR10", "", &DataDirs::only("/no/such/folder")).unwrap_err().to_string();
    assert_eq!(nowhere, "CIFAR10 was not found; looked in /no/such/folder (no such folder)");
    for (name, said) in [("CIFAR11", "known are FashionMini, MNIST"), ("ImageNet", "https://image-net.org")] {
        let error = load(name, "", &DataDirs::only("/")).unwrap_err();
        let all = format!("{error}; {}", error.hint().unwrap());
        assert!(all.contains(said), "{all}");
    }
}

#[test]
fn fashion_mnist_is_not_taken_for_mnist() {
    let debian = Path::new("/usr/share/datasets/fashion-mnist");
    if !debian.is_dir() {
        println!("skipped: Debian's dataset-fashion-mnist is not installed");
        return;
    }
    let data = load("FashionMNIST", "", &DataDirs::resolve(Some(Path::new("/no/such/folder"))).unwrap()).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.notes.len()), (60_000, 10_000, 0));
    assert_eq!(PathBuf::from(data.source), debian);
    let error = load("MNIST", "", &DataDirs::only(debian)).unwrap_err().to_string();
    assert!(error.contains("fashion-mnist (holds FashionMNIST)"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No content of a file makes the readers panic, and every error names a file.
    #[test]
    fn any_file_is_read_or_refused(
        file in 0usize..4,
        packed: bool,
        cut in 0.0..1.2f64,
        changes in proptest::collection::vec((0usize..20_000, any::<u8>()), 0..4),
    ) {
        let root = TempDir::new().unwrap();
        for (i, (name, bytes)) in mnist().into_iter().enumerate() {
            let mut bytes = if packed { gz(&bytes) } else { bytes };
            if i == file {
                let len = bytes.len();
                bytes.truncate((len as f64 * cut) as usize);
                for (at, value) in &changes {
                    let len = bytes.len();
                    if len > 0 {
                        bytes[at % len] = *value;
                    }
                }
            }
            write(root.path(), "MNIST", &format!("{name}{}", if packed { ".gz" } else { "" }), &bytes);
        }
        if let Err(e) = read(&root, "MNIST") {
            prop_assert!(e.to_string().contains("ubyte"), "{}", e);
        }
        let report = verify("MNIST", &DataDirs::only(root.path())).unwrap();
        prop_assert_eq!(report.files.len(), 4);
        prop_assert!(look_at(find("MNIST").unwrap(), &DataDirs::only(root.path())).present);
    }
}

// ---- reports ----------------------------------------------------------------------------------------------------------------

#[test]
fn survey_and_verify_tell_sound_parts_from_broken_files() {
    let root = TempDir::new().unwrap();
    let dirs = DataDirs::only(root.path());
    for (name, bytes) in cifar10() {
        write(root.path(), "cifar-10-batches-bin", &name, &bytes);
    }
    let all = survey(&dirs);
    let of = |name: &str| all.iter().find(|l| l.name == name).unwrap();
    let cifar = of("CIFAR10");
    assert_eq!((cifar.present, cifar.train, cifar.test, cifar.official), (true, Some(15), Some(4), false));
    assert_eq!((cifar.bytes, cifar.problems.len()), (19 * 3073, 6));
    assert_eq!((of("MNIST").present, of("MNIST").problems.len()), (false, 0));
    assert!(of("FashionMini").official);

    let report = verify("CIFAR10", &dirs).unwrap();
    assert!(report.ok && report.files.iter().all(|f| f.verdict == Verdict::Partial));

    // The official size, but other bytes; and a record that is cut.
    let zeros = vec![0; 10_000 * 3073];
    write(root.path(), "cifar-10-batches-bin", "test_batch.bin", &zeros);
    write(root.path(), "cifar-10-batches-bin", "data_batch_2.bin", &zeros[..5000]);
    let report = verify("CIFAR10", &dirs).unwrap();
    let verdict = |name: &str| report.files.iter().find(|f| f.path.ends_with(name)).unwrap();
    assert!(!report.ok);
    assert_eq!(verdict("test_batch.bin").verdict, Verdict::Differs);
    assert_eq!(verdict("data_batch_2.bin").verdict, Verdict::Bad);
    assert!(verdict("data_batch_2.bin").problem.as_ref().unwrap().contains("byte 3073: truncated"));
    let again = survey(&dirs).into_iter().find(|l| l.name == "CIFAR10").unwrap();
    assert!(!again.official && again.problems.iter().any(|p| p.contains("no whole number of records")), "{again:?}");
}

// ---- the real thing ---------------------------------------------------------------------------------------------------------

/// Reads a data set from where the user has it; without it there is nothing to test.
fn real(name: &str) -> Option<Dataset> {
    match load(name, "", &DataDirs::resolve(None).ok()?) {
        Ok(data) => Some(data),
        Err(DataError::NotFound { .. }) => {
            println!("skipped: {name} is not on this machine");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

fn histogram(labels: &[i64]) -> Vec<usize> {
    (0..10).map(|c| labels.iter().filter(|&&l| l == c).count()).collect()
}

fn mean(pixels: &[u8]) -> f64 {
    pixels.iter().map(|&p| u64::from(p)).sum::<u64>() as f64 / pixels.len() as f64 / 255.0
}

#[test]
fn real_cifar10() {
    let Some(data) = real("CIFAR10") else { return };
    assert_eq!(data.train.len(), 50_000);
    assert_eq!(histogram(&data.train.labels), [5000; 10]);
    assert_eq!(data.notes.is_empty(), data.test.len() == 10_000, "{:?}", data.notes);
    // The channels' means that everybody normalises CIFAR-10 with: 0.4914, 0.4822, 0.4465.
    for (channel, expected) in [0.4914, 0.4822, 0.4465].into_iter().enumerate() {
        let plane: Vec<u8> = (0..50_000)
            .flat_map(|i| data.train.image(i)[channel * 1024..(channel + 1) * 1024].iter().copied())
            .collect();
        assert!((mean(&plane) - expected).abs() < 1e-4, "{}", mean(&plane));
    }
}

#[test]
fn real_mnist() {
    let Some(data) = real("MNIST") else { return };
    assert_eq!((data.train.len(), data.test.len()), (60_000, 10_000));
    assert_eq!(histogram(&data.train.labels), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    // Known as 0.1307.
    assert!((mean(&data.train.pixels) - 0.1307).abs() < 1e-4, "{}", mean(&data.train.pixels));
}

#[test]
fn fashion_mini_is_a_part_of_the_real_one() {
    let Some(full) = real("FashionMNIST") else { return };
    let mini = load("FashionMini", "", &DataDirs::only("/")).unwrap();
    for (mini, full) in [(&mini.train, &full.train), (&mini.test, &full.test)] {
        for class in 0..10 {
            let of = |labels: &[i64]| (0..labels.len()).filter(|&i| labels[i] == class).collect::<Vec<_>>();
            for (m, f) in of(&mini.labels).into_iter().zip(of(&full.labels)) {
                assert_eq!(mini.image(m), full.image(f), "class {class}");
            }
        }
    }
}
