//! Promise: each figure and table of the paper has its runs, which start with one script, and is drawn from what is committed.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{Place, Table, python, shared};

const HOME: &str = env!("CARGO_MANIFEST_DIR");

/// What the scripts need of a clone, in the place.
fn clone(place: &Place) {
    for folder in ["scripts", "results/searches", "results/plots", "results/figures"] {
        copy(&Path::new(HOME).join(folder), &place.path(folder));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs the script of experiments in the place, with the program under test.
fn experiments(place: &Place, line: &str) -> Output {
    Command::new(place.path("scripts/experiments.sh"))
        .args(line.split_whitespace())
        .current_dir(place.path(""))
        .env("SOFTHEBB", env!("CARGO_BIN_EXE_softhebb"))
        .env("SOFTHEBB_DATA", place.path("data"))
        .output()
        .unwrap()
}

fn said(out: &Output) -> (String, String) {
    (String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn every_search_of_a_figure_starts() {
    let place = Place::new();
    let table = Table::read(&Path::new(HOME).join("scripts/figures/experiments.csv"));
    assert_eq!(table.names, ["figure", "name", "program", "arguments"]);
    let mut seen = BTreeSet::new();
    for row in &table.rows {
        if seen.insert(row[1].clone()) {
            let done = place.softhebb(&format!("{} {} --dry-run", row[2], row[3])).succeeds();
            assert!(done.stdout.contains(if row[2] == "run" { "phase 1/" } else { "\ntrials  " }), "{done:#?}");
        }
    }
    let figures: BTreeSet<&str> = table.of("figure").into_iter().collect();
    for figure in ["fig1", "fig2", "fig3-cifar10", "fig4", "fig5", "table1", "table2", "b1", "b3a", "b3b", "b11"] {
        assert!(figures.contains(figure), "{figure}");
    }
    // A figure's parts go by its name, too, and a single run takes the options that stand after --.
    clone(&place);
    let (printed, _) = said(&experiments(&place, "b3 --dry-run --seeds 1 -- --threads 1"));
    assert_eq!(
        printed.lines().filter(|l| l.contains(" search ") && l.contains("--config radius")).count(),
        2,
        "{printed}"
    );
    assert_eq!(printed.lines().filter(|l| l.contains(" run ") && l.ends_with("--threads 1")).count(), 2, "{printed}");

    // Each search that the published README names for its figures is among them.
    let Some(shared) = shared() else { return };
    let entry = fs::read_dir(shared.join("seeds")).unwrap().flatten();
    let entry = entry.into_iter().find(|e| e.file_name().to_string_lossy().starts_with("004_")).unwrap();
    let text = fs::read_to_string(entry.path()).unwrap().replace('\'', "");
    let of = |line: &str, option: &str| {
        let mut words = line.split([' ', '`']).skip_while(|w| *w != option).skip(1);
        words.next().map(str::to_string)
    };
    let key = |line: &str| {
        let mut key =
            ["--preset", "--dataset-unsup", "--dataset-sup", "--training-blocks"].map(|option| of(line, option));
        // Networks trained by backpropagation, and those of which only the classifier learns, have no phase that reads it.
        let hebbian = key[0].as_ref().is_some_and(|name| name.contains("Soft") || name.contains("Hard"));
        if !hebbian || key[3].is_some() {
            key[1] = None;
        }
        key
    };
    let known: BTreeSet<_> = table.rows.iter().map(|row| key(&row[3])).collect();
    let part = text.split("### Figure 1").nth(1).and_then(|t| t.split("## Details").next()).unwrap();
    let lines: Vec<&str> = part.split("python ray_search.py ").skip(1).map(|l| l.split('`').next().unwrap()).collect();
    assert!(lines.len() > 70, "{}", lines.len());
    for line in lines {
        assert!(known.contains(&key(line)), "no search for {line}");
    }
}

#[test]
fn a_figures_searches_run_scaled_go_on_and_are_collected() {
    let place = Place::new();
    clone(&place);
    let list = "figure,name,program,arguments\n\
                tiny,Tiny_SoftHebb2,search,--preset 2SoftHebbCnnCIFAR --dataset-unsup FashionMini_1 --dataset-sup FashionMini_5\n\
                tiny,Tiny_Random2,search,--preset 2SoftHebbCnnCIFAR --dataset-sup FashionMini_5 --training-blocks 1\n";
    fs::write(place.path("scripts/figures/experiments.csv"), list).unwrap();
    let line = "tiny --only Soft --scale 0.1 --seeds 0,1 -- --threads 1 --parallel 1 -q";
    let (printed, _) = said(&experiments(&place, &format!("--dry-run {line}")));
    assert!(
        printed.contains("--set dataset_unsup.training_sample=500 --set dataset_sup.training_sample=500"),
        "{printed}"
    );
    assert!(!place.path("results/search").exists(), "a dry run does nothing");

    let out = experiments(&place, line);
    assert!(out.status.success(), "{:?}", said(&out));
    let folder = place.path("results/search/Tiny_SoftHebb2-scale0.1");
    let before = fs::read_to_string(folder.join("trials.csv")).unwrap();
    assert_eq!(Table::read(&folder.join("trials.csv")).of("status"), ["finished", "finished"]);
    // What is finished is not run again.
    assert!(experiments(&place, line).status.success());
    assert_eq!(fs::read_to_string(folder.join("trials.csv")).unwrap(), before);

    let Some(python) = python() else { return };
    let collect = |folder: &Path| {
        let script = place.path("scripts/figures/collect.py");
        Command::new(&python).arg(script).arg(folder).output().unwrap()
    };
    let out = collect(&folder);
    assert!(out.status.success(), "{:?}", said(&out));
    let kept = place.path("results/searches/Tiny_SoftHebb2-scale0.1");
    let origin: serde_json::Value = serde_json::from_slice(&fs::read(kept.join("origin.json")).unwrap()).unwrap();
    assert_eq!(origin["dataset_unsup"]["training_sample"], 500);
    assert_eq!(origin["tested_images"], 1000);
    assert!(
        origin["commands"][0].as_str().unwrap().starts_with("softhebb search --preset 2SoftHebbCnnCIFAR"),
        "{origin}"
    );
    assert_eq!(Table::read(&kept.join("trials.csv")).of("seed"), ["0", "1"]);
    assert_eq!(
        Table::read(&kept.join("curves.csv")).of("test_acc").last(),
        Table::read(&kept.join("trials.csv")).of("test_acc").last()
    );
    assert!(!said(&collect(&place.path("data"))).1.is_empty());
}

#[test]
fn wrong_use_of_the_script_is_told() {
    let place = Place::new();
    clone(&place);
    for (line, part) in [
        ("", "which figure?"),
        ("fig9 --dry-run", "there is no figure or search fig9"),
        ("fig1 --scale 2", "--scale 2: a number above 0 and at most 1"),
        ("fig1 --scale x", "--scale x"),
        ("fig1 --scale", "--scale needs a value"),
        ("fig1 --parallel 2", "unknown option --parallel (options of softhebb search stand after --"),
        ("fig1 --only Nothing --dry-run", "--only Nothing: none of these searches"),
    ] {
        let out = experiments(&place, line);
        let (_, error) = said(&out);
        assert_eq!(out.status.code(), Some(2), "{line}: {error}");
        assert!(error.starts_with("error: ") && error.contains(part), "{line}: {error}");
    }
}

/// What is committed in results/figures is what the committed runs draw.
#[test]
fn all_figures_are_drawn_from_what_is_committed() {
    let Some(python) = python() else { return };
    let place = Place::new();
    clone(&place);
    fs::remove_dir_all(place.path("results/figures")).unwrap();
    let scripts = fs::read_dir(place.path("scripts/figures")).unwrap().flatten().map(|e| e.path());
    let drawing = |name: &str| {
        ["fig", "table", "b"].iter().any(|kind| {
            name.strip_prefix(kind).and_then(|rest| rest.strip_suffix(".py")).is_some_and(|n| n.parse::<u32>().is_ok())
        })
    };
    let mut scripts: Vec<_> =
        scripts.filter(|p| p.file_name().is_some_and(|name| drawing(&name.to_string_lossy()))).collect();
    assert_eq!(scripts.len(), 18, "five figures, two tables, B.1 to B.11: {scripts:?}");
    scripts.push(place.path("scripts/figures/index.py"));
    for script in scripts {
        let out = Command::new(&python).arg(&script).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
        assert!(out.status.success(), "{script:?}: {:?}", said(&out));
    }
    let committed = Path::new(HOME).join("results/figures");
    for entry in fs::read_dir(&committed).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let drawn = place.path(&format!("results/figures/{name}"));
        if name.ends_with(".md") {
            let (old, new) =
                (fs::read_to_string(entry.path()).unwrap(), fs::read_to_string(&drawn).unwrap_or_default());
            assert!(old == new, "results/figures/{name} is not what `make figures` writes; it writes\n{new}");
        } else if name.ends_with(".png") {
            assert!(fs::metadata(&drawn).is_ok_and(|m| m.len() > 5_000), "{name} was not drawn");
        }
    }
}
