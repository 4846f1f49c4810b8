//! `FashionMini`, the images that ship inside the program, so that it can be tried and tested without a download.
//!
//! They are a part of FashionMNIST (Xiao, Rasul, Vollgraf 2017), © 2017 Zalando SE, MIT licence (`fashion_mini/LICENSE`): the
//! first 500 training and the first 100 test images of each of the ten classes, interleaved by class. The file is four idx
//! files in one gzip; `scripts/fashion_mini.py` makes it from Debian's package dataset-fashion-mnist.

use super::error::DataError;
use super::idx::{Expected, parse_two_pairs};
use super::images::Dataset;
use super::reader::Reader;
use super::registry::FASHION_MINI;

static FILE: &[u8] = include_bytes!("fashion_mini/fashion_mini.idx.gz");

/// Its size inside the program, bytes.
pub fn bytes() -> u64 {
    FILE.len() as u64
}

/// Training and test images, `(N, 1, 28, 28)`.
pub fn fashion_mini() -> Result<Dataset, DataError> {
    let info = &FASHION_MINI;
    let [_, height, width] = info.shape;
    let expected = Expected { height, width, classes: info.classes.len() };
    let mut reader = Reader::gzip_bytes("FashionMini, inside the program", FILE);
    let (train, test) = parse_two_pairs(&mut reader, expected)?;
    let notes = vec![format!(
        "FashionMini is {} training and {} test images of FashionMNIST, © 2017 Zalando SE, MIT licence",
        train.len(),
        test.len()
    )];
    Ok(Dataset {
        name: info.name.to_string(),
        train,
        test,
        classes: info.classes.iter().map(|c| c.to_string()).collect(),
        source: "inside the program".to_string(),
        notes,
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn fashion_mini_is_what_its_script_made() {
        let data = fashion_mini().unwrap();
        assert_eq!((data.train.len(), data.test.len()), (5000, 1000));
        for images in [&data.train, &data.test] {
            assert_eq!((images.channels, images.height, images.width), (1, 28, 28));
            assert_eq!(images.pixels.len(), images.len() * images.stride());
            assert!(images.labels.iter().enumerate().all(|(i, &l)| l == (i % 10) as i64), "interleaved by class");
        }
        let mut sha = Sha256::new();
        sha.update(&data.train.pixels);
        sha.update(&data.test.pixels);
        let hex: String = sha.finalize().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "65fc2c06edac917ace014a9e0ecef44a5805fc6f68de6066196841a0a28212fd");
        assert_eq!(data.classes[9], "Ankle boot");
        assert!(data.notes[0].contains("MIT"));
        assert!(bytes() < 3_000_000);
    }
}
