//! Promise: what a trained network is worth is told as its run told it, and by other programs' formulas; its features are NumPy's;
//! every run is listed, and the best network is kept beside the last one.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Place, Run, SMALL, Table, Tensors, assert_same_checkpoint, json, python};
use image::{Rgb, RgbImage};
use serde_json::Value;

/// Two Hebbian blocks, the second fully connected, and a linear classifier.
const MODEL: &str = "--model 'Soft-c6-k5-s2 batchnorm2d triangle_0.7 max_2_2_0; SoftKrotov-c20 flatten relu; BP-c10'";
/// The same without a fully connected block.
const CONV: &str = "--model 'Soft-c6-k5-s2 batchnorm2d triangle_0.7 max_2_2_0; BP-c10'";
const CPU: &str = "--device cpu --threads 1";

/// `softhebb eval RUN LINE --json`.
fn eval(place: &Place, run: &Path, line: &str) -> Value {
    let line = format!("eval '{}' {CPU} {line} --json", run.display());
    json(&place.softhebb(&line).succeeds().stdout)
}

/// The last test accuracy that a run reported.
fn reported(run: &Run, column: &str) -> Option<f64> {
    *run.table().numbers(column).last().unwrap()
}

fn folder(result: &Value, place: &Place) -> std::path::PathBuf {
    place.path(result["folder"].as_str().unwrap())
}

// ---- eval ---------------------------------------------------------------------------------------------------------------

#[test]
fn the_accuracy_is_the_runs_own_to_the_last_digit() {
    let place = Place::new();
    let hebbian = "--model 'SoftKrotov-c12-k5 batchnorm2d triangle max_4_2_1; SupervisedSoftKrotov-c10 flatten metric_mode=supervised'";
    let units = "--model 'Soft-c30-lr0.05 flatten' --set dataset_unsup.testing_sample=200";
    let end_to_end =
        "--model 'BP-c8-k5-s2 batchnorm2d relu max_2_2_0; BP-c10 flatten dropout_0.2' --training-mode simultaneous";
    let white = "--set dataset_unsup.zca_whitened=true --set dataset_sup.zca_whitened=true";
    for (line, split, data, readout) in [
        (MODEL.to_string(), "test", "FashionMini_50", "classifier"),
        (hebbian.to_string(), "test", "FashionMini_50", "classifier"),
        (end_to_end.to_string(), "test", "FashionMini_50", "classifier"),
        (units.to_string(), "test", "FashionMini_1", "labels of the units of block 0"),
        (format!("{CONV} --validation"), "validation", "FashionMini_50", "classifier"),
        (format!("{CONV} {white}"), "test", "FashionMini_50", "classifier"),
    ] {
        let run = place.run(&format!("{line} {SMALL} --dataset FashionMini"));
        let result = eval(&place, run.dir.root(), &format!("--split {split}"));
        assert_eq!(result["accuracy"].as_f64(), reported(&run, "test_acc"), "{line}");
        assert_eq!(result["loss"].as_f64(), reported(&run, "test_loss"), "{line}");
        assert_eq!((result["dataset"].as_str(), result["readout"].as_str()), (Some(data), Some(readout)), "{line}");
        assert_eq!(result["finished"], true);
    }
}

#[test]
fn accuracy_interval_classes_and_confusions_are_numpys() {
    let Some(python) = python() else { return };
    let place = Place::new();
    let run = place.run(&format!("{CONV} {SMALL} --dataset FashionMini"));
    let result = eval(&place, run.dir.root(), "");
    place.softhebb(&format!("features '{}' {CPU} --block 0 -o x.npy", run.dir.root().display())).succeeds();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_study.py");
    let out = Command::new(python)
        .arg(script)
        .args([place.path("x.npy"), place.path("x-labels.csv"), run.dir.checkpoint()])
        .arg("1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let oracle: Value = serde_json::from_slice(&out.stdout).unwrap();
    let near = |a: &Value, b: &Value, what: &str| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{what}: {a}, numpy {b}"),
        (a, b) => assert_eq!(a, b, "{what}"),
    };
    assert_eq!(result["images"], 200);
    near(&result["accuracy"], &oracle["accuracy"], "accuracy");
    near(&result["loss"], &oracle["loss"], "loss");
    (0..2).for_each(|i| near(&result["interval"][i], &oracle["interval"][i], "interval"));
    assert_eq!(result["top5"], Value::Null, "five of ten classes are no few");
    let left = folder(&result, &place);
    let classes = Table::read(&left.join("classes.csv"));
    assert_eq!(classes.of("name")[9], "Ankle boot");
    let counts = Table::read(&left.join("confusion.csv"));
    for i in 0..10 {
        near(&result["classes"][i]["accuracy"], &oracle["recall"][i], "recall");
        near(&result["classes"][i]["precision"], &oracle["precision"][i], "precision");
        for j in 0..10 {
            assert_eq!(counts.rows[i][j + 1], oracle["confusion"][i][j].to_string(), "{i} named {j}");
        }
    }
    let each = Table::read(&left.join("predictions.csv"));
    let list = |name: &str| oracle[name].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(each.of("predicted"), list("named"));
    assert_eq!(each.of("label"), list("labels"));
    assert_eq!(each.of("image"), list("images"));
    assert!(left.join("confusion.png").is_file() && left.join("confusion.svg").is_file());
    let made = json(&fs::read_to_string(left.join("provenance.json")).unwrap());
    assert!(made[0]["command"].as_str().unwrap().starts_with("softhebb eval "), "{made}");
}

#[test]
fn results_are_printed_for_people_and_none_is_written_over() {
    let place = Place::new();
    let run = place.run(&format!("{CONV} {SMALL} --dataset FashionMini"));
    let line = format!("eval '{}' {CPU}", run.dir.root().display());
    let said = place.softhebb(&line).succeeds().stdout;
    for part in [
        "seed 0 · checkpoint.safetensors of epoch 4",
        "FashionMini_50 test: accuracy ",
        "95 % interval ",
        " of 200 images, loss ",
        "   0  T-shirt/top ",
        "predicted ",
        "eval/FashionMini_50-test/confusion.png",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    assert!(said.lines().take(30).all(|l| l.chars().count() <= 120), "{said}");
    let first = run.dir.root().join("eval/FashionMini_50-test/summary.json");
    let before = fs::read(&first).unwrap();
    fs::write(&first, "mine").unwrap();
    let said = place.softhebb(&line).succeeds().stdout;
    assert!(said.contains("eval/FashionMini_50-test-2/summary.json"), "{said}");
    assert_eq!(fs::read_to_string(&first).unwrap(), "mine");
    place.softhebb(&format!("{line} --force")).succeeds();
    assert_eq!(fs::read(&first).unwrap().len(), before.len());
    // The folder itself is as the run left it, beside what was added.
    assert!(run.dir.checkpoint().is_file() && !run.dir.best().exists());
}

#[test]
fn other_images_are_other_splits_and_other_data_sets() {
    let place = Place::new();
    let run = place.run(&format!("{CONV} {SMALL} --dataset FashionMini"));
    let root = run.dir.root();
    let train = eval(&place, root, "--split train");
    assert_eq!((train["images"].as_u64(), train["split"].as_str()), (Some(300), Some("train")));
    assert_eq!(eval(&place, root, "--limit 50")["images"], 50);
    // The other configuration of the same images tests on all thousand.
    let other = eval(&place, root, "--dataset FashionMini_1 --split train --limit 120");
    assert_eq!((other["images"].as_u64(), other["dataset"].as_str()), (Some(120), Some("FashionMini_1")));
    assert_eq!(eval(&place, root, "--batch-size 7")["accuracy"].as_f64(), reported(&run, "test_acc"));
    // A run that chose by validation images is scored on the test images, which no one has seen.
    let run = place.run(&format!("{CONV} {SMALL} --dataset FashionMini --validation --seed 1"));
    let (own, test) = (eval(&place, run.dir.root(), "--split validation"), eval(&place, run.dir.root(), ""));
    assert_eq!(own["accuracy"].as_f64(), reported(&run, "test_acc"));
    assert_eq!((own["images"].as_u64(), test["images"].as_u64()), (Some(1000), Some(200)));

    let bad = |line: &str, code: i32, parts: &[&str]| {
        place.softhebb(&format!("eval {line}")).fails(code, parts);
    };
    let root = format!("'{}'", root.display());
    bad(&format!("{root} --split validation"), 2, &["held out no validation images", "hint: --split test"]);
    bad(&format!("{root} --dataset CIFAR10_50"), 2, &["are 3×32×32, those of the run 1×28×28"]);
    bad(&format!("{root} --dataset Fashion"), 2, &["Fashion"]);
    bad(&format!("{root} --limit 0"), 2, &["--limit"]);
    bad(&format!("{root} --best"), 1, &["checkpoint-best.safetensors", "hint: `softhebb run --keep best"]);
    bad("nowhere", 1, &["cannot read nowhere/config.json", "`softhebb runs` lists them"]);
    bad(&format!("{root}/log.txt"), 2, &["log.txt is no checkpoint", "hint: RUN is"]);
}

#[test]
fn what_names_no_class_is_told_and_so_is_a_run_that_stopped() {
    let place = Place::new();
    let line = format!("{CONV} {SMALL} --dataset FashionMini --training-blocks 0");
    let run = place.run(&line);
    let named = format!("'{}'", run.dir.root().display());
    place.softhebb(&format!("eval {named} {CPU}")).fails(2, &["names no classes: block 0", "softhebb features"]);
    place.softhebb(&format!("features {named} {CPU} --block 0 -o x.npy")).succeeds();
    // A file of another network, a broken one, and a sibling's folder.
    let broken = run.dir.root().join("broken.safetensors");
    fs::write(&broken, "no tensors").unwrap();
    place.softhebb(&format!("eval '{}'", broken.display())).fails(1, &["not a whole safetensors file"]);
    let done =
        place.softhebb("snn train --threads 1 --hidden 64 --k-hidden 8 --epochs 1 --train-batches 1 --test-batches 1");
    done.succeeds();
    let snn = fs::read_dir(place.path("results/runs/snn")).unwrap().flatten().next().unwrap().path();
    let parts = ["was left by `softhebb snn train`", "hint: `softhebb snn eval`"];
    place.softhebb(&format!("eval '{}'", snn.display())).fails(2, &parts);
}

#[test]
fn a_searchs_folder_means_its_best_trial() {
    let place = Place::new();
    let sizes = SMALL.replace("--device cpu --threads 1", "");
    let line = format!(
        "search --config seed {CONV} --dataset FashionMini {sizes} --seeds 0,1 --folder-name sweep --parallel 1 \
         --device cpu --threads 1"
    );
    place.softhebb(&line).succeeds();
    place.softhebb("eval results/search/sweep").fails(1, &["kept its network", "--save-model"]);
    let line = line.replace("sweep", "kept");
    place.softhebb(&format!("{line} --save-model --validation-sup --keep best")).succeeds();
    let done = place.softhebb(&format!("eval results/search/kept {CPU} --split validation --json")).succeeds();
    let result = json(&done.stdout);
    let trials = Table::read(&place.path("results/search/kept/trials.csv"));
    let best = trials.numbers("test_acc").into_iter().flatten().fold(0.0, f64::max);
    assert_eq!(result["accuracy"].as_f64(), Some(best));
    let number = result["trial"].as_u64().unwrap();
    assert!(done.stderr.contains(&format!("note: trial {number}, the best by test_acc")), "{done:#?}");
    // Each trial kept its best network, too.
    let done = place.softhebb(&format!("eval results/search/kept {CPU} --best --split validation --json")).succeeds();
    let result = json(&done.stdout);
    assert_eq!(result["accuracy"], result["validation_acc"]);
    let text = fs::read_to_string(place.path("results/search/kept/search.toml")).unwrap();
    assert!(text.contains("keep = \"best\""), "{text}");
    // Its trials are runs.
    let listed = json(&place.softhebb("runs results --trials --filter trial --json").succeeds().stdout);
    let kinds: Vec<&str> = listed.as_array().unwrap().iter().map(|r| r["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["trial"; 4]);
    assert!(listed[0]["status"] == "finished" && listed[0]["accuracy"].is_f64(), "{listed}");
    assert!(place.softhebb("runs results").succeeds().stdout.contains("no runs below results"));
}

// ---- features -----------------------------------------------------------------------------------------------------------

#[test]
fn features_are_numpys_rows_and_know_their_images() {
    let Some(python) = python() else { return };
    let place = Place::new();
    pictures(&place.path("pics"));
    let size = "--set dataset_unsup.width=16 --set dataset_unsup.height=16 --set dataset_sup.width=16 --set dataset_sup.height=16";
    let run = place.run(&format!("{CONV} {size} --dataset folder:pics --threads 1 --set dataset_sup.nb_epoch=3"));
    let root = run.dir.root().display();
    let read = |name: &str| {
        // What NumPy itself finds, beside the labels.
        let code = "import json, sys, csv, numpy as np\n\
                    x = np.load(sys.argv[1]); rows = list(csv.DictReader(open(sys.argv[2], newline='')))\n\
                    print(json.dumps({'dtype': str(x.dtype), 'shape': x.shape, 'x': x.astype(float).tolist(), 'rows': rows}))";
        let labels = place.path(&format!("{name}-labels.csv"));
        let out = Command::new(&python)
            .args(["-c", code])
            .args([place.path(&format!("{name}.npy")), labels])
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice::<Value>(&out.stdout).unwrap()
    };
    let write = |line: &str| place.softhebb(&format!("features '{root}' {CPU} {line}"));
    write("-o all.npy").succeeds();
    write("-o avg.npy --pool avg --batch-size 3").succeeds();
    write("-o max.npy --pool max").succeeds();
    let (all, avg, max) = (read("all"), read("avg"), read("max"));
    assert_eq!((&all["dtype"], &all["shape"]), (&"float32".into(), &serde_json::json!([16, 6 * 3 * 3])));
    assert_eq!((&avg["shape"], &max["shape"]), (&serde_json::json!([16, 6]), &serde_json::json!([16, 6])));
    let number = |of: &Value, row: usize, at: usize| of["x"][row][at].as_f64().unwrap();
    for (row, channel) in (0..16).flat_map(|r| (0..6).map(move |c| (r, c))) {
        let positions: Vec<f64> = (0..9).map(|p| number(&all, row, channel * 9 + p)).collect();
        let mean = positions.iter().sum::<f64>() / 9.0;
        assert!((number(&avg, row, channel) - mean).abs() < 1e-4, "{row} {channel}");
        let largest = positions.iter().copied().fold(f64::MIN, f64::max);
        assert!((number(&max, row, channel) - largest).abs() < 1e-4, "{row} {channel}");
    }
    let varied = (0..16).any(|row| (0..54).any(|i| (number(&all, row, i) - number(&all, 0, i)).abs() > 1e-3));
    assert!(varied, "rows of different images differ");
    // Two folders of eight test images each, in their order.
    for (row, of) in all["rows"].as_array().unwrap().iter().enumerate() {
        let class = ["across", "down"][row / 8];
        assert_eq!((of["class"].as_str(), of["image"].as_str()), (Some(class), Some(row.to_string().as_str())));
        assert_eq!(of["file"], format!("{class}/{:02}.png", row % 8));
    }
    // Another split: the broken picture of the training images has no row.
    write("-o train.npy --split train").succeeds();
    let files: Vec<String> = read("train")["rows"].as_array().unwrap().iter().map(|r| r["file"].to_string()).collect();
    assert!(files.len() == 16 && files.iter().all(|f| !f.contains("03b")), "{files:?}");

    let before = fs::read(place.path("all.npy")).unwrap();
    write("-o all.npy --pool max").fails(2, &["all.npy is there already", "hint: --force"]);
    assert_eq!(fs::read(place.path("all.npy")).unwrap(), before);
    fs::remove_file(place.path("all.npy")).unwrap();
    write("-o all.npy").fails(2, &["all-labels.csv is there already"]);
    write("-o all.npy --force").succeeds();
    assert_eq!(fs::read(place.path("all.npy")).unwrap(), before);
    write("-o x.npy --block 2").fails(2, &["--block is 2; custom has blocks 0 to 1"]);
    write("-o x.npy --split validation").fails(2, &["held out no validation images"]);
    assert!(!place.path("x.npy").exists());
    // The classifier's outputs are features as others are, and eval names the classes of a folder.
    write("-o logits.npy --block 1").succeeds();
    assert_eq!(read("logits")["shape"], serde_json::json!([16, 2]));
    let said = place.softhebb(&format!("eval '{root}' {CPU}")).succeeds().stdout;
    assert!(said.contains("   1  down "), "{said}");
}

/// Two classes of pictures that differ in the direction of their stripes; one training picture is broken.
fn pictures(root: &Path) {
    for (part, class) in [("train", "across"), ("train", "down"), ("val", "across"), ("val", "down")] {
        let folder = root.join(part).join(class);
        fs::create_dir_all(&folder).unwrap();
        for i in 0..8u32 {
            let bright =
                |x: u32, y: u32| if (if class == "across" { y } else { x } + i) / 3 % 2 != 1 { 220 } else { 30 };
            let picture = RgbImage::from_fn(16, 16, |x, y| Rgb([bright(x, y), bright(x, y), (i * 8) as u8]));
            picture.save(folder.join(format!("{i:02}.png"))).unwrap();
        }
    }
    fs::write(root.join("train/down/03b.png"), "no picture").unwrap();
}

// ---- the best network ---------------------------------------------------------------------------------------------------

/// A run whose validation score rises and falls.
fn wavering(place: &Place, line: &str) -> Run {
    place.run(&format!("{WAVERING} {line}"))
}

const WAVERING: &str = "--model 'Soft-c6-k5-s2 batchnorm2d triangle_0.7 max_2_2_0; BP-c10 dropout_0.5' --dataset FashionMini \
    --device cpu --threads 1 --set dataset_unsup.training_sample=300 --set dataset_sup.training_sample=300 \
    --set dataset_sup.nb_epoch=12 --set dataset_sup.print_freq=1 --set b1.layer.lr_sup=0.05 --validation";

fn best_of(run: &Run) -> (Tensors, Value) {
    let best = Tensors::read(&run.dir.best());
    let told = json(&best.metadata["softhebb-best"]);
    (best, told)
}

#[test]
fn the_best_network_is_kept_and_the_last_one_is_as_it_was() {
    let place = Place::new();
    let without = wavering(&place, "");
    let with = wavering(&place, "--keep best");
    assert!(!without.dir.best().exists());
    assert_same_checkpoint(&without.checkpoint(), &with.checkpoint(), "--keep best leaves the last network alone");
    let (best, told) = best_of(&with);
    let table = with.table();
    let scores: Vec<(f64, u64)> = (table.numbers("test_acc").into_iter())
        .zip(table.numbers("global_step"))
        .filter_map(|(acc, step)| acc.zip(step).map(|(acc, step)| (acc, step as u64)))
        .collect();
    let top = scores.iter().map(|(acc, _)| *acc).fold(0.0, f64::max);
    let first = scores.iter().find(|(acc, _)| *acc == top).unwrap().1;
    assert_eq!((told["validation_acc"].as_f64(), told["global_epoch"].as_u64()), (Some(top), Some(first)));
    assert!(scores.last().unwrap().0 < top, "the scores must waver for this test: {scores:?}");
    assert!(best.tensors != with.state().tensors);

    let root = with.dir.root();
    let own = eval(&place, root, "--best --split validation");
    assert_eq!(own["accuracy"].as_f64(), Some(top));
    assert_eq!(own["epoch"].as_u64(), Some(first));
    assert!(own["folder"].as_str().unwrap().ends_with("eval/FashionMini_50-validation-best"), "{own}");
    let last = eval(&place, root, "--split validation");
    assert_eq!(last["accuracy"].as_f64(), reported(&with, "test_acc"));
    // A file of a run is as good as its folder.
    assert_eq!(eval(&place, &with.dir.best(), "--split validation")["accuracy"].as_f64(), Some(top));
    let named = format!("'{}'", root.display());
    place.softhebb(&format!("features {named} {CPU} --best --block 1 -o best.npy")).succeeds();
    place.softhebb(&format!("features {named} {CPU} --block 1 -o last.npy")).succeeds();
    assert!(fs::read(place.path("best.npy")).unwrap() != fs::read(place.path("last.npy")).unwrap());
    place.softhebb(&format!("plot filters {named} {CPU} --best --out best")).succeeds();
    assert!(place.path("best.png").is_file());
}

#[test]
fn a_run_that_goes_on_keeps_the_same_best_network() {
    let place = Place::new();
    let whole = wavering(&place, "--keep best --results-dir whole");
    let kept = fs::read(whole.dir.best()).unwrap();
    let line = format!("{WAVERING} --keep best -v --results-dir cut");
    let done = place.start(&line).interrupt_after(&["phase 2/2: supervised", "  epoch 4/12", "  saved "]);
    assert_eq!(done.code, Some(130), "{done:#?}");
    let folder = fs::read_dir(place.path("cut/custom")).unwrap().flatten().next().unwrap().path();
    assert!(folder.join("checkpoint-best.safetensors").is_file());
    let listed = json(&place.softhebb("runs cut --json").succeeds().stdout);
    let status = listed[0]["status"].as_str().unwrap();
    assert!(status.starts_with("interrupted at phase 2/2, epoch "), "{status}");
    let resumed = place.run(&format!("--resume all --run-dir '{}' --threads 1", folder.display()));
    assert_same_checkpoint(&whole.checkpoint(), &resumed.checkpoint(), "the last network");
    assert_same_checkpoint(&kept, &fs::read(resumed.dir.best()).unwrap(), "the best network");
}

#[test]
fn choosing_by_test_images_is_refused() {
    let place = Place::new();
    let bad = |line: &str, parts: &[&str]| {
        place.softhebb(&format!("run {CONV} --dataset FashionMini --keep best {line}")).fails(2, parts);
    };
    bad("", &["--keep best: without --validation", "hint: --validation holds out a fifth"]);
    bad("--validation --save false", &["nothing is kept"]);
    bad("--validation --training-blocks 0", &["the last phase scores nothing"]);
    let line = format!("search --config seed {CONV} --dataset FashionMini --keep best --dry-run");
    place.softhebb(&line).fails(2, &["--keep best: without --validation"]);
    assert!(!place.path("results").exists());
    // A run that was begun without can go on with it only if it has images to choose by.
    let run = place.run(&format!("{CONV} {SMALL} --dataset FashionMini"));
    let line = format!("run --resume all --run-dir '{}' --keep best", run.dir.root().display());
    place.softhebb(&line).fails(2, &["--keep best: without --validation"]);
}

// ---- runs ---------------------------------------------------------------------------------------------------------------

#[test]
fn runs_are_listed_sorted_and_compared() {
    let place = Place::new();
    place.softhebb("runs").fails(1, &["there is no folder results/runs", "hint: "]);
    let a = place.run(&format!("{CONV} {SMALL} --dataset FashionMini"));
    let b =
        place.run(&format!("{CONV} {SMALL} --dataset FashionMini --seed 3 --set b0.layer.lr=0.01 --model-name other"));
    place.softhebb("encode train --limit 20 --epochs 1 --layers 4 --size 16 --device cpu --threads 1").succeeds();
    let damaged = place.path("results/runs/custom/damaged");
    fs::create_dir_all(&damaged).unwrap();
    fs::copy(a.dir.metrics(), damaged.join("metrics.csv")).unwrap();
    let half = place.path("results/runs/custom/half");
    fs::create_dir_all(&half).unwrap();
    fs::copy(a.dir.config(), half.join("config.json")).unwrap();
    fs::write(half.join("checkpoint.safetensors"), &a.checkpoint()[..1000]).unwrap();

    let all = json(&place.softhebb("runs --json").succeeds().stdout);
    let of = |name: &str| {
        let all = all.as_array().unwrap();
        let found = all.iter().find(|r| r["folder"].as_str().unwrap().contains(name));
        found.unwrap_or_else(|| panic!("{name} is not in {all:?}")).clone()
    };
    assert_eq!(all.as_array().unwrap().len(), 5, "{all}");
    let first = of("custom/FashionMini");
    assert_eq!((&first["status"], &first["kind"], &first["seed"]), (&"finished".into(), &"run".into(), &0.into()));
    assert_eq!((first["epochs"].as_u64(), first["planned"].as_u64()), (Some(4), Some(4)));
    assert_eq!(first["accuracy"].as_f64(), reported(&a, "test_acc"));
    assert_eq!(of("encode/")["kind"], "encode");
    assert_eq!(of("encode/")["status"], "finished");
    assert_eq!(of("custom/damaged")["status"], "damaged: there is no config.json");
    assert!(of("custom/half")["status"].as_str().unwrap().starts_with("damaged: "), "{}", of("custom/half"));

    let done = place.softhebb("runs").succeeds();
    assert!(done.stdout.lines().all(|l| l.chars().count() <= 80), "{}", done.stdout);
    assert_eq!(done.stdout.lines().count(), 6, "{}", done.stdout);
    let names = |line: &str| {
        let listed = json(&place.softhebb(&format!("runs --json {line}")).succeeds().stdout);
        let listed = listed.as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_string());
        listed.collect::<Vec<_>>()
    };
    let sorted = {
        let mut both = [(reported(&a, "test_acc"), "custom"), (reported(&b, "test_acc"), "other")];
        both.sort_by(|x, y| y.0.partial_cmp(&x.0).unwrap());
        both.map(|(_, name)| name)
    };
    assert_eq!(names("--sort accuracy")[..2], sorted);
    assert_eq!(names("--filter OTHER"), ["other"]);
    assert_eq!(names("--filter damaged").len(), 2);
    let text = place.softhebb("runs --csv").succeeds().stdout;
    let mut table = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(table.records().map(Result::unwrap).filter(|row| row.len() == 11).count(), 5);

    let line = format!("runs --compare '{}' '{}'", a.dir.root().display(), b.dir.root().display());
    let said = place.softhebb(&line).succeeds().stdout;
    let row = |key: &str| {
        let line = said.lines().find(|l| l.starts_with(key)).unwrap_or_else(|| panic!("{key} is not in\n{said}"));
        line.split_whitespace().map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(row("seed ")[1..], ["0", "3"]);
    assert_eq!(row("network.blocks.0.layer.lr ").last().unwrap(), "0.01");
    assert_eq!(row("model ")[1..], ["custom", "other"]);
    assert!(said.contains("\nresult") && row("accuracy ").len() == 3, "{said}");
    let both = json(&place.softhebb(&format!("{line} --json")).succeeds().stdout);
    assert!(
        both["plan"].as_array().unwrap().iter().any(|d| d["key"] == "seed" && d["a"] == 0 && d["b"] == 3),
        "{both}"
    );
    let same = format!("runs --compare '{0}' '{0}'", a.dir.root().display());
    assert!(place.softhebb(&same).succeeds().stdout.contains("plan: no difference"));
    place.softhebb("runs --compare nowhere nowhere").fails(1, &["nowhere is no folder of a run"]);
}

#[test]
fn help_is_grouped_and_every_command_has_one() {
    let place = Place::new();
    for (command, parts) in [
        ("eval", ["Images:", "Machine:", "Output:"].as_slice()),
        ("features", &["Images:", "Machine:", "Output:", "--pool"]),
        ("runs", &["Which, and in which order:", "Output:", "--compare"]),
        ("run", &["--keep"]),
    ] {
        let help = place.softhebb(&format!("{command} --help")).succeeds().stdout;
        parts.iter().for_each(|part| assert!(help.contains(part), "{part} is not in\n{help}"));
    }
}
