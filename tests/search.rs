//! Promise: a sweep runs every trial of its space, each as a run of its own, and survives whatever happens to it.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use common::{Done, Place, Table, Tensors, json, python};
use rand::{Rng, SeedableRng};
use serde_json::Value;
use softhebb::preset::Catalogue;
use softhebb::search::layers::shared_phases;
use softhebb::search::read::{find, parse};
use softhebb::search::store::{Stored, plans};
use softhebb::search::{Space, Trial};

/// Two Hebbian blocks and a classifier, so small that a trial takes a second; the temperature of the second block is
/// searched, so the trials of a seed share their first block.
const SPACE: &str = r#"
seeds = [0, 1]
[base]
model = "Soft-c6-k5-s3-lr0.05 batchnorm2d triangle_0.7; SoftKrotov-c8-k3 batchnorm2d relu; BP-c10 flatten dropout_0.5"
[base.set]
"dataset_unsup.training_sample" = 300
"dataset_sup.training_sample" = 300
"dataset_sup.testing_sample" = 200
"dataset_sup.nb_epoch" = 3
"dataset_sup.print_freq" = 1
[run]
device = "cpu"
[space]
"b1.layer.t_invert" = { grid = [0.5, 2.0] }
"#;

/// How all sweeps here are started; where they lie.
const SWEEP: &str = "search --config space.toml --folder-name sweep --threads 1 --parallel 1";
const FOLDER: &str = "results/search/sweep";

fn place(space: &str) -> Place {
    let place = Place::new();
    fs::write(place.path("space.toml"), space).unwrap();
    place
}

/// What a sweep leaves, as it can be compared: all tables without what a clock says or chance decides.
fn left(root: &Path) -> Vec<(String, Table)> {
    let without = |mut table: Table, names: &[&str]| {
        for name in names {
            if let Some(i) = table.names.iter().position(|n| n == name) {
                table.names.remove(i);
                table.rows.iter_mut().for_each(|row| drop(row.remove(i)));
            }
        }
        table
    };
    let mut all = vec![
        ("trials".to_string(), without(Table::read(&root.join("trials.csv")), &["seconds", "attempts", "reused"])),
        ("summary".to_string(), Table::read(&root.join("summary.csv"))),
    ];
    for folder in trial_folders(root) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        all.push((name, without(Table::read(&folder.join("progress.csv")), &["seconds", "images_per_second"])));
    }
    all
}

fn trial_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root.join("trials")).unwrap().map(|e| e.unwrap().path()).collect();
    folders.sort();
    folders
}

/// What [`SPACE`] leaves if nobody disturbs it.
struct Undisturbed {
    place: Place,
    done: Done,
}

fn undisturbed() -> &'static Undisturbed {
    static SWEPT: OnceLock<Undisturbed> = OnceLock::new();
    SWEPT.get_or_init(|| {
        let place = place(SPACE);
        let done = place.softhebb(&format!("{SWEEP} --save-model")).succeeds();
        Undisturbed { place, done }
    })
}

fn assert_same(root: &Path, what: &str) {
    let expected = left(&undisturbed().place.path(FOLDER));
    let found = left(root);
    let names = |all: &[(String, Table)]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected), "{what}");
    for ((name, a), (_, b)) in found.iter().zip(&expected) {
        let differences = a.differences(b);
        assert!(differences.is_empty(), "{what}: {name}: {differences:#?}");
    }
}

fn trials(root: &Path) -> Table {
    Table::read(&root.join("trials.csv"))
}

// ---- a sweep that is under way ----------------------------------------------------------------------------------------

struct Sweep {
    child: Child,
    said: BufReader<ChildStderr>,
    heard: String,
}

impl Sweep {
    fn start(place: &Place, line: &str) -> Sweep {
        let mut child = place.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Sweep { child, said, heard: String::new() }
    }

    /// Waits for a line that holds this text; false if the sweep ended before.
    fn until(&mut self, text: &str) -> bool {
        loop {
            let before = self.heard.len();
            if self.said.read_line(&mut self.heard).unwrap() == 0 {
                return false;
            }
            if self.heard[before..].contains(text) {
                return true;
            }
        }
    }

    /// Waits until a file is there that holds this text; false if the sweep ended before.
    fn until_file(&mut self, path: &Path, text: &str) -> bool {
        loop {
            if fs::read_to_string(path).is_ok_and(|found| found.contains(text)) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::yield_now();
        }
    }

    fn signal(&self, name: &str) {
        kill(name, self.child.id());
    }

    /// Process ids of the trials that run.
    fn trials(&self) -> Vec<u32> {
        children(self.child.id())
    }

    fn end(mut self) -> (Option<i32>, String, String) {
        self.said.read_to_string(&mut self.heard).unwrap();
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        (self.child.wait().unwrap().code(), out, std::mem::take(&mut self.heard))
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(signal: &str, pid: u32) {
    // It may have ended by itself meanwhile.
    let _ = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).stderr(Stdio::null()).status();
}

/// Children of a process, as Linux lists them.
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let text = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect::<String>();
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

// ---- spaces -----------------------------------------------------------------------------------------------------------

fn shipped(name: &str, preset: &str) -> (Space, Vec<Trial>) {
    let (file, text) = find(name).unwrap();
    let mut space = parse(&file, &text).unwrap();
    space.base.preset = Some(preset.to_string());
    let catalogue = Catalogue::embedded().unwrap();
    space.fit(&space.request(None).network(&catalogue).unwrap());
    softhebb::search::store::check(&space, &file, &catalogue).unwrap();
    let trials = space.trials();
    (space, trials)
}

#[test]
fn the_shipped_spaces_are_those_of_the_published_searches() {
    for (name, count) in
        [("seed", 4), ("one_seed", 1), ("regimes", 600), ("radius", 81), ("1", 75), ("2", 36), ("3a", 28), ("3b", 24)]
    {
        let (space, trials) = shipped(name, "2SoftHebbCnnCIFAR");
        assert_eq!(trials.len(), count, "{name}");
        let plans = plans(&space, &Catalogue::embedded().unwrap(), &trials).unwrap();
        let distinct: BTreeSet<String> = plans.iter().map(|p| serde_json::to_string(p).unwrap()).collect();
        assert_eq!(distinct.len(), count, "{name}: no two trials are the same run");
    }
}

#[test]
fn regimes_are_600_trials_from_hard_to_soft() {
    let (space, trials) = shipped("regimes", "4SoftHebbCnnCIFAR");
    let plans = plans(&space, &Catalogue::embedded().unwrap(), &trials).unwrap();
    // 1.25^x by multiplication, not by the power that the program uses.
    let power = |x: i32| (0..x.abs()).fold(1.0, |p, _| if x > 0 { p * 1.25 } else { p / 1.25 });
    for (trial, softness, x, seed) in [
        (0, "Soft", -50, 0),
        (1, "Soft", -50, 1),
        (151, "Soft", 0, 1),
        (299, "Soft", 49, 2),
        (300, "SoftKrotov", -50, 0),
        (599, "SoftKrotov", 49, 2),
    ] {
        assert_eq!((trials[trial].index, trials[trial].seed, plans[trial].seed), (trial, seed, seed));
        for block in &plans[trial].network.blocks[..3] {
            let t = block.layer.t_invert;
            assert!((t / power(x) - 1.0).abs() < 1e-12, "trial {trial}: {t}");
            assert_eq!(format!("{:?}", block.layer.method), softness, "trial {trial}");
        }
        assert_eq!(plans[trial].dataset_unsup.seed, seed);
    }
}

#[test]
fn radius_is_81_trials_around_1() {
    let (space, trials) = shipped("radius", "2SoftHebbCnnCIFAR");
    let plans = plans(&space, &Catalogue::embedded().unwrap(), &trials).unwrap();
    let radius = |i: usize| plans[i].network.blocks[0].layer.radius;
    assert_eq!((radius(30), plans[30].seed), (1.0, 0), "x = 10");
    assert!((radius(0) - 0.107_374_182_4).abs() < 1e-12 && (radius(80) - 35.527_136_788_005).abs() < 1e-9);
    assert_eq!((plans[0].seed, plans[80].seed), (0, 2));
}

#[test]
fn mistakes_are_told_with_their_place_and_leave_nothing() {
    let place = Place::new();
    let base = "[base]\npreset = \"2SoftHebbCnnCIFAR\"\n[space]\n";
    for (space, line, parts) in [
        (
            format!("{base}\"b0.layer.t_inverse\" = {{ grid = [1] }}"),
            "",
            vec!["space.toml, line 4, `b0.layer.t_inverse`: ", "did you mean `b0.layer.t_invert`?"],
        ),
        (
            format!("{base}\"b0.layer.t_invert\" = {{ grid = [1, -1] }}"),
            "",
            vec!["space.toml, line 4, `b0.layer.t_invert`: ", "expected a number above 0"],
        ),
        (format!("{base}\"b0.layer.t_invert\" = {{ uniform = [-1, 1] }}"), "", vec!["line 4, `b0.layer.t_invert`: "]),
        (format!("{base}\"b7.pool\" = {{ grid = [\"none\"] }}"), "", vec!["line 4, `b7.pool`: there is no block 7"]),
        (
            format!("{base}x = {{ keys = [\"b7.pool\"], if_present = true, grid = [\"none\"] }}"),
            "",
            vec!["line 4, `x`: none of its keys"],
        ),
        (format!("{base}\"dataset_sup.nb_epoch\" = {{ grid = [5, 0] }}"), "", vec!["line 4, `dataset_sup.nb_epoch`: "]),
        (
            format!("{base}\"b0.layer.kernel_size\" = {{ grid = [3, 99] }}"),
            "",
            vec!["trial 1 (b0.layer.kernel_size=99): "],
        ),
        ("seeds = [0]".to_string(), "", vec!["no network is named", "softhebb search 4SoftHebbCnnCIFAR"]),
        (base.to_string(), "--preset 2SoftHebCnnCIFAR", vec!["did you mean"]),
        (base.to_string(), "--num-samples 5", vec!["nothing is drawn"]),
        (base.to_string(), "--seeds 3,3", vec!["--seeds names the same seed twice"]),
        (base.to_string(), "--set b0.layer.nothing=5", vec!["unknown key"]),
        (format!("{base}\"b0.layer.lr\" = {{ grid = [1] }}"), "--set b0.layer.lr=5", vec!["the space varies this key"]),
        (base.to_string(), "--trials-per-gpu 0.5", vec!["a whole number from 1 is expected"]),
        (base.to_string(), "--timeout soon", vec!["the units are s, m, h and d"]),
        (base.to_string(), "--retry-failed", vec!["--resume"]),
        (base.to_string(), "--resume nowhere", vec!["there is no search in nowhere"]),
    ] {
        fs::write(place.path("space.toml"), space).unwrap();
        place.softhebb(&format!("search --config space.toml {line}")).fails(2, &parts);
    }
    place
        .softhebb("search --config nosuch --preset 2SoftHebbCnnCIFAR")
        .fails(2, &["there is no search space `nosuch`"]);
    place.softhebb("search --config regime --preset 2SoftHebbCnnCIFAR").fails(2, &["did you mean `regimes`?"]);
    // Missing data are told before a trial starts.
    place
        .softhebb("search --config one_seed --preset 2SoftHebbCnnCIFAR --device cpu")
        .fails(1, &["CIFAR10", "softhebb data fetch"]);
    assert!(!place.path("results/search/2SoftHebbCnnCIFAR-space").exists());
}

#[test]
fn a_dry_run_prints_the_trials_and_touches_nothing() {
    let place = place(SPACE);
    let done = place.softhebb(&format!("{SWEEP} --dry-run")).succeeds();
    let (page, table) = done.stdout.split_once("\n\ntrial  ").unwrap();
    for part in [
        "custom · FashionMini_1 (300 images, 1 epoch) → FashionMini_50 (300 images, 3 epochs)\n",
        "b1.layer.t_invert  0.5, 2.0\n",
        "trials  2 combinations × 2 seeds = 4 trials\n",
        "time    about ",
        "disk    about ",
        "an estimate within a factor of three: ",
        "folder  results/search/sweep",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].ends_with("b1.layer.t_invert  seed") && lines.len() == 5, "{}", done.stdout);
    assert!(lines[4].trim_start().starts_with("3  0003-") && lines[4].ends_with("  2     1"), "{}", done.stdout);
    assert!(!place.path("results").exists());
    let seeds = |line: &str| {
        let page = json(&place.softhebb(&format!("{SWEEP} --dry-run --json {line}")).succeeds().stdout);
        let trials = page["trials"].as_array().unwrap().clone();
        trials.iter().map(|trial| trial["seed"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(seeds("--seeds 7,9,3"), [7, 9, 3, 7, 9, 3]);
    place.softhebb(&format!("{SWEEP} --all")).fails(2, &["--dry-run"]);
    // Hundreds of trials are a page: the first and the last; all of them when asked.
    let many = "--dry-run --config regimes --preset 2SoftHebbCnnCIFAR --device cpu";
    let page = place.softhebb(&format!("search {many}")).succeeds().stdout;
    assert!(page.lines().count() < 30 && page.contains("… 592 more: --all prints them"), "{page}");
    assert!(page.contains("200 combinations × 3 seeds = 600 trials") && page.contains("1.25^-50 … 1.25^49"), "{page}");
    let all = place.softhebb(&format!("search {many} --all")).succeeds().stdout;
    assert_eq!(all.lines().count(), page.lines().count() + 592 - 1, "{all}");
    // The same seed of the sampler draws the same trials, another one others.
    fs::write(place.path("space.toml"), SPACE.replace("grid = [0.5, 2.0]", "log_uniform = [0.1, 10]")).unwrap();
    let draw = |line: &str| place.softhebb(&format!("{SWEEP} --dry-run --num-samples 3 {line}")).succeeds().stdout;
    assert_eq!(draw("--seed 5"), draw("--seed 5"));
    assert_ne!(draw("--seed 5"), draw("--seed 6"));
}

// ---- what a sweep leaves ------------------------------------------------------------------------------------------------

#[test]
fn a_sweep_leaves_its_tables() {
    let Undisturbed { place, done } = undisturbed();
    let root = place.path(FOLDER);
    let table = trials(&root);
    assert_eq!(table.of("trial"), ["0", "1", "2", "3"]);
    assert_eq!(table.of("status"), ["finished"; 4]);
    assert_eq!(table.of("b1.layer.t_invert"), ["0.5", "0.5", "2.0", "2.0"]);
    assert_eq!(table.of("seed"), ["0", "1", "0", "1"]);
    assert_eq!(table.of("reused"), ["", "", "b0", "b0"]);
    let acc: Vec<f64> = table.numbers("test_acc").into_iter().flatten().collect();
    let loss: Vec<f64> = table.numbers("test_loss").into_iter().flatten().collect();
    let summary = Table::read(&root.join("summary.csv"));
    assert_eq!((summary.rows.len(), summary.of("rank"), summary.of("trials")), (2, vec!["1", "2"], vec!["2", "2"]));
    for (i, t) in summary.of("b1.layer.t_invert").into_iter().enumerate() {
        let (a, b) = if t == "0.5" { (0, 1) } else { (2, 3) };
        for (name, x) in [("test_acc", &acc), ("test_loss", &loss)] {
            let number = |column: &str| summary.numbers(&format!("{name}_{column}"))[i].unwrap();
            assert!((number("mean") - (x[a] + x[b]) / 2.0).abs() < 1e-9, "{name} {t}");
            assert!((number("std") - (x[a] - x[b]).abs() / 2f64.sqrt()).abs() < 1e-9, "{name} {t}");
        }
    }
    let means: Vec<f64> = summary.numbers("test_acc_mean").into_iter().flatten().collect();
    assert!(means[0] >= means[1], "best first");
    // Each trial's folder is a run's and a search's.
    let mut names = BTreeSet::new();
    for folder in trial_folders(&root) {
        let progress = Table::read(&folder.join("progress.csv"));
        for column in
            ["train_loss", "train_acc", "test_loss", "test_acc", "convergence", "R1", "epoch", "phase", "seconds"]
        {
            progress.of(column);
        }
        assert_eq!(progress.of("global_step"), ["1", "2", "3", "4", "5"]);
        assert_eq!(progress.of("config/b1/layer/t_invert").len(), 5);
        assert_eq!(progress.of("config/dataset_unsup/seed"), progress.of("config/seed"));
        // Published under its own name: that of the Hebbian block that learned.
        let of_block =
            |row: &str, i: usize| if row.is_empty() { "" } else { progress.of(&format!("b{row}_convergence"))[i] };
        let learned: Vec<_> = progress.of("block").into_iter().enumerate().map(|(i, row)| of_block(row, i)).collect();
        assert_eq!((progress.of("convergence"), progress.of("block")), (learned, vec!["0", "1", "", "", ""]));
        let params = json(&fs::read_to_string(folder.join("params.json")).unwrap());
        assert!(params["b1.layer.t_invert"].is_f64() && params["seed"].is_u64(), "{params}");
        Tensors::read(&folder.join("checkpoint.safetensors"));
        assert!(!folder.join("tensorboard").exists() && folder.join("plan.json").is_file());
        names.insert(folder.file_name().unwrap().len());
    }
    assert_eq!(names, BTreeSet::from(["0000-00000000".len()]));
    assert_eq!(done.stderr.matches(" started").count(), 4, "{}", done.stderr);
    assert!(
        done.stdout.contains("done: 4 finished") && done.stdout.contains("softhebb search best"),
        "{}",
        done.stdout
    );
    assert!(!root.join("images").exists());
    let made = json(&fs::read_to_string(root.join("provenance.json")).unwrap());
    assert!(made[0]["command"].as_str().unwrap().starts_with("softhebb search --config space.toml "), "{made}");
    let log = fs::read_to_string(root.join("log.txt")).unwrap();
    assert!(log.contains("Z trial 3 finished: test_acc ") && log.contains(", b0 reused"), "{log}");
}

#[test]
fn best_is_a_mean_over_seeds_with_its_deviation() {
    let Undisturbed { place, done } = undisturbed();
    let root = place.path(FOLDER);
    let table = trials(&root);
    for (metric, least) in [("test_acc", false), ("test_loss", true), ("train_loss", true)] {
        let out = place.softhebb(&format!("search best {FOLDER} --metric {metric}")).succeeds().stdout;
        let x: Vec<f64> = table.numbers(metric).into_iter().flatten().collect();
        let means = [(x[0] + x[1]) / 2.0, (x[2] + x[3]) / 2.0];
        let second = if least { means[1] < means[0] } else { means[1] > means[0] };
        let (a, b) = if second { (2, 3) } else { (0, 1) };
        assert!(out.starts_with(&format!("best of 2 combinations by {metric}: ")), "{out}");
        assert!(out.lines().next().unwrap().ends_with("(mean ± sample deviation, n = 2 seeds)"), "{out}");
        let numbers: Vec<f64> = out.lines().next().unwrap().split([' ', ':']).filter_map(|w| w.parse().ok()).collect();
        let std = (x[a] - x[b]).abs() / 2f64.sqrt();
        assert!((numbers[1] / means[usize::from(second)] - 1.0).abs() < 1e-3, "{metric}: {out}");
        assert!((numbers[2] - std).abs() <= 0.0051 + 1e-3 * std, "{metric}: {out}");
        for (seed, trial) in [(0, a), (1, b)] {
            assert!(out.contains(&format!("  seed {seed}: ")) && out.contains(&format!("(trial {trial})\n")), "{out}");
        }
        let tie = means[0] == means[1];
        assert_eq!(out.contains("ties with b1.t_invert="), tie, "{out}");
    }
    let out = place.softhebb(&format!("search best {FOLDER}")).succeeds().stdout;
    // The last words of the sweep say the same.
    let lines: Vec<&str> = out.lines().take_while(|line| !line.starts_with("folder of")).collect();
    assert!(done.stdout.contains(&lines.join("\n")), "{}", done.stdout);
    assert!(done.stdout.contains(" (n = 2: trials "), "{}", done.stdout);
    let command = out.lines().find_map(|line| line.strip_prefix("run its first seed again:  softhebb ")).unwrap();
    let folder = out.lines().find_map(|line| line.strip_prefix("folder of trial ")).unwrap();
    let number = folder.split(':').next().unwrap().to_string();
    let again = place.softhebb(&format!("{command} --device cpu --threads 1")).succeeds();
    let at = table.of("trial").iter().position(|n| *n == number).unwrap();
    let (own, checkpoint) = (again.accuracy(), trial_folders(&root)[at].join("checkpoint.safetensors"));
    assert!((table.numbers("test_acc")[at].unwrap() - own).abs() < 0.005, "{own}");
    let run = place.path("results/runs/custom").read_dir().unwrap().next().unwrap().unwrap().path();
    let same = Tensors::read(&checkpoint).tensors == Tensors::read(&run.join("checkpoint.safetensors")).tensors;
    assert!(same, "the run by itself has other weights than the trial");
    place.softhebb("search best nowhere").fails(2, &["there is no search in nowhere"]);
}

#[test]
fn reused_blocks_lead_to_the_same_weights_as_trained_ones() {
    let plain = place(SPACE);
    plain.softhebb(&format!("{SWEEP} --save-model --reuse-layers false")).succeeds();
    let root = plain.path(FOLDER);
    assert_eq!(trials(&root).of("reused"), [""; 4]);
    assert!(!plain.path("results/layers").exists());
    assert_same(&root, "without the store");
    let stored = undisturbed().place.path(FOLDER);
    for (a, b) in trial_folders(&root).iter().zip(trial_folders(&stored)) {
        let read = |folder: &Path| fs::read(folder.join("checkpoint.safetensors")).unwrap();
        common::assert_same_checkpoint(&read(a), &read(&b), &a.display().to_string());
    }
    // A broken entry is as good as none.
    let place = place(SPACE);
    place.softhebb(SWEEP).succeeds();
    for entry in walk(&place.path("results/layers")) {
        fs::write(entry, "broken").unwrap();
    }
    fs::remove_dir_all(place.path("results/search")).unwrap();
    place.softhebb(SWEEP).succeeds();
    assert_same(&place.path(FOLDER), "with a broken store");
    assert!(
        trial_folders(&place.path(FOLDER)).iter().all(|f| !f.join("checkpoint.safetensors").exists()),
        "not asked for"
    );
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn only_what_another_trial_has_too_is_put_into_the_store() {
    let count = |space: &str| {
        let space = parse("x", space).unwrap();
        shared_phases(&plans(&space, &Catalogue::embedded().unwrap(), &space.trials()).unwrap())
    };
    assert_eq!(count(SPACE), [1; 4], "the first block of each seed");
    assert_eq!(count(&SPACE.replace("b1.layer.t_invert", "b0.layer.t_invert")), [0; 4]);
    assert_eq!(
        count(
            &SPACE.replace("\"b1.layer.t_invert\" = { grid = [0.5, 2.0] }", "\"b2.dropout\" = { grid = [0.1, 0.5] }")
        ),
        [2; 4]
    );
    assert_eq!(count(&SPACE.replace("model", "training_mode = \"simultaneous\"\nmodel")), [0; 4]);
}

#[test]
fn trials_can_take_the_blocks_of_a_run() {
    let place = place(SPACE);
    let (file, text) = ("x", SPACE);
    let space = parse(file, text).unwrap();
    let sets: String = space.base.set.iter().map(|set| format!(" --set {set}")).collect();
    let run = place.run(&format!("--model '{}' --device cpu --threads 1{sets}", space.base.model.unwrap()));
    let folder = run.dir.root().display().to_string();
    let other = "\"b2.dropout\" = { grid = [0.1, 0.5] }";
    fs::write(place.path("space.toml"), SPACE.replace("\"b1.layer.t_invert\" = { grid = [0.5, 2.0] }", other)).unwrap();
    place.softhebb(&format!("{SWEEP} --save-model --blocks-from {folder}")).succeeds();
    for trial in trial_folders(&place.path(FOLDER)) {
        let state = Tensors::read(&trial.join("checkpoint.safetensors"));
        assert_eq!((state.block(0), state.block(1)), (run.state().block(0), run.state().block(1)));
        assert_eq!(Table::read(&trial.join("progress.csv")).of("phase"), ["1"; 3], "the classifier alone is trained");
    }
    place.softhebb("search --config space.toml --blocks-from nowhere").fails(2, &["there is no nowhere/checkpoint"]);
}

/// A CIFAR-10 of 20 training and 4 test images, found by its file names.
fn small_cifar(place: &Place) {
    let folder = place.path("data/cifar-10-batches-bin");
    fs::create_dir(&folder).unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    for name in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"] {
        let mut records = vec![0u8; 4 * 3073];
        rng.fill(&mut records[..]);
        records.chunks_mut(3073).for_each(|record| record[0] %= 10);
        fs::write(folder.join(format!("{name}.bin")), records).unwrap();
    }
}

#[test]
fn images_that_trials_share_are_those_that_a_run_reads() {
    let place = Place::new();
    small_cifar(&place);
    let network = "--model 'Soft-c4-k5-s4 batchnorm2d relu; BP-c10' --dataset-unsup CIFAR10_1 --dataset-sup CIFAR10_1 --device cpu --threads 1";
    place.softhebb(&format!("search --config one_seed --folder-name sweep {network} --save-model")).succeeds();
    let trial = fs::read(trial_folders(&place.path(FOLDER))[0].join("checkpoint.safetensors")).unwrap();
    let run = place.run(network);
    common::assert_same_checkpoint(&trial, &run.checkpoint(), "shared images");
}

#[test]
fn pandas_and_tensorboard_read_a_sweep() {
    let Some(python) = python() else { return };
    let root = undisturbed().place.path(FOLDER);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_search.py");
    let out = Command::new(python).arg(script).arg(&root).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let found: Value = serde_json::from_slice(&out.stdout).unwrap();
    let trials = found["trials"].as_array().unwrap();
    assert_eq!((trials.len(), found["together"].as_u64()), (4, Some(20)));
    for trial in trials {
        let name = trial["folder"].as_str().unwrap();
        let each = &found["each"][name];
        let last = each["progress"].as_array().unwrap().last().unwrap();
        for metric in ["train_loss", "train_acc", "test_loss", "test_acc", "convergence"] {
            // The classifier's rows have no convergence: the last one is that of the last Hebbian phase.
            let rows = each["progress"].as_array().unwrap().iter().rev();
            let measured = rows.map(|row| &row[metric]).find(|value| !value.is_null());
            assert_eq!(measured.unwrap_or(&last[metric]), &trial[metric], "{name} {metric}");
            assert_eq!(each["types"][metric], "float64", "{name} {metric}");
        }
        // result.json holds the same rows, without what was not measured.
        for (row, result) in each["progress"].as_array().unwrap().iter().zip(each["results"].as_array().unwrap()) {
            for (key, value) in result.as_object().unwrap() {
                assert_eq!(row[key].as_f64(), value.as_f64(), "{name} {key}");
            }
        }
        assert_eq!(each["results"].as_array().unwrap().len(), 5);
        assert_eq!(each["result_config"][0]["b1/layer/t_invert"], trial["b1.layer.t_invert"]);
        let (step, accuracy) = (&each["accuracy"][2][0], each["accuracy"][2][1].as_f64().unwrap());
        assert_eq!(step, 5);
        assert!((accuracy - trial["test_acc"].as_f64().unwrap()).abs() < 1e-3);
    }
    // The HPARAMS page: a line a trial, with what was searched and what came of it.
    let page = &found["hparams"];
    assert_eq!(page["columns"], json("[\"b1.layer.t_invert\", \"seed\"]"));
    // What tensorboard calls them says what was varied.
    let names = [
        "0000 b1.t_invert=0.5 seed=0",
        "0001 b1.t_invert=0.5 seed=1",
        "0002 b1.t_invert=2 seed=0",
        "0003 b1.t_invert=2 seed=1",
    ];
    assert_eq!(found["runs"], serde_json::json!(names));
    let groups = page["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 4);
    for group in groups {
        assert_eq!(group["status"], json("[\"STATUS_SUCCESS\"]"));
        let mine = |t: &&Value| {
            t["b1.layer.t_invert"].as_f64() == group["hparams"]["b1.layer.t_invert"].as_f64()
                && t["seed"].as_f64() == group["hparams"]["seed"].as_f64()
        };
        let trial = trials.iter().find(mine).unwrap();
        let accuracy = group["metrics"]["accuracy/test"].as_f64().unwrap();
        assert!((accuracy - trial["test_acc"].as_f64().unwrap()).abs() < 1e-3, "{group}");
        let convergence = group["metrics"]["convergence"].as_f64().unwrap();
        assert!((convergence - trial["convergence"].as_f64().unwrap()).abs() < 1e-6, "{group}");
    }
}

// ---- failures -----------------------------------------------------------------------------------------------------------

#[test]
fn a_trial_that_comes_to_nan_ends_alone_and_says_so() {
    let space = SPACE
        .replace("\"b1.layer.t_invert\" = { grid = [0.5, 2.0] }", "\"b2.layer.lr_sup\" = { grid = [1e38, 0.001] }")
        .replace("[0, 1]", "[0]");
    let place = place(&space);
    let done = place.softhebb(&format!("{SWEEP} --max-retries 3"));
    assert_eq!(done.code, Some(1), "{done:#?}");
    let root = place.path(FOLDER);
    let table = trials(&root);
    assert_eq!(table.of("status"), ["failed", "finished"]);
    assert_eq!(table.of("attempts"), ["1", "1"], "the same numbers would come to the same NaN");
    let cause = table.of("cause")[0];
    assert!(cause.contains("the loss of the network became") && !cause.contains('\n'), "{cause}");
    assert!(done.stderr.contains(&format!("trial 0 failed: {cause}")), "{}", done.stderr);
    assert!(fs::read_to_string(root.join("log.txt")).unwrap().contains("trial 0 failed: the loss"));
    assert!(
        done.stdout.contains("ended: 1 finished, 1 failed") && done.stdout.contains("--retry-failed"),
        "{}",
        done.stdout
    );
    let folder = &trial_folders(&root)[0];
    let progress = Table::read(&folder.join("progress.csv"));
    assert_eq!(progress.of("train_loss").last(), Some(&"NaN"));
    let last = fs::read_to_string(folder.join("result.json")).unwrap();
    assert!(last.lines().last().unwrap().contains("\"train_loss\": NaN"), "{last}");
    assert!(fs::read_to_string(folder.join("stderr.txt")).unwrap().contains("became"));
    assert_eq!(Table::read(&root.join("summary.csv")).of("numbers"), ["1"], "means are those of finished trials");
    // Resuming is not retrying.
    let done = place.softhebb(&format!("search --resume {FOLDER} --threads 1"));
    assert_eq!((done.code, done.stderr.matches("started").count()), (Some(1), 0), "{done:#?}");
    let done = place.softhebb(&format!("search --resume {FOLDER} --threads 1 --retry-failed"));
    assert_eq!((done.code, done.stderr.matches("started").count()), (Some(1), 1), "{done:#?}");
    assert_eq!(Table::read(&folder.join("progress.csv")).of("train_loss").iter().filter(|x| **x == "NaN").count(), 1);
}

#[test]
fn fail_fast_ends_the_search_at_the_first_failure() {
    let space = SPACE
        .replace("\"b1.layer.t_invert\" = { grid = [0.5, 2.0] }", "\"b2.layer.lr_sup\" = { grid = [1e38, 0.001] }");
    let place = place(&space);
    let done = place.softhebb(&format!("{SWEEP} --fail-fast"));
    assert_eq!(done.code, Some(1), "{done:#?}");
    assert_eq!(trials(&place.path(FOLDER)).of("status"), ["failed", "pending", "pending", "pending"]);
    assert!(done.stderr.contains("--fail-fast ends the search"), "{}", done.stderr);
}

#[test]
fn a_killed_trial_is_told_and_started_again_as_often_as_asked() {
    let place = place(&SPACE.replace("[0, 1]", "[0]"));
    let mut sweep = Sweep::start(&place, &format!("{SWEEP} --max-retries 1"));
    for _ in 0..2 {
        assert!(sweep.until("trial 0 started"));
        sweep.trials().iter().for_each(|pid| kill("KILL", *pid));
    }
    let (code, _, said) = sweep.end();
    assert_eq!(code, Some(1), "{said}");
    let killed = "trial 0 failed: killed by signal 9 (out of memory, or kill -9)";
    assert!(said.contains(&format!("{killed}; started again (1 of 1)\n")), "{said}");
    let table = trials(&place.path(FOLDER));
    assert_eq!((table.of("status"), table.of("attempts")), (vec!["failed", "finished"], vec!["2", "1"]));
    assert!(
        Table::read(&trial_folders(&place.path(FOLDER))[0].join("progress.csv")).names.len() > 15,
        "the header is there"
    );
    place.softhebb(&format!("search --resume {FOLDER} --threads 1 --retry-failed")).succeeds();
    assert_eq!(trials(&place.path(FOLDER)).of("status"), ["finished"; 2]);
}

#[test]
fn a_trial_may_run_as_long_as_it_may() {
    // An epoch of single images lasts longer than the limit on any machine.
    let space = SPACE
        .replace("[0, 1]", "[0]")
        .replace("[0.5, 2.0]", "[0.5]")
        .replace("\"dataset_sup.nb_epoch\" = 3", "\"dataset_sup.nb_epoch\" = 100000");
    let place = place(&space);
    let done = place.softhebb(&format!("{SWEEP} --timeout 2s --max-retries 5"));
    assert_eq!(done.code, Some(1), "{done:#?}");
    let table = trials(&place.path(FOLDER));
    assert_eq!((table.of("cause"), table.of("attempts")), (vec!["ran longer than --timeout 2.0 s"], vec!["1"]));
}

// ---- one folder, one runner, one space ----------------------------------------------------------------------------------

#[test]
fn a_second_runner_is_refused_and_status_is_not() {
    let place = place(SPACE);
    let mut sweep = Sweep::start(&place, SWEEP);
    assert!(sweep.until("trial 0 started"));
    place
        .softhebb(&format!("search --resume {FOLDER}"))
        .fails(1, &["another `softhebb search` is running in", "status"]);
    place.softhebb(SWEEP).fails(1, &["another `softhebb search` is running in"]);
    let status = place.softhebb(&format!("search status {FOLDER}")).succeeds().stdout;
    assert!(status.contains("running: ") && status.contains("b1.t_invert"), "{status}");
    let runner = format!("runner       process {} since 2", sweep.child.id());
    assert!(status.contains(&runner) && status.contains(" of this runner, "), "{status}");
    assert!(status.contains("last change  2") && status.contains(" ago\nleft         "), "{status}");
    // A dead owner keeps no lock, and its trials end with it.
    sweep.signal("KILL");
    sweep.end();
    let status = place.softhebb(&format!("search status {FOLDER}")).succeeds().stdout;
    assert!(status.contains("nobody works on it: ") && status.contains("search --resume"), "{status}");
    assert!(status.contains("runner       not alive\n") && !status.contains(" of this runner"), "{status}");
    place.softhebb(&format!("search --resume {FOLDER} --threads 1 --parallel 1")).succeeds();
    assert_same(&place.path(FOLDER), "after its runner was killed");
    // A finished search is neither run again nor overwritten.
    let again = place.softhebb(&format!("search --resume {FOLDER}")).succeeds();
    assert!(!again.stderr.contains("started"), "{}", again.stderr);
    place.softhebb(SWEEP).fails(2, &["holds a search already", "--resume"]);
    place.softhebb("search status nowhere").fails(2, &["there is no search in nowhere"]);
    fs::write(place.path(FOLDER).join("search.json"), "{").unwrap();
    place.softhebb(&format!("search status {FOLDER}")).fails(1, &["search.json as a search"]);
}

#[test]
fn a_search_that_has_changed_is_refused_unless_told() {
    let place = place(&SPACE.replace("[0, 1]", "[0]"));
    place.softhebb(SWEEP).succeeds();
    let root = place.path(FOLDER);
    let before = trials(&root);
    for (line, parts) in [
        (
            "--set dataset_sup.nb_epoch=4",
            vec!["is another one than is asked for", "base.set", "phases.2.epochs: 3 there, 4 asked for"],
        ),
        ("--training-mode consecutive", vec!["base.training_mode"]),
        ("--metric R1", vec!["metric: \"test_acc\" there, \"R1\" asked for"]),
    ] {
        place.softhebb(&format!("search --resume {FOLDER} {line}")).fails(2, &parts);
    }
    // search.toml edited by hand: one temperature more, one less.
    let text = fs::read_to_string(root.join("search.toml")).unwrap();
    fs::write(root.join("search.toml"), text.replace("[0.5, 2.0]", "[1.0, 2.0]")).unwrap();
    place
        .softhebb(&format!("search --resume {FOLDER}"))
        .fails(2, &["axes.0.values.grid.0: 0.5 there, 1.0 asked for", "--accept-changes"]);
    let done = place.softhebb(&format!("search --resume {FOLDER} --threads 1 --accept-changes")).succeeds();
    assert!(done.stderr.contains("trial 0 is no longer part of the space"), "{}", done.stderr);
    let after = trials(&root);
    assert_eq!(
        (after.of("trial"), after.of("b1.layer.t_invert")),
        (vec!["1", "2"], vec!["2.0", "1.0"]),
        "numbers are stable"
    );
    assert_eq!(after.rows[0], before.rows[1], "what both have keeps its results");
    assert_eq!(trial_folders(&root).len(), 3, "no folder is removed");
    // The same question again is the same search.
    place.softhebb(&format!("search --resume {FOLDER} --threads 1")).succeeds();
}

#[test]
fn a_search_that_goes_on_computes_with_what_it_began_with() {
    let line = "search --config space.toml --folder-name sweep --threads 2 --parallel 2 --save-model";
    let (place, calm) = (place(SPACE), place(SPACE));
    calm.softhebb(line).succeeds();
    let mut sweep = Sweep::start(&place, line);
    assert!(sweep.until("trial 0 started"));
    sweep.signal("INT");
    sweep.end();
    // One trial is left; two threads are free, and it has one all the same.
    let root = place.path(FOLDER);
    let search = json(&fs::read_to_string(root.join("search.json")).unwrap());
    assert_eq!(search["arithmetic"], serde_json::json!({"threads": 1, "device": "cpu", "precision": "float32"}));
    place.softhebb(&format!("search --resume {FOLDER} --threads 2 --parallel 1")).succeeds();
    for (a, b) in trial_folders(&root).iter().zip(trial_folders(&calm.path(FOLDER))) {
        let plan = json(&fs::read_to_string(a.join("plan.json")).unwrap());
        assert_eq!(plan["run"]["threads"], 1);
        let read = |folder: &Path| fs::read(folder.join("checkpoint.safetensors")).unwrap();
        common::assert_same_checkpoint(&read(a), &read(&b), &a.display().to_string());
    }
    // A folder of an earlier version has no such entry, and takes what there is.
    let mut old = search.clone();
    old.as_object_mut().unwrap().remove("arithmetic");
    fs::write(root.join("search.json"), old.to_string()).unwrap();
    fs::write(trial_folders(&root)[3].join("state.json"), r#"{"status": "stopped", "attempts": 1, "seconds": 0.1}"#)
        .unwrap();
    fs::create_dir(trial_folders(&root)[3].join("tensorboard")).unwrap();
    place.softhebb(&format!("search --resume {FOLDER} --threads 2")).succeeds();
    let plan = json(&fs::read_to_string(trial_folders(&root)[3].join("plan.json")).unwrap());
    assert_eq!((&plan["run"]["threads"], &plan["events"]), (&json("2"), &Value::Null));
    assert!(json(&fs::read_to_string(root.join("search.json")).unwrap()).get("arithmetic").is_none());
    // One that began elsewhere is not gone on with here unless told.
    let mut cuda = search.clone();
    cuda["arithmetic"]["device"] = "cuda".into();
    fs::write(root.join("search.json"), cuda.to_string()).unwrap();
    place
        .softhebb(&format!("search --resume {FOLDER} --device cpu"))
        .fails(2, &["began on cuda and would go on on cpu", "--accept-changes"]);
}

#[test]
fn a_damaged_state_is_set_aside_and_the_trial_runs_again() {
    let place = place(SPACE);
    place.softhebb(SWEEP).succeeds();
    let root = place.path(FOLDER);
    let folders = trial_folders(&root);
    for (folder, bytes) in folders.iter().zip([&b""[..], b"{\"status\": \"fini", b"\xff\xfe", b"[]"]).take(3) {
        fs::write(folder.join("state.json"), bytes).unwrap();
    }
    let status = place.softhebb(&format!("search status {FOLDER}")).succeeds().stdout;
    assert!(status.contains("1 finished, 3 pending") && status.contains("state.json is damaged ("), "{status}");
    assert!(place.softhebb(&format!("search best {FOLDER}")).succeeds().stdout.contains("(trial 3)"));
    assert_eq!(fs::read(folders[0].join("state.json")).unwrap(), b"", "who looks touches nothing");
    let done = place.softhebb(&format!("search --resume {FOLDER} --threads 1 --parallel 1")).succeeds();
    assert!(done.stderr.contains("note: the state of trial 1 is damaged: it is kept as "), "{}", done.stderr);
    assert_eq!(done.stderr.matches(" started").count(), 3, "{}", done.stderr);
    assert_eq!(fs::read(folders[1].join("state.json.damaged")).unwrap(), b"{\"status\": \"fini");
    assert_same(&root, "after damage");
}

// ---- stopped and killed ---------------------------------------------------------------------------------------------------

/// [`SPACE`] with an epoch that is long enough to be stopped in, on one trial.
const SLOW: &str = "\"dataset_unsup.batch_size\" = 1\n\"dataset_sup.batch_size\" = 1";

#[test]
fn ctrl_c_stops_saves_and_goes_on() {
    let slow = SPACE.replace("\"dataset_sup.print_freq\" = 1", SLOW).replace("[0, 1]", "[0]");
    let (place, calm) = (place(&slow), place(&slow));
    calm.softhebb(SWEEP).succeeds();
    let mut sweep = Sweep::start(&place, SWEEP);
    assert!(sweep.until("trial 0 started"));
    let stored = Stored::read(&softhebb::search::SearchDir::new(place.path(FOLDER))).unwrap();
    let folder = place.path(FOLDER).join("trials").join(stored.trials[0].name());
    assert!(sweep.until_file(&folder.join("live.json"), "\"phase\":"));
    sweep.signal("INT");
    let (code, out, said) = sweep.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("stopping: 1 running trials save and stop") && said.contains("trial 0 stopped"), "{said}");
    assert!(out.contains("interrupted: 1 stopped, 1 pending") && out.contains("search --resume"), "{out}");
    assert!(folder.join("checkpoint.safetensors").exists());
    assert_eq!(trials(&place.path(FOLDER)).of("status"), ["stopped", "pending"]);
    place.softhebb(&format!("search --resume {FOLDER} --threads 1 --parallel 1")).succeeds();
    assert_eq!(left(&place.path(FOLDER)), left(&calm.path(FOLDER)));
}

#[test]
fn ctrl_c_twice_kills() {
    let endless = SPACE.replace("\"dataset_sup.nb_epoch\" = 3", "\"dataset_sup.nb_epoch\" = 100000");
    let place = place(&endless);
    let mut sweep = Sweep::start(&place, SWEEP);
    assert!(sweep.until("trial 0 started"));
    // The second one comes before the trial has begun to look.
    sweep.signal("INT");
    assert!(sweep.until("stopping: 1"));
    sweep.signal("INT");
    let (code, _, said) = sweep.end();
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(trials(&place.path(FOLDER)).of("status")[0], "stopped", "{said}");
}

/// Kills runners and trials at random moments, a bounded number of times, and compares the final tables with those of an
/// undisturbed sweep. The moments are random on purpose; nothing waits for them.
#[test]
fn chaos_leaves_no_mark() {
    let place = place(SPACE);
    let seed = std::env::var("SOFTHEBB_CHAOS_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(4);
    println!("SOFTHEBB_CHAOS_SEED={seed}");
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let options = "--threads 2 --parallel 2 --max-retries 100";
    let mut line = format!("search --config space.toml --folder-name sweep {options}");
    for round in 0..8 {
        let mut sweep = Sweep::start(&place, &line);
        if !sweep.until(" started") {
            break; // nothing was left to do
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(0..1500)));
        let all = sweep.trials();
        match rng.random_range(0..3) {
            // The runner alone: its trials see its end.
            0 => sweep.signal("KILL"),
            // A trial, then the runner a moment later.
            1 => {
                all.iter().take(1).for_each(|pid| kill("KILL", *pid));
                std::thread::sleep(Duration::from_millis(rng.random_range(0..300)));
                sweep.signal("KILL");
            }
            // The machine.
            _ => {
                sweep.signal("KILL");
                all.iter().for_each(|pid| kill("KILL", *pid));
            }
        }
        sweep.end();
        println!(
            "round {round}: {}",
            place.softhebb(&format!("search status {FOLDER}")).stdout.lines().last().unwrap_or_default()
        );
        line = format!("search --resume {FOLDER} {options}");
    }
    place.softhebb(&line).succeeds();
    assert_same(&place.path(FOLDER), "after chaos");
}

#[test]
fn words_stand_for_keys_of_the_base_and_a_plan_prints_as_json() {
    let place = Place::new();
    let line = "search 2SoftMlpMNIST --config seed --seeds 0,1 --dataset FashionMini --dry-run --json";
    let asked = |rest: &str| common::json(&place.softhebb(&format!("{line} {rest}")).succeeds().stdout);
    let words = asked("--epochs 3 --hebbian-epochs 2 --lr 0.1 --hebbian-lr 0.2 --batch-size 5 --hebbian-batch-size 6");
    let sets = asked(
        "--set dataset_sup.nb_epoch=3 --set dataset_unsup.nb_epoch=2 --set b1.layer.lr_sup=0.1 --set b0.layer.lr=0.2 \
         --set dataset_sup.batch_size=5 --set dataset_unsup.batch_size=6",
    );
    assert_eq!(words["base"], sets["base"]);
    assert_eq!((&words["base"]["dataset_sup"]["nb_epoch"], words["trials"].as_array().unwrap().len()), (&3.into(), 2));
    assert!(!place.path("results").exists());
    place.softhebb("search 2SoftMlpMNIST --json").fails(2, &["--dry-run"]);
    // A word that the space varies is told as a key is.
    let space = "[space]\n\"b0.layer.lr\" = { grid = [0.1, 0.2] }\n";
    std::fs::write(place.path("rates.toml"), space).unwrap();
    let done = place.softhebb("search 2SoftMlpMNIST --config rates.toml --hebbian-lr 0.3 --dry-run");
    done.fails(2, &["b0.layer.lr=0.3: the space varies this key"]);
}
