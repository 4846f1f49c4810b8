//! Points of a plane coloured by class.

use super::chart::class_colour;
use super::scene::{Anchor, FAINT, LINE, Scene, TEXT, TITLE, widest, wrap};

/// Points of a plane coloured by class, with a legend.
pub fn scatter(title: &str, points: &[[f64; 2]], labels: &[i64], classes: &[String]) -> Scene {
    const SIDE: f64 = 620.0;
    // Beyond thirty classes their names would fill the page.
    let named = if classes.len() <= 30 { classes } else { &[] };
    let legend = if named.is_empty() { 10.0 } else { 30.0 + widest(named, TEXT) };
    let lines = wrap(title, TITLE, SIDE - 16.0);
    let head = 10.0 + LINE * lines.len() as f64;
    let mut scene = Scene::new((SIDE + legend) as u32, (SIDE + head) as u32);
    let bound = |c: usize, f: fn(f64, f64) -> f64, start: f64| points.iter().map(|p| p[c]).fold(start, f);
    let low = [0, 1].map(|c| bound(c, f64::min, f64::INFINITY));
    let high = [0, 1].map(|c| bound(c, f64::max, f64::NEG_INFINITY));
    let range = (high[0] - low[0]).max(high[1] - low[1]).max(1e-9);
    let room = SIDE - 40.0;
    let place = |p: &[f64; 2]| {
        [0, 1].map(|c| 20.0 + (room - (high[c] - low[c]) / range * room) / 2.0 + (p[c] - low[c]) / range * room)
    };
    scene.frame([8.0, head, SIDE - 16.0, SIDE - 16.0], FAINT, 1.0);
    let radius = if points.len() > 3000 { 1.6 } else { 2.6 };
    for (point, label) in points.iter().zip(labels) {
        let [x, y] = place(point);
        let colour = usize::try_from(*label).map_or([120; 3], |l| class_colour(l, classes.len()));
        scene.circle([x, head + y - 8.0], radius, colour, 0.75);
    }
    for (i, class) in named.iter().enumerate() {
        let y = head + 16.0 + i as f64 * 18.0;
        scene.circle([SIDE + 8.0, y], 5.0, class_colour(i, classes.len()), 1.0);
        scene.text([SIDE + 18.0, y + 4.0], class, TEXT, Anchor::Start);
    }
    scene.lines([SIDE / 2.0, 4.0], &lines, TITLE);
    scene
}
