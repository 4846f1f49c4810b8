//! What a network looks like: class templates, weights, and one example's spikes and potentials.

use super::plot::{BLACK, Canvas, RED};
use super::{Activity, Encoder, Network, Spikes, Stream, generator};
use crate::data::Images;
use crate::report::{Picture, filters_picture, grid};

/// Hidden units that are shown as images.
const UNITS: usize = 100;
/// Hidden units whose potentials are shown, at most: those that fire most.
const TRACES: usize = 8;

/// Templates and weights, by tag.
pub fn of_weights(network: &Network, images: &Images) -> Vec<(String, Picture)> {
    vec![("templates".into(), templates(network, images)), ("weights".into(), weights(network, images))]
}

/// The template of each class, W1·W2[:, c], as an image: blue below 0, white 0, red above, each to its own largest.
pub fn templates(network: &Network, images: &Images) -> Picture {
    let (w1, w2) = (network.w1(), network.w2());
    let (hidden, classes) = (network.constants().hidden, network.classes());
    let pixels = images.height * images.width;
    let tiles: Vec<Picture> = (0..classes)
        .map(|c| {
            let dot = |row: &[f32]| row.iter().zip(w2.iter().skip(c).step_by(classes)).map(|(a, b)| a * b).sum::<f32>();
            let template: Vec<f32> = w1.chunks_exact(hidden).map(dot).collect();
            let channels = template.len() / pixels.max(1);
            let mean = |p: usize| template.iter().skip(p).step_by(pixels).sum::<f32>() / channels.max(1) as f32;
            diverging(&(0..pixels).map(mean).collect::<Vec<f32>>(), images.height, images.width)
        })
        .collect();
    grid(&tiles, 5, 4, 4)
}

/// Numbers as colours: blue to white at 0 to red, ± the largest.
fn diverging(values: &[f32], height: usize, width: usize) -> Picture {
    let largest = values.iter().fold(0.0f32, |a, b| a.max(b.abs())).max(f32::MIN_POSITIVE);
    let colour = |x: &f32| {
        let fade = ((1.0 - (x / largest).abs()) * 255.0).round() as u8;
        if *x < 0.0 { [fade, fade, 255] } else { [255, fade, fade] }
    };
    Picture { width: width as u32, height: height as u32, rgb: values.iter().flat_map(colour).collect() }
}

/// Columns of W1 as images, the first hundred units.
pub fn weights(network: &Network, images: &Images) -> Picture {
    let (w1, hidden) = (network.w1(), network.constants().hidden);
    let units = hidden.min(UNITS);
    let columns: Vec<f32> = (0..units).flat_map(|j| w1.iter().skip(j).step_by(hidden).copied()).collect();
    filters_picture(&columns, units, images.channels, images.height, images.width, units)
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

/// The pictures of an example, by tag: rasters of the first `inputs` inputs, of the hidden and of the output units (time to the
/// right, units down), and potentials.
pub fn of_example(network: &Network, example: &Example, inputs: usize) -> Vec<(String, Picture)> {
    let steps = example.hidden.len();
    let input: Vec<Vec<u32>> = (0..steps).map(|t| example.input.step(t).to_vec()).collect();
    let (hidden, classes) = (network.constants().hidden, network.classes());
    let mut spikes = vec![0usize; hidden];
    example.hidden.iter().flatten().for_each(|j| spikes[*j as usize] += 1);
    let mut busiest: Vec<usize> = (0..hidden).collect();
    busiest.sort_by_key(|j| std::cmp::Reverse(spikes[*j]));
    let fired = busiest.iter().take_while(|j| spikes[**j] > 0).count();
    busiest.truncate(fired.clamp(1, TRACES));
    let all: Vec<usize> = (0..classes).collect();
    vec![
        ("raster/input".into(), raster(&input, inputs.min(network.inputs()))),
        ("raster/hidden".into(), raster(&example.hidden, hidden)),
        ("raster/output".into(), raster(&example.output, classes)),
        ("potential/hidden".into(), traces(&example.v_h, &example.hidden, &busiest)),
        ("potential/output".into(), traces(&example.v_o, &example.output, &all)),
    ]
}

/// A raster: a column a step, a row a unit, black where it fires.
fn raster(spikes: &[Vec<u32>], units: usize) -> Picture {
    // Few units are drawn larger; very many share a row of pixels.
    let (across, down) = (12, (600 / units.max(1)).clamp(1, 12));
    let rows = units.min(600);
    let mut canvas = Canvas::new(spikes.len() * across, rows * down, spikes.len(), across);
    let step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].into_iter().find(|s| units / s <= 12);
    for unit in (0..units).step_by(step.unwrap_or(10_000)) {
        canvas.row_label(unit * rows / units * down, unit);
    }
    for (t, fired) in spikes.iter().enumerate() {
        for unit in fired.iter().map(|j| *j as usize).filter(|j| *j < units) {
            canvas.rectangle(
                t * across + 1,
                unit * rows / units * down,
                across - 2,
                down.max(2) - down.min(2) / 2,
                BLACK,
            );
        }
    }
    canvas.picture()
}

/// Potentials of some units, a strip each on one scale; the grey line is 0, a red tick is a spike.
fn traces(potentials: &[Vec<f32>], spikes: &[Vec<u32>], units: &[usize]) -> Picture {
    const STRIP: usize = 48;
    let across = 12;
    let values = || potentials.iter().flat_map(|v| units.iter().map(|u| v[*u]).filter(|x| x.is_finite()));
    let (low, high) = (values().fold(0.0f32, f32::min), values().fold(0.0f32, f32::max));
    let range = (high - low).max(f32::MIN_POSITIVE);
    let mut canvas = Canvas::new(potentials.len() * across, units.len() * STRIP, potentials.len(), across);
    for (row, &unit) in units.iter().enumerate() {
        let top = row * STRIP;
        let y = |v: f32| top + 8 + ((high - v) / range * (STRIP - 12) as f32).clamp(0.0, (STRIP - 12) as f32) as usize;
        canvas.row_label(top + STRIP / 2, unit);
        canvas.line([0, y(0.0)], [potentials.len() * across, y(0.0)], [200, 200, 200]);
        let mut last = [0, y(0.0)];
        for (t, (v, fired)) in potentials.iter().zip(spikes).enumerate() {
            let point = [t * across + across / 2, y(v[unit])];
            canvas.line(last, point, [30, 80, 160]);
            last = point;
            if fired.contains(&(unit as u32)) {
                canvas.rectangle(point[0] - 1, top + 1, 2, 6, RED);
            }
        }
    }
    canvas.picture()
}
