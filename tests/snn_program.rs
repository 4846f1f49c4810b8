//! Promise: `softhebb snn` trains, stops, goes on, scores and draws as `run` does; every constant of the notebook is a flag
//! with its default; what is typed wrong is told in one message.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Place, Table, Tensors, json, read_events, shared};
use softhebb::files::RunDir;

/// A run of a second: two epochs of ten batches on the images inside the program.
const TRAIN: &str = "snn train --threads 1 --hidden 64 --k-hidden 8 --epochs 2 --train-batches 10 --test-batches 2";
/// Where it leaves its folder.
const FOLDER: &str = "results/runs/snn/FashionMini-notebook-h64-seed3";

#[test]
fn the_notebooks_constants_are_the_defaults() {
    let plan = json(&Place::new().softhebb("snn train --dry-run --json").succeeds().stdout);
    let constants = &plan["constants"];
    // The cells of the notebook: its class, its call of it, its call of `train_step` and of `poisson_encode`.
    for (key, value) in [
        ("hidden", 256.0),
        ("k_hidden", 32.0),
        ("k_output", 1.0),
        ("steps", 20.0),
        ("dt", 0.005),
        ("rate_hz", 30.0),
        ("tau_h", 0.02),
        ("tau_o", 0.02),
        ("vth_h", 1.0),
        ("vth_o", 1.0),
        ("eta1", 0.01),
        ("eta2", 0.02),
        ("eta2_neg", 0.01),
        ("teacher_rate_hz", 80.0),
        ("decay1", 5e-5),
        ("decay2", 5e-5),
        ("init_std", 0.01),
        ("theta", 0.0),
        ("input_spikes", 0.0),
    ] {
        assert_eq!(constants[key].as_f64(), Some(value), "{key}");
    }
    for (key, value) in [("epochs", 20), ("batch_size", 64), ("train_batches", 100), ("test_batches", 50), ("seed", 3)]
    {
        assert_eq!(plan[key].as_i64(), Some(value), "{key}");
    }
    assert_eq!((&plan["mode"], &plan["dataset"]), (&"online".into(), &"FashionMini".into()));
    // Each of them is a flag, whose help says the default.
    let help = Place::new().softhebb("snn train --help").succeeds().stdout;
    for (key, value) in constants.as_object().unwrap() {
        let flag = format!("--{} ", key.replace('_', "-"));
        assert!(help.contains(&flag), "{flag} of {value}");
    }
    assert!(help.matches("[notebook: ").count() >= 28, "{help}");
}

#[test]
fn a_run_leaves_what_it_should_and_is_scored_and_drawn() {
    let place = Place::new();
    let done = place.softhebb(TRAIN).succeeds();
    assert!(done.stdout.contains(&format!("softhebb snn show {FOLDER}")), "{}", done.stdout);
    let folder = place.path(FOLDER);
    for file in ["config.json", "metrics.csv", "provenance.json", "log.txt", "checkpoint.safetensors", "tensorboard"] {
        assert!(folder.join(file).exists(), "{file}");
    }
    let table = Table::read(&folder.join("metrics.csv"));
    assert_eq!(table.of("epoch"), ["1", "2"]);
    let made = json(&fs::read_to_string(folder.join("provenance.json")).unwrap());
    assert!(made[0]["command"].as_str().unwrap().starts_with("softhebb snn train"), "{made}");
    assert_eq!(made[0]["threads"], 1);

    // The same images, spikes and weights: the score that the run ended with.
    let score =
        json(&place.softhebb(&format!("snn eval {FOLDER} --test-batches 2 --threads 2 --json")).succeeds().stdout);
    let last = table.numbers("test_acc")[1].unwrap();
    assert!((score["accuracy"].as_f64().unwrap() - last).abs() < 0.01, "{score} {last}");
    assert_eq!(score["score"]["images"], 128);
    let said = place.softhebb(&format!("snn eval {FOLDER}")).succeeds().stdout;
    assert!(said.contains("% of 1000 test images of FashionMini"), "{said}");

    let limited = place.softhebb(&format!("snn eval {FOLDER} --limit 128 --json")).succeeds().stdout;
    assert_eq!(json(&limited)["score"], score["score"]);

    let before = fs::read(folder.join("pictures/templates.png")).unwrap();
    let said = place.softhebb(&format!("snn show {FOLDER} --image 5")).succeeds().stdout;
    assert!(before == fs::read(folder.join("pictures/templates.png")).unwrap(), "the run's own picture stays");
    place
        .softhebb(&format!("snn show {FOLDER} --image 5 --steps 10"))
        .fails(2, &["show/image-5/templates.png is there already", "hint: --force replaces it, --name NAME"]);
    place.softhebb(&format!("snn show {FOLDER} --image 5 --name short --steps 10")).succeeds();
    assert!(said.starts_with("test image 5: true class "), "{said}");
    for name in [
        "templates",
        "weights",
        "raster-input",
        "raster-hidden",
        "raster-output",
        "potential-hidden",
        "potential-output",
    ] {
        let path = format!("{FOLDER}/show/image-5/{name}.png");
        assert!(said.contains(&path), "{path} is not in {said}");
        let png = fs::read(place.path(&path)).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 200, "{path}");
    }
    // tensorboard finds the same: a score and weights an epoch, the two examples.
    let Some(found) = read_events(&RunDir::new(&folder)) else { return };
    assert_eq!(found["scalars"]["accuracy/test"].as_array().unwrap().len(), 2);
    for (tag, times) in [("templates", 4), ("weights", 4), ("raster/hidden", 2), ("potential/output", 2)] {
        assert_eq!(found["images"][tag].as_array().map(Vec::len), Some(times), "{tag}");
    }
}

/// The inputs in the raster are those that spike, whatever the image.
#[test]
fn the_raster_of_inputs_is_never_blank() {
    let place = Place::new();
    place.softhebb(TRAIN).succeeds();
    for image in 0..20 {
        place.softhebb(&format!("snn show {FOLDER} --image {image} --inputs 40")).succeeds();
        let raster =
            image::open(place.path(&format!("{FOLDER}/show/image-{image}/raster-input.png"))).unwrap().into_rgb8();
        let ink = raster.pixels().filter(|p| p.0 == [0; 3]).count();
        assert!(ink > 2000, "image {image}: {ink} black pixels");
    }
}

#[test]
fn a_run_stopped_by_ctrl_c_goes_on_to_the_same_bytes() {
    let (undisturbed, place) = (Place::new(), Place::new());
    let line = TRAIN.replace("--epochs 2", "--epochs 12");
    undisturbed.softhebb(&line).succeeds();
    let mut child = place.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    let mut heard = String::new();
    while !heard.contains("epoch 1/12") {
        assert!(progress.read_line(&mut heard).unwrap() > 0, "it ended too early:\n{heard}");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    // A machine may be so slow to deliver the signal that the run is over.
    if out.status.code() != Some(0) {
        assert_eq!(out.status.code(), Some(130), "{said}");
        assert!(said.contains(&format!("softhebb snn train --resume all --run-dir {FOLDER}")), "{said}");
    }
    place.softhebb(&format!("{line} --resume all")).succeeds();
    let [ours, theirs] = [&place, &undisturbed].map(|place| place.path(FOLDER));
    // The metadata hold seconds; the weights are what is compared.
    let weights = |folder: &PathBuf| Tensors::read(&folder.join("checkpoint.safetensors")).tensors;
    assert!(weights(&ours) == weights(&theirs), "other weights");
    let accuracy = |folder: &PathBuf| {
        let table = Table::read(&folder.join("metrics.csv"));
        table.of("test_acc").into_iter().map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(accuracy(&ours), accuracy(&theirs), "no row twice, none missing");
}

#[test]
fn what_is_typed_wrong_is_told() {
    let place = Place::new();
    for (line, parts) in [
        ("snn train --k-hidden 257", &["--k-hidden is 257", "the hidden layer has 256 units", "take at most 256"][..]),
        ("snn train --k-output 11", &["--k-output is 11", "the output layer has 10 units"]),
        ("snn train --steps 0", &["--steps is 0, but must be at least 1"]),
        ("snn train --rate-hz 201", &["--rate-hz is 201", "probability 1.0050", "take at most 1/dt = 200.0000 Hz"]),
        ("snn train --teacher-rate-hz 201", &["--teacher-rate-hz is 201", "probability 1.0050"]),
        ("snn train --dt 0.05", &["--rate-hz is 30", "probability 1.5000"]),
        ("snn train --eta1 nan", &["--eta1 is NaN, but must be a finite number"]),
        ("snn train --tau-h inf", &["--tau-h is inf, but must be a finite number"]),
        ("snn train --eta2=-0.1", &["--eta2 is -0.1", "a learning rate from 0 to 1"]),
        ("snn train --hidden 0", &["--hidden is 0"]),
        ("snn train --hidden 99999999", &["--hidden is 99999999, but must be at most"]),
        ("snn train --epochs 0", &["--epochs is 0"]),
        ("snn train --batch-size 0", &["--batch-size is 0"]),
        ("snn train --dataset MINST", &["MINST", "FashionMini, MNIST"]),
        ("snn train --resume all", &["there is no run to go on with", "hint: "]),
        ("snn train --k-hidden x", &["invalid value 'x'"]),
        ("snn bench --images 0", &["--limit is 0, but must be at least 1"]),
        ("snn bench --repeats 0", &["--repeats is 0, but must be at least 1"]),
    ] {
        let done = place.softhebb(line).fails(2, parts);
        assert!(done.stdout.is_empty(), "{line}: the standard output is for results: {}", done.stdout);
    }
    assert!(!place.path("results").exists(), "nothing is left behind");
    for (line, parts) in [
        ("snn train --dataset MNIST", &["MNIST", "hint: ", "softhebb snn train --dataset FashionMini"][..]),
        ("snn eval nowhere", &["cannot read nowhere/config.json", "hint: "]),
        ("snn show nowhere", &["cannot read nowhere/config.json", "hint: "]),
        ("snn bench --images 1 --repeats 1 --peer 'echo no'", &["`echo no` printed no JSON"]),
    ] {
        place.softhebb(line).fails(1, parts);
    }
}

#[test]
fn what_does_not_fit_a_run_is_told() {
    let place = Place::new();
    place.softhebb(&TRAIN.replace("--epochs 2", "--epochs 1")).succeeds();
    let another = format!("snn train --resume all --run-dir {FOLDER} --eta1 0.5");
    place.softhebb(&another).fails(2, &["has another plan", "constants.eta1: 0.01 there, 0.5 asked for", "hint: "]);
    place
        .softhebb(&format!("snn show {FOLDER} --image 1000"))
        .fails(2, &["--image is 1000, there are 1000 test images"]);
    place.softhebb(&format!("snn show {FOLDER} --steps 0")).fails(2, &["--steps must be 1 to 1000"]);
    place.softhebb(&format!("snn eval {FOLDER} --steps 0")).fails(2, &["--steps is 0"]);
    fs::write(place.path(FOLDER).join("checkpoint.safetensors"), b"half").unwrap();
    for command in ["eval", "show"] {
        place.softhebb(&format!("snn {command} {FOLDER}")).fails(1, &["not a whole safetensors file", "hint: "]);
    }
    fs::write(place.path(FOLDER).join("config.json"), b"{}").unwrap();
    place.softhebb(&format!("snn eval {FOLDER}")).fails(1, &["is not the plan of a `softhebb snn train`", "hint: "]);
}

#[test]
fn the_recording_is_verified_and_one_wrong_number_is_found() {
    let Some(shared) = shared() else { return };
    let recording = shared.join("golden/snn.safetensors");
    if !recording.exists() {
        println!("{} is not here: nothing verified", recording.display());
        return;
    }
    let place = Place::new();
    let done = place.softhebb(&format!("verify '{}'", recording.display())).succeeds();
    assert!(done.stdout.starts_with("ok ") && done.stdout.contains("5 tensors"), "{}", done.stdout);
    let mut wrong = Tensors::read(&recording);
    let name = wrong.tensors.keys().rfind(|name| name.starts_with("w2.") && *name != "w2.init").unwrap().clone();
    wrong.get(&name).add(0, 0.01);
    wrong.write(&place.path("wrong.safetensors"));
    let done = place.softhebb("verify wrong.safetensors");
    assert!(done.code == Some(1) && done.stdout.starts_with("WRONG ") && done.stdout.contains(&name), "{done:#?}");
}
