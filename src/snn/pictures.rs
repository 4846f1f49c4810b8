//! What a network looks like: class templates, weights, and one example's spikes and potentials.

use super::{Activity, Encoder, Network, Spikes, Stream, generator};
use crate::data::Dataset;
use crate::draw::Picture;
use crate::draw::chart::{Chart, Series};
use crate::draw::heat::{Heat, Panel};
use crate::draw::scene::{Colour, DENSITY, FRAME, PALETTE};
use crate::draw::tiles::{Tiles, tile};

/// Hidden units that are shown as images.
const UNITS: usize = 100;
/// Hidden units whose potentials are shown, at most: those that fire most.
const TRACES: usize = 8;
/// Rows of a raster at most; of more units several share one.
const ROWS: usize = 600;
/// Of potentials: where a spike is.
const RED: Colour = PALETTE[1];

/// Templates and weights, by tag.
pub fn of_weights(network: &Network, data: &Dataset) -> Vec<(String, Picture)> {
    vec![("templates".into(), templates(network, data)), ("weights".into(), weights(network, data))]
}

/// The template of each class, W1·W2[:, c], as an image; all on one scale.
pub fn templates(network: &Network, data: &Dataset) -> Picture {
    let (w1, w2) = (network.w1(), network.w2());
    let (hidden, classes) = (network.constants().hidden, network.classes());
    let [height, width] = [data.train.height, data.train.width];
    let pixels = height * width;
    let panels = (0..classes).map(|c| {
        let dot = |row: &[f32]| row.iter().zip(w2.iter().skip(c).step_by(classes)).map(|(a, b)| a * b).sum::<f32>();
        let template: Vec<f32> = w1.chunks_exact(hidden).map(dot).collect();
        let channels = template.len() / pixels.max(1);
        let mean = |p: usize| template.iter().skip(p).step_by(pixels).sum::<f32>() / channels.max(1) as f32;
        Panel { title: name(&data.classes, c), values: (0..pixels).map(mean).collect(), columns: width }
    });
    let heat = Heat {
        title: "template of each class: W1 · W2".into(),
        scale: "weight".into(),
        diverging: true,
        panels: panels.collect(),
        across: 5,
        side: 84.0,
        ..Heat::default()
    };
    heat.scene().picture(DENSITY)
}

/// A class by its name, or its number.
fn name(classes: &[String], c: usize) -> String {
    classes.get(c).cloned().unwrap_or_else(|| c.to_string())
}

/// Columns of W1 as images, the first hundred units.
pub fn weights(network: &Network, data: &Dataset) -> Picture {
    let (w1, hidden) = (network.w1(), network.constants().hidden);
    let units = hidden.min(UNITS);
    let column = |j: usize| w1.iter().skip(j).step_by(hidden).copied().collect::<Vec<f32>>();
    let images = &data.train;
    let tiles = (0..units).map(|j| tile(&column(j), images.channels, images.height, images.width));
    let tiles = Tiles {
        title: format!("input weights of {units} of {hidden} hidden units\neach stretched to its own range"),
        tiles: tiles.collect(),
        side: 42,
        ..Tiles::default()
    };
    tiles.scene().picture(DENSITY)
}

/// One example, step by step.
#[derive(Debug, Clone)]
pub struct Example {
    /// What the inputs fire.
    pub input: Spikes,
    /// Hidden units that fire, a list a step.
    pub hidden: Vec<Vec<u32>>,
    /// Output units that fire, a list a step.
    pub output: Vec<Vec<u32>>,
    /// Hidden potentials after each step's reset, (T, H).
    pub v_h: Vec<Vec<f32>>,
    /// Output potentials after each step's reset, (T, C).
    pub v_o: Vec<Vec<f32>>,
    /// The class found.
    pub predicted: usize,
}

/// Simulates an example of so many steps.
pub fn example(network: &Network, image: &[u8], steps: usize, seed: u64) -> Example {
    let c = network.constants();
    let mut input = Spikes::default();
    Encoder::new(c.p_input(), c.input_spikes).encode(image, steps, &mut generator(seed, Stream::Example), &mut input);
    let mut a = Activity::default();
    a.rest(network);
    let (mut hidden, mut output, mut v_h, mut v_o) = (vec![], vec![], vec![], vec![]);
    for t in 0..steps {
        network.step(input.step(t), &mut a);
        hidden.push(a.fired_h.clone());
        output.push(a.fired_o.clone());
        v_h.push(a.v_h[..c.hidden].to_vec());
        v_o.push(a.v_o[..network.classes()].to_vec());
    }
    Example { input, hidden, output, v_h, v_o, predicted: a.predicted() }
}

/// The pictures of an example, by tag: rasters of the `inputs` inputs that spike most, of the hidden and of the output units (time to
/// the right, units down), and potentials. `of` says which example it is.
pub fn of_example(
    network: &Network,
    example: &Example,
    inputs: usize,
    classes: &[String],
    of: &str,
) -> Vec<(String, Picture)> {
    let steps = example.hidden.len();
    let input: Vec<Vec<u32>> = (0..steps).map(|t| example.input.step(t).to_vec()).collect();
    let hidden = network.constants().hidden;
    let all: Vec<usize> = (0..network.classes()).collect();
    let names: Vec<String> = all.iter().map(|c| name(classes, *c)).collect();
    let numbers = |units: &[usize]| units.iter().map(usize::to_string).collect::<Vec<String>>();
    let chosen = busiest(&input, network.inputs(), inputs);
    let spiking = busiest(&example.hidden, hidden, hidden);
    let fired = spikes(&example.hidden, hidden).iter().filter(|n| **n > 0).count();
    let mut traced = by_spikes(&example.hidden, hidden);
    traced.truncate(fired.clamp(1, TRACES));
    let of_inputs = match chosen.len() < network.inputs() {
        true => format!("spikes of the {} inputs that spike most, of {}\n{of}", chosen.len(), network.inputs()),
        false => format!("spikes of all {} inputs\n{of}", network.inputs()),
    };
    vec![
        ("raster/input".into(), raster(&of_inputs, "input", &input, &chosen, &numbers(&chosen))),
        (
            "raster/hidden".into(),
            raster(
                &format!("spikes of the {hidden} hidden units\n{of}"),
                "hidden unit",
                &example.hidden,
                &spiking,
                &numbers(&spiking),
            ),
        ),
        ("raster/output".into(), raster(&format!("spikes of the outputs\n{of}"), "", &example.output, &all, &names)),
        (
            "potential/hidden".into(),
            traces(
                &format!("potentials of the hidden units that spike most\n{of}"),
                &example.v_h,
                &example.hidden,
                &traced,
                &numbers(&traced),
            ),
        ),
        (
            "potential/output".into(),
            traces(&format!("potentials of the outputs\n{of}"), &example.v_o, &example.output, &all, &names),
        ),
    ]
}

/// How often each unit fires.
fn spikes(fired: &[Vec<u32>], units: usize) -> Vec<usize> {
    let mut spikes = vec![0usize; units];
    fired.iter().flatten().for_each(|j| spikes[*j as usize] += 1);
    spikes
}

/// All units, those that fire most first.
fn by_spikes(fired: &[Vec<u32>], units: usize) -> Vec<usize> {
    let spikes = spikes(fired, units);
    let mut all: Vec<usize> = (0..units).collect();
    all.sort_by_key(|j| std::cmp::Reverse(spikes[*j]));
    all
}

/// So many units that fire most, of those that fire at all, in the order of their numbers.
fn busiest(fired: &[Vec<u32>], units: usize, count: usize) -> Vec<usize> {
    let mut all = by_spikes(fired, units);
    if count < units {
        let spiking = spikes(fired, units).iter().filter(|n| **n > 0).count();
        all.truncate(count.min(spiking).max(1));
    }
    all.sort_unstable();
    all
}

/// A raster: a column a step, a row a unit, black where it fires.
fn raster(title: &str, what: &str, fired: &[Vec<u32>], units: &[usize], names: &[String]) -> Picture {
    let (steps, rows) = (fired.len(), units.len().clamp(1, ROWS));
    // Three pixels a step, of which one is left white.
    let mut rgb = vec![255; steps * 3 * rows * 3];
    for (row, unit) in units.iter().enumerate().map(|(i, unit)| (i * rows / units.len(), *unit as u32)) {
        for t in (0..steps).filter(|t| fired[*t].contains(&unit)) {
            let at = (row * steps * 3 + t * 3) * 3;
            rgb[at..at + 6].fill(0);
        }
    }
    let height = (rows as f64 * if rows > 60 { 1.5 } else { 16.0 }).clamp(90.0, 900.0);
    let chart = Chart {
        title: title.into(),
        x: "step".into(),
        y: what.into(),
        x_range: Some([0.0, steps as f64]),
        y_range: Some([units.len().max(1) as f64, 0.0]),
        y_ticks: Some(some(names, (height / 16.0) as usize).map(|i| (i as f64 + 0.5, names[i].clone())).collect()),
        image: Some(Picture { width: steps as u32 * 3, height: rows as u32, rgb }),
        ..Chart::default()
    };
    chart.fitted([across(steps), height]).picture(DENSITY)
}

/// Places in a list, evenly apart, so many at most.
fn some(names: &[String], most: usize) -> impl Iterator<Item = usize> + use<> {
    (0..names.len()).step_by(names.len().div_ceil(most.max(1)).max(1))
}

/// Width of so many steps, whole units a step where there is room.
fn across(steps: usize) -> f64 {
    let step = (400 / steps.max(1)).max(12).min(1500 / steps.max(1)).max(1);
    (step * steps) as f64
}

/// Potentials of some units, a strip each on one scale; the grey line is 0, a tick above is a spike.
fn traces(title: &str, potentials: &[Vec<f32>], fired: &[Vec<u32>], units: &[usize], names: &[String]) -> Picture {
    let values = || potentials.iter().flat_map(|v| units.iter().map(|u| f64::from(v[*u]))).filter(|x| x.is_finite());
    let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let range = (high - low).max(f64::MIN_POSITIVE);
    let steps = potentials.len();
    let mut series = Vec::new();
    let mut ticks = Vec::new();
    for (row, (unit, name)) in units.iter().zip(names).enumerate() {
        let bottom = (units.len() - row - 1) as f64;
        let y = |v: f64| bottom + 0.1 + (v - low) / range * 0.7;
        let line = |points: Vec<[f64; 2]>, colour| Series { points, colour: Some(colour), ..Series::default() };
        series.push(line(vec![[0.0, y(0.0)], [steps as f64, y(0.0)]], FRAME));
        let curve = potentials.iter().enumerate().map(|(t, v)| [t as f64 + 0.5, y(f64::from(v[*unit]))]);
        series.push(line(curve.collect(), PALETTE[0]));
        let spikes = (0..steps).filter(|t| fired[*t].contains(&(*unit as u32))).map(|t| t as f64 + 0.5);
        series.push(line(spikes.flat_map(|t| [[t, bottom + 0.85], [t, bottom + 0.98], [f64::NAN; 2]]).collect(), RED));
        ticks.push((bottom + 0.5, name.clone()));
    }
    let (low, high) = (crate::draw::chart::label(low, 3), crate::draw::chart::label(high, 3));
    let chart = Chart {
        title: format!("{title}\na strip is {low} to {high}, grey: 0, red: a spike"),
        x: "step".into(),
        x_range: Some([0.0, steps as f64]),
        y_range: Some([0.0, units.len() as f64]),
        y_ticks: Some(ticks),
        series,
        ..Chart::default()
    };
    chart.fitted([across(steps), 48.0 * units.len() as f64]).picture(DENSITY)
}
