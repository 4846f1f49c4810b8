//! Labelled images in memory, as every format delivers them.

/// Images of one split: 8 bits a channel, planes in the order channels, rows, columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Channels of an image.
    pub channels: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// `len()·channels·height·width` bytes.
    pub pixels: Vec<u8>,
    /// One label an image; −1 where there is none (STL-10's unlabeled split).
    pub labels: Vec<i64>,
}

impl Images {
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
        self.channels * self.height * self.width
    }

    /// Pixels of image `i`.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.stride()..(i + 1) * self.stride()]
    }
}

/// A data set: what trains, what tests, and what there is to say about it.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its name: `CIFAR10`.
    pub name: String,
    /// Training images (of the split asked for).
    pub train: Images,
    /// Test images.
    pub test: Images,
    /// Names of the classes, in label order.
    pub classes: Vec<String>,
    /// Where it was read from.
    pub source: String,
    /// Remarks for the user: "test_batch.bin holds 1000 records, the official one 10000".
    pub notes: Vec<String>,
}
