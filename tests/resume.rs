//! Promise: a run that was killed, stopped or finished goes on, and ends with the same bytes as one that nobody disturbed.

mod common;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use common::{Done, Place, Run, Table, Tensors, assert_same_checkpoint};

/// A run with everything that has a state: a scheduled learning rate, running statistics, Adam, dropout, an epoch of many
/// steps in each phase.
const RUN: &str = "--model 'Soft-c8-k5-s2-lr0.05-v0 batchnorm2d triangle_0.7 max_2_2_0; SoftKrotov-c12-k3-v0 batchnorm2d relu; \
                   BP-c10 flatten dropout_0.5' --device cpu --threads 1 -v --set dataset_unsup.training_sample=600 \
                   --set dataset_unsup.batch_size=1 --set dataset_sup.training_sample=600 --set dataset_sup.batch_size=2 \
                   --set dataset_sup.testing_sample=200 --set dataset_sup.nb_epoch=6 --set dataset_sup.print_freq=2 \
                   --record-every 150";

/// Where the first run of [`RUN`] leaves its folder.
const FOLDER: &str = "results/runs/custom/FashionMini_1-FashionMini_50-seed0";

/// What a run leaves, as it can be compared.
struct Left {
    checkpoint: Vec<u8>,
    table: Table,
    /// `steps.csv`, if it was asked for.
    steps: Option<String>,
    accuracy: f64,
}

fn left(run: &Run) -> Left {
    let steps = fs::read_to_string(run.dir.root().join("steps.csv")).ok();
    Left { checkpoint: run.checkpoint(), table: run.table().timeless(), steps, accuracy: run.done.accuracy() }
}

/// What [`RUN`] leaves if nobody disturbs it.
fn undisturbed() -> &'static Left {
    static LEFT: OnceLock<Left> = OnceLock::new();
    LEFT.get_or_init(|| left(&Place::new().run(RUN)))
}

fn assert_same(run: &Run, expected: &Left) {
    let found = left(run);
    let differences = found.table.differences(&expected.table);
    assert!(differences.is_empty(), "metrics.csv: {differences:#?}");
    assert_eq!(found.steps, expected.steps, "steps.csv");
    assert_eq!(found.accuracy, expected.accuracy);
    assert_same_checkpoint(&found.checkpoint, &expected.checkpoint, "the last checkpoint");
}

fn resume(place: &Place) -> Run {
    place.run(&format!("--resume all --run-dir {FOLDER} -v"))
}

/// The command that an interrupted run prints, without its first two words.
fn next(done: &Done) -> String {
    let line =
        done.stdout.lines().find_map(|line| line.split_once("softhebb run ")).unwrap_or_else(|| panic!("{done:#?}"));
    assert!(line.1.starts_with("--resume all --run-dir "), "{line:?}");
    line.1.to_string()
}

/// Asserts that it was stopped by Ctrl-C as it should: exit code 130, saved, and a word on how to go on.
fn stopped(done: &Done, place: &Place) -> Tensors {
    assert_eq!(done.code, Some(130), "{done:#?}");
    assert!(done.stdout.starts_with("interrupted after "), "{}", done.stdout);
    next(done);
    Tensors::read(&place.path(FOLDER).join("checkpoint.safetensors"))
}

// ---- killed -------------------------------------------------------------------------------------------------------------

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    let place = Place::new();
    let mut running = place.start(RUN);
    let last = [
        "custom · ",             // before the first save
        "  saved ",              // the first block is done
        "phase 3/3: supervised", // before Adam's first step
        "  epoch 2",             // between the table and the checkpoint
        "  saved ",              // just after a save
        "  saved ",
    ];
    for moment in last {
        running.until(moment);
        running.kill();
        readable(&place.path(FOLDER));
        running = place.start(&format!("--resume all --run-dir {FOLDER} -v"));
    }
    let done = running.wait().succeeds();
    let run = Run { done, dir: softhebb::files::RunDir::new(place.path(FOLDER)) };
    assert_same(&run, undisturbed());
    assert_eq!(run.table().of("global_step"), ["1", "2", "3", "4", "5", "6", "7", "8"], "no row twice, none missing");
}

/// Whatever is there after a kill is whole.
fn readable(folder: &Path) {
    let config = fs::read_to_string(folder.join("config.json")).unwrap();
    assert!(common::json(&config)["phases"].is_array());
    if folder.join("checkpoint.safetensors").exists() {
        Tensors::read(&folder.join("checkpoint.safetensors")).progress();
    }
    if folder.join("metrics.csv").exists() {
        Table::read(&folder.join("metrics.csv"));
    }
}

#[test]
fn a_killed_run_is_found_by_what_it_was_asked_for() {
    let place = Place::new();
    let mut running = place.start(RUN);
    running.until("phase 3/3: supervised");
    running.kill();
    let run = place.run(&format!("{RUN} --resume all"));
    assert_eq!(run.dir.root(), place.path(FOLDER));
    assert!(run.done.stderr.contains("goes on after 2 finished epochs"), "{}", run.done.stderr);
    assert_same(&run, undisturbed());
}

// ---- stopped by Ctrl-C ----------------------------------------------------------------------------------------------------

#[test]
fn ctrl_c_in_a_hebbian_epoch_with_a_scheduled_rate() {
    let place = Place::new();
    let done = place.start(RUN).interrupt_after(&["phase 1/3: Hebbian"]);
    let progress = stopped(&done, &place).progress();
    assert_eq!(progress["global_epoch"], 0);
    assert!(progress["step"].as_u64().unwrap() > 0, "in the middle of an epoch: {progress}");
    assert_same(&place.run(&next(&done)), undisturbed());
}

#[test]
fn ctrl_c_in_a_supervised_epoch_with_dropout_and_adam() {
    let place = Place::new();
    let done = place.start(RUN).interrupt_after(&["phase 3/3: supervised", "  saved "]);
    let progress = stopped(&done, &place).progress();
    assert_eq!(progress["phase"], 2);
    assert!(progress["step"].as_u64().unwrap() > 0, "in the middle of an epoch: {progress}");
    // What belongs to a checkpoint beside it is one file.
    let moments = fs::read_dir(place.path(FOLDER)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(moments.filter(|name| name.starts_with("optimizer-")).count(), 1);
    assert_same(&place.run(&next(&done)), undisturbed());
}

#[test]
fn ctrl_c_while_the_outputs_of_frozen_blocks_are_stored() {
    // Stopped in an epoch, then again before that epoch goes on.
    let place = Place::new();
    let done = place.start(RUN).interrupt_after(&["phase 3/3: supervised", "  saved "]);
    let before = stopped(&done, &place).progress();
    let done = place.start(&next(&done)).interrupt_after(&["custom · "]);
    let after = stopped(&done, &place).progress();
    assert!(after["step"].as_u64() >= before["step"].as_u64(), "steps were forgotten: {before}, then {after}");
    assert_same(&place.run(&next(&done)), undisturbed());
}

#[test]
fn ctrl_c_at_the_end_of_an_epoch_keeps_its_row() {
    // One step an epoch: wherever the signal arrives, an epoch is whole.
    let line = "--model 'BP-c10 flatten dropout_0.5' --device cpu --threads 1 -v --set dataset_sup.training_sample=1000 \
                --set dataset_sup.batch_size=1000 --set dataset_sup.nb_epoch=60 --set dataset_sup.print_freq=1";
    let place = Place::new();
    let expected = left(&Place::new().run(line));
    let done = place.start(line).interrupt_after(&["  epoch 3/60"]);
    let progress = stopped(&done, &place).progress();
    assert!(progress["global_epoch"].as_u64() < Some(59), "{progress}");
    assert_same(&place.run(&next(&done)), &expected);
}

#[test]
fn sigterm_stops_as_ctrl_c_does() {
    let place = Place::new();
    let done = place.start(RUN).signal_after("TERM", &["phase 2/3: Hebbian"]);
    let progress = stopped(&done, &place).progress();
    assert_eq!((&progress["phase"], &progress["global_epoch"]), (&1.into(), &1.into()));
    assert!(fs::read_to_string(place.path(FOLDER).join("log.txt")).unwrap().contains("interrupted after "));
}

// ---- finished, or other than asked for ---------------------------------------------------------------------------------

#[test]
fn a_finished_run_is_not_harmed_and_says_its_accuracy() {
    let place = Place::new();
    let first = place.run(RUN);
    let again = resume(&place);
    assert_same(&again, undisturbed());
    assert_eq!(again.table(), first.table(), "the clock too");
    let once_more = place.run(&format!("{RUN} --resume all --threads 2").replace("--threads 1", ""));
    assert_same_checkpoint(&once_more.checkpoint(), &undisturbed().checkpoint, "resumed twice");
}

#[test]
fn another_plan_is_refused_and_the_differences_listed() {
    let place = Place::new();
    let model = |kernel: u32, rest: &str| format!("--model 'Soft-c4-k{kernel}-s2; BP-c10' {} {rest}", common::SMALL);
    let run = place.run(&model(3, ""));
    let before = (run.checkpoint(), fs::read(run.dir.config()).unwrap(), fs::read(run.dir.metrics()).unwrap());
    for (line, differences) in [
        (model(5, ""), &["network.blocks.0.layer.kernel_size: 3 there, 5 asked for"][..]),
        (
            model(3, "--seed 1 --set dataset_sup.nb_epoch=9"),
            &[
                "seed: 0 there, 1 asked for",
                "phases.1.epochs: 3 there, 9 asked for",
                "dataset_sup.nb_epoch: 3 there, 9 asked for",
            ],
        ),
        (model(3, "--training-mode consecutive"), &["mode: \"successive\" there, \"consecutive\" asked for"]),
        (model(3, "--training-blocks 1"), &["training_blocks: null there, [1] asked for"]),
        (model(3, "--validation"), &["dataset_sup.validation: false there, true asked for"]),
    ] {
        let line = format!("run {line} --resume all --run-dir {FOLDER}");
        let hint = format!("hint: `softhebb run --resume all --run-dir {FOLDER}`");
        place.softhebb(&line).fails(2, &[differences, &["has another plan", &hint]].concat());
    }
    // Another network is another in many keys: a few lines say in which.
    let other = format!("run 4SoftHebbCnnCIFAR --dataset FashionMini --resume all --run-dir {FOLDER}");
    let told = place.softhebb(&other).fails(2, &["network.blocks: 2 parts there, 4 parts asked for", "\nhint: "]);
    assert!(told.stderr.lines().count() <= 16, "{}", told.stderr);
    assert!(told.stderr.lines().all(|line| line.chars().count() < 160), "{}", told.stderr);
    let after = (run.checkpoint(), fs::read(run.dir.config()).unwrap(), fs::read(run.dir.metrics()).unwrap());
    assert!(before == after, "a refusal changes nothing");
    // What does not change the result may differ.
    place.run(&format!(
        "{} --resume all --run-dir {FOLDER}",
        model(3, "--model-name other").replace("--threads 1", "--threads 2")
    ));
}

#[test]
fn what_a_resumed_run_would_ignore_is_refused() {
    let place = Place::new();
    let run = place.run(&format!("--model 'BP-c10 flatten' {}", common::SMALL));
    let before = run.checkpoint();
    for typed in [
        "--epochs 9",
        "--hebbian-lr 0.1",
        "--no-save",
        "--name x",
        "--seed 5",
        "--set dataset_sup.nb_epoch=9",
        "--dataset MNIST",
        "--training-mode consecutive",
    ] {
        let name = typed.split(' ').next().unwrap();
        place.softhebb(&format!("run --resume all --run-dir {FOLDER} {typed}")).fails(2, &[name, FOLDER, "hint: "]);
    }
    assert!(run.checkpoint() == before);
    // Where it runs is its own unless another is typed.
    let again = place.softhebb(&format!("run --resume all --run-dir {FOLDER} --dry-run --json")).succeeds();
    let plan = common::json(&again.stdout);
    assert_eq!((&plan["device"], &plan["threads"]), (&"cpu".into(), &1.into()));
    let again = place.softhebb(&format!("run --resume all --run-dir {FOLDER} --dry-run --json --device cuda:3"));
    assert_eq!(common::json(&again.succeeds().stdout)["device"], "cuda:3");
}

#[test]
fn nothing_to_go_on_with_says_where_it_looked() {
    let place = Place::new();
    place.softhebb(&format!("run {RUN} --resume all")).fails(2, &["there is no run to go on with", FOLDER, "hint: "]);
    place
        .softhebb("run --resume all --run-dir nowhere")
        .fails(1, &["cannot read nowhere/config.json: No such file", "hint: "]);
    place.softhebb("run --run-dir nowhere").fails(2, &["--resume"]);
}

#[test]
fn without_classifier_keeps_the_blocks_and_trains_a_new_classifier() {
    let place = Place::new();
    let model = format!("--model 'Soft-c6-k5-s2 batchnorm2d triangle max_2_2_0; BP-c10' {}", common::SMALL);
    let first = place.run(&model);
    let before = first.checkpoint();
    let second = place.run(&format!("{model} --set dataset_sup.nb_epoch=5 --resume without-classifier"));
    assert_eq!(second.dir.root(), place.path(&format!("{FOLDER}-2")));
    assert!(first.checkpoint() == before, "the first run is left as it is");
    let (a, b) = (first.state(), second.state());
    assert_eq!(a.block(0), b.block(0));
    assert_ne!(a.block(1), b.block(1));
    assert_eq!(second.table().of("kind").first(), Some(&"supervised"), "nothing but the classifier is trained");
    assert_eq!(second.table().of("global_step").last(), Some(&"5"));
    assert!(second.done.accuracy() > 10.0);
}

#[test]
fn a_new_classifier_that_is_killed_before_its_first_save_keeps_the_blocks() {
    let place = Place::new();
    let model = format!("--model 'Soft-c6-k5-s2 batchnorm2d triangle max_2_2_0; BP-c10' {}", common::SMALL);
    place.run(&model);
    // An epoch of many steps, so that the kill comes before its end.
    let steps = "--set dataset_sup.batch_size=1 --set dataset_sup.nb_epoch=5";
    let line = format!("{model} {steps} --resume without-classifier --run-dir {FOLDER}");
    let expected = left(&place.run(&line));
    let mut running = place.start(&line);
    running.until("custom · ");
    running.kill();
    let third = format!("{FOLDER}-3");
    assert_same(&place.run(&format!("--resume all --run-dir {third}")), &expected);
}

// ---- what must not be harmed ---------------------------------------------------------------------------------------------

#[test]
fn two_processes_cannot_have_one_folder() {
    let place = Place::new();
    let mut running = place.start(&format!("{RUN} --set dataset_sup.nb_epoch=1000"));
    running.until("  saved ");
    let resume = format!("run --resume all --run-dir {FOLDER}");
    place.softhebb(&resume).fails(1, &["another process is running in ", FOLDER, "hint: "]);
    running.until("  saved "); // the first one goes on
    running.kill();
    let mut running = place.start(&resume["run ".len()..]);
    running.until("goes on after"); // a dead owner keeps nothing
    running.kill();
}

#[test]
fn a_broken_checkpoint_is_an_error_that_names_it_and_leaves_it_alone() {
    let place = Place::new();
    let mut running = place.start(RUN);
    running.until("phase 3/3: supervised");
    running.until("  saved ");
    running.kill();
    let file = place.path(FOLDER).join("checkpoint.safetensors");
    let (whole, config) = (fs::read(&file).unwrap(), fs::read(place.path(FOLDER).join("config.json")).unwrap());
    let metrics = fs::read(place.path(FOLDER).join("metrics.csv")).unwrap();
    let changed = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors = Tensors::parse(&whole).unwrap();
        change(&mut tensors);
        tensors.write(&file);
        fs::read(&file).unwrap()
    };
    let progress = |text: &str| changed(&|t| drop(t.metadata.insert("softhebb".into(), text.into())));
    let weight = "blocks.1.layer.weight";
    for (bytes, why) in [
        (whole[..whole.len() - 1].to_vec(), "not a whole safetensors file"),
        (whole[..50].to_vec(), "not a whole safetensors file"),
        (vec![], "not a whole safetensors file"),
        (b"something else altogether, and long enough for a header".to_vec(), "not a whole safetensors file"),
        (changed(&|t| drop(t.tensors.remove(weight))), weight),
        (changed(&|t| t.get(weight).shape = vec![t.get(weight).data.len() / 4]), weight),
        (progress("{}"), "metadata"),
        (progress("not JSON"), "metadata"),
        (
            progress(
                r#"{"phase":99,"epoch":0,"step":0,"global_epoch":8,"sums":[0,0,0],"adam_steps":null,"rates":{},"save":1}"#,
            ),
            "phase",
        ),
    ] {
        fs::write(&file, &bytes).unwrap();
        let line = format!("run --resume all --run-dir {FOLDER}");
        place.softhebb(&line).fails(1, &["checkpoint.safetensors", why, "hint: "]);
        assert!(fs::read(&file).unwrap() == bytes, "{why}: the file was touched");
        assert!(fs::read(place.path(FOLDER).join("config.json")).unwrap() == config, "{why}: config.json was touched");
        assert!(fs::read(place.path(FOLDER).join("metrics.csv")).unwrap() == metrics, "{why}: metrics.csv was touched");
    }
    // And once it is whole again, the run goes on.
    fs::write(&file, &whole).unwrap();
    let moments = place.path(FOLDER).read_dir().unwrap().map(|e| e.unwrap().path());
    let moments = moments.into_iter().find(|p| p.to_string_lossy().contains("optimizer-")).unwrap();
    let kept = fs::read(&moments).unwrap();
    fs::write(&moments, &kept[..100]).unwrap();
    place.softhebb(&format!("run --resume all --run-dir {FOLDER}")).fails(1, &["optimizer-", "hint: "]);
    fs::write(&moments, &kept).unwrap();
    assert_same(&resume(&place), undisturbed());
}

#[test]
fn a_broken_plan_is_an_error_that_names_it() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    for (text, why) in [("{", "EOF"), ("[]", "invalid"), (r#"{"version": 1}"#, "missing field")] {
        fs::write(place.path("run/config.json"), text).unwrap();
        let done = place.softhebb("run --resume all --run-dir run");
        done.fails(1, &["run/config.json is not the plan of a `softhebb run`", why]);
        assert_eq!(fs::read_to_string(place.path("run/config.json")).unwrap(), text);
    }
}
