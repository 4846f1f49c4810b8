//! Charts: curves with axes, ticks, a legend, and bars or bands of one standard deviation; and pictures with axes around them.

use super::Picture;
use super::scene::{Anchor, Colour, FAINT, INK, LINE, PALETTE, Scene, TEXT, TITLE, text_width, widest, wrap};

/// Height of the numbers at the axes.
const SMALL: f64 = TEXT - 1.0;
/// From one line of the legend to the next.
const ROW: f64 = 17.0;

/// A curve.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Its name in the legend; an empty one has no line there.
    pub name: String,
    /// Its points, in the order in which they are joined; one that is not finite breaks the line.
    pub points: Vec<[f64; 2]>,
    /// One standard deviation at each point: a bar where points are marked, else a band; none if empty.
    pub spread: Vec<f64>,
    /// Its colour; absent: the palette's next.
    pub colour: Option<Colour>,
    /// Whether points are marked.
    pub marks: bool,
    /// Whether the line is dashed.
    pub dashed: bool,
}

/// A place of an axis and the words there.
pub type Tick = (f64, String);

/// A chart.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// Above it.
    pub title: String,
    /// Under it.
    pub x: String,
    /// At its left.
    pub y: String,
    /// What the x axis shows from left to right, if not what the curves need.
    pub x_range: Option<[f64; 2]>,
    /// What the y axis shows from bottom to top, if not what the curves need.
    pub y_range: Option<[f64; 2]>,
    /// Words at places of the x axis, instead of numbers.
    pub x_ticks: Option<Vec<Tick>>,
    /// Words at places of the y axis, instead of numbers.
    pub y_ticks: Option<Vec<Tick>>,
    /// A picture that fills the space between the axes, under the curves.
    pub image: Option<Picture>,
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

/// A number of so many significant digits, without needless ones.
pub fn label(value: f64, digits: usize) -> String {
    let rounded = format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value);
    match f64::abs(rounded) {
        size if size < 1e-12 => "0".to_string(),
        size if (1e-3..1e6).contains(&size) => rounded.to_string(),
        _ => format!("{rounded:e}"),
    }
}

/// Where things of a chart are: left, top, width and height of what lies between the axes, and what it shows.
struct Plot {
    area: [f64; 4],
    ranges: [[f64; 2]; 2],
}

impl Plot {
    /// Where a point is; one outside is at the border.
    fn place(&self, point: [f64; 2]) -> [f64; 2] {
        let share = |k: usize| {
            let [low, high] = self.ranges[k];
            ((point[k] - low) / (high - low)).clamp(0.0, 1.0)
        };
        [self.area[0] + share(0) * self.area[2], self.area[1] + (1.0 - share(1)) * self.area[3]]
    }
}

impl Chart {
    /// Draws it into a scene of its own.
    pub fn scene(&self, width: u32, height: u32) -> Scene {
        let mut scene = Scene::new(width, height);
        self.draw(&mut scene, [0.0, 0.0, f64::from(width), f64::from(height)]);
        scene
    }

    /// The same, such that the space between the axes has this size.
    pub fn fitted(&self, size: [f64; 2]) -> Scene {
        let ([x, y], mut chart) = (self.ranges(), self.clone());
        chart.x_ticks.get_or_insert_with(|| self.numbers(x, (size[0] / 62.0) as usize, 0));
        chart.y_ticks.get_or_insert_with(|| self.numbers(y, (size[1] / 50.0) as usize, 1));
        let [width, height] = chart.around(size);
        chart.scene(width.ceil() as u32, height.ceil() as u32)
    }

    /// Draws it into a frame (left, top, width, height) of a scene.
    pub fn draw(&self, scene: &mut Scene, [left, top, width, height]: [f64; 4]) {
        let ranges = self.ranges();
        let x_ticks = self.x_ticks.clone().unwrap_or_else(|| self.numbers(ranges[0], (width / 62.0) as usize, 0));
        let y_ticks = self.y_ticks.clone().unwrap_or_else(|| self.numbers(ranges[1], (height / 50.0) as usize, 1));
        let title = wrap(&self.title, TITLE, width - 12.0);
        let ([beside, beyond], [above, below]) = (self.sides(&x_ticks, &y_ticks), self.ends(&x_ticks, &title));
        let room = [width - beside - beyond, height - above - below].map(|side| side.max(1.0));
        let mut plot = Plot { area: [left + beside, top + above, room[0], room[1]], ranges };
        let legend = self.legend_size();
        let corner = self.empty_place(&plot, legend).unwrap_or_else(|| {
            // Nowhere without covering a curve: beside the axes.
            plot.area[2] = (plot.area[2] - legend[0] - 6.0).max(1.0);
            [plot.area[0] + plot.area[2] + 6.0, plot.area[1]]
        });
        let [first, head, across, down] = plot.area;
        let (bottom, right) = (head + down, first + across);
        if let Some(image) = &self.image {
            scene.image([first, head], [across, down], image.clone());
        }
        let (mut clear, low) = (f64::NEG_INFINITY, plot.ranges[0][0]);
        for (value, words) in &y_ticks {
            let [_, y] = plot.place([low, *value]);
            if self.image.is_none() {
                scene.line(&[[first, y], [right, y]], FAINT, 1.0, 1.0);
            }
            if (y - clear).abs() >= SMALL {
                scene.text([first - 6.0, y + 4.0], words, SMALL, Anchor::End);
                clear = y;
            }
        }
        clear = f64::NEG_INFINITY;
        for (value, words) in &x_ticks {
            let [x, _] = plot.place([*value, plot.ranges[1][0]]);
            let half = text_width(words, SMALL) / 2.0;
            scene.line(&[[x, bottom], [x, bottom + 4.0]], INK, 1.0, 1.0);
            if x - half >= clear + 4.0 {
                scene.text([x, bottom + 17.0], words, SMALL, Anchor::Middle);
                clear = x + half;
            }
        }
        match self.image {
            Some(_) => scene.frame(plot.area, INK, 1.0),
            None => scene.line(&[[first, head], [first, bottom], [right, bottom]], INK, 1.0, 1.0),
        }
        self.series.iter().enumerate().for_each(|(i, series)| series.draw(scene, series.colour(i), &plot));
        self.legend(scene, corner, legend);
        scene.lines([left + width / 2.0, top + 4.0], &title, TITLE);
        scene.text([first + across / 2.0, top + height - 10.0], &self.x, TEXT, Anchor::Middle);
        scene.upright_text([left + 16.0, head + down / 2.0], &self.y, TEXT, Anchor::Middle);
    }

    /// The frame in which the space between the axes has this size, where the ticks are given.
    pub(super) fn around(&self, [w, h]: [f64; 2]) -> [f64; 2] {
        let [x, y] = [&self.x_ticks, &self.y_ticks].map(|ticks| ticks.as_deref().unwrap_or_default());
        let width = w + self.sides(x, y).iter().sum::<f64>();
        [width, h + self.ends(x, &wrap(&self.title, TITLE, width - 12.0)).iter().sum::<f64>()]
    }

    /// Room for words at the left and at the right, whole units.
    fn sides(&self, x_ticks: &[Tick], y_ticks: &[Tick]) -> [f64; 2] {
        let beside = if self.y.is_empty() { 8.0 } else { 30.0 } + widest(y_ticks.iter().map(|t| &t.1), SMALL);
        // The last number under the axis stands half beyond it.
        let beyond = x_ticks.last().map_or(0.0, |t| text_width(&t.1, SMALL) / 2.0);
        [(beside + 4.0).ceil(), (beyond + 8.0).ceil()]
    }

    /// Room for words above and below.
    fn ends(&self, x_ticks: &[Tick], title: &[String]) -> [f64; 2] {
        let above = if title.is_empty() { 8.0 } else { 14.0 + LINE * title.len() as f64 };
        [above, if x_ticks.is_empty() { 8.0 } else { 26.0 } + if self.x.is_empty() { 0.0 } else { 20.0 }]
    }

    /// Numbers at round places of a range; only whole ones where all points of an axis are whole.
    fn numbers(&self, [a, b]: [f64; 2], wanted: usize, axis: usize) -> Vec<Tick> {
        let mut points = self.series.iter().flat_map(|s| &s.points).map(|p| p[axis]).filter(|v| v.is_finite());
        let whole = axis == 0 && points.all(|v| v.fract() == 0.0);
        let all = ticks([a.min(b), a.max(b)], wanted.clamp(2, 8)).into_iter();
        all.filter(|t| !whole || (t - t.round()).abs() < 1e-9).map(|t| (t, label(t, 6))).collect()
    }

    fn named(&self) -> impl Iterator<Item = (usize, &Series)> {
        self.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty())
    }

    /// Width and height of the legend; 0 without names.
    fn legend_size(&self) -> [f64; 2] {
        let rows = self.named().count() as f64;
        if rows == 0.0 { [0.0; 2] } else { [widest(self.named().map(|(_, s)| &s.name), TEXT) + 42.0, rows * ROW + 8.0] }
    }

    /// Where the legend covers no curve: corners first, then further along the sides.
    fn empty_place(&self, plot: &Plot, [w, h]: [f64; 2]) -> Option<[f64; 2]> {
        let [left, top, across, down] = plot.area;
        if w == 0.0 {
            return Some([left, top]);
        }
        if w > across * 0.7 || h > down {
            return None;
        }
        let (high, low, near, far) = (top, top + down - h - 6.0, left + 8.0, left + across - w);
        let sides = (1..8).map(|k| high + (low - high) * f64::from(k) / 8.0).flat_map(|y| [[far, y], [near, y]]);
        let mut places = [[far, high], [far, low], [near, low], [near, high]].into_iter().chain(sides);
        // Curves as points so near to one another that none passes through unseen.
        let mut dots: Vec<[f64; 2]> = Vec::new();
        for series in &self.series {
            let points: Vec<[f64; 2]> = series.points.iter().map(|p| plot.place(*p)).collect();
            let between = |a: [f64; 2], b: [f64; 2], t: f64| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
            dots.extend(points.windows(2).flat_map(|p| (0..24).map(|i| between(p[0], p[1], f64::from(i) / 24.0))));
            dots.extend(points.last());
            for (p, s) in series.points.iter().zip(&series.spread) {
                dots.extend([plot.place([p[0], p[1] - s]), plot.place([p[0], p[1] + s])]);
            }
        }
        let covers = |[x, y]: [f64; 2], p: &[f64; 2]| (x..x + w).contains(&p[0]) && (y - 4.0..y + h).contains(&p[1]);
        places.find(|place| !dots.iter().any(|p| covers(*place, p)))
    }

    fn legend(&self, scene: &mut Scene, [x, y]: [f64; 2], [w, h]: [f64; 2]) {
        if w > 0.0 {
            scene.area(&[[x, y], [x + w, y], [x + w, y + h], [x, y + h]], [255; 3], 0.8);
        }
        for (row, (i, series)) in self.named().enumerate() {
            let middle = y + row as f64 * ROW + 13.0;
            let line = [[x + 6.0, middle], [x + 28.0, middle]];
            match series.dashed {
                true => scene.dashed(&line, series.colour(i), 2.0),
                false => scene.line(&line, series.colour(i), 2.2, 1.0),
            }
            if series.marks {
                scene.circle([x + 17.0, middle], 3.0, series.colour(i), 1.0);
            }
            scene.text([x + 34.0, middle + 4.0], &series.name, TEXT, Anchor::Start);
        }
    }

    /// What the axes show.
    fn ranges(&self) -> [[f64; 2]; 2] {
        // Each point as x, y and its spread.
        let mut all: Vec<[f64; 3]> = Vec::new();
        for series in &self.series {
            let spread = |i: usize| series.spread.get(i).copied().filter(|s| s.is_finite()).unwrap_or(0.0);
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
        let x = self.x_range.unwrap_or_else(|| widen(bound(|p| [p[0], p[0]]), 0.0));
        let y = self.y_range.unwrap_or_else(|| widen(bound(|p| [p[1] - p[2], p[1] + p[2]]), 0.04));
        [x, y]
    }
}

impl Series {
    fn colour(&self, i: usize) -> Colour {
        self.colour.unwrap_or(PALETTE[i % PALETTE.len()])
    }

    fn draw(&self, scene: &mut Scene, colour: Colour, plot: &Plot) {
        let with_spread = || self.points.iter().zip(&self.spread).filter(|(_, s)| s.is_finite() && **s > 0.0);
        let bounds = |(p, s): (&[f64; 2], &f64)| [plot.place([p[0], p[1] - s]), plot.place([p[0], p[1] + s])];
        let points: Vec<[f64; 2]> = self.points.iter().map(|p| plot.place(*p)).collect();
        if self.marks {
            for [a, b] in with_spread().map(bounds) {
                let cap = |[x, y]: [f64; 2]| [[x - 3.0, y], [x + 3.0, y]];
                [[a, b], cap(a), cap(b)].iter().for_each(|line| scene.line(line, colour, 1.2, 1.0));
            }
            points.iter().for_each(|p| scene.circle(*p, 3.0, colour, 1.0));
        } else if with_spread().next().is_some() {
            let all: Vec<[[f64; 2]; 2]> = self.points.iter().zip(&self.spread).map(bounds).collect();
            let around: Vec<_> = all.iter().map(|b| b[1]).chain(all.iter().rev().map(|b| b[0])).collect();
            scene.area(&around, colour, 0.18);
        }
        match self.dashed {
            true => scene.dashed(&points, colour, 1.6),
            false => scene.line(&points, colour, 1.8, 1.0),
        }
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
