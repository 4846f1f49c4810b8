//! What is stored, put in and recalled, side by side; energies; weights; error against load.

use tch::Tensor;

use super::capacity::Cell;
use super::network::HEBBIAN_CAPACITY;
use super::{Activation, Rule};
use crate::layer::wide::numbers;
use crate::report::Picture;
use crate::report::canvas::{Anchor, Canvas, INK};
use crate::report::plot::{Plot, Series};

/// Rows of a grid at most.
const ROWS: usize = 10;
/// Side that a tile reaches at least.
const TILE: usize = 96;
/// Side of a picture of weights at most.
const MATRIX: usize = 784;

/// A column of a grid: its title in two lines and a state a row (B, N).
#[derive(Debug)]
pub struct Column {
    /// Its title.
    pub title: [String; 2],
    /// The states.
    pub states: Tensor,
}

/// States as images: a row a pattern, with its name, a column a step of the experiment.
pub fn grid(columns: &[Column], names: &[String], shape: [usize; 2], activation: Activation) -> Picture {
    let scale = TILE.div_ceil(shape[0].max(shape[1]).max(1));
    let (width, height) = (shape[1] * scale, shape[0] * scale);
    let rows = names.len().min(ROWS);
    let cell = columns.iter().flat_map(|c| &c.title).map(|t| Canvas::word_width(t) + 10).max().unwrap_or(0);
    let cell = cell.max(width + 10);
    let left = names.iter().take(rows).map(|n| Canvas::word_width(n)).max().unwrap_or(0) + 18;
    let top = 50;
    let mut canvas = Canvas::new(left + columns.len() * cell + 8, top + rows * (height + 8) + 4);
    for (i, name) in names.iter().take(rows).enumerate() {
        canvas.word(left as f64 - 10.0, (top + i * (height + 8) + height / 2) as f64, name, INK, Anchor::Right);
    }
    for (c, column) in columns.iter().enumerate() {
        let x = left + c * cell;
        for (line, text) in column.title.iter().enumerate() {
            canvas.word((x + cell / 2) as f64, (14 + 20 * line) as f64, text, INK, Anchor::Centre);
        }
        let states = column.states.contiguous();
        for (i, state) in numbers(&states).chunks_exact(shape[0] * shape[1]).take(rows).enumerate() {
            let (px, py) = (x + (cell - width) / 2, top + i * (height + 8));
            canvas.rectangle((px - 1) as f64, (py - 1) as f64, (width + 2) as f64, (height + 2) as f64, [170; 3]);
            canvas.picture(px, py, &image(state, shape, activation), scale);
        }
    }
    canvas.finish()
}

/// A state as an image: black where inactive, white where active, grey between.
fn image(state: &[f32], shape: [usize; 2], activation: Activation) -> Picture {
    let [low, high] = activation.levels();
    let level = |x: &f32| ((x - low) / (high - low) * 255.0).clamp(0.0, 255.0).round() as u8;
    Picture { width: shape[1] as u32, height: shape[0] as u32, rgb: state.iter().flat_map(|x| [level(x); 3]).collect() }
}

/// Energies sweep by sweep, a curve a state; states of a group have its colour.
pub fn energies(groups: &[(String, Vec<Vec<f64>>)], title: &str) -> Picture {
    let curves = groups.iter().enumerate().flat_map(|(colour, (name, states))| {
        states.iter().enumerate().map(move |(i, energies)| Series {
            name: if i == 0 { name.clone() } else { String::new() },
            points: energies.iter().enumerate().map(|(sweep, e)| [sweep as f64, *e]).collect(),
            colour: Some(colour),
            marks: true,
            ..Series::default()
        })
    });
    Plot {
        title: title.into(),
        x_label: "sweep".into(),
        y_label: "energy".into(),
        whole_x: true,
        series: curves.collect(),
        ..Plot::default()
    }
    .draw()
}

/// Matrices of weights side by side on one scale: blue below 0, white 0, red above. Large ones are averaged down.
pub fn weights(matrices: &[(String, &Tensor)]) -> Picture {
    let largest = matrices.iter().map(|(_, w)| w.abs().max().double_value(&[])).fold(0.0, f64::max) as f32;
    let pictures: Vec<(&String, Picture)> = matrices.iter().map(|(name, w)| (name, matrix(w, largest))).collect();
    let side = pictures.iter().map(|(_, p)| p.width as usize).max().unwrap_or(1);
    let mut canvas = Canvas::new(pictures.len() * (side + 20) + 20, side + 84);
    for (i, (name, picture)) in pictures.iter().enumerate() {
        let x = 20 + i * (side + 20);
        canvas.word((x + side / 2) as f64, 20.0, name, INK, Anchor::Centre);
        canvas.rectangle((x - 1) as f64, 39.0, (side + 2) as f64, (side + 2) as f64, [170; 3]);
        canvas.picture(x, 40, picture, 1);
    }
    let bar = Picture {
        width: 121,
        height: 14,
        rgb: (0..14).flat_map(|_| (-60..=60).flat_map(|i| colour(i as f32 / 60.0))).collect(),
    };
    let (middle, y) = (canvas.size()[0] / 2, side + 58);
    canvas.picture(middle - 60, y, &bar, 1);
    let words = crate::report::format::number(f64::from(largest));
    canvas.word(middle as f64 - 68.0, y as f64 + 7.0, &format!("-{words}"), INK, Anchor::Right);
    canvas.word(middle as f64 + 68.0, y as f64 + 7.0, &words, INK, Anchor::Left);
    canvas.finish()
}

/// Blue at −1, white at 0, red at 1.
fn colour(x: f32) -> [u8; 3] {
    // The root shows weights that are small beside the largest.
    let fade = ((1.0 - x.abs().clamp(0.0, 1.0).sqrt()) * 255.0).round() as u8;
    if x < 0.0 { [fade, fade, 255] } else { [255, fade, fade] }
}

fn matrix(weights: &Tensor, largest: f32) -> Picture {
    let n = weights.size()[0].max(1) as usize;
    let block = n.div_ceil(MATRIX);
    let side = n.div_ceil(block);
    let values = weights.contiguous();
    let values = numbers(&values);
    let mean = |row: usize, column: usize| {
        let range = |at: usize| at * block..((at + 1) * block).min(n);
        let cells = range(row).flat_map(|r| range(column).map(move |c| values[r * n + c]));
        cells.sum::<f32>() / (range(row).len() * range(column).len()) as f32
    };
    let rgb =
        (0..side).flat_map(|row| (0..side).flat_map(move |c| colour(mean(row, c) / largest.max(f32::MIN_POSITIVE))));
    Picture { width: side as u32, height: side as u32, rgb: rgb.collect() }
}

/// Error of recall against load, a curve a rule.
pub fn capacity(cells: &[Cell], rules: &[Rule], n: usize, noise: f64) -> Picture {
    let curve = |rule: &Rule| {
        let mut of_rule: Vec<&Cell> = cells.iter().filter(|c| c.rule == *rule).collect();
        of_rule.sort_by(|a, b| a.load.total_cmp(&b.load));
        Series {
            name: rule.to_string(),
            points: of_rule.iter().map(|c| [c.load, c.error]).collect(),
            spread: of_rule.iter().map(|c| c.error_std).collect(),
            marks: true,
            ..Series::default()
        }
    };
    let highest = cells.iter().map(|c| c.error + c.error_std).filter(|e| e.is_finite()).fold(0.1, f64::max);
    let start = if noise > 0.0 { format!("{:.0} % noise", noise * 100.0) } else { "the patterns".to_string() };
    Plot {
        title: format!("N = {n}, started from {start}"),
        x_label: "load P/N".into(),
        y_label: "share of wrong bits".into(),
        series: rules.iter().map(curve).collect(),
        vertical: vec![(HEBBIAN_CAPACITY, "0.138".into())],
        whole_x: false,
        x: None,
        y: Some([0.0, (highest * 1.05).min(1.0)]),
    }
    .draw()
}

/// Shares against noise: a curve a name.
pub fn against_noise(title: &str, y_label: &str, curves: &[(String, Vec<[f64; 2]>)]) -> Picture {
    let series = curves.iter().map(|(name, points)| Series {
        name: name.clone(),
        points: points.clone(),
        marks: true,
        ..Series::default()
    });
    Plot {
        title: title.into(),
        x_label: "share of flipped bits".into(),
        y_label: y_label.into(),
        series: series.collect(),
        y: Some([0.0, 1.02]),
        ..Plot::default()
    }
    .draw()
}
