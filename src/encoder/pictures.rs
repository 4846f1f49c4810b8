//! Pictures for people: images at their places on a canvas, rows of similar images, heat maps.

use image::RgbaImage;
use rayon::prelude::*;
use tch::{Device, Kind};

use super::source::resize;
use super::{Encoder, EncoderError, Features, Source};
use crate::report::{Picture, grid};

/// Frame colours of clusters, told apart by most people (Okabe and Ito 2008, then darker and lighter ones).
const COLOURS: [[u8; 3]; 16] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [213, 94, 0],
    [0, 114, 178],
    [204, 121, 167],
    [184, 170, 30],
    [90, 90, 90],
    [148, 60, 200],
    [150, 90, 40],
    [20, 80, 60],
    [255, 140, 140],
    [120, 200, 80],
    [40, 40, 140],
    [190, 190, 190],
    [140, 0, 50],
];
/// The colours of a heat map from low to high: viridis at nine places, with straight lines between them.
const VIRIDIS: [[f64; 3]; 9] = [
    [68.0, 1.0, 84.0],
    [71.0, 44.0, 122.0],
    [59.0, 81.0, 139.0],
    [44.0, 113.0, 142.0],
    [33.0, 144.0, 141.0],
    [39.0, 173.0, 129.0],
    [92.0, 200.0, 99.0],
    [170.0, 220.0, 50.0],
    [253.0, 231.0, 37.0],
];
/// Pixels of a heat map, across and down, that a small one is enlarged to.
const VISIBLE: usize = 480;

/// A cluster's colour.
pub fn colour(cluster: u32) -> [u8; 3] {
    COLOURS[cluster as usize % COLOURS.len()]
}

/// A white picture that images with alpha are drawn on.
struct Canvas {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Canvas {
        Canvas { width, height, rgb: vec![255; 3 * width as usize * height as usize] }
    }

    /// Lays a pixel over what is there; outside of the canvas it is left out.
    fn dot(&mut self, x: i64, y: i64, colour: [u8; 3], alpha: u8) {
        if x < 0 || y < 0 || x >= i64::from(self.width) || y >= i64::from(self.height) {
            return;
        }
        let at = 3 * (y as usize * self.width as usize + x as usize);
        let a = u32::from(alpha);
        for (old, new) in self.rgb[at..at + 3].iter_mut().zip(colour) {
            *old = ((u32::from(new) * a + u32::from(*old) * (255 - a) + 127) / 255) as u8; // a mean of bytes
        }
    }

    fn picture(&mut self, picture: &RgbaImage, left: i64, top: i64) {
        for (x, y, p) in picture.enumerate_pixels() {
            let [r, g, b, a] = p.0;
            self.dot(left + i64::from(x), top + i64::from(y), [r, g, b], a);
        }
    }

    /// A frame just outside of a square.
    fn frame(&mut self, left: i64, top: i64, side: i64, width: i64, colour: [u8; 3]) {
        for i in -width..side + width {
            for w in 1..=width {
                for (x, y) in [(i, -w), (i, side + w - 1), (-w, i), (side + w - 1, i)] {
                    self.dot(left + x, top + y, colour, 255);
                }
            }
        }
    }

    fn done(self) -> Picture {
        Picture { width: self.width, height: self.height, rgb: self.rgb }
    }
}

/// Images of a source, resized to a square; one that can no longer be read is a grey square.
fn thumbnails(source: &Source, indices: &[u32], side: u32) -> Vec<RgbaImage> {
    let one = |i: &u32| match source.items[*i as usize].picture() {
        Ok(p) if p.dimensions() == (side, side) => p,
        Ok(p) => resize(&p, side, side),
        Err(_) => RgbaImage::from_pixel(side, side, image::Rgba([200, 200, 200, 255])),
    };
    indices.par_iter().map(one).collect()
}

/// The side of a picture on a canvas, such that all together cover at most half of it; 12 pixels at least.
pub fn side_on(canvas: u32, images: usize) -> u32 {
    let side = (0.5 * f64::from(canvas).powi(2) / images.max(1) as f64).sqrt();
    (side as u32).clamp(12, 128).min((canvas / 4).max(1))
}

/// Images at their places on a square canvas, framed in the colour of their cluster. Places are stretched to fill it, less a
/// margin, each direction by itself; y grows downwards as it is drawn.
pub fn canvas(
    source: &Source,
    features: &Features,
    places: &[[f64; 2]],
    clusters: &[u32],
    canvas: u32,
    side: u32,
) -> Picture {
    let frame = if side >= 24 { 2 } else { 1 };
    let margin = f64::from(side) / 4.0 + frame as f64;
    let room = f64::from(canvas) - 2.0 * margin - f64::from(side);
    let stretch = |axis: usize| {
        let (low, high) = places
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p[axis]), high.max(p[axis])));
        move |x: f64| (margin + if high > low { (x - low) / (high - low) * room } else { room / 2.0 }).round() as i64
    };
    let (across, down) = (stretch(0), stretch(1));
    let mut out = Canvas::new(canvas, canvas);
    let pictures = thumbnails(source, &features.indices, side);
    for ((picture, place), cluster) in pictures.iter().zip(places).zip(clusters) {
        let (x, y) = (across(place[0]), down(place[1]));
        out.frame(x, y, i64::from(side), frame, colour(*cluster));
        out.picture(picture, x, y);
    }
    out.done()
}

/// A row an asked image: the image, a gap, and its most similar ones.
pub fn rows_of_similar(
    source: &Source,
    features: &Features,
    asked: &[u32],
    found: &[Vec<(u32, f32)>],
    side: u32,
) -> Picture {
    let (gap, wide) = (8i64, 28i64);
    let cell = i64::from(side) + gap;
    let k = found.iter().map(Vec::len).max().unwrap_or(0) as i64;
    let size = |n: i64| u32::try_from(n).unwrap_or(u32::MAX).min(16_384);
    let width = size(gap + cell + if k > 0 { wide + k * cell } else { 0 });
    let mut out = Canvas::new(width, size(gap + asked.len() as i64 * cell));
    for (row, (own, similar)) in asked.iter().zip(found).enumerate() {
        let images = std::iter::once(own).chain(similar.iter().map(|(j, _)| j));
        let indices: Vec<u32> = images.map(|i| features.indices[*i as usize]).collect();
        let top = gap + row as i64 * cell;
        for (column, picture) in thumbnails(source, &indices, side).iter().enumerate() {
            let left = gap + column as i64 * cell + if column > 0 { wide } else { 0 };
            out.picture(picture, left, top);
            out.frame(left, top, i64::from(side), 1, if column == 0 { [60, 60, 60] } else { [215, 215, 215] });
        }
    }
    out.done()
}

/// All images in rows of equal length, for tensorboard's projector: transparent pixels are white.
pub fn sprites(source: &Source, features: &Features, side: u32) -> Picture {
    let n = features.indices.len();
    let columns = (n as f64).sqrt().ceil().max(1.0) as usize;
    let mut out = Canvas::new(columns as u32 * side, columns as u32 * side);
    for (i, picture) in thumbnails(source, &features.indices, side).iter().enumerate() {
        out.picture(picture, (i % columns) as i64 * i64::from(side), (i / columns) as i64 * i64::from(side));
    }
    out.done()
}

/// Numbers as colours, row by row, from the smallest (dark) to the largest (light); a small picture is enlarged.
pub fn heat(values: &[f32], columns: usize) -> Picture {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let range = f64::from(high) - f64::from(low);
    let colour = |x: &f32| {
        let t = if range > 0.0 { (f64::from(*x) - f64::from(low)) / range } else { 0.0 };
        if !t.is_finite() {
            return [255, 0, 255];
        }
        let at = t.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
        let (i, part) = ((at as usize).min(VIRIDIS.len() - 2), at - (at as usize).min(VIRIDIS.len() - 2) as f64);
        [0, 1, 2].map(|c| (VIRIDIS[i][c] + part * (VIRIDIS[i + 1][c] - VIRIDIS[i][c])).round() as u8)
    };
    let rows = values.len().checked_div(columns).unwrap_or(0);
    let picture = Picture {
        width: columns as u32,
        height: rows as u32,
        rgb: values.iter().take(rows * columns).flat_map(colour).collect(),
    };
    grid(&[picture], 1, 0, (VISIBLE / columns.max(rows).max(1)).max(1) as u32)
}

/// Of each layer, how strongly every position is connected to the one in the middle.
pub fn laterals(encoder: &Encoder) -> Vec<(String, Picture)> {
    let of = |(i, (layer, [h, w])): (usize, (&super::model::Layer, [i64; 2]))| {
        let middle = (h / 2) * w + w / 2;
        let row = layer.lateral.row(middle).to_device(Device::Cpu).to_kind(Kind::Float);
        (format!("lateral/b{i}"), heat(&super::features::list(&row), w as usize))
    };
    encoder.layers.iter().zip(encoder.positions()).enumerate().map(of).collect()
}

/// Checks the sides of a canvas and of the pictures on it.
///
/// # Errors
/// By the flag that is wrong.
pub fn check_canvas(canvas: u32, side: u32) -> Result<(), EncoderError> {
    let wrong = |name, value: u32, rule: String| Err(EncoderError::Setting { name, value: value.to_string(), rule });
    if !(64..=16_384).contains(&canvas) {
        return wrong("--canvas", canvas, "it must be 64 to 16384 pixels".into());
    }
    if side == 0 || side > canvas / 2 {
        return wrong("--picture", side, format!("it must be 1 to half of the canvas of {canvas} pixels"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_lies_over_what_is_there() {
        let mut canvas = Canvas::new(2, 1);
        canvas.dot(0, 0, [0, 0, 0], 128);
        canvas.dot(5, -1, [0, 0, 0], 255);
        assert_eq!(canvas.rgb, [127, 127, 127, 255, 255, 255]);
    }

    #[test]
    fn heat_goes_from_dark_to_light() {
        let p = heat(&[0.0, 1.0, f32::NAN, 0.5], 2);
        assert_eq!((p.width, p.height), (128, 128));
        assert_eq!((&p.rgb[..3], &p.rgb[3 * 127..3 * 128]), (&[68, 1, 84][..], &[253, 231, 37][..]));
        assert_eq!(heat(&[], 0).rgb.len(), 3, "nothing is one pixel");
    }

    #[test]
    fn pictures_cover_half_of_the_canvas() {
        assert_eq!(side_on(2500, 898), 58);
        assert_eq!(side_on(2500, 100_000), 12);
        assert_eq!(side_on(2500, 1), 128);
    }
}
