//! Promise: what earlier versions left stays good: it is resumed, plotted, read and verified. tests/old/README.md says what
//! wrote it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Place, Table, Tensors, json};
use softhebb::files::RunDir;

/// A folder of tests/old as a copy that may be written to.
fn old(place: &Place, name: &str) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old").join(name);
    let to = place.path(name);
    copy(&from, &to);
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The run below one of the folders in `runs`.
fn run(place: &Place, name: &str) -> RunDir {
    let folder = old(place, &format!("runs/{name}"));
    let mut runs = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    RunDir::new(runs.next().unwrap())
}

#[test]
fn a_stopped_run_goes_on_to_its_end() {
    let place = Place::new();
    let dir = run(&place, "stopped");
    let before = (Table::read(&dir.metrics()), Tensors::read(&dir.checkpoint()));
    let done = place.softhebb(&format!("run --resume all --run-dir {}", dir.root().display())).succeeds();
    assert!(done.stderr.contains("goes on after 8 finished epochs"), "{}", done.stderr);
    assert!(done.accuracy() > 50.0, "it had 59 % after eight epochs: {}", done.accuracy());
    let after = (Table::read(&dir.metrics()), Tensors::read(&dir.checkpoint()));
    let steps = |table: &Table| table.numbers("global_step").into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(steps(&after.0)[..8], steps(&before.0)[..], "the rows that were there stay");
    assert_eq!(steps(&after.0).last(), Some(&62.0), "two Hebbian epochs and 60 of the classifier");
    for block in [0, 1] {
        assert_eq!(after.1.block(block), before.1.block(block), "block {block} was finished");
    }
    assert_ne!(after.1.block(2), before.1.block(2));
}

#[test]
fn a_finished_run_is_plotted_and_lends_its_blocks() {
    let place = Place::new();
    let dir = run(&place, "finished");
    let folder = dir.root().display();
    place.softhebb(&format!("plot filters {folder} --out filters")).succeeds();
    assert!(fs::read(place.path("filters.png")).unwrap().starts_with(b"\x89PNG"));
    place.softhebb(&format!("plot patches {folder} --block 1 --out patches")).succeeds();
    let plan = json(&fs::read_to_string(dir.config()).unwrap());
    assert_eq!(plan["version"], 1);
    let again = place.softhebb(&format!("run --resume all --run-dir {folder}")).succeeds();
    assert_eq!(again.accuracy(), 14.0, "nothing is left to train; the score is that of the checkpoint");
    let state = Tensors::read(&dir.checkpoint());
    let model = "SoftKrotov-c6-k3-s2-t1-lr0.05 batchnorm2d triangle_0.7 max_2_2_0; Soft-c8-k3-t1-lr0.02 batchnorm2d max_2_2_0; \
                 BP-c10 flatten dropout_0.5";
    let new = place.run(&format!(
        "--model '{model}' --resume without-classifier --run-dir {folder} --set dataset_sup.training_sample=200 \
         --set dataset_sup.nb_epoch=2 --threads 1"
    ));
    for block in [0, 1] {
        assert_eq!(new.state().block(block), state.block(block));
    }
}

#[test]
fn a_stopped_search_is_read_and_goes_on() {
    let place = Place::new();
    let folder = old(&place, "search/custom-temperatures");
    let folder = folder.display();
    let first = fs::read(place.path("search/custom-temperatures/trials/0000-8573e19c/result.json")).unwrap();
    let status = place.softhebb(&format!("search status {folder}")).succeeds();
    assert!(status.stdout.contains("1 finished"), "{}", status.stdout);
    let best = place.softhebb(&format!("search best {folder}")).succeeds();
    assert!(best.stdout.contains("13"), "trial 0 has 13 %: {}", best.stdout);
    place.softhebb(&format!("search --resume {folder}")).succeeds();
    let trials = Table::read(&place.path("search/custom-temperatures/trials.csv"));
    assert_eq!(trials.of("status"), ["finished"; 4]);
    assert_eq!(trials.of("test_acc")[0], "13", "what was finished is not run again");
    assert_eq!(fs::read(place.path("search/custom-temperatures/trials/0000-8573e19c/result.json")).unwrap(), first);
}

#[test]
fn a_space_is_read_as_it_was() {
    let place = Place::new();
    old(&place, "search");
    let dry = place.softhebb("search --config search/temperatures.toml --dry-run").succeeds();
    assert!(dry.stdout.contains("t_invert"), "{}", dry.stdout);
}

#[test]
fn the_siblings_go_on_with_theirs() {
    let place = Place::new();
    let encoder = run(&place, "encode");
    place.softhebb(&format!("encode train --resume all --run-dir {} --epochs 3", encoder.root().display())).succeeds();
    assert_eq!(Table::read(&encoder.metrics()).rows.len(), 3);
    let snn = run(&place, "snn");
    let snn_folder = snn.root().display();
    place.softhebb(&format!("snn eval {snn_folder} --test-batches 1")).succeeds();
    let hopfield = run(&place, "hopfield");
    let rows = Table::read(&hopfield.metrics());
    place.softhebb(&format!("hopfield capacity --resume {}", hopfield.root().display())).succeeds();
    assert_eq!(Table::read(&hopfield.metrics()), rows, "nothing is missing, so nothing is measured again");
}

#[test]
fn the_recordings_of_this_repository_verify() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path().display().to_string()).collect();
    assert!(files.len() >= 8, "{files:?}");
    for form in ["", "--plain "] {
        let done = Place::new().softhebb(&format!("verify --threads 1 {form}{}", files.join(" "))).succeeds();
        assert_eq!(done.stdout.lines().filter(|line| line.starts_with("ok ")).count(), files.len(), "{}", done.stdout);
    }
}
