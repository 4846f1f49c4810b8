//! MD5 and SHA-256 of files, the checksums that the data sets' sites publish. It guards against broken transfers, not against malice.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use md5::{Digest, Md5};
use sha2::Sha256;

/// A file's checksum and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summed {
    /// In hexadecimal.
    pub md5: String,
    /// Bytes that were read (unpacked).
    pub bytes: u64,
}

/// The checksum of a file as it is, of the kind that `like` is: SHA-256 with 64 digits, else MD5.
pub fn of_file(path: &Path, like: &str) -> io::Result<String> {
    let mut file = File::open(path)?;
    if like.len() != 64 {
        return Ok(md5_of(file)?.md5);
    }
    let mut sum = Sha256::new();
    io::copy(&mut file, &mut sum)?;
    Ok(hex(&sum.finalize()))
}

/// MD5 of a file's content: unpacked first if its name ends in `.gz`.
pub fn md5_unpacked(path: &Path) -> io::Result<Summed> {
    let file = File::open(path)?;
    match path.extension().is_some_and(|e| e == "gz") {
        true => md5_of(MultiGzDecoder::new(io::BufReader::new(file))),
        false => md5_of(file),
    }
}

fn md5_of(mut from: impl Read) -> io::Result<Summed> {
    let mut sum = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                sum.update(&buffer[..n]);
                bytes += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Summed { md5: hex(&sum.finalize()), bytes })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_of_the_standards_own_example() {
        // RFC 1321, appendix A.5.
        let got = md5_of(&b"message digest"[..]).unwrap();
        assert_eq!((got.md5.as_str(), got.bytes), ("f96b697d7cb7938d525a2f31aaf161d0", 14));
    }
}
