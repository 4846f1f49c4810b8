//! A confusion matrix as a picture.

use super::confusion::Confusion;
use crate::draw::Picture;
use crate::draw::scene::{Anchor, Colour, FAINT, Scene};

/// Classes up to which the numbers stand in the cells.
const NUMBERED: usize = 20;
/// Classes up to which they are named.
const NAMED: usize = 120;
/// Width of the scale, and the room around it.
const SCALE: [f64; 2] = [14.0, 90.0];

/// White to dark blue; where dark words stand on it, to a light blue.
fn colour(share: f64, under_words: bool) -> Colour {
    const DARK: [Colour; 3] = [[255, 255, 255], [86, 180, 233], [0, 58, 112]];
    const LIGHT: [Colour; 3] = [[255, 255, 255], [173, 214, 240], [92, 172, 224]];
    let places = if under_words { LIGHT } else { DARK };
    let at = share.clamp(0.0, 1.0) * 2.0;
    let i = (at as usize).min(1);
    std::array::from_fn(|c| {
        let (a, b) = (f64::from(places[i][c]), f64::from(places[i + 1][c]));
        (a + (b - a) * (at - i as f64)).round() as u8
    })
}

/// Draws the shares of each class's images: a row a class, a column what is predicted; the scale at the right.
pub fn confusion(title: &str, c: &Confusion, names: &[String]) -> Scene {
    let n = c.classes();
    let numbered = n <= NUMBERED;
    let cell = match n {
        0..=NUMBERED => 44.0,
        21..=60 => 14.0,
        61..=NAMED => 10.0,
        _ => (1000 / n).max(1) as f64,
    };
    let size = if numbered { 12.0 } else { (cell - 1.0).clamp(6.0, 12.0) };
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as f64;
    let words = if n <= NAMED { 10.0 + longest * size * 0.56 } else { 8.0 };
    let (side, top) = (cell * n as f64, 36.0);
    let left = 26.0 + words;
    let width = (left + side + SCALE.iter().sum::<f64>()).max(title.chars().count() as f64 * 7.0 + 20.0);
    let mut scene = Scene::new(width as u32, (top + side + words + 30.0) as u32);
    scene.text([width / 2.0, 20.0], title, 13.0, Anchor::Middle);

    let share = |i: usize, j: usize| c.count(i, j) as f64 / c.of_class(i).max(1) as f64;
    let pixels = |of: &dyn Fn(usize, usize) -> f64, w: usize, h: usize| {
        let rgb = (0..h).flat_map(|y| (0..w).map(move |x| (y, x))).flat_map(|(y, x)| colour(of(y, x), numbered));
        Picture { width: w as u32, height: h as u32, rgb: rgb.collect() }
    };
    scene.image([left, top], [side, side], pixels(&share, n, n));
    let frame = |scene: &mut Scene, [x, y, w, h]: [f64; 4]| {
        scene.line(&[[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]], FAINT, 1.0, 1.0);
    };
    frame(&mut scene, [left, top, side, side]);
    if numbered {
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| c.count(*i, *j) > 0) {
            let at = [left + (j as f64 + 0.5) * cell, top + (i as f64 + 0.5) * cell + 4.0];
            scene.text(at, &c.count(i, j).to_string(), size, Anchor::Middle);
        }
    }
    if n <= NAMED {
        for (i, name) in names.iter().enumerate().take(n) {
            let middle = (i as f64 + 0.5) * cell + size * 0.35;
            scene.text([left - 6.0, top + middle], name, size, Anchor::End);
            scene.upright_text([left + middle, top + side + 6.0], name, size, Anchor::End);
        }
    }
    scene.upright_text([16.0, top + side / 2.0], "true class", 12.0, Anchor::Middle);
    scene.text([left + side / 2.0, top + side + words + 20.0], "predicted class", 12.0, Anchor::Middle);

    // The scale: a hundred steps, 100 % at the top.
    let [wide, _] = SCALE;
    let (x, tall) = (left + side + 22.0, side.min(300.0));
    let steps = (tall as usize).max(2);
    let step = |y: usize, _: usize| 1.0 - y as f64 / (steps - 1) as f64;
    scene.image([x, top], [wide, steps as f64], pixels(&step, wide as usize, steps));
    frame(&mut scene, [x, top, wide, steps as f64]);
    for percent in [0, 25, 50, 75, 100] {
        let y = top + steps as f64 * (1.0 - f64::from(percent) / 100.0);
        scene.text([x + wide + 5.0, y + 4.0], &format!("{percent} %"), 11.0, Anchor::Start);
    }
    scene.text([x, top + steps as f64 + 18.0], "of the class", 11.0, Anchor::Start);
    scene
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_the_colour_of_their_share_and_classes_their_names() {
        assert_eq!(colour(0.0, false), [255, 255, 255]);
        assert_eq!(colour(0.5, false), [86, 180, 233]);
        assert_eq!(colour(1.0, false), [0, 58, 112]);
        let names: Vec<String> = ["cat", "dog"].map(String::from).to_vec();
        let c = Confusion::new(2, [(0, 0), (0, 0), (1, 1), (1, 0)].into_iter());
        let svg = confusion("a title", &c, &names).svg();
        for word in ["a title", "cat", "dog", "predicted class", "100 %", ">2<"] {
            assert!(svg.contains(word), "{word}");
        }
        for classes in [1, 21, 100, 500, 2000] {
            let names: Vec<String> = (0..classes).map(|i: usize| i.to_string()).collect();
            let c = Confusion::new(classes, std::iter::empty());
            let [w, h] = confusion("many", &c, &names).size();
            assert!(w > 100 && h > 60 && w < 3000 && h < 3000, "{classes}: {w} × {h}");
        }
    }
}
