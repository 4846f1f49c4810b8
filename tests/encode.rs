//! Promise: `softhebb encode` learns what the published (C, N, N) form learns, to the rounding of 32-bit floats; a stopped run
//! goes on with the same bits; folders, sheets and data sets are read as they are described; and what it writes is right.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Done, Place, Table, Tensors, assert_same_checkpoint, json, python, read_events};
use image::{ImageFormat, Rgba, RgbaImage};
use proptest::prelude::*;
use softhebb::device::DeviceChoice;
use softhebb::draw::scene::PALETTE;
use softhebb::encoder::checkpoint::{self, Progress};
use softhebb::encoder::layout::{Layout, clusters, place};
use softhebb::encoder::published::Published;
use softhebb::encoder::train::train;
use softhebb::encoder::{Encoder, Features, Plan, Rule, Source, SourceSpec, Variant, neighbors};
use softhebb::files::npy::{self, Matrix};
use softhebb::files::{FileError, RunDir};
use softhebb::plane::neighbours::{Near, nearest_in_blocks};
use softhebb::report::{Event, Hub, ReportError, Subscriber};
use tch::{Device, Kind, Tensor};

// ---- the mathematics ------------------------------------------------------------------------------------------------------

/// An encoder, images and how often.
#[derive(Debug, Clone)]
struct Case {
    channels: Vec<i64>,
    input: [i64; 3],
    batch: i64,
    rule: Rule,
    seed: u64,
    steps: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let variant = prop_oneof![Just(Variant::V1), Just(Variant::V2)];
    let rate = prop_oneof![Just(0.001), Just(0.0), 0.0..2.0f64];
    let clamp = prop_oneof![Just(1.0), 0.001..0.5f64];
    let channels = proptest::collection::vec(1i64..6, 1..4);
    let rest = (1i64..5, 2i64..18, 2i64..18, 1i64..6, any::<u64>(), 1usize..5);
    (channels, rest, variant, rate, clamp).prop_map(
        |(channels, (c, h, w, batch, seed, steps), variant, rate, clamp)| Case {
            channels,
            input: [c, h, w],
            batch,
            rule: Rule { variant, rate, clamp },
            seed,
            steps,
        },
    )
}

/// Within |error| ≤ 1e-4·|T| + 1e-5·max|T|, as recorded runs are compared.
fn close(ours: &Tensor, theirs: &Tensor, what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.size(), theirs.size());
    let (ours, theirs) = (ours.to_kind(Kind::Double), theirs.to_kind(Kind::Double));
    let tolerance = theirs.abs() * 1e-4 + theirs.abs().max() * 1e-5 + 1e-12;
    let worst = ((ours - theirs).abs() / tolerance).max().double_value(&[]);
    prop_assert!(worst <= 1.0, "{}: {} of the tolerance", what, worst);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn one_matrix_is_the_published_tensor(case in cases()) {
        let mut ours = Encoder::new(case.input, &case.channels, case.rule, case.seed).unwrap();
        let mut theirs = Published::like(&ours);
        tch::manual_seed(case.seed as i64);
        for step in 0..case.steps {
            let [c, h, w] = case.input;
            let x = Tensor::rand([case.batch, c, h, w], (Kind::Float, Device::Cpu));
            let (a, log) = ours.step(&x);
            let (b, expected) = theirs.step(&x);
            close(&a, &b, &format!("output {step}"))?;
            for (layer, (convolution, lateral)) in ours.layers.iter().zip(&theirs.layers) {
                let copies = layer.lateral.full().unsqueeze(0).expand([convolution.channels(), -1, -1], false);
                close(&copies, lateral, &format!("laterals {step}"))?;
                let largest = layer.lateral.full().abs().max().double_value(&[]);
                prop_assert!(largest <= case.rule.clamp as f32 as f64, "{largest}");
            }
            for (x, y) in [(log.energy, expected.energy), (log.delta, expected.delta), (log.norm, expected.norm)] {
                prop_assert!((x - y).abs() <= 1e-4 * y.abs() + 1e-9, "{:?}, {:?}", log, expected);
            }
            // What was learned last is what an image meets from then on.
            prop_assert!(close(&ours.features(&x), &a, "features").is_ok());
        }
    }
}

#[test]
fn the_published_shapes() {
    let rule = Rule { variant: Variant::V2, rate: 0.001, clamp: 1.0 };
    let encoder = Encoder::new([4, 96, 96], &[16, 32, 64, 128], rule, 0).unwrap();
    assert_eq!(encoder.positions(), [[48, 48], [24, 24], [12, 12], [6, 6]]);
    assert_eq!((encoder.dimensions(), encoder.laterals()), (4608, (5_662_224, 97_044_480)));
    let bound = encoder.layers[0].convolution.weight.abs().max().double_value(&[]);
    assert!(bound <= 1.0 / 6.0 && bound > 0.15, "1/√(9·4): {bound}");
}

/// Rows as the features of that many images.
fn rows(folder: &Path, values: &[f32], columns: usize) -> Features {
    let path = folder.join("rows.npy");
    let n = npy::write(&path, columns, |rows| rows.push(values).map_err(FileError::write(&path))).unwrap();
    Features { matrix: Matrix::open(&path, n, columns).unwrap(), indices: (0..n as u32).collect() }
}

#[test]
fn neighbours_are_the_exact_ones() {
    let (n, d, k) = (700usize, 7usize, 4usize);
    let folder = tempfile::tempdir().unwrap();
    tch::manual_seed(3);
    let table = softhebb::encoder::features::unit(&Tensor::randn([n as i64, d as i64], (Kind::Float, Device::Cpu)));
    let mut values = softhebb::encoder::features::list(&table);
    let first: Vec<f32> = values[..d].to_vec();
    values[5 * d..6 * d].copy_from_slice(&first); // two images that are the same
    let features = rows(folder.path(), &values, d);
    let all: Vec<u32> = (0..n as u32).collect();
    for compared in [64, 8192] {
        let found = nearest_in_blocks(&features, &all, k, Near::Product, compared).unwrap();
        for (i, list) in found.iter().enumerate() {
            let dot =
                |j: usize| (0..d).map(|c| f64::from(values[i * d + c]) * f64::from(values[j * d + c])).sum::<f64>();
            let mut others: Vec<(usize, f64)> = (0..n).filter(|j| *j != i).map(|j| (j, dot(j))).collect();
            others.sort_by(|a, b| b.1.total_cmp(&a.1));
            assert_eq!(list.len(), k);
            for ((j, s), (_, best)) in list.iter().zip(&others) {
                assert!((f64::from(*s) - best).abs() < 1e-5 && (dot(*j as usize) - best).abs() < 1e-5, "{i}: {j}");
            }
        }
        assert_eq!((found[0][0].0, found[5][0].0), (5, 0));
    }
    assert_eq!(neighbors::nearest(&features, &[3], 10_000).unwrap()[0].len(), n - 1);
    // The heat map of blocks is the mean of the matrix that is never made.
    let (side, cells) = neighbors::blocks(&features, &all, 7).unwrap();
    let rows = Tensor::from_slice(&values).view([n as i64, d as i64]);
    let means = rows.mm(&rows.tr()).view([7, 100, 7, 100]).mean_dim([1i64, 3].as_slice(), false, Kind::Float);
    assert_eq!(side, 7);
    assert!((Tensor::from_slice(&cells).view([7, 7]) - means).abs().max().double_value(&[]) < 1e-5);
    // And the matrix itself, written in blocks.
    let path = folder.path().join("matrix.npy");
    neighbors::write_matrix(&features, &path).unwrap();
    let matrix = Tensor::from_slice(&Matrix::open(&path, n, n).unwrap().block(0, n)).view([n as i64, n as i64]);
    assert!((matrix - rows.mm(&rows.tr())).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn clusters_that_lie_apart_are_found_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    // Four directions with a little noise; the first has most images.
    let class = |i: usize| if i < 60 { 0 } else { 1 + i % 3 };
    let values: Vec<f32> = (0..150)
        .flat_map(|i| (0..6).map(move |d| if d == class(i) { 1.0 } else { ((i * 7 + d * 13) % 10) as f32 / 100.0 }))
        .collect();
    let features = rows(folder.path(), &values, 6);
    let found = clusters(&features, 4, 0).unwrap();
    assert!(found[..60].iter().all(|c| *c == 0), "the largest cluster is number 0: {found:?}");
    assert!((60..150).all(|i| found[i] == found[60 + (class(i) + 2) % 3]), "{found:?}");
    assert_eq!(found, clusters(&features, 4, 0).unwrap());
    assert!(clusters(&features, 151, 0).unwrap_err().to_string().contains("--clusters is 151"));
    let places = place(&features, Layout::Umap, 1).unwrap();
    // Of each image the nearest place is one of its own cluster's.
    let nearest = |i: usize| {
        let distance = |j: &usize| (0..2).map(|a| (places[i][a] - places[*j][a]).powi(2)).sum::<f64>();
        (0..150).filter(|j| *j != i).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap()
    };
    assert!((0..150).filter(|i| class(nearest(*i)) == class(*i)).count() > 145);
}

// ---- runs -----------------------------------------------------------------------------------------------------------------

fn plan(place: &str) -> Plan {
    Plan {
        encoder_version: 1,
        source: SourceSpec { place: place.into(), tile: None, test: false, limit: 60 },
        channels: 1,
        size: 16,
        layers: vec![4, 6],
        rule: Rule { variant: Variant::V2, rate: 0.05, clamp: 0.2 },
        epochs: 3,
        batch_size: 8,
        seed: 5,
        device: DeviceChoice::Cpu,
        threads: 1,
        data_dir: None,
    }
}

/// Sets the flag after so many steps.
struct StopAfter(u64, Arc<AtomicBool>);

impl Subscriber for StopAfter {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        if matches!(event, Event::Step { step, .. } if step + 1 == self.0) {
            self.1.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn a_stopped_run_goes_on_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan("FashionMini");
    let source = Source::open(&plan.source, None).unwrap();
    let run = |name: &str, stops: &[u64]| {
        fs::create_dir_all(folder.path().join(name)).unwrap();
        let dir = RunDir::new(folder.path().join(name));
        for stop_at in stops.iter().copied().chain([u64::MAX]) {
            let stop = Arc::new(AtomicBool::new(false));
            let mut hub = Hub::new();
            hub.add(StopAfter(stop_at, Arc::clone(&stop)));
            let start = if dir.checkpoint().exists() {
                checkpoint::load(&dir, &plan).unwrap()
            } else {
                (plan.encoder().unwrap(), Progress::default())
            };
            let outcome = train(&plan, &source, start, Device::Cpu, Some(&dir), &mut hub, &stop).unwrap();
            assert_eq!(outcome.interrupted, stop_at != u64::MAX, "{stop_at}");
        }
        fs::read(dir.checkpoint()).unwrap()
    };
    let whole = run("whole", &[]);
    // In the middle of an epoch (8 steps each), at its end, and twice.
    for stops in [vec![3], vec![8], vec![1, 12, 16]] {
        assert_same_checkpoint(&whole, &run(&format!("{stops:?}"), &stops), &format!("stopped after {stops:?}"));
    }
}

/// A folder of two classes of small pictures in all formats, one broken file and one that is no picture.
fn pictures(folder: &Path) {
    let picture = |i: u32, class: u32| {
        RgbaImage::from_fn(20, 24, |x, y| {
            let on = if class == 0 { (x / 4 + i).is_multiple_of(2) } else { (y / 4 + i).is_multiple_of(2) };
            if on { Rgba([200, (10 * i) as u8, 40, 255]) } else { Rgba([20, 60, (12 * i) as u8, 255]) }
        })
    };
    let formats = [
        ("png", ImageFormat::Png),
        ("jpg", ImageFormat::Jpeg),
        ("gif", ImageFormat::Gif),
        ("BMP", ImageFormat::Bmp),
        ("webp", ImageFormat::WebP),
    ];
    for class in 0..2 {
        let below = folder.join(["across", "down"][class as usize]);
        fs::create_dir_all(&below).unwrap();
        for i in 0..10 {
            let (ending, format) = formats[i as usize % 5];
            let image = image::DynamicImage::from(picture(i, class));
            let image = if format == ImageFormat::Jpeg { image.into_rgb8().into() } else { image };
            image.save_with_format(below.join(format!("{i}.{ending}")), format).unwrap();
        }
    }
    fs::write(folder.join("across/broken.png"), b"\x89PNG\r\n\x1a\nno more").unwrap();
    fs::write(folder.join("down/notes.txt"), "no picture").unwrap();
}

const QUICK: &str = "--size 24 --layers 4,8 --epochs 2 --device cpu --threads 1";

/// Trains, and returns what was said and the folder.
fn trained(place: &Place, line: &str) -> (Done, RunDir) {
    let done = place.softhebb(&format!("encode train {line}")).succeeds();
    let dir = RunDir::new(place.path("").join(done.folder().unwrap()));
    (done, dir)
}

#[test]
fn a_folder_is_trained_embedded_clustered_and_searched() {
    let place = Place::new();
    pictures(&place.path("pictures"));
    let (done, dir) = trained(&place, &format!("pictures {QUICK}"));
    assert!(done.stderr.contains("warning: across/broken.png is skipped: "), "{}", done.stderr);
    assert_eq!(done.stderr.matches("broken.png").count(), 1, "told once: {}", done.stderr);
    assert!(done.stderr.contains("note: 1 files in pictures are left out"), "{}", done.stderr);
    // 20 of 21 images can be read: three steps an epoch.
    let steps = Table::read(&dir.steps());
    assert_eq!(
        (steps.names.join(","), steps.of("step")),
        ("step,energy,delta,norm".into(), vec!["0", "1", "2", "3", "4", "5"])
    );
    let log = fs::read_to_string(dir.log()).unwrap();
    let line = log.lines().find(|l| l.contains("[LOG] Step 5: ")).unwrap();
    let norm: f64 = line.split("norm=").nth(1).unwrap().parse().unwrap();
    assert!((norm - steps.numbers("norm")[5].unwrap()).abs() <= 5.1e-5, "{line}");
    let config = json(&fs::read_to_string(dir.config()).unwrap());
    assert_eq!((&config["channels"], &config["size"], &config["rule"]["rate"]), (&3.into(), &24.into(), &0.001.into()));

    let run = dir.root().display();
    let common = format!("'{run}' --device cpu --threads 1");
    place.softhebb(&format!("encode features {common} -o rows.npy")).succeeds();
    let taken = ["rows.npy is there already", "hint: --force replaces it, --out FILE writes elsewhere"];
    place.softhebb(&format!("encode features {common} -o rows.npy --limit 2")).fails(2, &taken);
    place.softhebb(&format!("encode features {common} -o rows.csv")).fails(2, &["--out is rows.csv", ".npy"]);
    let table = Table::read(&place.path("rows.csv"));
    assert_eq!((table.rows.len(), table.of("file")[0], table.of("class")[19]), (20, "across/0.png", "down"));
    let matrix = Matrix::open(&place.path("rows.npy"), 20, 8 * 6 * 6).unwrap();
    for row in matrix.block(0, 20).chunks(8 * 36) {
        assert!((row.iter().map(|x| f64::from(x * x)).sum::<f64>() - 1.0).abs() < 1e-5);
    }

    let line = format!("encode cluster {common} --clusters 2 --canvas 400 --layout pca");
    let done = place.softhebb(&line).succeeds();
    for part in ["silhouette", "purity", "trained", "untrained", "pixels"] {
        assert!(done.stdout.contains(part), "{}", done.stdout);
    }
    let found = dir.findings("cluster", "pictures");
    let canvas = fs::read(found.join("canvas.png")).unwrap();
    let picture = image::load_from_memory(&canvas).unwrap().into_rgb8();
    let (width, height) = picture.dimensions();
    assert!(
        width == 400 && (430..520).contains(&height),
        "a title and the clusters' names beside the canvas: {height}"
    );
    assert!(PALETTE[..2].iter().all(|colour| picture.pixels().any(|p| p.0 == *colour)));
    let white = |x: u32, y: u32| picture.get_pixel(x, y).0 == [255; 3];
    let border =
        (0..width).all(|x| white(x, 0) && white(x, height - 1)) && (0..height).all(|y| white(0, y) && white(399, y));
    assert!(border, "nothing is cut off");
    let places = Table::read(&found.join("clusters.csv"));
    assert_eq!((places.names.join(","), places.rows.len()), ("file,x,y,cluster".into(), 20));
    let scores = json(&fs::read_to_string(found.join("scores.json")).unwrap());
    assert_eq!(scores["scores"].as_array().unwrap().len(), 3);
    let taken = place.softhebb(&line).fails(2, &["canvas.png is there already", "hint: --force", "--name NAME"]);
    assert!(taken.stdout.is_empty(), "nothing was computed: {}", taken.stdout);
    place.softhebb(&format!("{line} --force")).succeeds();
    assert!(canvas == fs::read(found.join("canvas.png")).unwrap(), "the same for a seed");
    place.softhebb(&format!("{line} --name two")).succeeds();
    assert!(canvas == fs::read(dir.findings("cluster", "two").join("canvas.png")).unwrap());

    place.softhebb(&format!("encode neighbors {common} --rows 3 --k 4 --picture 24")).succeeds();
    place.softhebb(&format!("encode neighbors {common}")).fails(2, &["grid.png is there already", "--force"]);
    let found = dir.findings("neighbors", "pictures");
    let near = Table::read(&found.join("neighbors.csv"));
    assert_eq!((near.rows.len(), near.of("rank")[..4].join("")), (12, "1234".into()));
    let grid = image::open(found.join("grid.png")).unwrap();
    assert!(grid.width() >= 5 * 24 && grid.height() >= 3 * 24, "{} by {}", grid.width(), grid.height());
    let heat = image::open(found.join("similarity.png")).unwrap().into_rgb8();
    let light = heat.pixels().filter(|p| p.0 == [253, 231, 37]).count();
    assert!(light >= 20 * 40 * 40, "each of 20 images is like itself, 50 pixels each way less lines: {light}");
    assert!(Matrix::open(&found.join("similarity.npy"), 20, 20).is_ok());
    projector(&dir);
    numpy(&place.path("rows.npy"));
}

/// What tensorboard itself reads.
fn projector(dir: &RunDir) {
    let Some(events) = read_events(dir) else { return };
    let tags: Vec<&String> = events["scalars"].as_object().unwrap().keys().collect();
    for tag in ["energy", "delta", "norm"] {
        assert!(tags.iter().any(|t| *t == tag), "{tag} is not in {tags:?}");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_projector.py");
    let out = Command::new(python().unwrap()).arg(script).arg(dir.root()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let found = json(&String::from_utf8(out.stdout).unwrap());
    let metadata = found["metadata"].as_str().unwrap();
    assert_eq!((&found["shape"], metadata.lines().count()), (&serde_json::json!([20, 288]), 21));
    assert!(metadata.starts_with("file\tcluster\tclass\nacross/0.png\t"), "{metadata}");
    assert_eq!(found["sprite"], serde_json::json!([5 * 48, 5 * 48]));
    let norm = found["norm"].as_f64().unwrap();
    assert!((norm - 1.0).abs() < 1e-5, "{norm}");
}

fn numpy(path: &Path) {
    let Some(python) = python() else { return };
    let code =
        "import sys, numpy; a = numpy.load(sys.argv[1]); print(a.shape, a.dtype, round(float((a * a).sum()), 3))";
    let out = Command::new(python).args(["-c", code]).arg(path).output().unwrap();
    assert_eq!(String::from_utf8(out.stdout).unwrap().trim(), "(20, 288) float32 20.0");
}

#[test]
fn a_longer_run_is_the_shorter_one_gone_on_with() {
    let place = Place::new();
    let line = format!("FashionMini --limit 40 {QUICK}");
    let (_, short) = trained(&place, &line);
    let again = format!("encode train --resume all --run-dir '{}' --epochs 4", short.root().display());
    let done = place.softhebb(&again).succeeds();
    assert!(done.stderr.contains("goes on after 2 finished epochs"), "{}", done.stderr);
    let (_, long) = trained(&place, &format!("{line} --epochs 4").replace("--epochs 2 ", ""));
    assert_ne!(short.root(), long.root());
    let bytes = |dir: &RunDir| fs::read(dir.checkpoint()).unwrap();
    assert_same_checkpoint(&bytes(&short), &bytes(&long), "two epochs and two, or four");
    assert_eq!(Table::read(&short.steps()), Table::read(&long.steps()));
    let metrics = |dir: &RunDir| Table::read(&dir.metrics()).timeless();
    assert_eq!(metrics(&short), metrics(&long));
    // A finished run has nothing to do and says so by ending well.
    place.softhebb(&again).succeeds();
    let other = format!("encode train --resume all --run-dir '{}' --rate 0.5", short.root().display());
    place.softhebb(&other).fails(2, &["has another plan", "rule.rate: 0.001 there, 0.5 asked for", "hint: "]);
}

#[test]
fn a_sheet_is_cut_and_its_empty_tiles_are_skipped() {
    let place = Place::new();
    // 3×2 tiles of 16 pixels and a rest of 5; the last tile is transparent, the one before of one colour.
    let sheet = RgbaImage::from_fn(53, 32, |x, y| match (x / 16, y / 16) {
        (2, 1) => Rgba([x as u8, y as u8, 0, 0]),
        (1, 1) => Rgba([9, 9, 9, 255]),
        _ => Rgba([(x * 4) as u8, (y * 8) as u8, 7, if (x + y).is_multiple_of(3) { 0 } else { 255 }]),
    });
    sheet.save(place.path("sheet.png")).unwrap();
    let (done, dir) =
        trained(&place, "sheet.png --tile 16x16 --rgba --size 16 --layers 4 --epochs 1 --device cpu --threads 1");
    for part in ["note: 2 of 6 tiles of sheet.png are empty", "5 columns and 0 rows beyond", "sheet, 4 images"] {
        assert!(done.stderr.contains(part), "{part} is not in {}", done.stderr);
    }
    assert_eq!(Tensors::read(&dir.checkpoint()).shapes()["conv0.weight"], [4, 4, 3, 3]);
    let source = |tile| {
        Source::open(
            &SourceSpec { place: place.path("sheet.png").display().to_string(), tile, test: false, limit: 0 },
            None,
        )
    };
    let names: Vec<String> = source(Some([16, 16])).unwrap().items.into_iter().map(|i| i.name).collect();
    assert_eq!(names, ["sheet.png#0,0", "sheet.png#0,1", "sheet.png#0,2", "sheet.png#1,0"]);
    let error = source(Some([54, 16])).unwrap_err();
    assert!(error.is_wrong_use() && error.to_string().contains("the sheet") && error.to_string().contains("53x32"));
    assert!(source(None).unwrap_err().to_string().contains("--tile WIDTHxHEIGHT"));
}

#[test]
fn classes_are_the_folders_below_what_all_images_share() {
    let folder = tempfile::tempdir().unwrap();
    let open = |files: &[&str]| {
        let root = tempfile::tempdir_in(folder.path()).unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let place = root.path().display().to_string();
        let source = Source::open(&SourceSpec { place, tile: None, test: false, limit: 0 }, None).unwrap();
        (source.classes, source.items.iter().map(|i| i.class).collect::<Vec<_>>())
    };
    let two = vec!["a".to_string(), "b".to_string()];
    assert_eq!(open(&["b/1.png", "a/2.png", "a/1.gif"]), (two.clone(), vec![Some(0), Some(0), Some(1)]));
    assert_eq!(open(&["train/b/images/1.png", "train/a/images/2.png"]), (two, vec![Some(0), Some(1)]));
    for flat in [vec!["1.png", "2.png"], vec!["a/1.png", "a/2.png"], vec!["a/1.png", "2.png"], vec!["1.png"]] {
        assert_eq!(open(&flat), (vec![], vec![None; flat.len()]), "{flat:?}");
    }
}

#[test]
fn the_first_prototype_runs() {
    let place = Place::new();
    pictures(&place.path("pictures"));
    let (_, dir) = trained(&place, "pictures --variant v1 --epochs 1 --device cpu --threads 1");
    assert_eq!(Tensors::read(&dir.checkpoint()).shapes()["lateral0"], [1024, 1024]);
    assert!(dir.root().ends_with("pictures-v1-64px-seed0"));
}

#[test]
fn what_cannot_be_done_is_told() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    fs::create_dir(place.path("broken")).unwrap();
    fs::write(place.path("broken/a.jpg"), "not a picture").unwrap();
    fs::write(place.path("broken/b.webp"), [0; 40]).unwrap();
    for (line, code, parts) in [
        ("train nowhere", 2, vec!["SOURCE is nowhere", "no such folder or file", "FashionMini"]),
        ("train sprites.png", 2, vec!["SOURCE is sprites.png", "there is no such file or folder"]),
        ("train a/b --tile 16x16", 2, vec!["SOURCE is a/b", "there is no such file or folder"]),
        ("train sheet --tile 16x16", 2, vec!["SOURCE is sheet", "there is no such file or folder"]),
        (
            "train MNIST",
            1,
            vec!["MNIST was not found", "softhebb data fetch MNIST", "softhebb encode train FashionMini"],
        ),
        ("train --tile 0x0", 2, vec!["`0x0` is not a size: WIDTHxHEIGHT"]),
        ("train --name a/b", 2, vec!["a name of one folder is expected"]),
        ("train empty", 1, vec!["no images in empty", "none of its 0 files ends in png"]),
        ("train broken --epochs 1", 1, vec!["no images in broken: none of 2 can be read", "is skipped"]),
        ("train broken/a.jpg", 2, vec!["it is one file: --tile WIDTHxHEIGHT"]),
        ("train broken/a.jpg --tile 2x2", 1, vec!["cannot use broken/a.jpg"]),
        ("train broken --tile 2x2", 2, vec!["--tile is for a sprite sheet"]),
        ("train --tile 96", 2, vec!["`96` is not a size"]),
        ("train --layers 4,0", 2, vec!["--layers is 0"]),
        ("train --size 1000", 2, vec!["--size is 1000"]),
        ("train --epochs 0", 2, vec!["--epochs is 0"]),
        ("train --rate=-1", 2, vec!["--rate is -1"]),
        ("train --rate nan", 2, vec!["--rate is NaN"]),
        ("train --batch-size 0", 2, vec!["--batch-size is 0"]),
        ("train --resume all", 2, vec!["there is no run to go on with", "hint: "]),
        ("cluster nowhere", 1, vec!["cannot read nowhere/config.json"]),
        ("neighbors nowhere --rows 0", 2, vec!["--rows is 0"]),
        ("cluster nowhere --canvas 10", 2, vec!["--canvas is 10"]),
        ("cluster nowhere --clusters 0", 2, vec!["--clusters is 0"]),
    ] {
        place.softhebb(&format!("encode {line}")).fails(code, &parts);
    }
    let (_, dir) = trained(&place, &format!("FashionMini --limit 20 {QUICK}"));
    let run = format!("'{}' --device cpu --threads 1", dir.root().display());
    place
        .softhebb(&format!("encode cluster {run} --clusters 21"))
        .fails(2, &["--clusters is 21", "there are 20 images"]);
    // Of few images there are places, too.
    for (limit, layout) in [(1, "umap"), (2, "umap"), (3, "umap"), (1, "pca")] {
        let line = format!(
            "encode cluster {run} --limit {limit} --clusters 1 --canvas 400 --layout {layout} --no-baselines --force"
        );
        let done = place.softhebb(&line).succeeds();
        assert!(
            done.stdout.contains(&format!("{limit} images placed by {}", layout.to_uppercase())),
            "{}",
            done.stdout
        );
    }
    // A checkpoint that is cut, or of another plan.
    let bytes = fs::read(dir.checkpoint()).unwrap();
    fs::write(dir.checkpoint(), &bytes[..bytes.len() / 2]).unwrap();
    place
        .softhebb(&format!("encode features {run}"))
        .fails(1, &["checkpoint.safetensors", "not a whole safetensors file"]);
    let mut tensors = Tensors::parse(&bytes).unwrap();
    tensors.get("lateral0").add(3, f32::NAN);
    tensors.write(&dir.checkpoint());
    place.softhebb(&format!("encode features {run}")).fails(1, &["tensor lateral0 holds values that are no numbers"]);
    fs::write(dir.checkpoint(), &bytes).unwrap();
    let config = fs::read_to_string(dir.config()).unwrap().replace("\"size\": 24", "\"size\": 32");
    fs::write(dir.config(), config).unwrap();
    place.softhebb(&format!("encode features {run}")).fails(1, &["lateral0 has shape"]);
}
