//! NumPy's file format, version 1.0: matrices of 32-bit floats, written row by row and read in place.
//!
//! Source: numpy/lib/format.py's description: magic, version, length of the header, a Python literal, then the numbers.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use memmap2::Mmap;

use super::{FileError, write_atomic};

/// Bytes before the numbers; a multiple of 64, as NumPy aligns them.
const HEADER: usize = 128;

fn header(rows: usize, columns: usize) -> Vec<u8> {
    let dict = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend(((HEADER - 10) as u16).to_le_bytes());
    out.extend(dict.as_bytes());
    out.resize(HEADER - 1, b' ');
    out.push(b'\n');
    out
}

/// Takes the rows of a file that is being written.
pub struct Rows<'a> {
    out: &'a mut BufWriter<File>,
    columns: usize,
    rows: usize,
}

impl Rows<'_> {
    /// Adds whole rows.
    ///
    /// # Errors
    /// When writing fails, or the numbers are no whole rows.
    pub fn push(&mut self, values: &[f32]) -> io::Result<()> {
        if self.columns == 0 || !values.len().is_multiple_of(self.columns) {
            let (n, columns) = (values.len(), self.columns);
            return Err(io::Error::other(format!("{n} numbers are no rows of {columns}")));
        }
        self.rows += values.len() / self.columns;
        values.iter().try_for_each(|x| self.out.write_all(&x.to_le_bytes()))
    }
}

/// Writes a matrix whole or not at all; `fill` pushes its rows, however many. Returns how many.
///
/// # Errors
/// When the file cannot be written or `fill` fails.
pub fn write<E: From<FileError>>(
    path: &Path,
    columns: usize,
    fill: impl FnOnce(&mut Rows) -> Result<(), E>,
) -> Result<usize, E> {
    let (mut count, mut failed) = (0, None);
    let written = write_atomic(path, |out| {
        out.write_all(&header(0, columns))?;
        let mut rows = Rows { out, columns, rows: 0 };
        if let Err(error) = fill(&mut rows) {
            failed = Some(error);
            return Err(io::Error::other("what it was to hold could not be computed"));
        }
        count = rows.rows;
        out.seek(SeekFrom::Start(0))?;
        out.write_all(&header(count, columns))
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(written.map(|()| count)?),
    }
}

/// A matrix that [`write()`] wrote, mapped into memory.
#[derive(Debug)]
pub struct Matrix {
    map: Mmap,
    rows: usize,
    columns: usize,
}

impl Matrix {
    /// Opens a matrix of this shape.
    ///
    /// # Errors
    /// When the file cannot be read or has another size.
    pub fn open(path: &Path, rows: usize, columns: usize) -> Result<Matrix, FileError> {
        let file = File::open(path).map_err(FileError::read(path))?;
        // SAFETY: files are replaced by renaming and never changed in place, so what is mapped stays as it is.
        let map = unsafe { Mmap::map(&file) }.map_err(FileError::read(path))?;
        let wanted = HEADER as u128 + 4 * rows as u128 * columns as u128;
        if map.len() as u128 != wanted || map[..HEADER] != header(rows, columns) {
            let cause = format!("it is not a matrix of {rows} rows and {columns} columns as this program writes them");
            return Err(FileError::read(path)(io::Error::new(io::ErrorKind::InvalidData, cause)));
        }
        Ok(Matrix { map, rows, columns })
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Rows `from..to` as one list.
    pub fn block(&self, from: usize, to: usize) -> Vec<f32> {
        let (from, to) = (from.min(self.rows), to.min(self.rows));
        let bytes = &self.map[HEADER + 4 * from * self.columns..HEADER + 4 * to.max(from) * self.columns];
        bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }
}
