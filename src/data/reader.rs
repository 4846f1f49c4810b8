//! Reading a file, plain or gzipped, with the place of every mistake.
//!
//! Whether a file that may be a gzip is one is told by its first two bytes, not by its name. Offsets count unpacked bytes.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::error::DataError;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A stream of a file's unpacked bytes.
pub(super) struct Reader {
    path: PathBuf,
    inner: Box<dyn Read>,
    offset: u64,
    zipped: bool,
}

impl Reader {
    /// Opens a file that is read as it is.
    pub fn plain(path: &Path) -> Result<Reader, DataError> {
        let file = File::open(path).map_err(|source| DataError::Read { path: path.to_path_buf(), source })?;
        Ok(Reader { path: path.to_path_buf(), inner: Box::new(file), offset: 0, zipped: false })
    }

    /// Opens a file that is unpacked if it is a gzip. Not for formats whose first bytes can be anything.
    pub fn open(path: &Path) -> Result<Reader, DataError> {
        let fail = |source| DataError::Read { path: path.to_path_buf(), source };
        let mut file = File::open(path).map_err(fail)?;
        let mut start = Vec::with_capacity(2);
        (&mut file).take(2).read_to_end(&mut start).map_err(fail)?;
        let zipped = start == GZIP;
        let whole = Cursor::new(start).chain(file);
        let inner: Box<dyn Read> = if zipped { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        Ok(Reader { path: path.to_path_buf(), inner, offset: 0, zipped })
    }

    /// A gzip that is in memory already; `name` stands for its path in messages.
    pub fn gzip_bytes(name: &str, bytes: &'static [u8]) -> Reader {
        Reader { path: PathBuf::from(name), inner: Box::new(MultiGzDecoder::new(bytes)), offset: 0, zipped: true }
    }

    /// Where the next byte is.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// An error at `offset`.
    pub fn error(&self, offset: u64, cause: impl Into<String>) -> DataError {
        DataError::Format { path: self.path.clone(), offset, cause: cause.into() }
    }

    /// Fills `buf` as far as the file goes; returns how much that was.
    pub fn fill(&mut self, buf: &mut [u8]) -> Result<usize, DataError> {
        let mut done = 0;
        while done < buf.len() {
            match self.inner.read(&mut buf[done..]) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.offset += done as u64;
                    return Err(self.failed(e));
                }
            }
        }
        self.offset += done as u64;
        Ok(done)
    }

    /// Exactly `N` bytes, which are `what`.
    pub fn exact<const N: usize>(&mut self, what: &str) -> Result<[u8; N], DataError> {
        let mut buf = [0; N];
        let got = self.fill(&mut buf)?;
        if got < N {
            return Err(self.truncated(what, N as u64, got as u64));
        }
        Ok(buf)
    }

    /// `n` bytes, which are `what`. Memory is taken as the bytes arrive, so that a false header cannot ask for it all.
    pub fn bytes(&mut self, n: u64, what: &str) -> Result<Vec<u8>, DataError> {
        const STEP: u64 = 16 << 20;
        let mut out = Vec::new();
        while (out.len() as u64) < n {
            let have = out.len();
            let step = (n - have as u64).min(STEP) as usize;
            reserve(&mut out, step, &self.path)?;
            out.resize(have + step, 0);
            let got = self.fill(&mut out[have..])?;
            if got < step {
                return Err(self.truncated(what, n, (have + got) as u64));
            }
        }
        Ok(out)
    }

    /// Makes sure that the file ends here; for a gzip this is also where its checksum is compared.
    pub fn end(&mut self) -> Result<(), DataError> {
        let at = self.offset;
        match self.fill(&mut [0; 1])? {
            0 => Ok(()),
            _ => Err(self.error(at, "the file goes on after its last record")),
        }
    }

    fn truncated(&self, what: &str, needed: u64, got: u64) -> DataError {
        self.error(self.offset, format!("truncated: {what} take {needed} bytes, but the file ends after {got} of them"))
    }

    fn failed(&self, source: io::Error) -> DataError {
        match source.kind() {
            io::ErrorKind::UnexpectedEof if self.zipped => {
                self.error(self.offset, "truncated: the gzip data end early")
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if self.zipped => {
                self.error(self.offset, format!("the gzip data are corrupt ({source})"))
            }
            _ => DataError::Read { path: self.path.clone(), source },
        }
    }
}

/// Room for `more` elements, or an error in place of an abort.
pub(super) fn reserve<T>(out: &mut Vec<T>, more: usize, path: &Path) -> Result<(), DataError> {
    out.try_reserve(more).map_err(|_| DataError::Memory {
        path: path.to_path_buf(),
        bytes: (more as u64).saturating_mul(size_of::<T>() as u64),
    })
}
