//! Numbers as colours, with the scale that says which number is which.

use super::Picture;
use super::chart::{Chart, Series, Tick, label, ticks};
use super::scene::{DENSITY, FAINT, Scene, TITLE, longest_line, wrap};
use super::tiles::NOT_A_NUMBER;

/// From low to high: viridis at nine places, with straight lines between them.
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
/// Blue below 0, white at 0, red above.
const DIVERGING: [[f64; 3]; 3] = [[5.0, 60.0, 200.0], [255.0, 255.0, 255.0], [200.0, 20.0, 20.0]];
/// Rows or columns of colours at most; of a larger matrix a colour is the mean of a block.
const CELLS: usize = 784;
/// Height of the scale at most.
const SCALE: f64 = 220.0;

/// One matrix.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    /// Above it.
    pub title: String,
    /// Its numbers, row by row.
    pub values: Vec<f32>,
    /// Numbers in a row.
    pub columns: usize,
}

/// Matrices side by side, on one scale.
#[derive(Debug, Clone, Default)]
pub struct Heat {
    /// Above all.
    pub title: String,
    /// What columns are; empty: the axes have no numbers.
    pub x: String,
    /// What rows are.
    pub y: String,
    /// What the numbers are, at the scale.
    pub scale: String,
    /// Whether 0 is in the middle, in white; else colours go from the smallest to the largest number.
    pub diverging: bool,
    /// The matrices.
    pub panels: Vec<Panel>,
    /// Matrices in a row; 0: all.
    pub across: usize,
    /// Units of the longer side of each matrix.
    pub side: f64,
    /// What rows and columns count, if each stands for more than one thing.
    pub counted: Option<usize>,
    /// Rows and columns that belong together, from the first: their name and how many of what is counted they are.
    pub groups: Vec<(String, usize)>,
}

impl Heat {
    /// Draws them.
    pub fn scene(&self) -> Scene {
        let finite = || self.panels.iter().flat_map(|p| &p.values).map(|v| f64::from(*v)).filter(|v| v.is_finite());
        let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let largest = low.abs().max(high.abs());
        let [low, high] = match (low <= high, self.diverging) {
            (false, _) => [0.0, 1.0],
            (true, true) => [-largest, largest],
            (true, false) => [low, high],
        };
        let panels: Vec<Chart> = self.panels.iter().map(|panel| self.chart(panel, [low, high])).collect();
        let across = if self.across == 0 { panels.len() } else { self.across }.clamp(1, panels.len().max(1));
        let longest =
            self.panels.iter().map(|p| p.columns.max(rows(p)).div_ceil(block(p))).max().unwrap_or(1).max(1) as f64;
        // Whole pixels of the PNG for each cell.
        let cell = (self.side * f64::from(DENSITY) / longest).round().max(1.0) / f64::from(DENSITY);
        let size = |p: &Panel| [p.columns, rows(p)].map(|n| n.div_ceil(block(p)).max(1) as f64 * cell);
        let frames: Vec<[f64; 2]> = panels.iter().zip(&self.panels).map(|(c, p)| c.around(size(p))).collect();
        let frame = [0, 1].map(|k| frames.iter().map(|f| f[k]).fold(1.0, f64::max).ceil());
        let (all, bar) = (frame[0] * across as f64, 100.0);
        let wide = (all + bar).max(longest_line(&self.title, TITLE).min(400.0) + 24.0).ceil();
        let title = wrap(&self.title, TITLE, wide - 24.0);
        let mut scene = Scene::new(wide as u32, 1);
        let top = scene.lines([wide / 2.0, 6.0], &title, TITLE).ceil() + 4.0;
        let height = frame[1] * panels.len().div_ceil(across).max(1) as f64;
        scene.grow((top + height.max(120.0) + 4.0) as u32);
        let left = ((wide - all - bar) / 2.0).floor().max(0.0);
        for (i, (chart, [w, h])) in panels.iter().zip(&frames).enumerate() {
            let (column, row) = ((i % across) as f64, (i / across) as f64);
            chart.draw(&mut scene, [left + column * frame[0], top + row * frame[1], *w, *h]);
        }
        let tall = height.clamp(120.0, SCALE);
        scale(&self.scale, [low, high], self.diverging).draw(&mut scene, [left + all + 4.0, top, bar - 8.0, tall]);
        scene
    }

    fn chart(&self, panel: &Panel, [low, high]: [f64; 2]) -> Chart {
        let count = |n: usize| self.counted.unwrap_or(n) as f64;
        let ranges = [[0.0, count(panel.columns)], [count(rows(panel)), 0.0]];
        let numbers = |most: f64| match self.x.is_empty() {
            true => vec![],
            false => ticks([0.0, most], 4)
                .into_iter()
                .filter(|v| v.fract() == 0.0)
                .map(|v| (v, label(v, 6)))
                .collect::<Vec<Tick>>(),
        };
        let mut series = Vec::new();
        let mut names = Vec::new();
        let mut at = 0.0;
        for (name, n) in &self.groups {
            names.push((at + *n as f64 / 2.0, name.clone()));
            at += *n as f64;
            let border = vec![[at, 0.0], [at, ranges[1][0]], [f64::NAN; 2], [0.0, at], [ranges[0][1], at]];
            series.push(Series { points: border, colour: Some(FAINT), ..Series::default() });
        }
        series.pop(); // the last one is the frame
        let named = !names.is_empty();
        let (x_ticks, y_ticks) = (numbers(ranges[0][1]), numbers(ranges[1][0]));
        Chart {
            title: panel.title.clone(),
            x: self.x.clone(),
            y: self.y.clone(),
            x_range: Some(ranges[0]),
            y_range: Some(ranges[1]),
            x_ticks: Some(if named { vec![] } else { x_ticks }),
            y_ticks: Some(if named { names } else { y_ticks }),
            image: Some(colours(panel, [low, high], self.diverging)),
            series,
        }
    }
}

/// The scale: its colours from below upwards, and numbers at both ends and in the middle.
fn scale(words: &str, [low, high]: [f64; 2], diverging: bool) -> Chart {
    let steps = 128;
    let values = (0..steps).map(|i| (low + (high - low) * (1.0 - i as f64 / (steps - 1) as f64)) as f32).collect();
    let numbers = if low < high { vec![low, (low + high) / 2.0, high] } else { vec![low] };
    Chart {
        y: words.into(),
        x_range: Some([0.0, 1.0]),
        y_range: Some(if low < high { [low, high] } else { [low - 0.5, low + 0.5] }),
        x_ticks: Some(vec![]),
        y_ticks: Some(numbers.into_iter().map(|v| (v, label(v, 3))).collect()),
        image: Some(colours(&Panel { title: String::new(), values, columns: 1 }, [low, high], diverging)),
        ..Chart::default()
    }
}

fn rows(panel: &Panel) -> usize {
    panel.values.len().checked_div(panel.columns).unwrap_or(0)
}

/// How many rows and columns share a colour.
fn block(panel: &Panel) -> usize {
    rows(panel).max(panel.columns).div_ceil(CELLS).max(1)
}

/// A colour a number, or a block of numbers.
fn colours(panel: &Panel, [low, high]: [f64; 2], diverging: bool) -> Picture {
    let (rows, columns) = (rows(panel), panel.columns);
    let block = block(panel);
    let mean = |row: usize, column: usize| {
        let range = |at: usize, most: usize| at * block..((at + 1) * block).min(most);
        let (r, c) = (range(row, rows), range(column, columns));
        let sum: f64 =
            r.clone().flat_map(|i| c.clone().map(move |j| i * columns + j)).map(|i| f64::from(panel.values[i])).sum();
        sum / (r.len() * c.len()) as f64
    };
    let colour = |value: f64| {
        let t = if high > low { (value - low) / (high - low) } else { 0.5 };
        if !value.is_finite() {
            return NOT_A_NUMBER;
        }
        let stops: &[[f64; 3]] = if diverging { &DIVERGING } else { &VIRIDIS };
        let at = t.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let i = (at as usize).min(stops.len() - 2);
        [0, 1, 2].map(|c| (stops[i][c] + (at - i as f64) * (stops[i + 1][c] - stops[i][c])).round() as u8)
    };
    let (across, down) = (columns.div_ceil(block), rows.div_ceil(block));
    let rgb = (0..down).flat_map(|row| (0..across).map(move |column| (row, column)));
    let rgb = rgb.flat_map(|(row, column)| colour(mean(row, column))).collect();
    Picture { width: across as u32, height: down as u32, rgb }
}
