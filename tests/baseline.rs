//! Promise: `softhebb run --baseline` compares trained layers with the runs that people would type to compare them, whatever
//! stopped it in between, and changes nothing of the run itself; and a run whose layers learned nothing says so.

mod common;

use std::fs;

use common::{Done, Place, Run, SMALL, Table, assert_same_checkpoint, json};
use serde_json::Value;
use softhebb::files::RunDir;

/// Two Hebbian layers and a classifier with dropout.
const MODEL: &str =
    "--model 'Soft-c6-k5-s2 batchnorm2d triangle_0.7 max_2_2_0; SoftKrotov-c20-k3; BP-c10 flatten dropout_0.25'";

/// The classifier alone.
const PIXELS: &str = "--model 'BP-c10 flatten dropout_0.25'";

/// Where the first run of a typed network leaves its folder.
const FOLDER: &str = "results/runs/custom/FashionMini_1-FashionMini_50-seed0";

/// What a run's `baseline.json` says of these layers.
fn row(run: &Run, layers: &str) -> Value {
    let all = json(&fs::read_to_string(run.dir.baselines()).unwrap());
    let row = all["rows"].as_array().unwrap().iter().find(|row| row["layers"] == layers);
    row.unwrap_or_else(|| panic!("no row {layers} in {all}")).clone()
}

/// A baseline as a run of its own.
fn baseline(run: &Run, name: &str) -> Run {
    let Done { line, code, stdout, stderr } = &run.done;
    let done = Done { line: line.clone(), code: *code, stdout: stdout.clone(), stderr: stderr.clone() };
    Run { done, dir: run.dir.baseline(name) }
}

fn compares(stdout: &str, parts: &[&str]) {
    for part in parts {
        assert!(stdout.contains(part), "{part:?} is not in\n{stdout}");
    }
}

// ---- what it computes ---------------------------------------------------------------------------------------------------

#[test]
fn baselines_are_the_runs_that_people_would_type() {
    let place = Place::new();
    for how in ["", "--training-mode consecutive --seed 2", "--training-mode simultaneous", "--validation --seed 1"] {
        let compared = place.run(&format!("{MODEL} {SMALL} {how} --baseline random,pixels"));
        let alone = place.run(&format!("{MODEL} {SMALL} {how}"));
        assert_same_checkpoint(&compared.checkpoint(), &alone.checkpoint(), how);
        assert_eq!(compared.table().timeless().differences(&alone.table().timeless()), [""; 0], "{how}");
        let mut plan = compared.config();
        assert_eq!(plan.as_object_mut().unwrap().remove("baseline"), Some(serde_json::json!(["random", "pixels"])));
        plan["folder"] = alone.config()["folder"].clone();
        assert_eq!(plan, alone.config(), "{how}");

        let random = place.run(&format!("{MODEL} {SMALL} {how} --set b0.layer.lr=0 --set b1.layer.lr=0"));
        let pixels = place.run(&format!("{PIXELS} {SMALL} {how}"));
        for (name, typed) in [("random", &random), ("pixels", &pixels)] {
            let found = baseline(&compared, name);
            assert_same_checkpoint(&found.checkpoint(), &typed.checkpoint(), &format!("{name} {how}"));
            assert_eq!(found.table().timeless().differences(&typed.table().timeless()), [""; 0], "{name} {how}");
            let row = row(&compared, name);
            assert_eq!(row["test_acc"], typed.done.accuracy(), "{name} {how}");
            assert_eq!(row["difference"], alone.done.accuracy() - typed.done.accuracy(), "{name} {how}");
        }
        assert_eq!(row(&compared, "trained")["test_acc"], alone.done.accuracy());
        assert_eq!(compared.done.accuracy(), alone.done.accuracy());
        // n is what was tested on: 200 test images, or the fifth of the 5,000 training images that was held out.
        let images = if how.contains("--validation") { 1000 } else { 200 };
        let [p, q] = [&alone, &random].map(|run| run.done.accuracy() / 100.0);
        let error = ((p * (1.0 - p) + q * (1.0 - q)) / images as f64).sqrt() * 100.0;
        assert!((row(&compared, "random")["standard_error"].as_f64().unwrap() - error).abs() < 1e-9, "{how}");
        compares(
            &compared.done.stdout,
            &[
                &format!("accuracy on {} test images", if images == 1000 { "1,000" } else { "200" }),
                &format!("trained layers {:>15.2} %", alone.done.accuracy()),
                &format!("random layers {:>16.2} %", random.done.accuracy()),
                &format!("pixels {:>23.2} %", pixels.done.accuracy()),
                "without labels, learning is worth ",
                "units turned from their initial weights by ",
                "° on average in block 0 (",
                " of 6 by 60° or more), ",
                " of 20)\n",
                "  metrics.csv  baseline.json  ",
            ],
        );
        assert!(compared.dir.picture("filters/b0-learned").exists(), "{how}");
    }
}

#[test]
fn any_network_is_compared_and_nothing_is_left_where_nothing_is_saved() {
    let place = Place::new();
    for model in [
        "BP-c6-k5-s2; BP-c10 flatten",
        "Soft-c12 flatten; BP-c10",
        "Soft-c6-k5-s2; SupervisedSoftKrotov-c10 flatten batchnorm1d",
        "BP-c6-k5-s2; BP-c10 flatten' --training-mode 'simultaneous",
    ] {
        let line = format!("run --model '{model}' {SMALL} --baseline random pixels --save false -q");
        let done = place.softhebb(&line).succeeds();
        assert_eq!(done.stderr, "", "{model}");
        compares(&done.stdout, &["trained layers", "random layers", "pixels", "test accuracy "]);
        assert_eq!(done.stdout.contains("without labels"), !model.starts_with("BP"), "{}", done.stdout);
    }
    assert!(!place.path("results").exists());
}

#[test]
fn a_new_classifier_on_earlier_blocks_is_compared_too() {
    let place = Place::new();
    place.run(&format!("{MODEL} {SMALL}"));
    let line = format!("{MODEL} {SMALL} --resume without-classifier --baseline random");
    let run = place.run(&line);
    let random = place.run(&format!("{MODEL} {SMALL} --training-blocks 2"));
    assert_same_checkpoint(&baseline(&run, "random").checkpoint(), &random.checkpoint(), "random");
    compares(&run.done.stdout, &["trained layers", "random layers"]);
}

#[test]
fn what_has_nothing_to_compare_is_wrong_use() {
    let place = Place::new();
    for (line, parts) in [
        ("--model 'Soft-c6-k5' --baseline random", ["trains none", "hint: "]),
        ("--model 'Soft-c6-k5; BP-c10' --training-blocks 0 --baseline pixels", ["trains none", "hint: "]),
        ("--model 'BP-c10 flatten' --baseline pixels", ["--baseline pixels", "none of them learns"]),
        ("--model 'Soft-c6-k5; BP-c10' --training-blocks 1 --baseline random", ["--baseline random", "none of them"]),
        ("--model 'Soft-c6-k5; BP-c10' --baseline noise", ["noise", "random, pixels"]),
    ] {
        place.softhebb(&format!("run {line}")).fails(2, &parts);
    }
    assert!(!place.path("results").exists());
}

// ---- stopped, finished --------------------------------------------------------------------------------------------------

/// A run whose every part has many steps.
fn long() -> String {
    format!(
        "{MODEL} {SMALL} --set dataset_unsup.batch_size=1 --set dataset_sup.batch_size=1 --set dataset_sup.nb_epoch=12"
    )
}

/// Everything that a compared run leaves and that depends on no clock.
fn left(run: &Run) -> (Vec<Vec<u8>>, Vec<Table>, Vec<u8>) {
    let all = [RunDir::new(run.dir.root()), run.dir.baseline("random"), run.dir.baseline("pixels")];
    let checkpoints = all.iter().map(|dir| fs::read(dir.checkpoint()).unwrap()).collect();
    let tables = all.iter().map(|dir| Table::read(&dir.metrics()).timeless()).collect();
    (checkpoints, tables, fs::read(run.dir.baselines()).unwrap())
}

#[test]
fn a_run_that_is_stopped_in_any_part_ends_with_the_comparison() {
    let quiet = Place::new();
    let undisturbed = quiet.run(&format!("{} --baseline random,pixels", long()));
    for moments in [&["epoch 1/12"][..], &["baseline random", "epoch 1/12"], &["baseline pixels", "epoch 1/12"]] {
        let place = Place::new();
        let done = place.start(&format!("{} --baseline random,pixels", long())).interrupt_after(moments);
        assert_eq!(done.code, Some(130), "{moments:?}: {done:#?}");
        assert!(done.stdout.starts_with("interrupted after "), "{moments:?}: {}", done.stdout);
        compares(&done.stdout, &[&format!("softhebb run --resume all --run-dir {FOLDER}")]);
        let run = place.run(&format!("--resume all --run-dir {FOLDER}"));
        assert!(left(&run) == left(&undisturbed), "{moments:?}");
        assert_eq!(run.done.accuracy(), undisturbed.done.accuracy());
        compares(&run.done.stdout, &["trained layers", "random layers", "pixels"]);
    }
}

#[test]
fn what_is_finished_is_not_trained_again_and_another_baseline_can_follow() {
    let place = Place::new();
    let first = place.run(&format!("{MODEL} {SMALL} --baseline random"));
    let before = (first.checkpoint(), fs::read(first.dir.baselines()).unwrap(), first.table());
    let again = place.run(&format!("--resume all --run-dir {FOLDER}"));
    assert!(!again.done.stderr.contains("epoch 1/"), "{}", again.done.stderr);
    assert!(before == (again.checkpoint(), fs::read(again.dir.baselines()).unwrap(), again.table()));
    compares(&again.done.stdout, &["trained layers", "random layers"]);
    let more = place.run(&format!("--resume all --run-dir {FOLDER} --baseline pixels"));
    compares(&more.done.stdout, &["trained layers", "random layers", "pixels"]);
    assert_eq!(more.done.stderr.matches("epoch 1/").count(), 1, "{}", more.done.stderr);
    assert_eq!(more.config()["baseline"], serde_json::json!(["random", "pixels"]));
    let differ = |a: &Value, b: &Value| a["threads"] == b["threads"] && a["folder"] == b["folder"];
    assert!(differ(&more.config(), &first.config()), "the plan is as it was written but for the baselines");
    let all = place.run(&format!("{MODEL} {SMALL} --resume all"));
    compares(&all.done.stdout, &["random layers", "pixels"]);
}

// ---- what it says -------------------------------------------------------------------------------------------------------

#[test]
fn a_dry_run_names_the_baselines_and_leaves_nothing() {
    let place = Place::new();
    let text = place.softhebb(&format!("run {MODEL} --baseline random,pixels --dry-run")).succeeds().stdout;
    for part in [
        "phase 3/3: supervised, block 2, 50 epochs",
        "baseline random: the same classifier on layers that keep their initial weights\nphase 1/3: Hebbian, block 0",
        "baseline pixels: the same classifier on the images alone\nphase 1/1: supervised, block 0, 50 epochs",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!place.path("results").exists());
}

#[test]
fn a_run_without_a_network_is_the_demo() {
    let place = Place::new();
    let text = place.softhebb("run --dry-run").succeeds().stdout;
    for part in ["3SoftHebbCnnFashion on FashionMini_20", "baseline random: ", "baseline pixels: ", "seed 0"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    for (typed, meant) in [
        ("--seed 3", "--preset 3SoftHebbCnnFashion --baseline random,pixels --seed 3"),
        ("--baseline pixels", "--preset 3SoftHebbCnnFashion --baseline pixels"),
        ("--training-blocks 2", "--preset 3SoftHebbCnnFashion --training-blocks 2"),
    ] {
        let [typed, meant] =
            [typed, meant].map(|line| json(&place.softhebb(&format!("run {line} --dry-run --json")).succeeds().stdout));
        assert_eq!(typed, meant);
    }
    fs::write(
        place.path("mine.json"),
        r#"{"layers": {"MLP": {}, "CNN": {}}, "custom": {"unsup": "D", "sup": "D"}, "models": {}, "datasets": {"D": {"default":
           {"channels": 1, "width": 8, "height": 8, "out_channels": 10, "training_sample": 50, "testing_sample": 10,
            "nb_epoch": 1, "batch_size": 5, "print_freq": 1}}}}"#,
    )
    .unwrap();
    place.softhebb("run --presets mine.json").fails(2, &["no network is named", "hint: "]);
}

#[test]
fn layers_that_hardly_learned_are_named_at_the_end() {
    let place = Place::new();
    let told = |line: &str| place.softhebb(&format!("run {line} {SMALL} --save false")).succeeds().stderr;
    let hardly = "--preset 4SoftHebbCnnCIFAR_quarterNeurons --dataset FashionMini";
    let text = told(hardly);
    let line = text.lines().find(|l| l.contains("nearly as initialised")).unwrap_or_else(|| panic!("{text}"));
    for part in ["note: blocks 0, 1 and 2 are", "after 1 epoch of 300 images: R1 0", "--baseline random shows"] {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
    assert!(
        !told(&format!("{hardly} --training-blocks 3")).contains("nearly as initialised"),
        "they were not to learn"
    );
    let much = "--model 'Soft-c8-k5-s2-lr0.5-r5 triangle_0.7; BP-c10 flatten' --set dataset_unsup.nb_epoch=3";
    assert!(!told(much).contains("nearly as initialised"));
}

#[test]
fn a_number_of_units_that_is_replaced_and_a_missing_classifier_are_told() {
    let place = Place::new();
    let replaced = "note: block 1 has 10 units in place of 100";
    let missing = "note: no block learns from labels, so there is no accuracy";
    for (line, said) in [
        ("--model 'Soft-c6-k5-s2; BP-c100'", Some(replaced)),
        ("--model 'Soft-c6-k5-s2; BP-c10'", None),
        ("--model 'Soft-c6-k5-s2'", Some(missing)),
        ("--model 'Soft-c6-k5-s2; BP-c10' --training-blocks 0", Some(missing)),
        ("--model 'Soft-c20 flatten'", None),
    ] {
        let told = place.softhebb(&format!("run {line} {SMALL} --save false")).succeeds().stderr;
        let planned = place.softhebb(&format!("run {line} --dry-run")).succeeds().stdout;
        for text in [told, planned] {
            for note in [replaced, missing] {
                assert_eq!(text.contains(note), said == Some(note), "{line}: {text}");
            }
        }
    }
    let shown = place.softhebb("show --model 'Soft-c6-k5-s2; BP-c100'").succeeds().stdout;
    assert!(shown.contains(replaced), "{shown}");
}
