//! Charts: curves with axes, ticks, a legend and bands of one standard deviation.

use super::scene::{Anchor, Colour, FAINT, INK, PALETTE, Scene};

/// Room around the plot: left, top, right, below.
const ROOM: [f64; 4] = [62.0, 34.0, 18.0, 48.0];
const TEXT: f64 = 12.0;

/// A curve.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, x ascending.
    pub points: Vec<[f64; 2]>,
    /// One standard deviation at each point; none if empty.
    pub spread: Vec<f64>,
}

/// A chart.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// Above it.
    pub title: String,
    /// Under it.
    pub x: String,
    /// At its left.
    pub y: String,
    /// What the y axis shows, if not what the curves need.
    pub y_range: Option<[f64; 2]>,
    /// Whether points are marked.
    pub marks: bool,
    /// The curves.
    pub series: Vec<Series>,
}

/// Round numbers that cover a range in about `wanted` steps.
pub fn ticks([low, high]: [f64; 2], wanted: usize) -> Vec<f64> {
    let range = high - low;
    if !range.is_finite() || range <= 0.0 {
        return vec![low];
    }
    let rough = range / wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(rough);
    let first = (low / step - 1e-9).ceil() as i64;
    (first..).map(|i| i as f64 * step).take_while(|t| *t <= high + step * 1e-9).take(100).collect()
}

/// A tick's number without needless digits.
fn label(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || value.abs() < 1e-12 {
        "0".to_string()
    } else if !(1e-3..1e6).contains(&magnitude) {
        format!("{value:.0e}")
    } else {
        let text = format!("{value:.4}");
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    }
}

impl Chart {
    /// Draws it into a scene of its own.
    pub fn scene(&self, width: u32, height: u32) -> Scene {
        let mut scene = Scene::new(width, height);
        self.draw(&mut scene, [0.0, 0.0, f64::from(width), f64::from(height)]);
        scene
    }

    /// Draws it into a frame (left, top, width, height) of a scene.
    pub fn draw(&self, scene: &mut Scene, [left, top, width, height]: [f64; 4]) {
        let plot = [left + ROOM[0], top + ROOM[1], width - ROOM[0] - ROOM[2], height - ROOM[1] - ROOM[3]];
        let [x_range, y_range] = self.ranges();
        let place = |[x, y]: [f64; 2]| {
            [
                plot[0] + (x - x_range[0]) / (x_range[1] - x_range[0]) * plot[2],
                plot[1] + plot[3]
                    - (y.clamp(y_range[0], y_range[1]) - y_range[0]) / (y_range[1] - y_range[0]) * plot[3],
            ]
        };
        let (bottom, right) = (plot[1] + plot[3], plot[0] + plot[2]);
        for t in ticks(y_range, 6) {
            let [_, y] = place([x_range[0], t]);
            scene.line(&[[plot[0], y], [right, y]], FAINT, 1.0, 1.0);
            scene.text([plot[0] - 6.0, y + 4.0], &label(t), TEXT - 1.0, Anchor::End);
        }
        for t in ticks(x_range, 7) {
            let [x, _] = place([t, y_range[0]]);
            scene.line(&[[x, bottom], [x, bottom + 4.0]], INK, 1.0, 1.0);
            scene.text([x, bottom + 17.0], &label(t), TEXT - 1.0, Anchor::Middle);
        }
        scene.line(&[[plot[0], plot[1]], [plot[0], bottom], [right, bottom]], INK, 1.0, 1.0);
        for (i, series) in self.series.iter().enumerate() {
            let colour = PALETTE[i % PALETTE.len()];
            if series.spread.len() == series.points.len() && !series.points.is_empty() {
                let up = series.points.iter().zip(&series.spread).map(|(p, s)| place([p[0], p[1] + s]));
                let down = series.points.iter().zip(&series.spread).rev().map(|(p, s)| place([p[0], p[1] - s]));
                scene.area(&up.chain(down).collect::<Vec<_>>(), colour, 0.18);
            }
            let points: Vec<[f64; 2]> = series.points.iter().map(|p| place(*p)).collect();
            scene.line(&points, colour, 1.8, 1.0);
            if self.marks {
                points.iter().for_each(|p| scene.circle(*p, 3.0, colour, 1.0));
            }
        }
        self.legend(scene, plot, &place);
        scene.text([left + width / 2.0, top + 20.0], &self.title, TEXT + 2.0, Anchor::Middle);
        scene.text([plot[0] + plot[2] / 2.0, bottom + 38.0], &self.x, TEXT, Anchor::Middle);
        scene.upright_text([left + 16.0, plot[1] + plot[3] / 2.0], &self.y, TEXT, Anchor::Middle);
    }

    /// At the sides, where the fewest points are.
    fn legend(&self, scene: &mut Scene, plot: [f64; 4], place: &dyn Fn([f64; 2]) -> [f64; 2]) {
        let named: Vec<(usize, &Series)> = self.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty()).collect();
        if named.is_empty() {
            return;
        }
        let longest = named.iter().map(|(_, s)| s.name.chars().count()).max().unwrap_or(0) as f64;
        let (w, h) = (longest * 6.6 + 40.0, named.len() as f64 * 17.0 + 8.0);
        // Corners first, then further along the sides: of equally empty places the first is taken.
        let (high, low) = (plot[1], plot[1] + plot[3] - h - 8.0);
        let (left, right) = (plot[0] + 8.0, plot[0] + plot[2] - w);
        let sides = (1..8).map(|k| high + (low - high) * f64::from(k) / 8.0).flat_map(|y| [[right, y], [left, y]]);
        let places = [[right, high], [right, low], [left, low], [left, high]].into_iter().chain(sides);
        let under = |c: &[f64; 2]| {
            let inside = |p: [f64; 2]| (c[0]..c[0] + w).contains(&p[0]) && (c[1]..c[1] + h).contains(&p[1]);
            named.iter().flat_map(|(_, s)| &s.points).filter(|p| inside(place(**p))).count()
        };
        let [x, y] = places.min_by_key(under).unwrap_or([right, high]);
        scene.area(&[[x, y], [x + w, y], [x + w, y + h], [x, y + h]], [255; 3], 0.8);
        for (row, (i, series)) in named.iter().enumerate() {
            let middle = y + row as f64 * 17.0 + 13.0;
            scene.line(&[[x + 6.0, middle], [x + 28.0, middle]], PALETTE[i % PALETTE.len()], 2.2, 1.0);
            scene.text([x + 34.0, middle + 4.0], &series.name, TEXT, Anchor::Start);
        }
    }

    /// What the axes show.
    fn ranges(&self) -> [[f64; 2]; 2] {
        // Each point as x, y and its spread.
        let mut all: Vec<[f64; 3]> = Vec::new();
        for series in &self.series {
            let spread = |i: usize| series.spread.get(i).copied().unwrap_or(0.0);
            let points = series.points.iter().enumerate().map(|(i, p)| [p[0], p[1], spread(i)]);
            all.extend(points.filter(|p| p.iter().all(|v| v.is_finite())));
        }
        let widen = |[low, high]: [f64; 2], by: f64| {
            if !(low.is_finite() && high.is_finite()) {
                [0.0, 1.0]
            } else if high > low {
                [low - (high - low) * by, high + (high - low) * by]
            } else {
                [low - 0.5, high + 0.5]
            }
        };
        let bound = |of: fn(&[f64; 3]) -> [f64; 2]| {
            let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
            all.iter().map(of).fold([low, high], |[a, b], [c, d]| [a.min(c), b.max(d)])
        };
        let x = widen(bound(|p| [p[0], p[0]]), 0.0);
        let y = self.y_range.unwrap_or_else(|| widen(bound(|p| [p[1] - p[2], p[1] + p[2]]), 0.04));
        [x, y]
    }
}

/// A colour for class `i` of `n`: the palette, or a turn of the colour wheel where there are more.
pub fn class_colour(i: usize, n: usize) -> Colour {
    if n <= PALETTE.len() {
        return PALETTE[i % PALETTE.len()];
    }
    let turn = i as f64 / n as f64 * 6.0;
    let bright = [0.85, 0.6][i % 2];
    let part = |shift: f64| {
        let k = (turn + shift).rem_euclid(6.0);
        bright - bright * 0.85 * (k.min(4.0 - k)).clamp(0.0, 1.0)
    };
    [part(5.0), part(3.0), part(1.0)].map(|v| (v * 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        for (range, wanted, expected) in [
            ([0.0, 1.0], 5, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            ([3.0, 97.0], 4, vec![25.0, 50.0, 75.0]),
            ([-1.0, 1.0], 2, vec![-1.0, 0.0, 1.0]),
            ([5.0, 5.0], 4, vec![5.0]),
        ] {
            let got = ticks(range, wanted);
            assert_eq!(got.len(), expected.len(), "{got:?}");
            assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{got:?}");
        }
        assert_eq!([0.0, 0.25, 1500.0, 2e7].map(label), ["0", "0.25", "1500", "2e7"]);
    }

    #[test]
    fn a_chart_says_its_words() {
        let series = Series { name: "SoftHebb".into(), points: vec![[0.0, 1.0], [1.0, 2.0]], spread: vec![0.1, 0.2] };
        let chart =
            Chart { title: "t".into(), x: "epoch".into(), y: "loss".into(), series: vec![series], ..Chart::default() };
        let svg = chart.scene(400, 300).svg();
        assert!(["SoftHebb", "epoch", "loss", "polygon", "polyline"].iter().all(|w| svg.contains(w)));
    }

    proptest! {
        #[test]
        fn any_points_have_a_chart(points in proptest::collection::vec(proptest::array::uniform2(proptest::num::f64::ANY), 0..20)) {
            let chart = Chart { series: vec![Series { name: "a".into(), points, spread: vec![] }], marks: true, ..Chart::default() };
            let picture = chart.scene(120, 90).picture(1);
            prop_assert_eq!(picture.rgb.len(), 120 * 90 * 3);
        }
    }
}
