//! Outputs of many images: rows of length one in a file, mapped into memory when they are read.

use std::path::Path;

use tch::{Device, Tensor};

use super::stream::Decoder;
use super::train::Unreadable;
use super::{Encoder, EncoderError, Source};
use crate::device::guard;
use crate::files::FileError;
use crate::files::npy::{self, Matrix};
pub use crate::plane::list;
use crate::report::{Event, Hub, PhaseInfo, PhaseKind};

/// Images that are encoded together.
const TOGETHER: usize = 64;

/// What represents an image.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// The output of an encoder.
    Encoder(&'a Encoder),
    /// Its pixels, resized to the encoder's size.
    Pixels,
}

/// Rows of images.
#[derive(Debug)]
pub struct Features {
    /// A row an image, of length one (of zeros where the output is zero).
    pub matrix: Matrix,
    /// Which images of the source they are: those that could be read.
    pub indices: Vec<u32>,
}

impl Features {
    /// Computes the rows of all images of a source into a file.
    ///
    /// # Errors
    /// When no image can be read, libtorch fails, or the file cannot be written.
    pub fn compute(
        by: By,
        source: &Source,
        input: [i64; 3],
        device: Device,
        path: &Path,
        hub: &mut Hub,
    ) -> Result<Features, EncoderError> {
        let order: Vec<u32> = (0..source.items.len() as u32).collect();
        let decoder = Decoder::new(&source.items, input[0] as usize, input[1] as u32);
        let columns = match by {
            By::Encoder(encoder) => encoder.dimensions() as usize,
            By::Pixels => input.iter().product::<i64>() as usize,
        };
        hub.send(Event::PhaseStarted(PhaseInfo {
            index: 0,
            count: 1,
            kind: PhaseKind::Features,
            blocks: vec![],
            epochs: 1,
            images: order.len() as u64,
            batch_size: TOGETHER as u64,
        }))?;
        let (mut unreadable, mut indices) = (Unreadable::default(), Vec::new());
        let rows = npy::write(path, columns, |rows| {
            decoder.each(&order, 0, TOGETHER, |batch| {
                unreadable.tell(source, &batch.unreadable, hub)?;
                if !batch.indices.is_empty() {
                    let values = guard("encoding images", || {
                        let x = decoder.tensor(&batch, device);
                        let y = match by {
                            By::Encoder(encoder) => encoder.features(&x),
                            By::Pixels => x.flatten(1, -1),
                        };
                        list(&unit(&y))
                    })?;
                    rows.push(&values).map_err(FileError::write(path))?;
                    indices.extend(&batch.indices);
                }
                hub.send(Event::Progress { epoch: 1, images: batch.position as u64 })?;
                Ok(true)
            })?;
            if indices.is_empty() { Err(unreadable.all(source)) } else { Ok(()) }
        })?;
        Ok(Features { matrix: Matrix::open(path, rows, columns)?, indices })
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.matrix.rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows `from..to` as a tensor.
    pub fn tensor(&self, from: usize, to: usize) -> Tensor {
        Tensor::from_slice(&self.matrix.block(from, to)).view([-1, self.matrix.columns() as i64])
    }

    /// These rows as a tensor.
    pub fn rows(&self, which: &[u32]) -> Tensor {
        let rows: Vec<f32> = which.iter().flat_map(|i| self.matrix.block(*i as usize, *i as usize + 1)).collect();
        Tensor::from_slice(&rows).view([-1, self.matrix.columns() as i64])
    }

    /// All rows as a tensor.
    pub fn all(&self) -> Tensor {
        self.tensor(0, self.len())
    }

    /// Names of the images.
    pub fn names<'a>(&self, source: &'a Source) -> Vec<&'a str> {
        self.indices.iter().map(|i| source.items[*i as usize].name.as_str()).collect()
    }

    /// Classes of the images, where each has one.
    pub fn classes(&self, source: &Source) -> Option<Vec<u32>> {
        self.indices.iter().map(|i| source.items[*i as usize].class).collect()
    }
}

/// Rows of length one; a row of zeros stays.
pub fn unit(rows: &Tensor) -> Tensor {
    let norm = rows.norm_scalaropt_dim(2.0, [1i64].as_slice(), true);
    rows / norm.clamp_min(1e-12)
}
