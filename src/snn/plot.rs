//! A canvas with a time axis, for rasters and traces: rectangles, lines and numbers, no more.

use crate::report::Picture;

pub(super) const BLACK: [u8; 3] = [0, 0, 0];
pub(super) const RED: [u8; 3] = [210, 40, 40];
const GRID: [u8; 3] = [228, 228, 228];
const INK: [u8; 3] = [90, 90, 90];

/// Digits of 3×5 pixels, row by row from the top, the left pixel the highest bit.
const DIGITS: [u16; 10] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_010_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
];
/// Pixels that a pixel of a digit takes, each way.
const DOT: usize = 2;
/// Room for numbers: left of the plot and below it.
const LEFT: usize = 44;
const BELOW: usize = 18;
const MARGIN: usize = 6;
/// Right of the plot, for the last number of the time axis.
const RIGHT: usize = 24;

/// A white plot with room for numbers at its left and below.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    plot: [usize; 2],
    rgb: Vec<u8>,
}

impl Canvas {
    /// A plot of `width`×`height` pixels whose time axis has `steps` steps of `across` pixels.
    pub fn new(width: usize, height: usize, steps: usize, across: usize) -> Canvas {
        let (all_width, all_height) = (LEFT + width + RIGHT, MARGIN + height + BELOW);
        let mut canvas = Canvas {
            width: all_width,
            height: all_height,
            plot: [width, height],
            rgb: vec![255; all_width * all_height * 3],
        };
        for t in (0..=steps).step_by(5) {
            canvas.rectangle(t * across, 0, 1, height, GRID);
            canvas.number(t, LEFT + t * across, MARGIN + height + 4, false);
        }
        canvas.rectangle(0, 0, 1, height, INK);
        canvas.rectangle(0, height, width, 1, INK);
        canvas
    }

    /// A number at the left, at this height of the plot.
    pub fn row_label(&mut self, y: usize, number: usize) {
        self.number(number, LEFT - 6, MARGIN + y, true);
    }

    /// A filled rectangle in the plot.
    pub fn rectangle(&mut self, left: usize, top: usize, width: usize, height: usize, colour: [u8; 3]) {
        for y in top..top + height {
            for x in left..(left + width).min(self.plot[0] + 1) {
                self.dot(LEFT + x, MARGIN + y, colour);
            }
        }
    }

    /// A line in the plot, [x, y] to [x, y].
    pub fn line(&mut self, from: [usize; 2], to: [usize; 2], colour: [u8; 3]) {
        let steps = from[0].abs_diff(to[0]).max(from[1].abs_diff(to[1])).max(1);
        let between = |a: usize, b: usize, i: usize| (a * (steps - i) + b * i) / steps;
        for i in 0..=steps {
            self.dot(LEFT + between(from[0], to[0], i), MARGIN + between(from[1], to[1], i), colour);
        }
    }

    /// The picture.
    pub fn picture(self) -> Picture {
        Picture { width: self.width as u32, height: self.height as u32, rgb: self.rgb }
    }

    /// A number with its upper left corner at x, or its upper right one.
    fn number(&mut self, number: usize, x: usize, y: usize, right: bool) {
        let digits: Vec<usize> =
            number.to_string().bytes().filter_map(|b| usize::from(b).checked_sub(usize::from(b'0'))).collect();
        let start = if right { x.saturating_sub(digits.len() * 4 * DOT) } else { x };
        for (i, &digit) in digits.iter().enumerate() {
            for bit in (0..15).filter(|bit| DIGITS[digit] >> (14 - bit) & 1 == 1) {
                let (left, top) = (start + (i * 4 + bit % 3) * DOT, y + bit / 3 * DOT);
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    self.dot(left + dx, top + dy, INK);
                }
            }
        }
    }

    /// A pixel; outside of the picture it is left out.
    fn dot(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 3;
            self.rgb[at..at + 3].copy_from_slice(&colour);
        }
    }
}
