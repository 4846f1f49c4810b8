//! Promise: every picture is drawn by one engine: nothing lies outside, words fit, deviations have bars, scales name their ends, and a
//! white tile is seen on the white page.

use proptest::prelude::*;
use softhebb::draw::chart::{Chart, Series, label, ticks};
use softhebb::draw::heat::{Heat, Panel};
use softhebb::draw::scatter::scatter;
use softhebb::draw::scene::{Anchor, DENSITY, FRAME, INK, Scene, TEXT, text_width, wrap};
use softhebb::draw::tiles::{Tiles, grid, tile};
use softhebb::draw::{Picture, encode_png, write_png};

fn plain(width: u32, height: u32, rgb: [u8; 3]) -> Picture {
    Picture { width, height, rgb: rgb.repeat((width * height) as usize) }
}

fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 3] {
    let at = ((y * picture.width + x) * 3) as usize;
    picture.rgb[at..at + 3].try_into().unwrap()
}

/// The value of an attribute of a line of SVG.
fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap()
}

/// Words of a drawing that are read from the left: what they say, from where to where, and how high they stand.
fn words(scene: &Scene) -> Vec<(String, [f64; 2], f64)> {
    let svg = scene.svg();
    let texts = svg.lines().filter(|l| l.starts_with("<text ") && !l.contains("rotate"));
    let of = |line: &str| {
        let text = line.split('>').nth(1).unwrap().split('<').next().unwrap().to_string();
        let [x, y, size] = ["x", "y", "font-size"].map(|name| attribute(line, name).parse::<f64>().unwrap());
        let width = text_width(&text, size);
        let left = match attribute(line, "text-anchor") {
            "start" => x,
            "middle" => x - width / 2.0,
            _ => x - width,
        };
        (text, [left, left + width], y)
    };
    texts.map(of).collect()
}

fn says(scene: &Scene, word: &str) -> bool {
    words(scene).iter().any(|(text, ..)| text == word)
}

/// Checks that no word ends outside of the picture.
fn fits(scene: &Scene) -> Result<(), TestCaseError> {
    let [width, height] = scene.size().map(f64::from);
    for (text, [left, right], y) in words(scene) {
        // Coordinates are rounded in the SVG.
        prop_assert!(left >= -0.01 && right <= width + 0.01, "{text}: {left} to {right} of {width}");
        prop_assert!(y >= 8.0 && y <= height, "{text}: {y} of {height}");
    }
    Ok(())
}

// ---- scenes -------------------------------------------------------------------------------------------------------------

#[test]
fn shapes_cover_what_they_should() {
    let mut scene = Scene::new(20, 10);
    scene.line(&[[0.0, 5.0], [20.0, 5.0]], [255, 0, 0], 2.0, 1.0);
    scene.circle([5.0, 2.0], 1.5, [0, 0, 255], 1.0);
    scene.area(&[[10.0, 0.0], [14.0, 0.0], [14.0, 3.0], [10.0, 3.0]], [0, 255, 0], 0.5);
    scene.line(&[[f64::NAN, 0.0]], INK, 1.0, 1.0);
    let picture = scene.picture(1);
    let at = |x: u32, y: u32| pixel(&picture, x, y);
    assert_eq!((at(10, 4), at(10, 5), at(10, 8)), ([255, 0, 0], [255, 0, 0], [255; 3]));
    assert_eq!((at(4, 1), at(12, 1)), ([0, 0, 255], [128, 255, 128]));
}

#[test]
fn dashes_leave_gaps_and_go_on_around_corners() {
    let mut scene = Scene::new(40, 8);
    scene.dashed(&[[0.0, 4.0], [8.0, 4.0], [40.0, 4.0]], [0, 0, 0], 2.0);
    let picture = scene.picture(1);
    let dark: String = (0..40).map(|x| if pixel(&picture, x, 4)[0] < 100 { '#' } else { ' ' }).collect();
    assert_eq!(dark, "######    ######    ######    ######    ");
    assert!(scene.svg().contains("stroke-dasharray=\"6 4\""));
}

#[test]
fn alpha_lies_over_what_is_there() {
    let mut scene = Scene::new(3, 1);
    scene.image_over([0.0; 2], [2.0, 1.0], plain(2, 1, [0; 3]), vec![128, 0]);
    scene.image([2.0, 0.0], [1.0; 2], plain(1, 1, [7; 3]));
    assert_eq!(scene.picture(1).rgb, [127, 127, 127, 255, 255, 255, 7, 7, 7]);
}

#[test]
fn what_lies_outside_is_left_out() {
    let mut scene = Scene::new(10, 10);
    scene.line(&[[-5.0, -5.0], [50.0, 60.0], [1e300, 0.0]], INK, 3.0, 1.0);
    scene.dashed(&[[-20.0, 3.0], [1e300, 3.0]], INK, 1.0);
    scene.circle([1e12, -1e12], 4.0, INK, 1.0);
    scene.frame([-3.0, 8.0, 100.0, 100.0], FRAME, 1.0);
    scene.text([-20.0, 9.0], "a long word \u{3b1}", TEXT, Anchor::Middle);
    scene.upright_text([9.0, 0.0], "up", TEXT, Anchor::Start);
    scene.image([8.0, -2.0], [50.0; 2], plain(1, 1, [9; 3]));
    assert_eq!(scene.picture(1).rgb.len(), 300);
}

#[test]
fn words_are_drawn_and_escaped() {
    let mut scene = Scene::new(60, 20);
    scene.text([30.0, 15.0], "a < b & Ω", 12.0, Anchor::Middle);
    scene.upright_text([10.0, 18.0], "up", 9.0, Anchor::Start);
    assert!(scene.svg().contains("a &lt; b &amp; Ω"));
    let dark = scene.picture(2).rgb.iter().filter(|v| **v < 128).count();
    assert!(dark > 60, "{dark}");
}

/// What is measured is what is drawn: no ink beyond the width, and some within. The signs that titles use have a shape of their own.
#[test]
fn words_are_as_wide_as_they_are_said_to_be() {
    let drawn = |text: &str, size: f64| {
        let wide = text_width(text, size);
        let mut scene = Scene::new(wide as u32 + 40, 60);
        scene.text([20.0, 45.0], text, size, Anchor::Start);
        (wide, scene.picture(1))
    };
    for (text, size) in [("T-shirt/top", 12.0), ("mean ± 0.01 × ·", 14.0), ("W", 40.0)] {
        let (wide, picture) = drawn(text, size);
        let inked = |x: &u32| (0..60).any(|y| pixel(&picture, *x, y)[0] < 250);
        let first = (0..picture.width).find(inked).unwrap();
        let last = f64::from((0..picture.width).rfind(inked).unwrap());
        assert!(last <= 21.0 + wide && first >= 19 && last > 10.0 + wide, "{text}: {first} to {last} of {wide}");
    }
    let missing = drawn("\u{10ffff}", 40.0).1.rgb;
    for sign in ["×", "±", "·", "%", "Ω", "é"] {
        assert!(drawn(sign, 40.0).1.rgb != missing, "the font lacks {sign}");
    }
}

#[test]
fn lines_are_no_wider_than_asked_for_and_lose_nothing() {
    for text in ["", "a few words of a title", "Soft-c96-k5-p2-s1-d1-b0-t1-lr0.08-lp0.5-e0 on CIFAR-10", "two\nlines"] {
        let lines = wrap(text, 14.0, 90.0);
        assert!(lines.iter().all(|line| text_width(line, 14.0) <= 90.0), "{lines:?}");
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(bare(&lines.concat()), bare(text));
    }
    assert_eq!(wrap("two\nlines", 14.0, 900.0), ["two", "lines"]);
}

#[test]
fn a_drawing_is_a_png_and_an_svg_with_the_same_bytes_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(8, 8);
    scene.image([0.0, 0.0], [4.0; 2], plain(2, 2, [9; 3]));
    scene.dashed(&[[0.0, 0.0], [8.0, 7.0]], INK, 1.0);
    let [png, svg] = scene.write(&dir.path().join("figure.b0")).unwrap();
    assert_eq!(
        (png.file_name().unwrap(), svg.file_name().unwrap()),
        ("figure.b0.png".as_ref(), "figure.b0.svg".as_ref())
    );
    assert!(std::fs::read_to_string(svg).unwrap().contains("data:image/png;base64,iVBOR"));
    let first = std::fs::read(&png).unwrap();
    scene.write(&dir.path().join("figure.b0")).unwrap();
    assert!(first == std::fs::read(png).unwrap());
    assert_eq!(image::load_from_memory(&first).unwrap().into_rgb8().as_raw(), &scene.picture(DENSITY).rgb);
}

#[test]
fn a_picture_whose_bytes_do_not_fit_is_an_error() {
    for (width, height, bytes) in [(0, 0, 0), (2, 2, 11), (2, 2, 13), (u32::MAX, u32::MAX, 3)] {
        let picture = Picture { width, height, rgb: vec![0; bytes] };
        let cause = format!("a picture of {width}x{height} pixels cannot be made of {bytes} bytes");
        assert_eq!(encode_png(&picture).unwrap_err().to_string(), cause);
        let error = write_png("nowhere.png".as_ref(), &picture).unwrap_err().to_string();
        assert_eq!(error, format!("cannot write nowhere.png: {cause}"));
    }
}

// ---- charts -------------------------------------------------------------------------------------------------------------

#[test]
fn ticks_are_round() {
    for (range, wanted, expected) in [
        ([0.0, 1.0], 5, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([3.0, 97.0], 4, vec![25.0, 50.0, 75.0]),
        ([-1.0, 1.0], 2, vec![-1.0, 0.0, 1.0]),
        ([5.0, 5.0], 4, vec![5.0]),
    ] {
        let got = ticks(range, wanted);
        assert_eq!(got.len(), expected.len(), "{got:?}");
        assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{got:?}");
    }
    let short = [0.0, 0.1 + 0.2, 1500.0, 2e7, -1e-9].map(|v| label(v, 6));
    assert_eq!(short, ["0", "0.3", "1500", "2e7", "-1e-9"]);
    assert_eq!([0.123456, 98.765].map(|v| label(v, 3)), ["0.123", "98.8"]);
}

fn chart(series: Vec<Series>) -> Chart {
    Chart { title: "t".into(), x: "epoch".into(), y: "loss".into(), series, ..Chart::default() }
}

#[test]
fn a_chart_says_its_words() {
    let points = vec![[0.0, 1.0], [1.0, 2.0]];
    let series = Series { name: "SoftHebb".into(), points, ..Series::default() };
    let scene = chart(vec![series]).scene(400, 300);
    assert!(["SoftHebb", "epoch", "t", "0", "1"].iter().all(|w| says(&scene, w)));
    assert!(scene.svg().contains(">loss</text>"));
}

/// Lines of a kind that are drawn in the colour 1, 2, 3.
fn count(scene: &Scene, kind: &str) -> usize {
    scene.svg().lines().filter(|l| l.starts_with(kind) && l.contains("#010203")).count()
}

#[test]
fn marked_points_have_bars_and_others_a_band() {
    let of = |marks: bool, spread: Vec<f64>| {
        let points = vec![[0.0, 1.0], [1.0, 2.0], [2.0, 1.0]];
        let colour = Some([1, 2, 3]);
        let scene = chart(vec![Series { points, spread, colour, marks, ..Series::default() }]).scene(400, 300);
        ["<polyline", "<polygon", "<circle"].map(|kind| count(&scene, kind))
    };
    assert_eq!(of(true, vec![]), [1, 0, 3]);
    assert_eq!(of(true, vec![0.1, 0.2, 0.3]), [1 + 3 * 3, 0, 3], "a bar with two caps a point");
    assert_eq!(of(true, vec![0.1, f64::NAN, 0.0]), [1 + 3, 0, 3], "what has no deviation has no bar");
    assert_eq!(of(false, vec![0.1, 0.2, 0.3]), [1, 1, 0]);
}

#[test]
fn dashes_are_dashes_in_the_legend_too() {
    let series =
        |dashed| Series { name: "limit".into(), points: vec![[0.0, 0.0], [1.0, 1.0]], dashed, ..Series::default() };
    let dashed = |dashed| chart(vec![series(dashed)]).scene(400, 300).svg().matches("stroke-dasharray").count();
    assert_eq!([dashed(true), dashed(false)], [2, 0]);
}

#[test]
fn numbers_are_whole_where_the_points_are() {
    let line = |points: Vec<[f64; 2]>| chart(vec![Series { points, ..Series::default() }]).scene(400, 300);
    let scene = line(vec![[0.0, 0.1], [1.0, 0.1], [3.0, 0.4]]);
    assert!(says(&scene, "2") && !says(&scene, "0.5") && says(&scene, "0.2"));
    assert!(says(&line(vec![[0.0, 0.0], [1.5, 0.0], [3.0, 0.0]]), "0.5"));
}

/// A legend covers no curve: it goes beside the axes where there is no room between them.
#[test]
fn a_legend_covers_nothing() {
    let zigzag = (0..40).map(|i| [f64::from(i), f64::from(i % 2)]).collect();
    let series = Series { name: "a long name".into(), points: zigzag, colour: Some([1, 2, 3]), ..Series::default() };
    let scene = chart(vec![series]).scene(400, 300);
    let svg = scene.svg();
    let xs = |line: &str| {
        let points = attribute(line, "points").split(' ');
        points.map(|p| p.split(',').next().unwrap().parse::<f64>().unwrap()).collect::<Vec<f64>>()
    };
    let lines: Vec<Vec<f64>> = svg.lines().filter(|l| l.contains("#010203")).map(xs).collect();
    let end = lines[0].iter().copied().fold(0.0, f64::max);
    assert!(lines.len() == 2 && lines[1].iter().all(|x| *x > end), "{lines:?}");
}

// ---- tiles --------------------------------------------------------------------------------------------------------------

#[test]
fn a_bare_grid_has_tiles_where_they_should_be() {
    let (red, green, blue, dark) = ([255, 0, 0], [0, 255, 0], [0, 0, 255], [40; 3]);
    let g = grid(&[plain(2, 1, red), plain(1, 2, green), plain(2, 2, blue)], 2, 1, 3);
    // Two cells of 6 pixels and three margins, each way.
    assert_eq!((g.width, g.height, g.rgb.len()), (15, 15, 15 * 15 * 3));
    for (x, y, colour) in [
        (0, 0, dark),
        (1, 1, red),
        (6, 3, red),
        (7, 3, dark),
        (6, 4, dark),
        (8, 6, green),
        (11, 6, dark),
        (1, 8, blue),
        (6, 13, blue),
        (8, 8, dark),
    ] {
        assert_eq!(pixel(&g, x, y), colour, "{x}, {y}");
    }
}

#[test]
fn channels_are_colours_or_a_mean() {
    assert_eq!(tile(&[0.0, 1.0, 0.5], 3, 1, 1).rgb, [0, 255, 128]);
    let two = tile(&[0.0, 2.0, 2.0, 4.0], 2, 1, 2);
    assert_eq!(two.rgb, [0, 0, 0, 255, 255, 255], "means 1 and 3");
    assert_eq!(tile(&[0.0, 1.0, 2.0, 4.0], 1, 2, 2).rgb[..6], [0, 0, 0, 64, 64, 64]);
    assert_eq!(tile(&[7.0, 7.0], 1, 1, 2).rgb, [128; 6]);
    assert_eq!(tile(&[f32::NAN, 0.0, 1.0], 1, 1, 3).rgb, [255, 0, 255, 0, 0, 0, 255, 255, 255]);
    assert_eq!(tile(&[f32::MIN, f32::MAX], 1, 1, 2).rgb, [0, 0, 0, 255, 255, 255]);
}

#[test]
fn white_tiles_are_seen_on_the_white_page() {
    let all = Tiles { tiles: vec![plain(3, 3, [255; 3]); 2], columns: 2, side: 12, ..Tiles::default() };
    let picture = all.scene().picture(DENSITY);
    let grey = picture.rgb.chunks_exact(3).filter(|p| *p == FRAME).count();
    // Two frames around 24 pixels each way, a pixel wide.
    assert!((2 * 4 * 24..=2 * 4 * 26).contains(&grey), "{grey}");
}

#[test]
fn each_tile_stands_in_its_place_with_its_words() {
    let all = Tiles {
        title: "three colours".into(),
        heads: vec!["far\nleft".into(), "\nright".into()],
        names: vec!["first row".into(), "second".into()],
        captions: vec!["red".into(), "green".into(), "blue".into()],
        tiles: vec![plain(2, 2, [255, 0, 0]), plain(2, 2, [0, 255, 0]), plain(2, 2, [0, 0, 255])],
        columns: 2,
        side: 10,
    };
    let picture = all.scene().picture(DENSITY);
    let centre = |colour: [u8; 3]| {
        let places = (0..picture.height).flat_map(|y| (0..picture.width).map(move |x| [x, y]));
        let found: Vec<[u32; 2]> = places.filter(|[x, y]| pixel(&picture, *x, *y) == colour).collect();
        assert_eq!(found.len(), 20 * 20, "a tile is 10 units wide, 20 pixels");
        [0, 1].map(|k| found.iter().map(|p| p[k]).sum::<u32>() / 400)
    };
    let [red, green, blue] = [[255, 0, 0], [0, 255, 0], [0, 0, 255]].map(centre);
    assert!(red[0] < green[0] && red[1] == green[1] && blue[0] == red[0] && blue[1] > red[1]);
    for word in ["three colours", "far", "left", "right", "first row", "second", "red", "green", "blue"] {
        assert!(says(&all.scene(), word), "{word}");
    }
}

// ---- heat maps and scatters ---------------------------------------------------------------------------------------------

fn heat(values: Vec<f32>, columns: usize, diverging: bool) -> Heat {
    let panels = vec![Panel { title: "one".into(), values, columns }];
    Heat { title: "all".into(), scale: "weight".into(), diverging, panels, side: 60.0, ..Heat::default() }
}

/// How many pixels have a colour.
fn pixels_of(heat: &Heat, colour: [u8; 3]) -> usize {
    heat.scene().picture(DENSITY).rgb.chunks_exact(3).filter(|p| *p == colour).count()
}

#[test]
fn colours_go_from_dark_to_light_or_through_white() {
    let map = heat(vec![0.0, 1.0, f32::NAN, 0.5], 2, false);
    // Four cells of 60 pixels, less a frame; dark and light are in the scale, too.
    for colour in [[68, 1, 84], [253, 231, 37], [255, 0, 255], [33, 144, 141]] {
        assert!((3300..4000).contains(&pixels_of(&map, colour)), "{colour:?}: {}", pixels_of(&map, colour));
    }
    let map = heat(vec![-2.0, 2.0, 1.0, -1.0], 2, true);
    for colour in [[5, 60, 200], [200, 20, 20], [228, 138, 138], [130, 158, 228]] {
        assert!((3300..4000).contains(&pixels_of(&map, colour)), "{colour:?}: {}", pixels_of(&map, colour));
    }
}

#[test]
fn a_large_matrix_is_averaged() {
    let n = 1568;
    let map = heat((0..n * n).map(|i| (i / n % 2) as f32).collect(), n, false);
    assert!(pixels_of(&map, [33, 144, 141]) > 100_000, "means of rows of 0 and of 1");
}

#[test]
fn the_scale_names_its_ends() {
    let scene = heat(vec![-0.1234, 0.5, 0.25, 3.0], 2, false).scene();
    assert!(["-0.123", "1.44", "3", "one", "all"].iter().all(|w| says(&scene, w)), "{:?}", words(&scene));
    assert!(scene.svg().contains(">weight</text>"));
    let scene = heat(vec![-0.5, 0.25], 2, true).scene();
    assert!(["-0.5", "0", "0.5"].iter().all(|w| says(&scene, w)), "0 is in the middle: {:?}", words(&scene));
    assert!(says(&heat(vec![0.7; 4], 2, false).scene(), "0.7"), "of equal numbers there is one");
}

#[test]
fn groups_stand_at_their_rows() {
    let mut map = heat(vec![0.0; 16], 4, false);
    (map.x, map.y) = ("image".into(), "image, by class".into());
    map.groups = vec![("cat".into(), 3), ("dog".into(), 1)];
    let all = words(&map.scene());
    let y = |word: &str| all.iter().find(|(text, ..)| text == word).unwrap().2;
    let down = y("dog") - y("cat");
    assert!((28.0..32.0).contains(&down), "two of four rows of 60 units: {down}");
}

#[test]
fn classes_have_names_and_nothing_is_a_picture_too() {
    let points = [[0.0, 0.0], [1.0, 5.0]];
    let scene = scatter("a plane", &points, &[0, 1], &["cat".into(), "dog".into()]);
    assert!(says(&scene, "dog") && scene.picture(1).width > 600);
    assert!(scatter("nothing", &[], &[], &[]).picture(1).width > 0);
}

// ---- whatever comes in --------------------------------------------------------------------------------------------------

proptest! {
    #[test]
    fn any_points_have_a_chart(
        points in proptest::collection::vec(proptest::array::uniform2(proptest::num::f64::ANY), 0..20), marks: bool, dashed: bool,
    ) {
        let series = Series { name: "a".into(), points, spread: vec![1.0, f64::NAN], marks, dashed, ..Series::default() };
        let picture = chart(vec![series]).scene(120, 90).picture(1);
        prop_assert_eq!(picture.rgb.len(), 120 * 90 * 3);
    }

    #[test]
    fn words_of_a_chart_fit(
        title in "[a-zA-Z ]{0,60}", name in "[a-zA-Z ]{0,12}", high in -9i32..12, width in 240u32..700,
    ) {
        let points = vec![[0.0, 0.0], [10f64.powi(high), 10f64.powi(high)]];
        let mut all = chart(vec![Series { name, points, ..Series::default() }]);
        all.title = title;
        fits(&all.scene(width, 260))?;
    }

    #[test]
    fn words_of_tiles_fit(
        title in "[a-zA-Z ]{0,90}", name in "[a-z ]{0,30}", caption in "[a-z ]{0,20}", n in 0usize..7, columns in 0usize..4,
    ) {
        let all = Tiles {
            title,
            heads: vec![caption.clone(); columns],
            names: vec![name; n],
            captions: vec![caption; n],
            tiles: vec![plain(3, 2, [9; 3]); n],
            columns,
            side: 20,
        };
        fits(&all.scene())?;
    }

    #[test]
    fn any_numbers_have_a_map_and_its_words_fit(
        values in proptest::collection::vec(proptest::num::f32::ANY, 0..60), columns in 0usize..9,
        diverging: bool, title in "[a-z ]{0,80}", axes: bool,
    ) {
        let mut map = heat(values, columns, diverging);
        map.title = title;
        if axes {
            (map.x, map.y) = ("column".into(), "row".into());
        }
        let scene = map.scene();
        fits(&scene)?;
        let p = scene.picture(1);
        prop_assert_eq!(p.rgb.len(), (p.width * p.height * 3) as usize);
    }

    #[test]
    fn any_numbers_are_a_tile(
        values in proptest::collection::vec(proptest::num::f32::ANY, 0..40), channels in 0usize..5, height in 0usize..5, width in 0usize..5,
    ) {
        prop_assert_eq!(tile(&values, channels, height, width).rgb.len(), height * width * 3);
    }

    #[test]
    fn any_tiles_have_a_grid(
        sizes in proptest::collection::vec((0u32..4, 0u32..4, 0usize..60), 0..6), columns in 0usize..8, margin in 0u32..4, scale in 0u32..4,
    ) {
        let tiles: Vec<_> = sizes.iter().map(|&(width, height, n)| Picture { width, height, rgb: vec![9; n] }).collect();
        let p = grid(&tiles, columns, margin, scale);
        prop_assert_eq!(p.rgb.len(), (p.width * p.height * 3) as usize);
        prop_assert!(encode_png(&p).is_ok());
    }
}
