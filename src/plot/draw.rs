//! Tiles with words beside them, and scatters coloured by class.

use tch::{Device, Kind, Tensor};

use crate::report::chart::class_colour;
use crate::report::scene::{Anchor, FAINT, Scene};
use crate::report::{Picture, grid};

/// Room for the title.
const TITLE: f64 = 30.0;

/// Planes `(C, H, W)` as a tile, stretched together from their smallest to their largest value; one or two channels are grey.
pub fn tile(values: &[f32], channels: usize, height: usize, width: usize) -> Picture {
    let pixels = height * width;
    let (low, high) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    let range = f64::from(high) - f64::from(low);
    let level = |v: f64| if range > 0.0 { ((v - f64::from(low)) / range * 255.0).round() as u8 } else { 128 };
    let at = |p: usize, c: usize| match channels {
        3 => values.get(c * pixels + p).copied().map_or(0.0, f64::from),
        _ => {
            (0..channels).filter_map(|c| values.get(c * pixels + p)).map(|v| f64::from(*v)).sum::<f64>()
                / channels.max(1) as f64
        }
    };
    let rgb = (0..pixels).flat_map(|p| [0, 1, 2].map(|c| level(at(p, c)))).collect();
    Picture { width: width as u32, height: height as u32, rgb }
}

/// Units of weights `(O, C, k, k)` or `(O, K)` by the standard deviation within a filter, averaged over its channels, smallest first.
pub fn least_varied(weights: &Tensor) -> Vec<i64> {
    let planes = if weights.dim() > 2 { weights.flatten(2, -1) } else { weights.unsqueeze(1) };
    let variation =
        planes.std_dim(Some([2i64].as_slice()), false, false).mean_dim([1i64].as_slice(), false, Kind::Float);
    Vec::try_from(variation.argsort(0, false).to_device(Device::Cpu)).unwrap_or_default()
}

/// Tiles row by row under a title, enlarged to about `side` pixels.
pub fn tiles(title: &str, all: &[Picture], columns: usize, side: u32) -> Scene {
    let largest = all.iter().map(|t| t.width.max(t.height)).max().unwrap_or(1);
    let picture = grid(all, columns, 2, (side / largest.max(1)).max(1));
    let mut scene = Scene::new(picture.width.max(title.len() as u32 * 7 + 20), picture.height + TITLE as u32);
    scene.text([f64::from(scene.size()[0]) / 2.0, TITLE - 10.0], title, 13.0, Anchor::Middle);
    let left = (f64::from(scene.size()[0]) - f64::from(picture.width)) / 2.0;
    scene.image([left.floor(), TITLE], 1, picture);
    scene
}

/// A row of tiles for each word.
pub fn rows(title: &str, all: &[(String, Vec<Picture>)], side: u32) -> Scene {
    let columns = all.iter().map(|(_, tiles)| tiles.len()).max().unwrap_or(1);
    let largest = all.iter().flat_map(|(_, t)| t).map(|t| t.width.max(t.height)).max().unwrap_or(1).max(1);
    let scale = (side / largest).max(1);
    let cell = f64::from(largest * scale) + 4.0;
    let words = 10.0 + 7.0 * all.iter().map(|(w, _)| w.chars().count()).max().unwrap_or(0) as f64;
    let width = (words + cell * columns as f64 + 8.0).max(title.len() as f64 * 7.0 + 20.0);
    let mut scene = Scene::new(width as u32, (TITLE + cell * all.len() as f64 + 6.0) as u32);
    scene.text([width / 2.0, TITLE - 10.0], title, 13.0, Anchor::Middle);
    for (row, (word, tiles)) in all.iter().enumerate() {
        let top = TITLE + row as f64 * cell;
        scene.text([words - 8.0, top + cell / 2.0 + 2.0], word, 12.0, Anchor::End);
        for (i, tile) in tiles.iter().enumerate() {
            scene.image([words + i as f64 * cell, top], scale, tile.clone());
        }
    }
    scene
}

/// Points of a plane coloured by class, with a legend.
pub fn scatter(title: &str, points: &[[f64; 2]], labels: &[i64], classes: &[String]) -> Scene {
    const SIDE: f64 = 620.0;
    // Beyond thirty classes their names would fill the page.
    let named = if classes.len() <= 30 { classes } else { &[] };
    let legend =
        if named.is_empty() { 10.0 } else { 26.0 + 7.0 * named.iter().map(|c| c.len()).max().unwrap_or(0) as f64 };
    let mut scene = Scene::new((SIDE + legend) as u32, (SIDE + TITLE) as u32);
    let bound = |c: usize, f: fn(f64, f64) -> f64, start: f64| points.iter().map(|p| p[c]).fold(start, f);
    let low = [0, 1].map(|c| bound(c, f64::min, f64::INFINITY));
    let high = [0, 1].map(|c| bound(c, f64::max, f64::NEG_INFINITY));
    let range = (high[0] - low[0]).max(high[1] - low[1]).max(1e-9);
    let room = SIDE - 40.0;
    let place = |p: &[f64; 2]| {
        [0, 1].map(|c| 20.0 + (room - (high[c] - low[c]) / range * room) / 2.0 + (p[c] - low[c]) / range * room)
    };
    let frame = [
        [8.0, TITLE],
        [SIDE - 8.0, TITLE],
        [SIDE - 8.0, TITLE + SIDE - 16.0],
        [8.0, TITLE + SIDE - 16.0],
        [8.0, TITLE],
    ];
    scene.line(&frame, FAINT, 1.0, 1.0);
    let radius = if points.len() > 3000 { 1.6 } else { 2.6 };
    for (point, label) in points.iter().zip(labels) {
        let [x, y] = place(point);
        let colour = usize::try_from(*label).map_or([120; 3], |l| class_colour(l, classes.len()));
        scene.circle([x, TITLE + y - 8.0], radius, colour, 0.75);
    }
    for (i, class) in named.iter().enumerate() {
        let y = TITLE + 16.0 + i as f64 * 18.0;
        scene.circle([SIDE + 8.0, y], 5.0, class_colour(i, classes.len()), 1.0);
        scene.text([SIDE + 18.0, y + 4.0], class, 12.0, Anchor::Start);
    }
    scene.text([SIDE / 2.0, TITLE - 10.0], title, 13.0, Anchor::Middle);
    scene
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_stretched_together() {
        let grey = tile(&[0.0, 1.0, 2.0, 4.0], 1, 2, 2);
        assert_eq!(grey.rgb[..6], [0, 0, 0, 64, 64, 64]);
        let rgb = tile(&[0.0, 2.0, 1.0], 3, 1, 1);
        assert_eq!(rgb.rgb, [0, 255, 128]);
        assert_eq!(tile(&[3.0; 4], 1, 2, 2).rgb, [128; 12]);
    }

    #[test]
    fn the_units_that_vary_least_come_first() {
        // Two channels of two weights: spreads of (1, 0), (5, 5) and (0, 0).
        let w = Tensor::from_slice(&[0f32, 2.0, 7.0, 7.0, -5.0, 5.0, 0.0, 10.0, 3.0, 3.0, -9.0, -9.0]);
        assert_eq!(least_varied(&w.view([3, 2, 1, 2])), [2, 0, 1]);
        assert_eq!(least_varied(&w.view([3, 4])), [0, 1, 2], "of a fully connected layer: over all its weights");
    }

    #[test]
    fn drawings_have_the_size_of_what_they_hold() {
        let one = tile(&[0.0; 25], 1, 5, 5);
        let scene = tiles("filters", &vec![one.clone(); 10], 5, 40);
        assert!(scene.size()[1] >= 2 * 40 + 30);
        let scene = rows("patches", &[("unit 0".into(), vec![one.clone(); 3]), ("unit 11".into(), vec![one; 3])], 30);
        assert!(scene.svg().contains("unit 11"));
        let points = [[0.0, 0.0], [1.0, 5.0]];
        let scene = scatter("a plane", &points, &[0, 1], &["cat".into(), "dog".into()]);
        assert!(scene.svg().contains("dog") && scene.picture(1).width > 600);
        assert!(scatter("nothing", &[], &[], &[]).picture(1).width > 0);
    }
}
