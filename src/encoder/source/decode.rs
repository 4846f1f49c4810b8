//! Bytes to pixels: files of the known formats, images of a data set, and planes of the encoder's size.

use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Rgba, RgbaImage, imageops};

use crate::data::Images;
use crate::device;

/// Decodes a file by what it holds, whatever its name says.
pub(super) fn file(path: &Path) -> Result<RgbaImage, String> {
    let decode = || -> Result<RgbaImage, String> {
        let reader = ImageReader::open(path).map_err(|e| e.to_string())?;
        let reader = reader.with_guessed_format().map_err(|e| e.to_string())?;
        Ok(reader.decode().map_err(|e| e.to_string())?.to_rgba8())
    };
    // Decoders meet files that nobody foresaw; should one panic, it is that file which is unreadable.
    device::guard("decoding", decode).map_err(|_| "its decoder failed".to_string())?
}

/// An image of a data set, opaque.
pub(super) fn data(images: &Images, index: usize) -> Result<RgbaImage, String> {
    let (pixels, n) = (images.image(index), images.height * images.width);
    let plane = |c: usize| if images.channels >= 3 { &pixels[c * n..(c + 1) * n] } else { &pixels[..n] };
    let [r, g, b] = [plane(0), plane(1), plane(2)];
    let bytes = (0..n).flat_map(|p| [r[p], g[p], b[p], 255]).collect();
    RgbaImage::from_raw(images.width as u32, images.height as u32, bytes).ok_or_else(|| "too large".to_string())
}

/// Planes (channels, side, side) of an image, 8 bits: resized by a triangle filter (bilinear, with antialiasing) whatever its
/// proportions, as torchvision's `Resize((side, side))` does. 4 channels keep alpha; with fewer, the image lies on white.
pub fn planes(picture: &RgbaImage, channels: usize, side: u32) -> Vec<u8> {
    let scaled;
    let picture = if picture.dimensions() == (side, side) {
        picture
    } else {
        scaled = resize(picture, side, side);
        &scaled
    };
    let n = (side * side) as usize;
    let mut out = vec![0; channels * n];
    for (p, pixel) in picture.pixels().enumerate() {
        let values = match channels {
            4 => pixel.0,
            3 => on_white(pixel),
            _ => grey(on_white(pixel)),
        };
        for (c, value) in values.iter().take(channels).enumerate() {
            out[c * n + p] = *value;
        }
    }
    out
}

/// Resizes with colours weighted by alpha, so that what hides under transparent pixels does not bleed out.
pub(crate) fn resize(picture: &RgbaImage, width: u32, height: u32) -> RgbaImage {
    if picture.pixels().all(|p| p.0[3] == 255) {
        return imageops::resize(picture, width, height, FilterType::Triangle);
    }
    let mut weighted = DynamicImage::from(picture.clone()).into_rgba32f();
    for p in weighted.pixels_mut() {
        let alpha = p.0[3];
        p.0[..3].iter_mut().for_each(|x| *x *= alpha);
    }
    let mut small = imageops::resize(&weighted, width, height, FilterType::Triangle);
    for p in small.pixels_mut() {
        let alpha = p.0[3];
        if alpha > 0.0 {
            p.0[..3].iter_mut().for_each(|x| *x = (*x / alpha).min(1.0));
        }
    }
    DynamicImage::from(small).into_rgba8()
}

/// The colour of a pixel over white.
fn on_white(pixel: &Rgba<u8>) -> [u8; 4] {
    let [r, g, b, a] = pixel.0.map(u32::from);
    let over = |x: u32| ((x * a + 255 * (255 - a) + 127) / 255) as u8; // at most 255
    [over(r), over(g), over(b), 255]
}

/// Luma after ITU-R BT.601, the one of PIL's mode L.
fn grey([r, g, b, a]: [u8; 4]) -> [u8; 4] {
    let [red, green, blue] = [r, g, b].map(u32::from);
    let l = ((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16) as u8; // the weights add up to 65536
    [l, l, l, a]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_pixels_lie_on_white_and_keep_alpha_in_four_channels() {
        let mut picture = RgbaImage::from_pixel(2, 2, Rgba([10, 20, 30, 255]));
        picture.put_pixel(0, 0, Rgba([10, 20, 30, 0]));
        assert_eq!(planes(&picture, 3, 2), [255, 10, 10, 10, 255, 20, 20, 20, 255, 30, 30, 30]);
        assert_eq!(planes(&picture, 4, 2)[12..], [0, 255, 255, 255]);
        assert_eq!(planes(&picture, 4, 2)[..4], [10; 4], "colours are kept as they are");
        assert_eq!(planes(&RgbaImage::from_pixel(1, 1, Rgba([255, 0, 0, 255])), 1, 1), [76]);
    }

    #[test]
    fn what_hides_under_transparent_pixels_does_not_bleed() {
        let mut picture = RgbaImage::from_pixel(4, 4, Rgba([0, 255, 0, 0]));
        (0..4).for_each(|y| (0..2).for_each(|x| picture.put_pixel(x, y, Rgba([200, 0, 0, 255]))));
        let small = resize(&picture, 3, 3);
        assert!(small.pixels().all(|p| p.0[1] == 0 || p.0[3] == 0), "{small:?}");
    }
}
