//! A canvas: lines, rectangles, pictures and words, as pixels.
//!
//! Lines and rectangles are drawn three times as large and averaged, so that slanted ones are smooth; words and pictures are placed
//! on the result. Words are those of Noto Sans Mono, 16 pixels high; a character that it lacks here (beyond ASCII) is `?`.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::Picture;

/// A colour: red, green, blue.
pub type Colour = [u8; 3];
/// Words and axes.
pub const INK: Colour = [50, 50, 50];
/// Lines that only help to read others.
pub const PALE: Colour = [225, 225, 225];
/// Colours that people with any eyes tell apart (Okabe and Ito's), the first one for what matters most.
pub const COLOURS: [Colour; 7] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [0, 0, 0]];

/// How many dots a pixel has, each way.
const FINE: usize = 3;
/// Height of a word.
pub const TEXT: usize = 16;
/// Largest side of a canvas.
const LARGEST: usize = 8192;

/// Where a word is put relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// To the right of it.
    Left,
    /// Around it.
    Centre,
    /// To the left of it.
    Right,
}

/// A white sheet.
#[derive(Debug, Clone)]
pub struct Canvas {
    width: usize,
    height: usize,
    dots: Vec<u8>,
    over: Vec<Over>,
}

/// What is placed on the averaged picture.
#[derive(Debug, Clone)]
enum Over {
    Word { x: i64, y: i64, text: String, colour: Colour, upright: bool },
    Picture { x: usize, y: usize, picture: Picture, scale: usize },
}

impl Canvas {
    /// A sheet of so many pixels.
    pub fn new(width: usize, height: usize) -> Canvas {
        let (width, height) = (width.clamp(1, LARGEST), height.clamp(1, LARGEST));
        Canvas { width, height, dots: vec![255; width * height * 3 * FINE * FINE], over: Vec::new() }
    }

    /// Pixels across and down.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// How wide a word is.
    pub fn word_width(text: &str) -> usize {
        text.chars().count() * get_raster_width(FontWeight::Regular, RasterHeight::Size16)
    }

    /// A word whose middle is at the height y.
    pub fn word(&mut self, x: f64, y: f64, text: &str, colour: Colour, anchor: Anchor) {
        let width = Canvas::word_width(text) as f64;
        let left = match anchor {
            Anchor::Left => x,
            Anchor::Centre => x - width / 2.0,
            Anchor::Right => x - width,
        };
        let (x, y) = (left.round() as i64, (y - TEXT as f64 / 2.0).round() as i64);
        self.over.push(Over::Word { x, y, text: text.to_string(), colour, upright: false });
    }

    /// A word that reads from below, its middle at this point.
    pub fn word_upright(&mut self, x: f64, y: f64, text: &str, colour: Colour) {
        let (x, y) = (x - TEXT as f64 / 2.0, y + Canvas::word_width(text) as f64 / 2.0);
        let (x, y) = (x.round() as i64, y.round() as i64);
        self.over.push(Over::Word { x, y, text: text.to_string(), colour, upright: true });
    }

    /// A picture with its upper left corner here, each pixel enlarged.
    pub fn picture(&mut self, x: usize, y: usize, picture: &Picture, scale: usize) {
        self.over.push(Over::Picture { x, y, picture: picture.clone(), scale: scale.max(1) });
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, x: f64, y: f64, width: f64, height: f64, colour: Colour) {
        let fine = |v: f64, limit: usize| ((v * FINE as f64).round().max(0.0) as usize).min(limit * FINE);
        let (left, right) = (fine(x, self.width), fine(x + width, self.width));
        for row in fine(y, self.height)..fine(y + height, self.height) {
            let start = row * self.width * FINE;
            for dot in self.dots[(start + left) * 3..(start + right.max(left)) * 3].chunks_exact_mut(3) {
                dot.copy_from_slice(&colour);
            }
        }
    }

    /// A straight line, `thick` pixels wide; dashed ones are drawn half of their way.
    pub fn line(&mut self, from: [f64; 2], to: [f64; 2], thick: f64, colour: Colour, dashed: bool) {
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        if !length.is_finite() {
            return;
        }
        let steps = ((length * FINE as f64).ceil() as usize).clamp(1, 4 * LARGEST * FINE);
        for i in 0..=steps {
            let t = i as f64 / steps as f64;
            if dashed && (t * length / 6.0) as usize % 2 == 1 {
                continue;
            }
            let at = |k: usize| from[k] + (to[k] - from[k]) * t;
            self.disc([at(0), at(1)], thick / 2.0, colour);
        }
    }

    /// A filled circle.
    pub fn disc(&mut self, centre: [f64; 2], radius: f64, colour: Colour) {
        let fine = FINE as f64;
        let (cx, cy, r) = (centre[0] * fine, centre[1] * fine, (radius * fine).max(0.5));
        if !(cx.is_finite() && cy.is_finite()) {
            return;
        }
        let (width, height) = ((self.width * FINE) as i64, (self.height * FINE) as i64);
        for y in ((cy - r).floor() as i64).max(0)..=((cy + r).ceil() as i64).min(height - 1) {
            for x in ((cx - r).floor() as i64).max(0)..=((cx + r).ceil() as i64).min(width - 1) {
                if (x as f64 + 0.5 - cx).hypot(y as f64 + 0.5 - cy) <= r {
                    let at = (y * width + x) as usize * 3;
                    self.dots[at..at + 3].copy_from_slice(&colour);
                }
            }
        }
    }

    /// The picture.
    pub fn finish(self) -> Picture {
        let mut rgb = vec![0; self.width * self.height * 3];
        for y in 0..self.height {
            for x in 0..self.width {
                for k in 0..3 {
                    let dot = |i: usize| {
                        let row = y * FINE + i / FINE;
                        usize::from(self.dots[(row * self.width * FINE + x * FINE + i % FINE) * 3 + k])
                    };
                    rgb[(y * self.width + x) * 3 + k] =
                        ((0..FINE * FINE).map(dot).sum::<usize>() / (FINE * FINE)) as u8;
                }
            }
        }
        let mut sheet = Sheet { width: self.width as i64, height: self.height as i64, rgb };
        for over in &self.over {
            sheet.place(over);
        }
        Picture { width: self.width as u32, height: self.height as u32, rgb: sheet.rgb }
    }
}

/// The averaged picture.
struct Sheet {
    width: i64,
    height: i64,
    rgb: Vec<u8>,
}

impl Sheet {
    /// Mixes a colour into a pixel; outside of the sheet nothing happens.
    fn mix(&mut self, x: i64, y: i64, colour: Colour, share: u8) {
        if x < 0 || y < 0 || x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) as usize * 3;
        for (old, new) in self.rgb[at..at + 3].iter_mut().zip(colour) {
            let (a, share) = (u32::from(*old), u32::from(share));
            *old = ((a * (255 - share) + u32::from(new) * share) / 255) as u8;
        }
    }

    fn place(&mut self, over: &Over) {
        match over {
            Over::Word { x, y, text, colour, upright } => {
                let mut advance = 0;
                for c in text.chars() {
                    let raster = |c| get_raster(c, FontWeight::Regular, RasterHeight::Size16);
                    let Some(glyph) = raster(c).or_else(|| raster('?')) else { continue };
                    for (dy, row) in glyph.rows().enumerate() {
                        for (dx, &share) in row.iter().enumerate() {
                            let (along, across) = (advance + dx as i64, dy as i64);
                            let (px, py) = if *upright { (x + across, y - along) } else { (x + along, y + across) };
                            self.mix(px, py, *colour, share);
                        }
                    }
                    advance += glyph.width() as i64;
                }
            }
            Over::Picture { x, y, picture, scale } => {
                let (width, height) = (picture.width as usize, picture.height as usize);
                for py in 0..height * scale {
                    for px in 0..width * scale {
                        let from = (py / scale * width + px / scale) * 3;
                        if let Some(&[r, g, b]) = picture.rgb.get(from..from + 3) {
                            self.mix((x + px) as i64, (y + py) as i64, [r, g, b], 255);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(p: &Picture, x: usize, y: usize) -> &[u8] {
        &p.rgb[(y * p.width as usize + x) * 3..][..3]
    }

    #[test]
    fn rectangles_pictures_and_words_stand_where_they_should() {
        let mut canvas = Canvas::new(60, 40);
        canvas.rectangle(10.0, 5.0, 20.0, 10.0, [255, 0, 0]);
        canvas.picture(40, 20, &Picture { width: 1, height: 1, rgb: vec![0, 0, 255] }, 3);
        canvas.word(2.0, 30.0, "I", [0, 0, 0], Anchor::Left);
        let p = canvas.finish();
        for (x, y, colour) in [
            (9, 10, [255, 255, 255]),
            (10, 5, [255, 0, 0]),
            (29, 14, [255, 0, 0]),
            (30, 14, [255, 255, 255]),
            (42, 22, [0, 0, 255]),
            (43, 22, [255, 255, 255]),
        ] {
            assert_eq!(pixel(&p, x, y), colour, "{x}, {y}");
        }
        let dark = (2..12).flat_map(|x| (22..38).map(move |y| (x, y))).filter(|(x, y)| pixel(&p, *x, *y)[0] < 128);
        assert!(dark.count() > 8, "a word has ink");
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let mut canvas = Canvas::new(10, 10);
        canvas.line([-5.0, -5.0], [50.0, 60.0], 3.0, INK, false);
        canvas.line([f64::NAN, 0.0], [1.0, 1.0], 3.0, INK, true);
        canvas.disc([1e12, -1e12], 4.0, INK);
        canvas.rectangle(-3.0, 8.0, 100.0, 100.0, PALE);
        canvas.word(-20.0, 9.0, "long word \u{3b1}", INK, Anchor::Centre);
        canvas.word_upright(9.0, 0.0, "up", INK);
        assert_eq!(canvas.finish().rgb.len(), 300);
    }
}
