//! Pictures for people: images at their places on a canvas, rows of similar images, heat maps.

use std::collections::BTreeMap;

use image::RgbaImage;
use rayon::prelude::*;
use tch::{Device, Kind};

use super::source::resize;
use super::{Encoder, EncoderError, Features, Source};
use crate::draw::Picture;
use crate::draw::chart::class_colour;
use crate::draw::heat::{Heat, Panel};
use crate::draw::scene::{Anchor, DENSITY, Scene, widest, wrap};
use crate::draw::tiles::{Tiles, grid};

/// Clusters or classes beyond which their names would fill the page.
const NAMED: usize = 30;
/// Units of length of a heat map.
const HEAT: f64 = 500.0;
/// Of one of the lateral weights of a layer.
const LATERAL: f64 = 240.0;

/// Images of a source, resized to a square; one that can no longer be read is a grey square.
fn thumbnails(source: &Source, indices: &[u32], side: u32) -> Vec<RgbaImage> {
    let one = |i: &u32| match source.items[*i as usize].picture() {
        Ok(p) if p.dimensions() == (side, side) => p,
        Ok(p) => resize(&p, side, side),
        Err(_) => RgbaImage::from_pixel(side, side, image::Rgba([200, 200, 200, 255])),
    };
    indices.par_iter().map(one).collect()
}

/// The side of a picture on a canvas, such that all together cover at most half of it; 12 pixels at least.
pub fn side_on(canvas: u32, images: usize) -> u32 {
    let side = (0.5 * f64::from(canvas).powi(2) / images.max(1) as f64).sqrt();
    (side as u32).clamp(12, 128).min((canvas / 4).max(1))
}

/// Colours without alpha, as they look on white.
fn on_white(picture: &RgbaImage) -> Picture {
    let over = |p: &image::Rgba<u8>| {
        let a = u32::from(p.0[3]);
        [0, 1, 2].map(|c| ((u32::from(p.0[c]) * a + 255 * (255 - a) + 127) / 255) as u8) // a mean of bytes
    };
    Picture { width: picture.width(), height: picture.height(), rgb: picture.pixels().flat_map(over).collect() }
}

/// Images at their places on a square canvas, framed in the colour of their cluster, under a title and above the clusters' names. Places
/// are stretched to fill the canvas, less a margin, each direction by itself; y grows downwards as it is drawn.
pub fn canvas(
    title: &str,
    source: &Source,
    features: &Features,
    places: &[[f64; 2]],
    clusters: &[u32],
    [canvas, side]: [u32; 2],
) -> Picture {
    let frame = if side >= 24 { 2.0 } else { 1.0 };
    let margin = f64::from(side) / 4.0 + frame;
    let (wide, size) = (f64::from(canvas), (f64::from(canvas) / 64.0).clamp(12.0, 36.0));
    let room = wide - 2.0 * margin - f64::from(side);
    let stretch = |axis: usize| {
        let (low, high) = places
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p[axis]), high.max(p[axis])));
        move |x: f64| (margin + if high > low { (x - low) / (high - low) * room } else { room / 2.0 }).round()
    };
    let (across, down) = (stretch(0), stretch(1));
    let mut scene = Scene::new(canvas, 1);
    let top = scene.lines([wide / 2.0, size / 2.0], &wrap(title, size, wide - 2.0 * size), size).ceil();
    let count = clusters.iter().max().map_or(0, |c| *c as usize + 1);
    let pictures = thumbnails(source, &features.indices, side);
    for ((picture, place), cluster) in pictures.iter().zip(places).zip(clusters) {
        let (at, side) = ([across(place[0]), top + down(place[1])], f64::from(side));
        scene.frame([at[0], at[1], side, side], class_colour(*cluster as usize, count), frame);
        let alpha = picture.pixels().map(|p| p.0[3]).collect();
        let rgb = picture.pixels().flat_map(|p| [p.0[0], p.0[1], p.0[2]]).collect();
        let picture = Picture { width: picture.width(), height: picture.height(), rgb };
        scene.image_over(at, [side, side], picture, alpha);
    }
    let names = if count <= NAMED { cluster_names(source, features, clusters, count) } else { vec![] };
    let entry = widest(&names, size) + 3.0 * size;
    let columns = (((wide - size) / entry) as usize).max(1);
    let line = |row: usize| top + wide + size * 1.5 * row as f64;
    scene.grow((line(names.len().div_ceil(columns)) + size) as u32);
    for (i, name) in names.iter().enumerate() {
        let (x, y) = (size + entry * (i % columns) as f64, line(i / columns));
        let box_of = [[x, y], [x + size, y], [x + size, y + size], [x, y + size]];
        scene.area(&box_of, class_colour(i, count), 1.0);
        scene.text([x + 1.5 * size, y + size * 0.85], name, size, Anchor::Start);
    }
    scene.picture(1)
}

/// Each cluster's number, and the class that most of its images have.
fn cluster_names(source: &Source, features: &Features, clusters: &[u32], count: usize) -> Vec<String> {
    let classes = features.classes(source);
    let name = |cluster: usize| {
        let mut found: BTreeMap<u32, usize> = BTreeMap::new();
        let of_cluster = classes.iter().flatten().zip(clusters).filter(|(_, c)| **c as usize == cluster);
        of_cluster.for_each(|(class, _)| *found.entry(*class).or_default() += 1);
        let all: usize = found.values().sum();
        let most = found.iter().max_by_key(|(_, n)| **n);
        match most.and_then(|(class, n)| source.classes.get(*class as usize).map(|name| (name, n))) {
            Some((name, n)) => format!("{cluster}: {:.0} % {name}", 100.0 * *n as f64 / all as f64),
            None => format!("cluster {cluster}"),
        }
    };
    (0..count).map(name).collect()
}

/// A row an asked image: the image, then its most similar ones with their cosine.
pub fn rows_of_similar(
    source: &Source,
    features: &Features,
    asked: &[u32],
    found: &[Vec<(u32, f32)>],
    side: u32,
) -> Picture {
    let k = found.iter().map(Vec::len).max().unwrap_or(0);
    let item = |i: u32| &source.items[features.indices[i as usize] as usize];
    let class = |i: u32| item(i).class.and_then(|c| source.classes.get(c as usize)).cloned().unwrap_or_default();
    let mut all = Tiles {
        title: format!("{} images and the {k} most similar to each, by cosine", asked.len()),
        heads: std::iter::once("image".to_string()).chain((1..=k).map(|rank| rank.to_string())).collect(),
        columns: k + 1,
        side: side.div_ceil(DENSITY),
        ..Tiles::default()
    };
    for (own, similar) in asked.iter().zip(found) {
        let row: Vec<u32> = std::iter::once(*own).chain(similar.iter().map(|(j, _)| *j)).collect();
        let indices: Vec<u32> = row.iter().map(|i| features.indices[*i as usize]).collect();
        all.tiles.extend(thumbnails(source, &indices, side).iter().map(on_white));
        all.captions.push(class(*own));
        all.captions.extend(similar.iter().map(|(j, cosine)| format!("{} {cosine:.3}", class(*j)).trim().to_string()));
        all.tiles.resize_with(all.tiles.len().next_multiple_of(k + 1), Picture::default);
        all.captions.resize(all.tiles.len(), String::new());
    }
    all.scene().picture(DENSITY)
}

/// All images in rows of equal length, for tensorboard's projector: transparent pixels are white.
pub fn sprites(source: &Source, features: &Features, side: u32) -> Picture {
    let columns = (features.indices.len() as f64).sqrt().ceil() as usize;
    let mut all: Vec<Picture> = thumbnails(source, &features.indices, side).iter().map(on_white).collect();
    // The projector wants a square.
    all.resize(columns * columns, Picture { width: side, height: side, rgb: vec![255; 3 * (side * side) as usize] });
    grid(&all, columns, 0, 1)
}

/// Cosines of all pairs as colours, with the classes beside them where the images have some: `side` rows and columns of `cells`, each of
/// one image or of a block, images ordered by class.
pub fn similarity(source: &Source, features: &Features, cells: Vec<f32>, side: usize) -> Picture {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    features.classes(source).iter().flatten().for_each(|class| *counts.entry(*class).or_default() += 1);
    let name = |class: u32| source.classes.get(class as usize).cloned().unwrap_or_else(|| class.to_string());
    let (classes, n) = (counts.len(), features.len());
    let named = (2..=NAMED).contains(&classes);
    let heat = Heat {
        title: format!("cosine of all pairs of {n} images of {}", source.stem),
        x: if classes > 1 { "image, in the same order" } else { "image" }.into(),
        y: if classes > 1 { "image, by class" } else { "image" }.into(),
        scale: "cosine".into(),
        panels: vec![Panel { title: String::new(), values: cells, columns: side }],
        side: HEAT,
        counted: Some(n),
        groups: if named { counts.into_iter().map(|(class, n)| (name(class), n)).collect() } else { vec![] },
        ..Heat::default()
    };
    heat.scene().picture(DENSITY)
}

/// Of each layer, how strongly every position is connected to the one in the middle.
pub fn laterals(encoder: &Encoder) -> Vec<(String, Picture)> {
    let of = |(i, (layer, [h, w])): (usize, (&super::model::Layer, [i64; 2]))| {
        let middle = (h / 2) * w + w / 2;
        let row = layer.lateral.row(middle).to_device(Device::Cpu).to_kind(Kind::Float);
        let heat = Heat {
            title: format!("layer {i}: lateral weights to the position in the middle"),
            x: "column".into(),
            y: "row".into(),
            scale: "lateral weight".into(),
            panels: vec![Panel { title: String::new(), values: super::features::list(&row), columns: w as usize }],
            side: LATERAL,
            ..Heat::default()
        };
        (format!("lateral/b{i}"), heat.scene().picture(DENSITY))
    };
    encoder.layers.iter().zip(encoder.positions()).enumerate().map(of).collect()
}

/// Checks the sides of a canvas and of the pictures on it.
///
/// # Errors
/// By the flag that is wrong.
pub fn check_canvas(canvas: u32, side: u32) -> Result<(), EncoderError> {
    let wrong = |name, value: u32, rule: String| Err(EncoderError::Setting { name, value: value.to_string(), rule });
    if !(64..=16_384).contains(&canvas) {
        return wrong("--canvas", canvas, "it must be 64 to 16384 pixels".into());
    }
    if side == 0 || side > canvas / 2 {
        return wrong("--picture", side, format!("it must be 1 to half of the canvas of {canvas} pixels"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_pixels_are_white() {
        let mut picture = RgbaImage::from_pixel(2, 1, image::Rgba([0, 0, 0, 128]));
        picture.put_pixel(1, 0, image::Rgba([9, 9, 9, 0]));
        assert_eq!(on_white(&picture).rgb, [127, 127, 127, 255, 255, 255]);
    }

    #[test]
    fn pictures_cover_half_of_the_canvas() {
        assert_eq!(side_on(2500, 898), 58);
        assert_eq!(side_on(2500, 100_000), 12);
        assert_eq!(side_on(2500, 1), 128);
    }
}
