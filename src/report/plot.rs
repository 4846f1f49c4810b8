//! Curves with axes, numbers and a legend.

use super::Picture;
use super::canvas::{Anchor, COLOURS, Canvas, Colour, INK, PALE, TEXT};
use super::format::number;

/// A curve.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Its name in the legend; an empty one has no line there.
    pub name: String,
    /// [x, y], in the order in which they are joined.
    pub points: Vec<[f64; 2]>,
    /// ± of y at each point, drawn as bars; empty: none.
    pub spread: Vec<f64>,
    /// Which of the colours; absent: the next one.
    pub colour: Option<usize>,
    /// Whether points are marked.
    pub marks: bool,
    /// Whether the line is dashed.
    pub dashed: bool,
}

/// A plot.
#[derive(Debug, Clone, Default)]
pub struct Plot {
    /// Above it.
    pub title: String,
    /// Below the x axis.
    pub x_label: String,
    /// Beside the y axis.
    pub y_label: String,
    /// The curves.
    pub series: Vec<Series>,
    /// Dashed vertical lines: x and words.
    pub vertical: Vec<(f64, String)>,
    /// Whether x counts something: numbers stand at whole places only.
    pub whole_x: bool,
    /// Range of x; absent: that of the points.
    pub x: Option<[f64; 2]>,
    /// Range of y; absent: that of the points, and a little more.
    pub y: Option<[f64; 2]>,
}

/// The plot's own area and margins, pixels.
const AREA: [f64; 2] = [640.0, 400.0];
const LEFT: f64 = 90.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 62.0;
const RIGHT: f64 = 24.0;

impl Plot {
    /// Draws it; points that are not finite are left out.
    pub fn draw(&self) -> Picture {
        let legend = self.series.iter().map(|s| Canvas::word_width(&s.name)).max().unwrap_or(0);
        let legend = if legend > 0 { legend as f64 + 44.0 } else { 0.0 };
        let mut canvas = Canvas::new((LEFT + AREA[0] + RIGHT + legend) as usize, (TOP + AREA[1] + BOTTOM) as usize);
        let (x, y) = (self.axis(self.x, 0), self.axis(self.y, 1));
        let at = |p: [f64; 2]| {
            [LEFT + (p[0] - x.low) / x.range() * AREA[0], TOP + AREA[1] - (p[1] - y.low) / y.range() * AREA[1]]
        };
        self.axes(&mut canvas, &x, &y, &at);
        for (x, words) in &self.vertical {
            let [px, _] = at([*x, y.low]);
            canvas.line([px, TOP], [px, TOP + AREA[1]], 1.2, INK, true);
            // Beside the line where there is room.
            let right = px + 8.0 + Canvas::word_width(words) as f64 <= LEFT + AREA[0];
            let (px, anchor) = if right { (px + 6.0, Anchor::Left) } else { (px - 6.0, Anchor::Right) };
            canvas.word(px, TOP + 12.0, words, INK, anchor);
        }
        let mut row = 0.0;
        for (i, series) in self.series.iter().enumerate() {
            let colour = COLOURS[series.colour.unwrap_or(i) % COLOURS.len()];
            curve(&mut canvas, series, colour, &at);
            if !series.name.is_empty() {
                let (left, y) = (LEFT + AREA[0] + 16.0, TOP + 12.0 + row * (TEXT as f64 + 6.0));
                canvas.line([left, y], [left + 22.0, y], 2.0, colour, series.dashed);
                canvas.word(left + 30.0, y, &series.name, INK, Anchor::Left);
                row += 1.0;
            }
        }
        canvas.finish()
    }

    fn axis(&self, wanted: Option<[f64; 2]>, k: usize) -> Axis {
        let values = || self.series.iter().flat_map(|s| s.points.iter().map(|p| p[k])).filter(|v| v.is_finite());
        let [low, high] =
            wanted.unwrap_or([values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)]);
        match (low.is_finite() && high.is_finite(), high > low) {
            (true, true) if k == 1 && wanted.is_none() => {
                let more = (high - low) * 0.04;
                Axis { low: low - more, high: high + more }
            }
            (true, true) => Axis { low, high },
            (true, false) => Axis { low: low - 0.5, high: low + 0.5 },
            _ => Axis { low: 0.0, high: 1.0 },
        }
    }

    fn axes(&self, canvas: &mut Canvas, x: &Axis, y: &Axis, at: &dyn Fn([f64; 2]) -> [f64; 2]) {
        for tick in x.ticks().into_iter().filter(|tick| !self.whole_x || tick.fract() == 0.0) {
            let [px, bottom] = at([tick, y.low]);
            canvas.line([px, TOP], [px, bottom], 1.0, PALE, false);
            canvas.word(px, bottom + 14.0, &number(tick), INK, Anchor::Centre);
        }
        for tick in y.ticks() {
            let [left, py] = at([x.low, tick]);
            canvas.line([left, py], [left + AREA[0], py], 1.0, PALE, false);
            canvas.word(left - 8.0, py, &number(tick), INK, Anchor::Right);
        }
        let corner = [LEFT, TOP + AREA[1]];
        canvas.line([LEFT, TOP], corner, 1.2, INK, false);
        canvas.line(corner, [LEFT + AREA[0], TOP + AREA[1]], 1.2, INK, false);
        canvas.word(LEFT + AREA[0] / 2.0, TOP / 2.0, &self.title, INK, Anchor::Centre);
        canvas.word(LEFT + AREA[0] / 2.0, TOP + AREA[1] + 42.0, &self.x_label, INK, Anchor::Centre);
        canvas.word_upright(14.0, TOP + AREA[1] / 2.0, &self.y_label, INK);
    }
}

fn curve(canvas: &mut Canvas, series: &Series, colour: Colour, at: &dyn Fn([f64; 2]) -> [f64; 2]) {
    let inside = |p: [f64; 2]| [p[0], p[1].clamp(TOP - 4.0, TOP + AREA[1] + 4.0)];
    let shown = |p: &[f64; 2]| p.iter().all(|v| v.is_finite());
    for pair in series.points.windows(2).filter(|pair| pair.iter().all(shown)) {
        canvas.line(inside(at(pair[0])), inside(at(pair[1])), 2.0, colour, series.dashed);
    }
    for (i, p) in series.points.iter().enumerate().filter(|(_, p)| shown(p)) {
        if let Some(spread) = series.spread.get(i).filter(|s| s.is_finite()) {
            let (low, high) = (inside(at([p[0], p[1] - spread])), inside(at([p[0], p[1] + spread])));
            canvas.line(low, high, 1.0, colour, false);
        }
        if series.marks {
            canvas.disc(inside(at(*p)), 3.2, colour);
        }
    }
}

/// A range with numbers at round places.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn range(&self) -> f64 {
        self.high - self.low
    }

    /// Multiples of 1, 2 or 5 times a power of ten, four to nine of them.
    fn ticks(&self) -> Vec<f64> {
        let rough = self.range() / 6.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * power).find(|s| *s >= rough).unwrap_or(rough);
        let (first, last) = ((self.low / step - 1e-9).ceil(), (self.high / step + 1e-9).floor());
        let count = (last - first).clamp(0.0, 20.0) as usize;
        // Rounded to the step's own digits, so that 0.30000000000000004 is 0.3.
        let round = |v: f64| (v / power * 10.0).round() / 10.0 * power;
        (0..=count).map(|i| round((first + i as f64) * step)).map(|v| (v * 1e12).round() / 1e12).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_round_places() {
        for (low, high, wanted) in [
            (0.0, 1.0, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (0.02, 0.3, vec![0.05, 0.1, 0.15, 0.2, 0.25, 0.3]),
            (-400.0, -100.0, vec![-400.0, -350.0, -300.0, -250.0, -200.0, -150.0, -100.0]),
        ] {
            assert_eq!(Axis { low, high }.ticks(), wanted);
        }
    }

    #[test]
    fn any_points_have_a_plot() {
        let hard = [f64::NAN, f64::INFINITY, 0.0, 1e300, -1e300];
        for points in [vec![], vec![[1.0, 2.0]], hard.map(|v| [v, 1.0]).to_vec(), hard.map(|v| [1.0, v]).to_vec()] {
            let series =
                Series { name: "a".into(), points, spread: vec![1.0, f64::NAN], marks: true, ..Default::default() };
            let picture =
                Plot { series: vec![series], vertical: vec![(f64::NAN, "x".into())], ..Plot::default() }.draw();
            assert_eq!(picture.rgb.len(), (picture.width * picture.height * 3) as usize);
        }
    }
}
