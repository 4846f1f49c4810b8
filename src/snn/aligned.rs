//! Floats whose first one begins a cache line: a vector of 16 that lies across two lines costs two loads.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line.
const LINE: usize = 64;
/// Floats in one.
const FLOATS: usize = LINE / size_of::<f32>();

/// A slice of floats that begins a cache line.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    data: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// So many zeros.
    pub fn zeros(len: usize) -> Aligned {
        let data = vec![0.0; len + FLOATS - 1];
        // Always found among the first 16; if it were not, it would only be slower.
        let start = data.as_ptr().align_offset(LINE).min(FLOATS - 1);
        Aligned { data, start, len }
    }

    /// Makes it so long. What it then holds is not said.
    pub fn resize(&mut self, len: usize) {
        if self.start + len <= self.data.len() {
            self.len = len;
        } else {
            *self = Aligned::zeros(len);
        }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    #[inline(always)]
    fn deref(&self) -> &[f32] {
        &self.data[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data[self.start..self.start + self.len]
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Aligned {
        // The copy lies elsewhere and begins a line of its own.
        let mut copy = Aligned::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_a_line_and_keeps_its_numbers() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let mut a = Aligned::zeros(len);
            a.iter_mut().enumerate().for_each(|(i, x)| *x = i as f32);
            for b in [&a, &a.clone()] {
                assert_eq!((b.as_ptr() as usize % LINE, b.len()), (0, len));
                assert!(b.iter().enumerate().all(|(i, x)| *x == i as f32));
            }
            for len in [len / 2, len, 3 * len + 5] {
                a.resize(len);
                assert_eq!((a.as_ptr() as usize % LINE, a.len()), (0, len));
            }
        }
    }
}
