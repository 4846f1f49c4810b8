//! Decoding ahead of whoever computes: images in an order, as batches of planes.
//!
//! A thread decodes on all cores and stays a few batches ahead; what is decoded is kept, up to a budget of memory, so that
//! later epochs decode nothing. An image that cannot be read is left out and told; the batches around it are as full as
//! the others.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::EncoderError;
use super::source::{Item, planes};

/// Batches that may wait.
const AHEAD: usize = 4;
/// Images that are decoded together, at least.
const TOGETHER: usize = 32;
/// Bytes of decoded images that are kept.
const BUDGET: usize = 256 << 20;

/// Images by their numbers, decoded once if memory allows.
pub struct Decoder<'a> {
    items: &'a [Item],
    channels: usize,
    side: u32,
    kept: Vec<OnceLock<Result<Box<[u8]>, String>>>,
    bytes: AtomicUsize,
}

/// Some images, decoded.
#[derive(Debug, Default)]
pub struct Batch {
    /// Which images.
    pub indices: Vec<u32>,
    /// Their planes, one image after the other.
    pub pixels: Vec<u8>,
    /// Images of the order, up to here, that could not be read since the last batch, and why.
    pub unreadable: Vec<(u32, String)>,
    /// How much of the order is done with this batch.
    pub position: usize,
}

impl<'a> Decoder<'a> {
    /// Decodes to planes (channels, side, side).
    pub fn new(items: &'a [Item], channels: usize, side: u32) -> Decoder<'a> {
        let kept = items.iter().map(|_| OnceLock::new()).collect();
        Decoder { items, channels, side, kept, bytes: AtomicUsize::new(0) }
    }

    /// Bytes of an image.
    fn stride(&self) -> usize {
        self.channels * (self.side * self.side) as usize
    }

    /// Decodes an image; keeps what comes out, if there is room.
    fn decode(&self, index: u32) -> Option<Result<Box<[u8]>, String>> {
        let result = self.items[index as usize].picture();
        let result = result.map(|p| planes(&p, self.channels, self.side).into_boxed_slice());
        let cost = result.as_ref().map_or(64, |bytes| bytes.len());
        if self.bytes.fetch_add(cost, Ordering::Relaxed) + cost > BUDGET {
            return Some(result);
        }
        let _ = self.kept[index as usize].set(result); // another thread's is the same
        None
    }

    /// Decodes what is not kept yet, on all cores; nothing is returned of what is kept now. Where everything is, no other thread
    /// is woken: the cores are for whoever computes.
    fn decode_all(&self, chunk: &[u32]) -> BTreeMap<u32, Result<Box<[u8]>, String>> {
        let missing: Vec<u32> = chunk.iter().copied().filter(|i| self.kept[*i as usize].get().is_none()).collect();
        if missing.is_empty() {
            return BTreeMap::new();
        }
        missing.par_iter().filter_map(|i| self.decode(*i).map(|result| (*i, result))).collect()
    }

    /// Hands the images of `order` from a position on to `take`, in batches of `size`; the last one may be smaller, and is
    /// empty if only unreadable images were left. Stops early when `take` returns false.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn each(
        &self,
        order: &[u32],
        from: usize,
        size: usize,
        mut take: impl FnMut(Batch) -> Result<bool, EncoderError>,
    ) -> Result<(), EncoderError> {
        let (sender, receiver) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || self.produce(order, from, size.max(1), &sender));
            // Dropping the receiver ends the producer.
            for batch in receiver {
                if !take(batch)? {
                    break;
                }
            }
            Ok(())
        })
    }

    fn produce(&self, order: &[u32], from: usize, size: usize, sender: &SyncSender<Batch>) {
        let mut batch = Batch { position: from, ..Batch::default() };
        for chunk in order.get(from..).unwrap_or(&[]).chunks(size.max(TOGETHER)) {
            let decoded = self.decode_all(chunk);
            for index in chunk {
                batch.position += 1;
                match self.kept[*index as usize].get().or_else(|| decoded.get(index)) {
                    Some(Ok(planes)) => {
                        batch.indices.push(*index);
                        batch.pixels.extend_from_slice(planes);
                    }
                    Some(Err(cause)) => batch.unreadable.push((*index, cause.clone())),
                    None => {} // each image is in one of the two
                }
                if batch.indices.len() == size {
                    let next = Batch { position: batch.position, ..Batch::default() };
                    if sender.send(std::mem::replace(&mut batch, next)).is_err() {
                        return;
                    }
                }
            }
        }
        if !batch.indices.is_empty() || !batch.unreadable.is_empty() {
            let _ = sender.send(batch); // nobody listens any more: nothing is lost
        }
    }

    /// A batch as a tensor (B, C, H, W) of 0…1.
    pub fn tensor(&self, batch: &Batch, device: Device) -> Tensor {
        let (n, side) = (batch.pixels.len() / self.stride().max(1), i64::from(self.side));
        let shape = [n as i64, self.channels as i64, side, side];
        Tensor::from_slice(&batch.pixels).view(shape.as_slice()).to_device(device).to_kind(Kind::Float) / 255.0
    }
}
