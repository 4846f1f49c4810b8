//! Promise: the sub-programs share one vocabulary: the same option has the same form and the same meaning everywhere, and a folder
//! that another of them left is recognised.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Place, json};

/// The sub-programs that compute and leave something.
const ALL: [&str; 16] = [
    "encode train",
    "encode features",
    "encode cluster",
    "encode neighbors",
    "hopfield recall",
    "hopfield capacity",
    "hopfield forget",
    "snn train",
    "snn eval",
    "snn show",
    "robustness",
    "plot filters",
    "plot receptive-fields",
    "plot embedding",
    "plot patches",
    "post-hoc",
];

/// The options of a help text: heading and value of each.
fn options(help: &str) -> BTreeMap<String, (String, String)> {
    let (mut heading, mut found) = (String::new(), BTreeMap::new());
    for line in help.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            heading = name.to_string();
        } else if let Some((_, rest)) = line.split_once("--").filter(|(before, _)| before.len() <= 6) {
            let mut words = rest.split_whitespace();
            let name = words.next().unwrap_or_default().to_string();
            let value = words.next().filter(|word| word.starts_with(['<', '['])).unwrap_or_default();
            found.insert(name, (heading.clone(), value.to_string()));
        }
    }
    found
}

#[test]
fn an_option_has_one_form_and_one_heading() {
    let place = Place::new();
    let all: Vec<_> =
        ALL.iter().map(|name| (name, options(&place.softhebb(&format!("{name} --help")).succeeds().stdout))).collect();
    // post-hoc has the options of `run`, which are checked there.
    let ours: Vec<_> = all.iter().filter(|(name, _)| **name != "post-hoc").collect();
    for (name, value, heading) in [
        ("seed", "<N>", "Training"),
        ("limit", "<N>", "Data"),
        ("data-dir", "<DIR>", "Data"),
        ("download", "", "Data"),
        ("device", "<DEVICE>", "Machine"),
        ("threads", "<N>", "Machine"),
        ("results-dir", "<DIR>", "Results"),
        ("name", "<NAME>", "Results"),
        ("no-save", "", "Results"),
        ("resume", "<WHAT>", "Results"),
        ("run-dir", "<DIR>", "Results"),
        ("force", "", "Results"),
        ("out", "", "Results"),
        ("dry-run", "", "Output"),
        ("json", "", "Output"),
        ("quiet", "", "Output"),
        ("verbose", "", "Output"),
    ] {
        let mut times = 0;
        for (command, options) in &ours {
            let Some((under, of)) = options.get(name) else { continue };
            times += 1;
            assert!(value.is_empty() || of == value, "{command}: --{name} {of}");
            assert!(name == "seed" || under == heading, "{command}: --{name} is under {under}");
        }
        assert!(times > 0, "--{name} is nowhere");
    }
    let has = |command: &str, name: &str| ours.iter().any(|(c, options)| **c == command && options.contains_key(name));
    for (commands, names) in [
        // What makes a run.
        (
            &["encode train", "hopfield recall", "hopfield capacity", "hopfield forget", "snn train", "robustness"][..],
            &["results-dir", "name", "no-save", "dry-run", "json", "threads", "quiet", "verbose", "seed"][..],
        ),
        // What can be stopped and goes on.
        (&["encode train", "hopfield capacity", "snn train", "robustness"], &["resume", "run-dir"]),
        // What writes into what is there.
        (
            &[
                "encode features",
                "encode cluster",
                "encode neighbors",
                "snn show",
                "plot filters",
                "plot receptive-fields",
                "plot embedding",
                "plot patches",
            ],
            &["force"],
        ),
        // What reads a data set.
        (
            &[
                "encode train",
                "encode features",
                "encode cluster",
                "encode neighbors",
                "hopfield recall",
                "hopfield forget",
                "snn train",
                "snn eval",
                "snn show",
                "robustness",
                "plot embedding",
                "plot patches",
            ],
            &["data-dir", "download"],
        ),
    ] {
        for (command, name) in commands.iter().flat_map(|c| names.iter().map(move |n| (c, n))) {
            assert!(has(command, name), "{command} has no --{name}");
        }
    }
}

#[test]
fn older_words_are_still_taken() {
    let place = Place::new();
    let plan = |line: &str| json(&place.softhebb(&format!("{line} --dry-run --json")).succeeds().stdout);
    assert_eq!(plan("robustness --images 7 --seeds 2"), plan("robustness --limit 7 --num-seeds 2"));
    for command in ["snn train", "hopfield recall"] {
        let text = place.softhebb(&format!("{command} --save false --dry-run")).succeeds().stdout;
        assert!(text.ends_with("nothing is saved\n"), "{text}");
        assert_eq!(text, place.softhebb(&format!("{command} --no-save --dry-run")).succeeds().stdout);
    }
    assert!(!place.path("results").exists());
}

#[test]
fn a_plan_is_text_and_with_json_json() {
    let place = Place::new();
    for (command, key) in [
        ("encode train", "batch_size"),
        ("hopfield recall", "repeats"),
        ("hopfield capacity", "trials"),
        ("hopfield forget", "strength"),
        ("snn train", "constants.hidden"),
        ("robustness --dataset FashionMini", "num_seeds"),
    ] {
        let text = place.softhebb(&format!("{command} --dry-run")).succeeds().stdout;
        assert!(text.lines().any(|line| line.trim_start().starts_with(key)), "{key} is not in\n{text}");
        assert!(text.ends_with('\n') && text.contains("results in a new folder below results/runs/"), "{text}");
        json(&place.softhebb(&format!("{command} --dry-run --json")).succeeds().stdout);
        place.softhebb(&format!("{command} --json")).fails(2, &["--dry-run"]);
    }
    assert!(!place.path("results").exists(), "a dry run touches nothing");
}

#[test]
fn the_folder_of_another_sub_program_is_recognised() {
    let place = Place::new();
    for line in [
        "run --model 'Soft-c4-k3-s2; BP-c10' --dataset FashionMini --device cpu --set dataset_unsup.training_sample=50 --set dataset_sup.training_sample=50 --set dataset_sup.nb_epoch=1",
        "encode train FashionMini --limit 16 --size 16 --layers 4 --epochs 1 --device cpu",
        "snn train --hidden 16 --k-hidden 2 --epochs 1 --train-batches 1 --test-batches 1",
        "hopfield recall --repeats 1 --noise 0",
        "hopfield capacity --n 20 --loads 0.1 --trials 1 --rule hebbian",
    ] {
        place.softhebb(&format!("{line} --threads 1 -q")).succeeds();
    }
    let newest = |folder: &str| {
        let mut names =
            fs::read_dir(place.path(folder)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        format!("{folder}/{}", names.next().unwrap())
    };
    let hopfield = |what: &str| {
        let mut names = fs::read_dir(place.path("results/runs/hopfield"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap());
        format!("results/runs/hopfield/{}", names.find(|name| name.starts_with(what)).unwrap())
    };
    let folders = [
        (newest("results/runs/custom"), "softhebb run", "softhebb plot"),
        (newest("results/runs/encode"), "softhebb encode train", "encode features"),
        (newest("results/runs/snn"), "softhebb snn train", "snn eval"),
        (hopfield("recall"), "softhebb hopfield", "metrics.csv"),
        (hopfield("capacity"), "softhebb hopfield capacity", "--resume all"),
    ];
    for (reader, own) in [
        ("plot filters", "softhebb run"),
        ("plot embedding", "softhebb run"),
        ("robustness", "softhebb run"),
        ("encode cluster", "softhebb encode train"),
        ("encode features", "softhebb encode train"),
        ("snn eval", "softhebb snn train"),
        ("snn show", "softhebb snn train"),
        ("snn train --resume all --run-dir", "softhebb snn train"),
        ("encode train --resume all --run-dir", "softhebb encode train"),
        ("hopfield capacity --resume all --run-dir", "softhebb hopfield capacity"),
    ] {
        for (folder, left_by, readers) in folders.iter().filter(|(_, left_by, _)| *left_by != own) {
            let wanted = format!("the folder of a `{own}` is wanted");
            let done = place.softhebb(&format!("{reader} {folder}"));
            done.fails(2, &[&format!("{folder} was left by `{left_by}`"), &wanted, "hint: ", readers]);
        }
    }
    fs::create_dir(place.path("empty")).unwrap();
    place.softhebb("plot filters empty").fails(1, &["cannot read empty/config.json", "hint: give the folder that"]);
    fs::write(place.path("empty/config.json"), "[1").unwrap();
    place.softhebb("snn eval empty").fails(1, &["empty/config.json is not the plan of a `softhebb snn train`"]);
}

#[test]
fn a_folder_that_cannot_be_written_has_a_way_out_of_this_command() {
    let place = Place::new();
    place
        .softhebb("encode train FashionMini --limit 16 --size 16 --layers 4 --epochs 1 --threads 1 --name e -q")
        .succeeds();
    // A file where a folder should be: nobody can write there, whatever the user may.
    fs::write(place.path("results/runs/encode/e/cluster"), "").unwrap();
    let done = place.softhebb("encode cluster results/runs/encode/e --clusters 2 --layout pca");
    let done = done.fails(1, &["cannot write ", "hint: ", "the folder of the run"]);
    assert!(!done.stderr.contains("--results-dir"), "{}", done.stderr);
    let done = place.softhebb("encode features results/runs/encode/e -o results/runs/encode/e/cluster/x.npy");
    done.fails(1, &["cannot write ", "--out FILE writes elsewhere"]);
}
