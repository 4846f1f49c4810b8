//! Pictures: filters as a grid of tiles, and PNG files.

use std::io::Write as _;
use std::path::Path;

use super::{Event, Picture, ReportError, Subscriber};
use crate::files::{RunDir, write_atomic};

/// Around and between the tiles.
const BACKGROUND: [u8; 3] = [40, 40, 40];
/// A weight that is not a number: seen at once.
const NOT_A_NUMBER: [u8; 3] = [255, 0, 255];
/// Side in pixels that the filters of a picture reach at least.
const VISIBLE: usize = 40;
/// Largest scale and margin: beyond these a picture only costs memory.
const LIMIT: u32 = 64;

/// Tiles row by row, `columns` a row, each enlarged `scale` times (nearest neighbour), `margin` pixels around each.
///
/// A cell has the size of the largest tile; a smaller one stands in its upper left. Pixels that a tile lacks are black.
pub fn grid(tiles: &[Picture], columns: usize, margin: u32, scale: u32) -> Picture {
    let columns = columns.clamp(1, tiles.len().max(1));
    let (margin, scale) = (margin.min(LIMIT) as usize, scale.clamp(1, LIMIT) as usize);
    let largest = |side: fn(&Picture) -> u32| tiles.iter().map(side).max().unwrap_or(0) as usize * scale;
    let (cell_width, cell_height) = (largest(|t| t.width), largest(|t| t.height));
    // At least one pixel: an empty picture has no PNG.
    let width = (columns * (cell_width + margin) + margin).max(1);
    let height = (tiles.len().div_ceil(columns) * (cell_height + margin) + margin).max(1);
    let mut rgb = BACKGROUND.repeat(width * height);
    for (i, tile) in tiles.iter().enumerate() {
        let (left, top) = (margin + i % columns * (cell_width + margin), margin + i / columns * (cell_height + margin));
        for y in 0..tile.height as usize * scale {
            for x in 0..tile.width as usize * scale {
                let from = (y / scale * tile.width as usize + x / scale) * 3;
                let to = ((top + y) * width + left + x) * 3;
                let pixel = tile.rgb.get(from..from + 3).unwrap_or(&[0; 3]);
                rgb[to..to + 3].copy_from_slice(pixel);
            }
        }
    }
    Picture { width: width as u32, height: height as u32, rgb }
}

/// The first `max_units` filters of a layer as a near-square grid.
///
/// `weights` is `(units, channels, height, width)`, row by row; units that it is too short for are left out. Each filter
/// is stretched from its own smallest to its own largest weight. Three channels are red, green and blue; any other
/// number of channels is shown as grey, the mean over them. A filter of equal weights is middle grey; a weight
/// that is not a finite number is magenta.
pub fn filters_picture(
    weights: &[f32],
    units: usize,
    channels: usize,
    height: usize,
    width: usize,
    max_units: usize,
) -> Picture {
    let size = channels.saturating_mul(height).saturating_mul(width);
    if size == 0 {
        return grid(&[], 1, 1, 1);
    }
    let filters = weights.chunks_exact(size).take(units.min(max_units));
    let tiles: Vec<Picture> = filters.map(|filter| tile(filter, channels, height, width)).collect();
    let columns = (tiles.len() as f64).sqrt().ceil() as usize;
    let scale = VISIBLE.div_ceil(height.max(width)).min(16) as u32;
    grid(&tiles, columns, 2, scale)
}

/// One filter, `(channels, height, width)`, as a tile of the same size.
fn tile(filter: &[f32], channels: usize, height: usize, width: usize) -> Picture {
    let pixels = height * width;
    // Planes of what is shown: three colours, or one grey.
    let planes: Vec<f32> = if channels == 3 {
        filter.to_vec()
    } else {
        let mean = |p: usize| filter.iter().skip(p).step_by(pixels).sum::<f32>() / channels as f32;
        (0..pixels).map(mean).collect()
    };
    let finite = || planes.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    // As f64: the difference of two floats of opposite sign may be larger than any float.
    let range = f64::from(high) - f64::from(low);
    let level =
        |x: f32| if range > 0.0 { ((f64::from(x) - f64::from(low)) / range * 255.0).round() as u8 } else { 128 };
    let mut rgb = Vec::with_capacity(pixels * 3);
    for p in 0..pixels {
        let at = |colour: usize| if channels == 3 { planes[colour * pixels + p] } else { planes[p] };
        let pixel = [at(0), at(1), at(2)];
        rgb.extend(if pixel.iter().all(|x| x.is_finite()) { pixel.map(level) } else { NOT_A_NUMBER });
    }
    Picture { width: width as u32, height: height as u32, rgb }
}

/// A picture as the bytes of a PNG file.
///
/// # Errors
/// If its size is zero or does not fit its bytes.
pub fn encode_png(picture: &Picture) -> Result<Vec<u8>, ReportError> {
    let fail = |cause: String| ReportError::Picture {
        width: picture.width,
        height: picture.height,
        bytes: picture.rgb.len(),
        cause,
    };
    // The encoder's own check multiplies without looking.
    let needed = u128::from(picture.width) * u128::from(picture.height) * 3;
    if needed != picture.rgb.len() as u128 {
        return Err(fail(format!("its size needs {needed}")));
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&picture.rgb)?;
        writer.finish()
    });
    written.map_err(|e| fail(e.to_string()))?;
    Ok(out)
}

/// Writes a picture as PNG, whole or not at all. Missing folders are made.
///
/// # Errors
/// If the picture is none, or the file cannot be written.
pub fn write_png(path: &Path, picture: &Picture) -> Result<(), ReportError> {
    let bytes = encode_png(picture)?;
    write_atomic(path, |file| file.write_all(&bytes))?;
    Ok(())
}

/// Writes every picture of a run as PNG into its folder; a later one of the same tag replaces it.
#[derive(Debug)]
pub struct PictureFiles {
    dir: RunDir,
}

impl PictureFiles {
    /// Into the folder of this run.
    pub fn new(dir: &RunDir) -> PictureFiles {
        PictureFiles { dir: dir.clone() }
    }
}

impl Subscriber for PictureFiles {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::Image { tag, picture, .. } => write_png(&self.dir.picture(tag), picture),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(width: u32, height: u32, rgb: [u8; 3]) -> Picture {
        Picture { width, height, rgb: rgb.repeat((width * height) as usize) }
    }

    fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 3] {
        let at = ((y * picture.width + x) * 3) as usize;
        picture.rgb[at..at + 3].try_into().unwrap()
    }

    #[test]
    fn tiles_stand_where_they_should() {
        let (red, green, blue) = ([255, 0, 0], [0, 255, 0], [0, 0, 255]);
        let g = grid(&[plain(2, 1, red), plain(1, 2, green), plain(2, 2, blue)], 2, 1, 3);
        // Two cells of 6 pixels and three margins, each way.
        assert_eq!((g.width, g.height, g.rgb.len()), (15, 15, 15 * 15 * 3));
        for (x, y, colour) in [
            (0, 0, BACKGROUND),
            (1, 1, red),
            (6, 3, red),
            (7, 3, BACKGROUND),
            (6, 4, BACKGROUND),
            (8, 6, green),
            (11, 6, BACKGROUND),
            (1, 8, blue),
            (6, 13, blue),
            (8, 8, BACKGROUND),
        ] {
            assert_eq!(pixel(&g, x, y), colour, "{x}, {y}");
        }
    }

    #[test]
    fn each_filter_is_stretched_alone() {
        // One channel, two filters of 1 x 2, sizes that differ a thousand times.
        let p = filters_picture(&[-1.0, 1.0, 500.0, 1000.0], 2, 1, 1, 2, 10);
        assert_eq!((p.width, p.height), (2 * 34 + 2, 16 + 4), "two tiles of 2 x 1 pixels enlarged 16 times");
        let across: Vec<_> = [2, 33, 36, 67].map(|x| pixel(&p, x.min(p.width - 1), 5)[0]).into();
        assert_eq!(across, [0, 255, 0, 255]);
    }

    #[test]
    fn channels_are_colours_or_a_mean() {
        let rgb = tile(&[0.0, 1.0, 0.5], 3, 1, 1);
        assert_eq!(rgb.rgb, [0, 255, 128]);
        let two = tile(&[0.0, 2.0, 2.0, 4.0], 2, 1, 2);
        assert_eq!(two.rgb, [0, 0, 0, 255, 255, 255], "means 1 and 3");
        assert_eq!(tile(&[7.0, 7.0], 1, 1, 2).rgb, [128; 6]);
        assert_eq!(tile(&[f32::NAN, 0.0, 1.0], 1, 1, 3).rgb, [255, 0, 255, 0, 0, 0, 255, 255, 255]);
        assert_eq!(tile(&[f32::MIN, f32::MAX], 1, 1, 2).rgb, [0, 0, 0, 255, 255, 255]);
    }

    #[test]
    fn a_png_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        let picture = filters_picture(&[0.0, 1.0, 2.0, 3.0], 1, 1, 2, 2, 1);
        let event = Event::Image { tag: "filters/b0".into(), global_step: 1, picture: picture.clone() };
        PictureFiles::new(&dir).on(&event).unwrap();
        let file = std::io::BufReader::new(std::fs::File::open(dir.picture("filters/b0")).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.width, info.height, rgb), (picture.width, picture.height, picture.rgb));
    }

    #[test]
    fn a_picture_that_is_none_is_an_error() {
        for (width, height, bytes) in [(0, 0, 0), (2, 2, 11), (2, 2, 13), (u32::MAX, u32::MAX, 3)] {
            let error = encode_png(&Picture { width, height, rgb: vec![0; bytes] }).unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot encode a picture of {width}x{height} pixels")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_weights_have_a_picture(
            weights in proptest::collection::vec(proptest::num::f32::ANY, 0..200),
            units in 0usize..9, channels in 0usize..5, height in 0usize..6, width in 0usize..6, max in 0usize..9,
        ) {
            let p = filters_picture(&weights, units, channels, height, width, max);
            prop_assert!(p.width > 0 && p.height > 0);
            prop_assert_eq!(p.rgb.len(), (p.width * p.height * 3) as usize);
            prop_assert!(encode_png(&p).is_ok());
        }

        #[test]
        fn any_tiles_have_a_grid(
            sizes in proptest::collection::vec((0u32..4, 0u32..4, 0usize..60), 0..6),
            columns in 0usize..8, margin in 0u32..4, scale in 0u32..4,
        ) {
            let tiles: Vec<_> =
                sizes.iter().map(|&(width, height, n)| Picture { width, height, rgb: vec![9; n] }).collect();
            let p = grid(&tiles, columns, margin, scale);
            prop_assert_eq!(p.rgb.len(), (p.width * p.height * 3) as usize);
        }
    }
}
