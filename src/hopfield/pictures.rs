//! What is stored, put in and recalled, side by side; energies; weights; error against load.

use tch::Tensor;

use super::capacity::Cell;
use super::network::HEBBIAN_CAPACITY;
use super::{Activation, Rule};
use crate::draw::Picture;
use crate::draw::chart::{Chart, Series};
use crate::draw::heat::{Heat, Panel};
use crate::draw::scene::{DENSITY, INK, PALETTE};
use crate::draw::tiles::Tiles;
use crate::layer::wide::numbers;

/// Rows of a grid at most.
const ROWS: usize = 10;
/// Units of length of a tile.
const TILE: u32 = 64;
/// Units of length of a matrix of weights: 784 are as many pixels.
const MATRIX: f64 = 392.0;
/// Width and height of a picture of curves, units.
const CURVES: [u32; 2] = [560, 360];

/// A column of a grid: its title in two lines and a state a row (B, N).
#[derive(Debug)]
pub struct Column {
    /// Its title.
    pub title: [String; 2],
    /// The states.
    pub states: Tensor,
}

/// States as images: a row a pattern, with its name, a column a step of the experiment.
pub fn grid(title: &str, columns: &[Column], names: &[String], shape: [usize; 2], activation: Activation) -> Picture {
    let rows = names.len().min(ROWS);
    let states: Vec<Vec<f32>> = columns.iter().map(|c| numbers(&c.states.contiguous()).to_vec()).collect();
    let size = shape[0] * shape[1];
    let cells = (0..rows).flat_map(|row| states.iter().map(move |s| s.get(row * size..(row + 1) * size)));
    let tiles = Tiles {
        title: title.into(),
        heads: columns.iter().map(|c| c.title.join("\n")).collect(),
        names: names[..rows].to_vec(),
        tiles: cells.map(|state| state.map(|s| image(s, shape, activation)).unwrap_or_default()).collect(),
        columns: columns.len(),
        side: TILE,
        ..Tiles::default()
    };
    tiles.scene().picture(DENSITY)
}

/// A state as an image: black where inactive, white where active, grey between.
fn image(state: &[f32], shape: [usize; 2], activation: Activation) -> Picture {
    let [low, high] = activation.levels();
    let level = |x: &f32| ((x - low) / (high - low) * 255.0).clamp(0.0, 255.0).round() as u8;
    Picture { width: shape[1] as u32, height: shape[0] as u32, rgb: state.iter().flat_map(|x| [level(x); 3]).collect() }
}

/// Energies sweep by sweep, a curve a state; states of a group have its colour.
pub fn energies(groups: &[(String, Vec<Vec<f64>>)], title: &str) -> Picture {
    let curves = groups.iter().enumerate().flat_map(|(group, (name, states))| {
        states.iter().enumerate().map(move |(i, energies)| Series {
            name: if i == 0 { name.clone() } else { String::new() },
            points: energies.iter().enumerate().map(|(sweep, e)| [sweep as f64, *e]).collect(),
            colour: Some(PALETTE[group % PALETTE.len()]),
            marks: true,
            ..Series::default()
        })
    });
    let series = curves.collect();
    let chart = Chart { title: title.into(), x: "sweep".into(), y: "energy".into(), series, ..Chart::default() };
    chart.scene(CURVES[0], CURVES[1]).picture(DENSITY)
}

/// Matrices of weights side by side on one scale. Large ones are averaged down.
pub fn weights(title: &str, matrices: &[(String, &Tensor)]) -> Picture {
    let panel = |(title, w): &(String, &Tensor)| Panel {
        title: title.clone(),
        values: numbers(&w.contiguous()).to_vec(),
        columns: w.size()[0].max(0) as usize,
    };
    let heat = Heat {
        title: title.into(),
        x: "from neuron".into(),
        y: "to neuron".into(),
        scale: "weight".into(),
        diverging: true,
        panels: matrices.iter().map(panel).collect(),
        side: MATRIX,
        ..Heat::default()
    };
    heat.scene().picture(DENSITY)
}

/// Error of recall against load, a curve a rule.
pub fn capacity(cells: &[Cell], rules: &[Rule], n: usize, noise: f64) -> Picture {
    let curve = |(i, rule): (usize, &Rule)| {
        let mut of_rule: Vec<&Cell> = cells.iter().filter(|c| c.rule == *rule).collect();
        of_rule.sort_by(|a, b| a.load.total_cmp(&b.load));
        Series {
            name: rule.to_string(),
            points: of_rule.iter().map(|c| [c.load, c.error]).collect(),
            spread: of_rule.iter().map(|c| c.error_std).collect(),
            marks: true,
            dashed: i % 2 == 1, // many lie on one another
            ..Series::default()
        }
    };
    let highest = cells.iter().map(|c| c.error + c.error_std).filter(|e| e.is_finite()).fold(0.1, f64::max);
    let top = (highest * 1.05).min(1.0);
    let start = if noise > 0.0 { format!("{:.0} % noise", noise * 100.0) } else { "the patterns".to_string() };
    let limit = Series {
        name: format!("P/N = {HEBBIAN_CAPACITY}"),
        points: vec![[HEBBIAN_CAPACITY, 0.0], [HEBBIAN_CAPACITY, top]],
        colour: Some(INK),
        dashed: true,
        ..Series::default()
    };
    let chart = Chart {
        title: format!("{n} neurons, started from {start}"),
        x: "load P/N".into(),
        y: "share of wrong bits".into(),
        series: rules.iter().enumerate().map(curve).chain([limit]).collect(),
        y_range: Some([0.0, top]),
        ..Chart::default()
    };
    chart.scene(CURVES[0], CURVES[1]).picture(DENSITY)
}

/// Shares against noise: a curve a name, every other one dashed: many lie on one another.
pub fn against_noise(title: &str, y: &str, curves: &[(String, Vec<[f64; 2]>)]) -> Picture {
    let series = curves.iter().enumerate().map(|(i, (name, points))| Series {
        name: name.clone(),
        points: points.clone(),
        marks: true,
        dashed: i % 2 == 1,
        ..Series::default()
    });
    let chart = Chart {
        title: title.into(),
        x: "share of flipped bits".into(),
        y: y.into(),
        series: series.collect(),
        y_range: Some([0.0, 1.02]),
        ..Chart::default()
    };
    chart.scene(CURVES[0], CURVES[1]).picture(DENSITY)
}
