//! A drawing of lines, circles, words and pictures, written as SVG or as pixels.
//!
//! Coordinates are units from the upper left, y down. Pixels are drawn with the share of each that a shape covers; words
//! with the font inside the program (Ubuntu Light), so that a picture looks the same on every machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, PxScaleFont, ScaleFont, point};

use super::{Picture, encode, write_png};
use crate::files::{FileError, write_atomic};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// Black that is easier on the eye.
pub const INK: Colour = [40, 40, 40];
/// Lines that are not data.
pub const FAINT: Colour = [218, 218, 218];
/// Around tiles, so that a white one is seen on the white page.
pub const FRAME: Colour = [170, 170, 170];
/// Pixels a unit of what is drawn as PNG.
pub const DENSITY: u32 = 2;
/// Height of words in units.
pub const TEXT: f64 = 12.0;
/// Height of titles.
pub const TITLE: f64 = 14.0;
/// From one line of a title to the next.
pub const LINE: f64 = 19.0;
/// Series of a chart and classes of a scatter, told apart by most eyes (Okabe and Ito 2008, then Tableau's).
pub const PALETTE: [Colour; 10] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [148, 103, 189],
    [140, 86, 75],
    [127, 127, 127],
    [188, 189, 34],
];

/// Where a word stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// One thing in a drawing.
#[derive(Debug, Clone)]
enum Shape {
    Line { points: Vec<[f64; 2]>, colour: Colour, width: f64, opacity: f64, dashed: bool },
    Area { points: Vec<[f64; 2]>, colour: Colour, opacity: f64 },
    Circle { at: [f64; 2], radius: f64, colour: Colour, opacity: f64 },
    Text { at: [f64; 2], text: String, size: f64, anchor: Anchor, upright: bool },
    Image { at: [f64; 2], size: [f64; 2], picture: Picture, alpha: Vec<u8> },
}

/// A dash of a dashed line and the gap after it, units.
const DASH: [f64; 2] = [6.0, 4.0];
/// Dashes of a line at most: those that follow would lie far outside.
const LARGEST: usize = 10_000;

// The font is a constant; were it broken, pictures would have no words.
static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).ok());

/// The font at a size. ab_glyph's scale is the height of a line; the size of a font is that of its em.
fn font(size: f64) -> Option<PxScaleFont<&'static FontRef<'static>>> {
    let font = FONT.as_ref()?;
    let unit = font.height_unscaled() / font.units_per_em().unwrap_or(1000.0);
    Some(font.as_scaled(PxScale::from(size as f32 * unit)))
}

/// How wide words of this size are.
pub fn text_width(text: &str, size: f64) -> f64 {
    font(size).map_or(0.0, |font| text.chars().map(|c| f64::from(font.h_advance(font.glyph_id(c)))).sum())
}

/// The widest of some words.
pub fn widest<'a>(all: impl IntoIterator<Item = &'a String>, size: f64) -> f64 {
    all.into_iter().map(|text| text_width(text, size)).fold(0.0, f64::max)
}

/// The widest line of words that end at `\n`.
pub fn longest_line(text: &str, size: f64) -> f64 {
    text.split('\n').map(|line| text_width(line, size)).fold(0.0, f64::max)
}

/// Words in lines that are no wider than this; a word that is wider by itself is broken.
pub fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split('\n').filter(|part| !part.is_empty()) {
        let mut line = String::new();
        for word in part.split_whitespace() {
            let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
            if text_width(&longer, size) <= width {
                line = longer;
                continue;
            }
            lines.extend((!line.is_empty()).then(|| std::mem::take(&mut line)));
            for c in word.chars() {
                line.push(c);
                if text_width(&line, size) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.to_string()));
                }
            }
        }
        lines.push(line);
    }
    lines
}

/// A drawing on white.
#[derive(Debug, Clone)]
pub struct Scene {
    width: u32,
    height: u32,
    shapes: Vec<Shape>,
}

impl Scene {
    /// An empty one.
    pub fn new(width: u32, height: u32) -> Scene {
        Scene { width: width.max(1), height: height.max(1), shapes: Vec::new() }
    }

    /// Width and height, pixels.
    pub fn size(&self) -> [u32; 2] {
        [self.width, self.height]
    }

    /// As high as what was drawn needs it.
    pub fn grow(&mut self, height: u32) {
        self.height = self.height.max(height);
    }

    /// A line through points; what is not finite breaks it.
    pub fn line(&mut self, points: &[[f64; 2]], colour: Colour, width: f64, opacity: f64) {
        self.stroke(points, colour, width, opacity, false);
    }

    /// The same, dashed.
    pub fn dashed(&mut self, points: &[[f64; 2]], colour: Colour, width: f64) {
        self.stroke(points, colour, width, 1.0, true);
    }

    fn stroke(&mut self, points: &[[f64; 2]], colour: Colour, width: f64, opacity: f64, dashed: bool) {
        for part in points.split(|p| !p.iter().all(|v| v.is_finite())).filter(|p| !p.is_empty()) {
            self.shapes.push(Shape::Line { points: part.to_vec(), colour, width, opacity, dashed });
        }
    }

    /// A frame just outside of a rectangle (left, top, width, height).
    pub fn frame(&mut self, [x, y, w, h]: [f64; 4], colour: Colour, width: f64) {
        let (a, b, c, d) = (x - width / 2.0, y - width / 2.0, x + w + width / 2.0, y + h + width / 2.0);
        self.line(&[[a, b], [c, b], [c, d], [a, d], [a, b]], colour, width, 1.0);
    }

    /// A filled polygon.
    pub fn area(&mut self, points: &[[f64; 2]], colour: Colour, opacity: f64) {
        if points.iter().flatten().all(|v| v.is_finite()) {
            self.shapes.push(Shape::Area { points: points.to_vec(), colour, opacity });
        }
    }

    /// A filled circle.
    pub fn circle(&mut self, at: [f64; 2], radius: f64, colour: Colour, opacity: f64) {
        if at.iter().all(|v| v.is_finite()) {
            self.shapes.push(Shape::Circle { at, radius, colour, opacity });
        }
    }

    /// Words on a line whose base is at the point.
    pub fn text(&mut self, at: [f64; 2], text: &str, size: f64, anchor: Anchor) {
        self.shapes.push(Shape::Text { at, text: text.to_string(), size, anchor, upright: false });
    }

    /// The same, read from below.
    pub fn upright_text(&mut self, at: [f64; 2], text: &str, size: f64, anchor: Anchor) {
        self.shapes.push(Shape::Text { at, text: text.to_string(), size, anchor, upright: true });
    }

    /// Lines of words around the middle x, the first one's base a line below the top; returns where they end.
    pub fn lines(&mut self, [x, top]: [f64; 2], lines: &[String], size: f64) -> f64 {
        let step = size * LINE / TITLE;
        for (i, line) in lines.iter().enumerate() {
            self.text([x, top + step * (i + 1) as f64 - size * 0.4], line, size, Anchor::Middle);
        }
        top + step * lines.len() as f64
    }

    /// A picture with its upper left corner at the point, stretched to a size without blur.
    pub fn image(&mut self, at: [f64; 2], size: [f64; 2], picture: Picture) {
        self.image_over(at, size, picture, Vec::new());
    }

    /// The same, laid over what is there by a byte of alpha for each pixel; without any it is opaque.
    pub fn image_over(&mut self, at: [f64; 2], size: [f64; 2], picture: Picture, alpha: Vec<u8>) {
        if picture.width > 0 && picture.height > 0 {
            self.shapes.push(Shape::Image { at, size, picture, alpha });
        }
    }

    /// The drawing as SVG.
    pub fn svg(&self) -> String {
        let (w, h) = (self.width, self.height);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"Ubuntu, 'Helvetica Neue', Arial, sans-serif\">\n<rect width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>\n"
        );
        for shape in &self.shapes {
            // A String takes everything: writing to it cannot fail.
            let _ = writeln!(out, "{}", svg_of(shape));
        }
        out.push_str("</svg>\n");
        out
    }

    /// The drawing as pixels, `scale` of them for each unit; what lies outside is left out.
    pub fn picture(&self, scale: u32) -> Picture {
        let mut canvas = Canvas::new(self.width, self.height, scale.clamp(1, 8));
        self.shapes.iter().for_each(|shape| canvas.draw(shape));
        canvas.picture
    }

    /// Writes `PATH.png` and `PATH.svg`; returns both.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, path: &Path) -> Result<[PathBuf; 2], FileError> {
        let named = |end: &str| {
            let mut name = path.file_name().unwrap_or_default().to_os_string();
            name.push(end);
            path.with_file_name(name)
        };
        let (png, svg) = (named(".png"), named(".svg"));
        write_png(&png, &self.picture(DENSITY))?;
        let text = self.svg();
        write_atomic(&svg, |out| std::io::Write::write_all(out, text.as_bytes()))?;
        Ok([png, svg])
    }
}

fn hex(c: Colour) -> String {
    format!("#{:02x}{:02x}{:02x}", c[0], c[1], c[2])
}

fn pairs(points: &[[f64; 2]]) -> String {
    points.iter().map(|p| format!("{:.2},{:.2}", p[0], p[1])).collect::<Vec<_>>().join(" ")
}

fn svg_of(shape: &Shape) -> String {
    match shape {
        Shape::Line { points, colour, width, opacity, dashed } => format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" stroke-opacity=\"{opacity}\" \
             stroke-linejoin=\"round\"{}/>",
            pairs(points),
            hex(*colour),
            if *dashed { format!(" stroke-dasharray=\"{} {}\"", DASH[0], DASH[1]) } else { String::new() }
        ),
        Shape::Area { points, colour, opacity } => {
            format!("<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"{opacity}\"/>", pairs(points), hex(*colour))
        }
        Shape::Circle { at, radius, colour, opacity } => format!(
            "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{radius}\" fill=\"{}\" fill-opacity=\"{opacity}\"/>",
            at[0],
            at[1],
            hex(*colour)
        ),
        Shape::Text { at: [x, y], text, size, anchor, upright } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let turn = if *upright { format!(" transform=\"rotate(-90 {x:.2} {y:.2})\"") } else { String::new() };
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let ink = hex(INK);
            format!(
                "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{ink}\"{turn}>{text}</text>"
            )
        }
        Shape::Image { at: [x, y], size: [w, h], picture, alpha } => {
            let data = encode(picture, alpha).map(|bytes| base64(&bytes)).unwrap_or_default(); // its size is its own
            format!(
                "<image x=\"{x:.2}\" y=\"{y:.2}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>"
            )
        }
    }
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for chunk in bytes.chunks(3) {
        let all = chunk.iter().chain(&[0, 0]).take(3).fold(0u32, |n, b| n << 8 | u32::from(*b));
        for i in 0..4 {
            let letter = LETTERS[(all >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// Pixels under construction.
struct Canvas {
    picture: Picture,
    scale: f64,
}

impl Canvas {
    fn new(width: u32, height: u32, scale: u32) -> Canvas {
        let (width, height) = (width * scale, height * scale);
        let rgb = vec![255; width as usize * height as usize * 3];
        Canvas { picture: Picture { width, height, rgb }, scale: f64::from(scale) }
    }

    /// Mixes a colour into a pixel.
    fn mix(&mut self, x: i64, y: i64, colour: Colour, share: f64) {
        let (w, h) = (i64::from(self.picture.width), i64::from(self.picture.height));
        if (0..w).contains(&x) && (0..h).contains(&y) && share > 0.0 {
            let at = (y * w + x) as usize * 3;
            for (old, new) in self.picture.rgb[at..at + 3].iter_mut().zip(colour) {
                *old = (f64::from(*old) + (f64::from(new) - f64::from(*old)) * share.min(1.0)).round() as u8;
            }
        }
    }

    /// Visits the pixels of a box, cut to the picture.
    fn pixels(&self, [x0, y0, x1, y1]: [f64; 4]) -> impl Iterator<Item = (i64, i64)> + use<> {
        let clip = |v: f64, most: u32| (v as i64).clamp(0, i64::from(most));
        let (w, h) = (self.picture.width, self.picture.height);
        let (x0, x1) = (clip(x0.floor(), w), clip(x1.ceil(), w));
        (clip(y0.floor(), h)..clip(y1.ceil(), h)).flat_map(move |y| (x0..x1).map(move |x| (x, y)))
    }

    fn draw(&mut self, shape: &Shape) {
        let s = self.scale;
        let scaled = |p: &[[f64; 2]]| p.iter().map(|p| [p[0] * s, p[1] * s]).collect::<Vec<_>>();
        match shape {
            Shape::Line { points, colour, width, opacity, dashed } => {
                for part in if *dashed { dashes(points, *width) } else { vec![points.clone()] } {
                    self.line(&scaled(&part), *colour, width * s, *opacity);
                }
            }
            Shape::Area { points, colour, opacity } => self.area(&scaled(points), *colour, *opacity),
            Shape::Circle { at, radius, colour, opacity } => {
                let ([x, y], r) = ([at[0] * s, at[1] * s], radius * s);
                for (px, py) in self.pixels([x - r - 1.0, y - r - 1.0, x + r + 1.0, y + r + 1.0]) {
                    let distance = (px as f64 + 0.5 - x).hypot(py as f64 + 0.5 - y);
                    self.mix(px, py, *colour, (r + 0.5 - distance).clamp(0.0, 1.0) * opacity);
                }
            }
            Shape::Text { at, text, size, anchor, upright } => {
                self.words([at[0] * s, at[1] * s], text, size * s, *anchor, *upright);
            }
            Shape::Image { at, size, picture, alpha } => {
                let [left, top, w, h] = [at[0] * s, at[1] * s, size[0] * s, size[1] * s];
                let (across, down) = (f64::from(picture.width) / w, f64::from(picture.height) / h);
                for (px, py) in self.pixels([left, top, left + w, top + h]) {
                    let (x, y) = ((px as f64 + 0.5 - left) * across, (py as f64 + 0.5 - top) * down);
                    let inside = x >= 0.0 && y >= 0.0 && x < f64::from(picture.width) && y < f64::from(picture.height);
                    let from = y as usize * picture.width as usize + x as usize;
                    if let Some([r, g, b]) = picture.rgb.get(from * 3..from * 3 + 3).filter(|_| inside) {
                        let share = alpha.get(from).map_or(1.0, |a| f64::from(*a) / 255.0);
                        self.mix(px, py, [*r, *g, *b], share);
                    }
                }
            }
        }
    }

    /// Each pixel by its distance from the line, so that joints are not darker than the rest.
    fn line(&mut self, points: &[[f64; 2]], colour: Colour, width: f64, opacity: f64) {
        let mut cover: std::collections::HashMap<(i64, i64), f64> = std::collections::HashMap::new();
        let r = width / 2.0;
        let ends = |i: usize| (points[i], points[(i + 1).min(points.len() - 1)]);
        for (a, b) in (0..points.len().max(2) - 1).map(ends) {
            let (x0, x1) = (a[0].min(b[0]) - r - 1.0, a[0].max(b[0]) + r + 1.0);
            let (y0, y1) = (a[1].min(b[1]) - r - 1.0, a[1].max(b[1]) + r + 1.0);
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let length = dx * dx + dy * dy;
            for (px, py) in self.pixels([x0, y0, x1, y1]) {
                let (x, y) = (px as f64 + 0.5 - a[0], py as f64 + 0.5 - a[1]);
                let along = if length > 0.0 { ((x * dx + y * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let share = (r + 0.5 - (x - along * dx).hypot(y - along * dy)).clamp(0.0, 1.0);
                if share > 0.0 {
                    let known = cover.entry((px, py)).or_insert(0.0);
                    *known = known.max(share);
                }
            }
        }
        for ((x, y), share) in cover {
            self.mix(x, y, colour, share * opacity);
        }
    }

    /// A polygon, by the even-odd rule at four points of each pixel.
    fn area(&mut self, points: &[[f64; 2]], colour: Colour, opacity: f64) {
        let bound = |i: usize, f: fn(f64, f64) -> f64, start: f64| points.iter().map(|p| p[i]).fold(start, f);
        let inf = f64::INFINITY;
        let frame =
            [bound(0, f64::min, inf), bound(1, f64::min, inf), bound(0, f64::max, -inf), bound(1, f64::max, -inf)];
        let inside = |x: f64, y: f64| {
            let edges = points.iter().zip(points.iter().cycle().skip(1));
            let crossed = edges
                .filter(|(a, b)| (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]);
            crossed.count() % 2 == 1
        };
        for (px, py) in self.pixels(frame) {
            let (x, y) = (px as f64, py as f64);
            let hits =
                [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)].iter().filter(|(a, b)| inside(x + a, y + b));
            let share = hits.count() as f64 / 4.0;
            self.mix(px, py, colour, share * opacity);
        }
    }

    fn words(&mut self, [x, y]: [f64; 2], text: &str, size: f64, anchor: Anchor, upright: bool) {
        let Some(scaled) = font(size) else { return };
        let width = text_width(text, size) as f32;
        let mut along = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        for c in text.chars() {
            let id = scaled.glyph_id(c);
            let glyph = id.with_scale_and_position(scaled.scale(), point(along, 0.0));
            along += scaled.h_advance(id);
            let Some(outline) = scaled.outline_glyph(glyph) else { continue };
            let min = outline.px_bounds().min;
            outline.draw(|gx, gy, share| {
                let (u, v) = (f64::from(min.x) + f64::from(gx), f64::from(min.y) + f64::from(gy));
                let [px, py] = if upright { [x + v, y - u - 1.0] } else { [x + u, y + v] };
                self.mix(px.round() as i64, py.round() as i64, INK, f64::from(share));
            });
        }
    }
}

/// The dashes of a line through points, as lines; their pattern goes on around corners. The round ends of each are a part of it.
fn dashes(points: &[[f64; 2]], width: f64) -> Vec<Vec<[f64; 2]>> {
    let (mut out, mut current) = (Vec::new(), points[..1].to_vec());
    let lengths = [(DASH[0] - width).max(0.5), DASH[1] + width];
    // What is left of a dash, or of a gap.
    let (mut pen, mut left) = (true, DASH[0] - width / 2.0);
    for pair in points.windows(2) {
        let length = (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
        let mut done = 0.0;
        while length - done > left && out.len() < LARGEST {
            done += left;
            let at = [0, 1].map(|k| pair[0][k] + (pair[1][k] - pair[0][k]) * done / length);
            if pen {
                current.push(at);
                out.push(std::mem::take(&mut current));
            } else {
                current = vec![at];
            }
            pen = !pen;
            left = lengths[usize::from(!pen)];
        }
        left -= length - done;
        if pen {
            current.push(pair[1]);
        }
    }
    out.extend(pen.then_some(current));
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_of_the_standards_own_examples() {
        for (text, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(text.as_bytes()), coded);
        }
    }
}
