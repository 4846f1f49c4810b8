//! Pictures: one engine and one font for all of them. It knows no run and no plan.
//!
//! - [`scene`]: lines, circles, words and pictures, written as pixels or as SVG.
//! - [`chart`]: curves with axes, error bars and a legend; a picture with axes around it, too.
//! - [`tiles`]: small pictures in rows, with a title, names and captions.
//! - [`heat`]: numbers as colours, with the scale that says which.
//! - [`scatter`]: points of a plane, coloured by class.

pub mod chart;
pub mod heat;
pub mod scatter;
pub mod scene;
pub mod tiles;

use std::io::{self, Write as _};
use std::path::Path;

use crate::files::{FileError, write_atomic};

/// A picture: interleaved 8-bit RGB, row by row.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// `width·height·3` bytes.
    pub rgb: Vec<u8>,
}

/// A picture as the bytes of a PNG file.
///
/// # Errors
/// If its size is zero or does not fit its bytes.
pub fn encode_png(picture: &Picture) -> io::Result<Vec<u8>> {
    encode(picture, &[])
}

/// With a byte of alpha for each pixel, or with none at all.
fn encode(picture: &Picture, alpha: &[u8]) -> io::Result<Vec<u8>> {
    let Picture { width, height, rgb } = picture;
    // The encoder's own check multiplies without looking.
    let pixels = u128::from(*width) * u128::from(*height);
    let fits = pixels * 3 == rgb.len() as u128 && (alpha.is_empty() || pixels == alpha.len() as u128);
    if !fits || pixels == 0 {
        let bytes = rgb.len();
        return Err(io::Error::other(format!("a picture of {width}x{height} pixels cannot be made of {bytes} bytes")));
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, *width, *height);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_color(if alpha.is_empty() { png::ColorType::Rgb } else { png::ColorType::Rgba });
    let with_alpha = || rgb.chunks_exact(3).zip(alpha).flat_map(|(p, a)| [p[0], p[1], p[2], *a]).collect::<Vec<u8>>();
    let mut writer = encoder.write_header()?;
    if alpha.is_empty() { writer.write_image_data(rgb) } else { writer.write_image_data(&with_alpha()) }?;
    writer.finish()?;
    Ok(out)
}

/// Writes a picture as PNG, whole or not at all. Missing folders are made.
///
/// # Errors
/// If its size does not fit its bytes, or the file cannot be written.
pub fn write_png(path: &Path, picture: &Picture) -> Result<(), FileError> {
    let bytes = encode_png(picture).map_err(FileError::write(path))?;
    write_atomic(path, |file| file.write_all(&bytes))
}
