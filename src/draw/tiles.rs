//! Small pictures in rows: filters, patches, states; with a title, names of rows and columns, and captions.

use super::Picture;
use super::scene::{Anchor, DENSITY, FRAME, Scene, TEXT, TITLE, longest_line, widest, wrap};

/// Around and between the tiles of a bare grid.
const BACKGROUND: [u8; 3] = [40, 40, 40];
/// A number that is none: seen at once.
pub const NOT_A_NUMBER: [u8; 3] = [255, 0, 255];
/// Largest scale and margin of a bare grid: beyond these a picture only costs memory.
const LIMIT: u32 = 64;
/// Height of captions.
const SMALL: f64 = TEXT - 1.0;
/// From one line of a head to the next.
const STEP: f64 = TEXT + 4.0;
/// Between tiles.
const GAP: f64 = 5.0;
/// Around all of them.
const MARGIN: f64 = 10.0;
/// A title is not broken before this width.
const TITLE_WIDTH: f64 = 400.0;

/// Tiles row by row under a title, each in a thin frame.
#[derive(Debug, Clone, Default)]
pub struct Tiles {
    /// Above all; lines end at `\n`.
    pub title: String,
    /// Above each column; lines end at `\n`, and the last one stands next to the tiles.
    pub heads: Vec<String>,
    /// At the left of each row.
    pub names: Vec<String>,
    /// Below each tile.
    pub captions: Vec<String>,
    /// The tiles; one without pixels leaves its place empty.
    pub tiles: Vec<Picture>,
    /// Tiles in a row; 0: about as many as there are rows.
    pub columns: usize,
    /// Units that the longest side of the largest tile has about: its pixels are enlarged by a whole number of pixels.
    pub side: u32,
}

impl Tiles {
    /// Draws them.
    pub fn scene(&self) -> Scene {
        let square = (self.tiles.len() as f64).sqrt().ceil() as usize;
        let columns = if self.columns == 0 { square } else { self.columns }.clamp(1, self.tiles.len().max(1));
        let rows = self.tiles.len().div_ceil(columns);
        let largest = |side: fn(&Picture) -> u32| f64::from(self.tiles.iter().map(side).max().unwrap_or(0).max(1));
        let (width, height) = (largest(|t| t.width), largest(|t| t.height));
        // Whole pixels of the PNG for each of the tile's, so that all are of one size.
        let density = f64::from(DENSITY);
        let scale = (f64::from(self.side) * density / width.max(height)).round().max(1.0) / density;
        let heads: Vec<Vec<String>> = self.heads.iter().map(|h| h.split('\n').map(str::to_string).collect()).collect();
        let (tall, words) = (height * scale, widest(heads.iter().flatten(), TEXT).max(widest(&self.captions, SMALL)));
        // Whole units, so that no tile lies between two pixels.
        let across = ((width * scale).max(words + 6.0) + GAP).ceil();
        let down = (tall + GAP + if self.captions.is_empty() { 0.0 } else { SMALL + 7.0 }).ceil();
        let names = self.names.get(..rows.min(self.names.len())).unwrap_or(&[]);
        let beside = MARGIN + if names.is_empty() { 0.0 } else { (widest(names, TEXT) + 8.0).ceil() };
        let content = beside + across * columns as f64 - GAP + MARGIN;
        let wide = content.max(TITLE_WIDTH.min(longest_line(&self.title, TITLE)) + 2.0 * MARGIN).ceil();
        let title = wrap(&self.title, TITLE, wide - 2.0 * MARGIN);
        let lines = heads.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let above = if lines > 0.0 { lines * STEP + 4.0 } else { 0.0 };
        let mut scene = Scene::new(wide as u32, 1);
        let top = scene.lines([wide / 2.0, MARGIN / 2.0], &title, TITLE).ceil() + MARGIN / 2.0 + above;
        scene.grow((top + down * rows as f64 - GAP + MARGIN).ceil() as u32);
        let left = ((wide - content) / 2.0).floor() + beside;
        let middle = |column: usize| left + across * column as f64 + (across - GAP) / 2.0;
        for (column, head) in heads.iter().take(columns).enumerate() {
            for (line, words) in head.iter().rev().enumerate() {
                scene.text([middle(column), top - 7.0 - STEP * line as f64], words, TEXT, Anchor::Middle);
            }
        }
        for (row, name) in names.iter().enumerate() {
            let base = top + down * row as f64 + tall / 2.0 + 4.0;
            scene.text([left - 8.0, base], name, TEXT, Anchor::End);
        }
        for (i, tile) in self.tiles.iter().enumerate().filter(|(_, t)| t.width > 0 && t.height > 0) {
            let size = [f64::from(tile.width) * scale, f64::from(tile.height) * scale];
            let at = [(middle(i % columns) - width * scale / 2.0).floor(), top + down * (i / columns) as f64];
            scene.frame([at[0], at[1], size[0], size[1]], FRAME, 0.5);
            scene.image(at, size, tile.clone());
            if let Some(caption) = self.captions.get(i) {
                scene.text([middle(i % columns), at[1] + tall + SMALL + 1.0], caption, SMALL, Anchor::Middle);
            }
        }
        scene
    }
}

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

/// Planes `(channels, height, width)`, row by row, as a tile, stretched from the smallest to the largest of what is shown.
///
/// Three channels are red, green and blue; any other number of channels is grey, the mean over them. Equal values are middle
/// grey; one that is not a finite number is magenta; those that are missing count as 0.
pub fn tile(values: &[f32], channels: usize, height: usize, width: usize) -> Picture {
    let pixels = height * width;
    let mut values = values.to_vec();
    values.resize(channels * pixels, 0.0);
    // Planes of what is shown: three colours, or one grey.
    let planes: Vec<f32> = if channels == 3 {
        values
    } else {
        let mean = |p: usize| values.iter().skip(p).step_by(pixels).sum::<f32>() / channels.max(1) as f32;
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
