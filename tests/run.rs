//! Promise: `softhebb run` trains any network in any mode on images that ship inside the program, says how it goes, and leaves
//! a folder that others can read.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{Place, Run, SMALL, Table, assert_same_checkpoint, json, read_events};
use serde_json::Value;

/// A small network of each kind of block: two Hebbian ones and a classifier.
const MODEL: &str = "--model 'Soft-c6-k5-s2 batchnorm2d triangle_0.7 max_2_2_0; SoftKrotov-c20 flatten relu; BP-c10'";

/// A convolutional preset with a quarter of the neurons.
const PRESET: &str = "--preset 4SoftHebbCnnCIFAR_quarterNeurons --dataset FashionMini";

// ---- what a run leaves --------------------------------------------------------------------------------------------------

#[test]
fn a_run_leaves_its_plan_metrics_checkpoint_pictures_and_log() {
    let place = Place::new();
    let run = place.run(&format!("{PRESET} {SMALL} --set dataset_sup.print_freq=2"));
    let folder = "results/runs/4SoftHebbCnnCIFAR_quarterNeurons/FashionMini_1-FashionMini_50-seed0";
    assert_eq!(run.dir.root(), place.path(folder));
    assert!(!place.path("home").read_dir().unwrap().any(|_| true), "nothing is left elsewhere");
    plan_is_what_was_asked_for(&place, &run);
    metrics_have_a_row_an_epoch(&run);
    checkpoint_is_the_published_state_dict(&place, &run);
    picture_shows_every_filter(&run);
    log_is_what_was_printed(&run);
}

fn plan_is_what_was_asked_for(place: &Place, run: &Run) {
    let line = format!("run {PRESET} {SMALL} --set dataset_sup.print_freq=2 --dry-run --json");
    let mut asked = json(&place.softhebb(&line).succeeds().stdout);
    let mut left = run.config();
    // A dry run makes no folder.
    for plan in [&mut asked, &mut left] {
        plan.as_object_mut().unwrap().remove("folder").unwrap();
    }
    assert_eq!(asked, left);
    assert_eq!(left["network"]["blocks"].as_array().unwrap().len(), 4);
    assert_eq!((&left["dataset_sup"]["nb_epoch"], &left["seed"]), (&3.into(), &0.into()));
}

fn metrics_have_a_row_an_epoch(run: &Run) {
    let table = run.table();
    assert_eq!(table.of("phase"), ["1", "2", "3", "4", "4", "4"]);
    assert_eq!(table.of("epoch"), ["1", "1", "1", "1", "2", "3"]);
    assert_eq!(table.of("global_step"), ["1", "2", "3", "4", "5", "6"]);
    let kinds = ["unsupervised", "unsupervised", "unsupervised", "supervised", "supervised", "supervised"];
    assert_eq!(table.of("kind"), kinds);
    let last = |name: &str| table.numbers(name).last().copied().flatten().unwrap();
    assert_eq!(last("test_acc"), run.done.accuracy());
    assert!((last("test_acc") * 2.0).fract() == 0.0, "of 200 images: {}", last("test_acc"));
    for name in ["train_loss", "train_acc", "test_loss", "test_acc"] {
        let there: Vec<bool> = table.numbers(name).iter().map(Option::is_some).collect();
        assert_eq!(there, [false, false, false, true, true, true], "{name}: convolutions learn without a score");
    }
    for block in 0..3 {
        for name in ["lr", "convergence", "R1", "radius_mean", "radius_std", "weight_mean", "weight_std"] {
            let cells = table.numbers(&format!("b{block}_{name}"));
            assert!(cells.iter().all(|x| x.is_some_and(f64::is_finite)), "b{block}_{name}: {cells:?}");
        }
    }
    assert_eq!(table.of("block"), ["0", "1", "2", "", "", ""], "the Hebbian block that learned");
    for column in ["convergence", "R1"] {
        let of = |block: usize| table.of(&format!("b{block}_{column}"))[block];
        assert_eq!(table.of(column), [of(0), of(1), of(2), "", "", ""], "{column}");
    }
    let seconds = table.numbers("seconds");
    assert!(seconds.is_sorted() && seconds[0] > Some(0.0), "{seconds:?}");
    let radius = table.of("b0_radius_mean");
    assert!(radius.iter().all(|r| *r == radius[0]), "block 0 is frozen after its phase: {radius:?}");
}

fn checkpoint_is_the_published_state_dict(place: &Place, run: &Run) {
    let line = "show 4SoftHebbCnnCIFAR_quarterNeurons --dataset FashionMini --json";
    let shown = json(&place.softhebb(line).succeeds().stdout);
    let state = run.state();
    assert_eq!(state.shapes(), state_dict(&shown["network"]));
    assert_eq!(state.metadata.keys().collect::<Vec<_>>(), ["softhebb"]);
    let numbers = state.tensors.values().filter(|t| t.dtype == safetensors::Dtype::F32).flat_map(|t| t.values());
    assert!(numbers.into_iter().all(f32::is_finite));
    let left = run.dir.root().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = left.filter(|name| name.ends_with(".part") || name.starts_with("optimizer")).collect();
    assert!(left.is_empty(), "a finished run leaves no other state: {left:?}");
}

/// Names and shapes of the published network's state, from what `show --json` says of it.
fn state_dict(network: &Value) -> BTreeMap<String, Vec<usize>> {
    let mut shapes = BTreeMap::new();
    for (n, block) in network["blocks"].as_array().unwrap().iter().enumerate() {
        let number = |of: &Value| of.as_u64().unwrap() as usize;
        let layer = &block["layer"];
        let (units, inputs) = (number(&layer["out_channels"]), number(&layer["in_channels"]));
        let convolution = block["arch"] == "CNN";
        let weight = match convolution {
            true => vec![
                units,
                inputs / number(&layer["groups"]),
                number(&layer["kernel_size"]),
                number(&layer["kernel_size"]),
            ],
            false => vec![units, inputs],
        };
        shapes.insert(format!("blocks.{n}.layer.weight"), weight);
        if layer["add_bias"] == true || layer["method"] == "BP" && !convolution {
            shapes.insert(format!("blocks.{n}.layer.bias"), vec![units]);
        }
        for (i, operation) in block["operations"].as_array().unwrap().iter().enumerate() {
            if operation.as_str().unwrap().starts_with("batchnorm") {
                shapes.insert(format!("blocks.{n}.operations.{i}.running_mean"), vec![inputs]);
                shapes.insert(format!("blocks.{n}.operations.{i}.running_var"), vec![inputs]);
                shapes.insert(format!("blocks.{n}.operations.{i}.num_batches_tracked"), vec![]);
            }
        }
    }
    shapes
}

fn picture_shows_every_filter(run: &Run) {
    let (width, height) = picture(&run.dir.root().join("pictures/filters-b0.png"));
    // 24 filters of 5×5 pixels, whatever lies between them.
    assert!(width * height >= 24 * 25 && width.max(height) < 4000, "{width}×{height}");
}

/// Width and height of a picture that decodes.
fn picture(path: &Path) -> (u32, u32) {
    let file = std::io::BufReader::new(fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert!(pixels.iter().any(|p| *p != pixels[0]), "{} is of one colour", path.display());
    (info.width, info.height)
}

fn log_is_what_was_printed(run: &Run) {
    let log = fs::read_to_string(run.dir.log()).unwrap();
    for line in run.done.stderr.lines().chain(run.done.stdout.lines()) {
        assert!(log.lines().any(|l| l.ends_with(line)), "{line:?} is not in\n{log}");
    }
    assert!(log.contains("radius"), "the log has the numbers of each block, which the console leaves out:\n{log}");
}

#[test]
fn tensorboard_shows_a_run() {
    let place = Place::new();
    let run = place.run(&format!("{MODEL} {SMALL} --set dataset_sup.print_freq=1 --seed 7"));
    let Some(found) = read_events(&run.dir) else { return };
    let table = run.table();
    let scalars = found["scalars"].as_object().unwrap();
    let mut tags = vec!["accuracy/test", "accuracy/train", "loss/test", "loss/train", "lr", "speed/images_per_second"];
    tags.extend(["R1", "convergence"]);
    tags.extend(["R1/b0", "R1/b1", "convergence/b0", "convergence/b1", "lr/b0", "lr/b1", "radius/b0", "radius/b1"]);
    tags.sort_unstable();
    let mut there: Vec<_> = scalars.keys().map(String::as_str).collect();
    there.sort_unstable();
    assert_eq!(there, tags);
    // Each point is the table's, in single precision.
    for (tag, column) in [
        ("accuracy/test", "test_acc"),
        ("loss/test", "test_loss"),
        ("lr", "lr"),
        ("radius/b0", "b0_radius_mean"),
        ("R1/b1", "b1_R1"),
        ("convergence/b1", "b1_convergence"),
    ] {
        let points = table.of("global_step").into_iter().zip(table.numbers(column));
        let points: Vec<_> = points.filter_map(|(step, x)| Some((step.parse::<u64>().unwrap(), x? as f32))).collect();
        let shown = scalars[tag].as_array().unwrap().iter();
        let shown: Vec<_> =
            shown.map(|p| (p[0].as_u64().unwrap(), p[1].as_str().unwrap().parse::<f32>().unwrap())).collect();
        assert_eq!(shown, points, "{tag}");
    }
    let images = found["images"]["filters/b0"].as_array().unwrap();
    let (width, height) = picture(&run.dir.picture("filters/b0"));
    let last = images.last().unwrap();
    assert_eq!((&last["size"], &last["told"]), (&Value::from(vec![width, height]), &last["size"]));
    let text = found["texts"]["config"].as_str().unwrap();
    assert!(text.contains("custom · FashionMini_1 → FashionMini_50 · seed 7") && text.contains("\"lr_sup\""), "{text}");
    let group = &found["hparams"]["groups"][0];
    assert_eq!(group["hparams"]["seed"], 7.0);
    assert_eq!(group["hparams"]["network.blocks.0.layer.method"], "Soft");
    assert_eq!(group["hparams"]["dataset_sup.training_sample"], 300.0);
    assert_eq!(group["metrics"]["accuracy/test"].as_f64().unwrap() as f32, run.done.accuracy() as f32);
    assert_eq!(group["status"][0], "STATUS_SUCCESS");
}

#[test]
fn a_second_run_gets_a_folder_of_its_own_and_the_name_that_was_asked_for() {
    let place = Place::new();
    let line = format!("--model 'BP-c10 flatten' {SMALL} --results-dir here --model-name mine");
    let folders = [0, 1, 2].map(|_| place.run(&line).dir.root().to_path_buf());
    let stem = "here/mine/FashionMini_1-FashionMini_50-seed0";
    assert_eq!(folders, [stem.to_string(), format!("{stem}-2"), format!("{stem}-3")].map(|name| place.path(&name)));
}

#[test]
fn no_save_leaves_nothing() {
    let place = Place::new();
    let done = place.softhebb(&format!("run --model 'BP-c10 flatten' {SMALL} --save false")).succeeds();
    assert!(done.accuracy() > 10.0);
    let mut left: Vec<_> = place.path("").read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["data", "home"]);
    assert!(!done.stdout.contains("checkpoint"), "{}", done.stdout);
}

/// The plan that would run.
fn planned(place: &Place, line: &str) -> Value {
    common::json(&place.softhebb(&format!("run {line} --dry-run --json")).succeeds().stdout)
}

#[test]
fn words_stand_for_keys() {
    let place = Place::new();
    let preset = "2SoftMlpMNIST --dataset FashionMini";
    assert_eq!(planned(&place, preset), planned(&place, &format!("--preset {preset}")), "a preset is the first word");
    let sets = |sets: &[&str]| format!("{preset} {}", sets.iter().map(|s| format!("--set {s} ")).collect::<String>());
    for (words, keys) in [
        ("--epochs 5", &["dataset_sup.nb_epoch=5"][..]),
        ("--hebbian-epochs 3", &["dataset_unsup.nb_epoch=3"]),
        ("--batch-size 7", &["dataset_sup.batch_size=7"]),
        ("--hebbian-batch-size 9", &["dataset_unsup.batch_size=9"]),
        ("--lr 0.02", &["b1.layer.lr_sup=0.02"]),
        ("--hebbian-lr 1e-3", &["b0.layer.lr=0.001"]),
        (
            "--epochs 5 --hebbian-lr 0.1 --set b0.layer.t_invert=2",
            &["dataset_sup.nb_epoch=5", "b0.layer.lr=0.1", "b0.layer.t_invert=2"],
        ),
    ] {
        let plan = planned(&place, &format!("{preset} {words}"));
        assert_eq!(plan, planned(&place, &sets(keys)), "{words}");
        assert_ne!(plan, planned(&place, preset), "{words}");
    }
    // A Hebbian classifier learns in a supervised phase.
    let plan = planned(&place, "--model 'Soft-c4-k3-s2; SupervisedSoftKrotov-c10 flatten' --lr 0.5 --hebbian-lr 0.25");
    let rates = [0, 1].map(|i| plan["network"]["blocks"][i]["layer"]["lr"].as_f64().unwrap());
    assert_eq!(rates, [0.25, 0.5]);
    let text = place.softhebb(&format!("run {preset} --epochs 5 --dry-run")).succeeds().stdout;
    assert!(text.contains("5 epochs of 5,000 images (FashionMini_10, batches of 32, learning rate 0.001)"), "{text}");
}

#[test]
fn a_file_says_what_is_not_typed() {
    let place = Place::new();
    let file = "# My run.\npreset = \"2SoftMlpMNIST\"\ndataset = 'FashionMini'\nepochs = 5\nhebbian_lr = 0.1\nseed = 3\n\
                training-blocks = [0, 1]\nvalidation = true\nno_save = true\nname = \"mine\"\ndevice = \"cpu\"\n\
                precision = \"bf16\"\nthreads = 2\nno_cache = true\n[set]\nb0.layer.t_invert = 0.7\n\
                \"dataset_sup.print_freq\" = 2\n";
    fs::write(place.path("run.toml"), file).unwrap();
    let typed = "2SoftMlpMNIST --dataset FashionMini --epochs 5 --hebbian-lr 0.1 --seed 3 --training-blocks 0,1 --validation \
                 --no-save --name mine --device cpu --precision bf16 --threads 2 --no-cache \
                 --set b0.layer.t_invert=0.7 --set dataset_sup.print_freq=2";
    assert_eq!(planned(&place, "--config run.toml"), planned(&place, typed));
    // The command line has its way, by whatever word.
    for (over, with) in [
        ("--epochs 9", typed.replace("--epochs 5", "--epochs 9")),
        ("--set dataset_sup.nb_epoch=9", typed.replace("--epochs 5", "--epochs 9")),
        (
            "--seed 0 --precision float32 --validation false",
            typed.replace("--seed 3", "").replace("--precision bf16", "").replace("--validation", ""),
        ),
        ("--save true --threads 0", typed.replace("--no-save", "").replace("--threads 2", "")),
        ("--set b0.layer.t_invert=3", typed.replace("=0.7", "=3")),
        ("--dataset-sup FashionMini_10", format!("{typed} --dataset-sup FashionMini_10")),
        ("--name other --training-mode consecutive", typed.replace("mine", "other") + " --training-mode consecutive"),
        ("--model 'Soft-c4; BP-c10'", typed.replace("2SoftMlpMNIST", "--model 'Soft-c4; BP-c10'")),
    ] {
        assert_eq!(planned(&place, &format!("{over} --config run.toml")), planned(&place, &with), "{over}");
    }
    for (text, parts) in [
        ("epochs = 0", &["run.toml, line 1, `epochs`: invalid value '0'", "a whole number from 1"][..]),
        ("\nlr = nan", &["run.toml, line 2, `lr`: "]),
        ("epoch = 5", &["line 1, `epoch`: unknown key", "did you mean `epochs`?"]),
        ("seed = \"x\"", &["line 1, `seed`: invalid value 'x'"]),
        ("name = \"../x\"", &["line 1, `name`: ", "separator"]),
        ("no_cache = 3", &["line 1, `no_cache`: wrong value 3; expected true or false"]),
        ("dry_run = true", &["line 1, `dry_run`: --dry-run is for the command line"]),
        ("preset = \"2SoftMlpMNIST\"\nepochs = 5\nset = [\"dataset_sup.nb_epoch=3\"]", &["set the same key"]),
        ("preset = \"a\"\nmodel = \"BP-c10\"", &["run.toml: ", "cannot be used with"]),
        ("[base]\npreset = \"x\"", &["this is the file of a search", "softhebb search --config"]),
        ("epochs = ", &["run.toml, line 1: "]),
        ("epochs = [1", &["run.toml, line 1: "]),
    ] {
        fs::write(place.path("run.toml"), text).unwrap();
        place.softhebb("run --config run.toml").fails(2, parts);
    }
    fs::write(place.path("config.json"), "{}").unwrap();
    place.softhebb("run --config config.json").fails(2, &["config.json: this is not the plan of a run: ", "hint: "]);
    place
        .softhebb("run --config data")
        .fails(2, &["cannot read data: Is a directory", "hint: the file of a run is its config.json"]);
    place.softhebb("run --config none.toml").fails(2, &["cannot read none.toml: No such file"]);
}

#[test]
fn the_plan_of_a_run_runs_again_to_the_same_bytes() {
    let place = Place::new();
    let first = place.run(&format!("--model 'Soft-c4-k3-s2 nb_train=3; BP-c10' {SMALL} --seed 5 --lr 0.01"));
    let config = first.dir.config();
    let again = place.run(&format!("--config {}", config.display()));
    assert_ne!(first.dir.root(), again.dir.root());
    assert!(first.checkpoint() == again.checkpoint());
    let other = place.run(&format!("--config {} --seed 6 --epochs 1", config.display()));
    assert_eq!((&other.config()["seed"], &other.config()["dataset_sup"]["nb_epoch"]), (&6.into(), &1.into()));
    // It is the same plan to whoever goes on with it.
    let folder = first.dir.root().display().to_string();
    place.run(&format!("--config {} --resume all --run-dir '{folder}'", config.display()));
}

#[test]
fn help_groups_its_options() {
    let place = Place::new();
    for command in ["run", "search", "post-hoc"] {
        let help = place.softhebb(&format!("{command} --help")).succeeds().stdout;
        let at =
            |heading: &str| help.find(&format!("\n{heading}:\n")).unwrap_or_else(|| panic!("no {heading} in\n{help}"));
        let order = ["Network", "Data", "Training", "Machine", "Results", "Output"].map(at);
        assert!(order.is_sorted(), "{help}");
        for (word, heading) in
            [("--epochs", "Training"), ("--threads", "Machine"), ("--name <", "Results"), ("--dry-run", "Output")]
        {
            let end = order.into_iter().find(|next| *next > at(heading)).unwrap_or(help.len());
            assert!(help[at(heading)..end].contains(word), "{word} is not under {heading}:\n{help}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn a_seed_means_the_same_bytes_again() {
    let place = Place::new();
    let one = SMALL.replace("--threads 1", "");
    for threads in [1, 2] {
        let line = format!("{MODEL} {one} --threads {threads}");
        let [a, b, other] = ["--seed 3", "--seed 3", "--seed 4"].map(|seed| place.run(&format!("{line} {seed}")));
        assert_same_checkpoint(&a.checkpoint(), &b.checkpoint(), &format!("{threads} threads"));
        assert_eq!(a.table().timeless().differences(&b.table().timeless()), [""; 0]);
        for (name, tensor) in other.state().tensors {
            let same = a.state().tensors[&name] == tensor;
            assert!(!same || name.ends_with("num_batches_tracked"), "{name} does not depend on the seed");
        }
    }
}

// ---- how it talks -------------------------------------------------------------------------------------------------------

#[test]
fn quiet_means_the_result_alone() {
    let done = Place::new().softhebb(&format!("run {MODEL} {SMALL} -q")).succeeds();
    assert_eq!((done.stderr.as_str(), done.stdout.lines().count()), ("", 1), "{done:#?}");
    assert!(done.stdout.starts_with("test accuracy "), "{}", done.stdout);
}

#[test]
fn without_a_terminal_there_is_a_line_an_epoch() {
    let place = Place::new();
    let run = place.run(&format!("{MODEL} {SMALL} --set dataset_unsup.nb_epoch=2"));
    assert!(!run.done.stderr.contains('\x1b') && !run.done.stderr.contains('\r'), "{:?}", run.done.stderr);
    let starts = |lines: &mut dyn Iterator<Item = &str>| {
        let words = |line: &str| line.split([':', ',']).next().unwrap().trim().to_string();
        lines.filter(|l| l.contains("epoch ") && l.starts_with("  ")).map(words).collect::<Vec<_>>()
    };
    let epochs = ["epoch 1/2", "epoch 2/2", "epoch 1/2", "epoch 2/2", "epoch 1/3", "epoch 2/3", "epoch 3/3"];
    assert_eq!(starts(&mut run.done.stderr.lines()), epochs, "{}", run.done.stderr);
    for phase in [
        "phase 1/3: Hebbian, block 0, 2 epochs of 300 images",
        "phase 2/3: Hebbian, block 1, 2 epochs of 300 images",
        "phase 3/3: supervised, block 2, 3 epochs of 300 images",
    ] {
        assert!(run.done.stderr.lines().any(|l| l == phase), "{phase} is not in {}", run.done.stderr);
    }
    // What it names is there, and the next command is one.
    let words: Vec<_> = run.done.stdout.lines().collect();
    let names: Vec<_> = words[2].split_whitespace().collect();
    assert_eq!(names, ["log.txt", "checkpoint.safetensors", "metrics.csv", "pictures", "tensorboard"]);
    assert!(names.iter().all(|name| run.dir.root().join(name).exists()), "{names:?}");
    assert_eq!(words[3], "next, watch it:");
    assert!(words[4].starts_with("  tensorboard --logdir results/runs/"), "{words:#?}");
    assert!(words[..4].iter().all(|line| line.chars().count() <= 80), "{words:#?}");
}

#[test]
fn verbose_adds_the_numbers_of_blocks_and_the_files() {
    let run = Place::new().run(&format!("{MODEL} {SMALL} -v"));
    for part in ["    block 0: lr ", "radius ", "  saved ", "      wins % ", "folder "] {
        assert!(run.done.stderr.contains(part), "{part:?} is not in {}", run.done.stderr);
    }
}

// ---- phases -------------------------------------------------------------------------------------------------------------

/// Kind, blocks, epochs and batch size of the phases of a plan.
fn phases(place: &Place, line: &str) -> Vec<String> {
    let plan = json(&place.softhebb(&format!("run {line} --dry-run --json")).succeeds().stdout);
    let text =
        |p: &Value| format!("{} {} {}×{}", p["kind"].as_str().unwrap(), p["blocks"], p["epochs"], p["batch_size"]);
    plan["phases"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn training_modes_have_the_published_phases() {
    let place = Place::new();
    let hebbian = "--model 'Soft-c4-k3; Soft-c4-k3; BP-c10'";
    let mixed = "--model 'BP-c4-k3; Soft-c4-k3; BP-c10'";
    let classifier = "--model 'Soft-c4-k3; SupervisedSoftKrotov-c10 flatten metric_mode=supervised'";
    for (line, expected) in [
        (
            format!("{hebbian} --training-mode successive"),
            &["unsupervised [0] 1×10", "unsupervised [1] 1×10", "supervised [2] 50×64"][..],
        ),
        (format!("{hebbian} --training-mode consecutive"), &["unsupervised [0,1] 1×10", "supervised [2] 50×64"]),
        (format!("{hebbian} --training-mode simultaneous"), &["hybrid [0,1,2] 50×64"]),
        (
            format!("{mixed} --training-mode successive"),
            &["supervised [0] 50×64", "unsupervised [1] 1×10", "supervised [2] 50×64"],
        ),
        (format!("{mixed} --training-mode consecutive"), &["unsupervised [1] 1×10", "supervised [0,2] 50×64"]),
        (format!("{classifier} --training-mode consecutive"), &["unsupervised [0] 1×10", "supervised [1] 50×64"]),
        (format!("{hebbian} --training-blocks 2"), &["supervised [2] 50×64"]),
        (format!("{hebbian} --training-blocks 2,0"), &["unsupervised [0] 1×10", "supervised [2] 50×64"]),
        (format!("{hebbian} --training-blocks 0 1 --training-mode consecutive"), &["unsupervised [0,1] 1×10"]),
        (
            format!("{hebbian} --set dataset_unsup.nb_epoch=7 --set dataset_sup.batch_size=9"),
            &["unsupervised [0] 7×10", "unsupervised [1] 7×10", "supervised [2] 50×9"],
        ),
    ] {
        assert_eq!(phases(&place, &line), expected, "{line}");
    }
}

#[test]
fn every_training_mode_trains() {
    let place = Place::new();
    for (mode, kinds) in [
        ("successive", &["unsupervised", "unsupervised", "supervised", "supervised", "supervised"][..]),
        ("consecutive", &["unsupervised", "supervised", "supervised", "supervised"]),
        ("simultaneous", &["hybrid", "hybrid", "hybrid"]),
    ] {
        let run = place.run(&format!("{MODEL} {SMALL} --training-mode {mode}"));
        let table = run.table();
        assert_eq!(table.of("kind"), kinds, "{mode}");
        let accuracy = table.numbers("test_acc").last().copied().flatten();
        assert_eq!(accuracy, Some(run.done.accuracy()), "{mode}");
        let folder = run.dir.root().file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(folder.ends_with(mode), mode != "successive", "{folder}");
    }
}

#[test]
fn blocks_that_are_not_trained_stay_as_they_are_initialised() {
    let place = Place::new();
    let [second, last, all] = ["--training-blocks 1", "--training-blocks 2", ""]
        .map(|blocks| place.run(&format!("{MODEL} {SMALL} {blocks}")).state());
    assert_eq!(second.block(0), last.block(0), "block 0 learns in neither");
    assert_ne!(all.block(0), last.block(0));
    assert_ne!(second.block(1), last.block(1));
    assert_ne!(second.block(2), last.block(2));
    // And its norm has seen nothing: eval mode.
    let mean = second.tensors["blocks.0.operations.0.running_mean"].values();
    let variance = second.tensors["blocks.0.operations.0.running_var"].values();
    assert_eq!((mean, variance), (vec![0.0], vec![1.0]));
    assert_eq!(second.tensors["blocks.0.operations.0.num_batches_tracked"].data, [0; 8]);
    assert_ne!(all.tensors["blocks.0.operations.0.num_batches_tracked"].data, [0; 8]);
}

#[test]
fn validation_holds_out_a_fifth_of_the_training_images() {
    let place = Place::new();
    let plan = json(&place.softhebb(&format!("run {PRESET} --validation --dry-run --json")).succeeds().stdout);
    for dataset in ["dataset_unsup", "dataset_sup"] {
        assert_eq!((&plan[dataset]["val_sample"], &plan[dataset]["validation"]), (&1000.into(), &true.into()));
        assert_eq!(plan[dataset]["training_sample"], 4000);
    }
    let model = "--model 'BP-c10 flatten'";
    let [plain, held_out] = ["", "--validation"].map(|v| place.run(&format!("{model} {SMALL} {v}")));
    assert_ne!(plain.dir.root(), held_out.dir.root());
    assert_eq!(held_out.config()["dataset_sup"]["validation"], true);
    let (a, b) = (plain.table(), held_out.table());
    assert_ne!(a.of("test_acc"), b.of("test_acc"), "other images are tested");
    // 200 test images make steps of 0.5 %; 1,000 held-out ones of 0.1 %.
    let tenths = b.numbers("test_acc").into_iter().flatten().map(|x| x * 10.0);
    assert!(tenths.into_iter().all(|x| (x - x.round()).abs() < 1e-9), "{b:?}");
    assert!(held_out.done.stderr.contains("· validation"), "{}", held_out.done.stderr);
}

// ---- networks and data --------------------------------------------------------------------------------------------------

#[test]
fn every_rule_learns_as_a_convolution_and_fully_connected() {
    let place = Place::new();
    for method in ["Hard", "HardKrotov", "Soft", "SoftKrotov", "BP"] {
        let model = format!("--model '{method}-c6-k5-s2 relu; {method}-c20 flatten relu; BP-c10'");
        let run = place.run(&format!("{model} {SMALL} --set dataset_unsup.nb_epoch=2 --set dataset_sup.print_freq=1"));
        let table = run.table();
        // A block's own phase: its numbers move from one epoch to the next. (Backpropagation has its loss.)
        let columns = if method == "BP" { ["train_loss", "train_loss"] } else { ["b0_weight_mean", "b1_weight_mean"] };
        for (block, column) in columns.iter().enumerate() {
            let rows = table.of("phase").into_iter().zip(table.numbers(column));
            let values: Vec<_> =
                rows.filter(|(phase, _)| *phase == (block + 1).to_string()).map(|(_, x)| x.unwrap()).collect();
            assert!(values.iter().all(|x| x.is_finite()) && values[0] != values[1], "{method}, b{block}: {values:?}");
        }
        assert!(run.done.accuracy() >= 0.0);
    }
}

#[test]
fn a_fully_connected_hebbian_block_is_scored_without_labels_in_training() {
    let place = Place::new();
    let sizes = "--set dataset_unsup.training_sample=2000 --set dataset_unsup.testing_sample=500";
    let run = place.run(&format!("--preset 2SoftMlpMNIST --dataset FashionMini {SMALL} {sizes}"));
    let table = run.table();
    assert_eq!(table.of("kind")[0], "unsupervised");
    // Ten classes: chance is 10 %.
    for name in ["train_acc", "test_acc"] {
        let score = table.numbers(name)[0].unwrap();
        assert!(score > 40.0 && score < 95.0, "{name} {score}");
    }
    assert_eq!((table.of("train_loss")[0], table.of("test_loss")[0]), ("", ""), "there is no loss without labels");
    assert_eq!(run.dir.root().file_name().unwrap(), "FashionMini_1-32-FashionMini_10-seed0");
}

#[test]
fn the_hebbian_classifier_learns_from_labels_without_backpropagation() {
    let place = Place::new();
    let fewer = "--set b0.layer.out_channels=12 --set b1.layer.out_channels=24 --set b2.layer.out_channels=48";
    let longer = "--set dataset_sup.training_sample=1000 --set dataset_sup.batch_size=10 --set dataset_sup.nb_epoch=5";
    let run =
        place.run(&format!("--preset 4SoftHebbCnnCIFAR_HebbClassifier --dataset FashionMini {SMALL} {fewer} {longer}"));
    assert_eq!(run.table().of("kind").last(), Some(&"supervised"));
    assert!(run.done.accuracy() > 40.0, "{}", run.done.accuracy());
    assert!(!run.state().tensors.contains_key("blocks.3.layer.bias"));
}

#[test]
fn a_small_convolutional_preset_learns_fashion_from_a_thousand_images() {
    let sizes =
        "--set dataset_unsup.training_sample=1000 --set dataset_sup.training_sample=1000 --set dataset_sup.nb_epoch=5";
    let run = Place::new().run(&format!("{PRESET} {SMALL} {sizes} --set dataset_sup.testing_sample=1000"));
    assert!(run.done.accuracy() > 65.0, "{}", run.done.accuracy());
}

#[test]
fn backpropagation_learns_end_to_end() {
    let place = Place::new();
    let model = "--model 'BP-c8-k5-s2 batchnorm2d relu max_2_2_0; BP-c10 flatten dropout_0.2'";
    let longer = "--set dataset_sup.training_sample=1000 --set dataset_sup.nb_epoch=10 --set dataset_sup.batch_size=20";
    let run = place.run(&format!("{model} {SMALL} {longer} --set b0.layer.lr_sup=0.005 --training-mode consecutive"));
    assert!(run.done.accuracy() > 60.0, "{}", run.done.accuracy());
    let losses = run.table().numbers("train_loss");
    assert!(losses.first() > losses.last(), "{losses:?}");
}

#[test]
fn augmentation_whitening_and_dropout_take_part() {
    let place = Place::new();
    let model = |dropout: &str| format!("--model 'Soft-c6-k5-s2 relu; BP-c10 flatten {dropout}' {SMALL}");
    let both = |key: &str| format!("--set dataset_unsup.{key}=true --set dataset_sup.{key}=true");
    let plain = place.run(&model("")).state();
    for (what, line) in [
        ("augmentation of all images", format!("{} {}", model(""), both("augmentation"))),
        ("augmentation of the classifier's", format!("{} --set dataset_sup.augmentation=true", model(""))),
        ("whitening", format!("{} {}", model(""), both("zca_whitened"))),
        ("whitening of the classifier's", format!("{} --set dataset_sup.zca_whitened=true", model(""))),
        ("dropout", model("dropout_0.5")),
    ] {
        let [a, b] = [0, 1].map(|_| place.run(&line));
        assert!(a.table().numbers("test_acc").last().unwrap().is_some_and(f64::is_finite), "{what}");
        assert_same_checkpoint(&a.checkpoint(), &b.checkpoint(), what);
        assert_ne!(a.state().block(1), plain.block(1), "{what} changes nothing");
        let unsup = what.ends_with("all images") || what == "whitening";
        assert_eq!(a.state().block(0) != plain.block(0), unsup, "{what}: block 0");
    }
}

#[test]
fn stored_outputs_of_frozen_blocks_are_those_that_every_reading_would_give() {
    // MNIST's augmentation is noise. With noise of strength 0 the images are the same, but nothing may be stored.
    let place = Place::new();
    write_mnist(&place.path("data/MNIST/raw"));
    let model = "--model 'Soft-c6-k5-s2 batchnorm2d triangle max_2_2_0; SoftKrotov-c8-k3 batchnorm2d relu; BP-c10'";
    let small = format!("--dataset MNIST {SMALL} --set dataset_unsup.batch_size=10 --set dataset_sup.print_freq=1");
    let noise = "--set dataset_sup.augmentation=true --set dataset_sup.noise_std=0 --set dataset_unsup.augmentation=true \
                 --set dataset_unsup.noise_std=0";
    let stored = place.run(&format!("{model} {small}"));
    let computed = place.run(&format!("{model} {small} {noise}"));
    assert!(stored.done.stderr.contains("storing features") && !computed.done.stderr.contains("block 0, 300 images"));
    // Batches of another size may round otherwise.
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * a.abs().max(1.0);
    let (a, b) = (stored.table(), computed.table());
    for column in ["train_loss", "test_loss", "b0_radius_mean", "b1_radius_mean", "b1_weight_mean"] {
        for (x, y) in a.numbers(column).into_iter().zip(b.numbers(column)) {
            assert!(x.zip(y).is_none_or(|(x, y)| close(x, y)), "{column}: {x:?}, {y:?}");
        }
    }
    assert_eq!(a.of("epoch"), b.of("epoch"));
}

#[test]
fn outputs_that_are_stored_on_disk_give_the_same_bytes_and_leave_no_file() {
    let place = Place::new();
    let [memory, disk] = ["", "--features-on-disk"].map(|line| place.run(&format!("{MODEL} {SMALL} {line}")));
    assert_same_checkpoint(&memory.checkpoint(), &disk.checkpoint(), "--features-on-disk");
    let names = |run: &Run| {
        let names = run.dir.root().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&memory), names(&disk));
    place.softhebb(&format!("run {MODEL} {SMALL} --features-on-disk --save false")).succeeds();
}

#[test]
fn only_images_that_are_read_go_through_frozen_blocks() {
    let place = Place::new();
    let tested = "--set dataset_unsup.testing_sample=200";
    for (line, images) in [(tested, &["200 images", "300 images"][..]), ("--validation", &["1,240 images"])] {
        let run = place.run(&format!("{MODEL} {SMALL} {line}"));
        let stored = run.done.stderr.lines().filter(|line| line.contains("storing features"));
        let mut stored: Vec<_> = stored.map(|line| line.rsplit(", ").next().unwrap()).collect();
        stored.sort_unstable();
        stored.dedup();
        assert_eq!(stored, images, "{}", run.done.stderr);
    }
}

/// MNIST's files with a few images: a bright bar whose place tells the class.
fn write_mnist(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, n) in [("train", 300), ("t10k", 100)] {
        let header = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
        let mut images = header(&[0x803, n, 28, 28]);
        let mut labels = header(&[0x801, n]);
        for i in 0..n {
            let label = i % 10;
            let pixel = |at: u32| if at / 28 / 3 == label { 200 + (at * 7 + i * 13) % 50 } else { (at * i) % 40 };
            images.extend((0..784).map(|at| pixel(at) as u8));
            labels.push(label as u8);
        }
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn a_data_set_takes_the_configurations_that_stand_for_the_presets_own() {
    let place = Place::new();
    for (line, unsup, sup) in [
        ("--preset 4SoftHebbCnnCIFAR", "CIFAR10_1", "CIFAR10_50"),
        ("--preset 4SoftHebbCnnCIFAR --dataset FashionMini", "FashionMini_1", "FashionMini_50"),
        ("--preset 2SoftMlpMNIST --dataset FashionMini", "FashionMini_1-32", "FashionMini_10"),
        ("--preset 4SoftHebbCnnCIFAR --dataset CIFAR100 --dataset-sup CIFAR100_20", "CIFAR100_1", "CIFAR100_20"),
        ("--preset 4SoftHebbCnnCIFAR --dataset CIFAR10_2", "CIFAR10_2", "CIFAR10_2"),
        ("--model 'Soft-c8-k3; BP-c10'", "FashionMini_1", "FashionMini_50"),
    ] {
        let plan = json(&place.softhebb(&format!("run {line} --dry-run --json")).succeeds().stdout);
        let configs = (&plan["dataset_unsup"]["config"], &plan["dataset_sup"]["config"]);
        assert_eq!(configs, (&unsup.into(), &sup.into()), "{line}");
    }
    assert!(!place.path("results").exists(), "a dry run leaves nothing");
}

#[test]
fn a_dry_run_says_what_would_run() {
    let text = Place::new().softhebb(&format!("run {PRESET} --dry-run")).succeeds().stdout;
    for part in
        ["FLOP", "phase 1/4: Hebbian, block 0, 1 epoch of 5,000 images", "phase 4/4: supervised, block 3, 50 epochs"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn a_table_is_as_wide_as_its_network_says() {
    let place = Place::new();
    let Table { names, rows } = place.run(&format!("--model 'BP-c10 flatten' {SMALL}")).table();
    assert_eq!(rows.len(), 3, "a row an epoch");
    assert!(!names.iter().any(|n| n.starts_with("b0_")), "no Hebbian block, no columns of one: {names:?}");
}

#[test]
fn tensorboard_is_told_how_many_images_were_tested() {
    let place = Place::new();
    write_mnist(&place.path("data/MNIST/raw"));
    let model = "--model 'Soft-c6-k5-s2; BP-c10' --dataset MNIST --set dataset_unsup.training_sample=100 \
                 --set dataset_sup.training_sample=100 --set dataset_sup.nb_epoch=1";
    // A file of 100 images where 10,000 are asked for; a fifth of 300 held out; fewer asked for than there are.
    for (more, tested) in [("", 100.0), ("--validation", 60.0), ("--set dataset_sup.testing_sample=30", 30.0)] {
        let run = place.run(&format!("{model} {more}"));
        let Some(found) = read_events(&run.dir) else { return };
        assert_eq!(found["hparams"]["groups"][0]["hparams"]["dataset_sup.testing_sample"], tested, "{more}");
        let text = found["texts"]["config"].as_str().unwrap();
        assert!(text.contains(&format!("\"testing_sample\": {tested}")), "{text}");
    }
}

#[test]
fn every_epoch_has_a_row_and_scores_where_they_are_due() {
    let epochs = "--set dataset_sup.nb_epoch=4 --set dataset_sup.print_freq=9 --set dataset_unsup.nb_epoch=3 --set dataset_unsup.print_freq=9";
    let table = Place::new().run(&format!("{MODEL} {SMALL} {epochs}")).table();
    assert_eq!(table.of("epoch"), ["1", "2", "3", "1", "2", "3", "1", "2", "3", "4"]);
    assert_eq!(table.of("phase"), ["1", "1", "1", "2", "2", "2", "3", "3", "3", "3"]);
    let (hebbian, supervised) = ([true, true, true], [false; 4]);
    for (name, first, second, third) in [
        ("images_per_second", hebbian, hebbian, [true; 4]),
        ("convergence", hebbian, hebbian, supervised),
        ("b0_convergence", hebbian, [true, false, true], [true, false, false, true]),
        ("b1_convergence", [true, false, true], hebbian, [true, false, false, true]),
        ("train_loss", [false; 3], [false; 3], [true; 4]),
        // The second block is fully connected: its units are scored.
        ("test_acc", [false; 3], [true, false, true], [true, false, false, true]),
    ] {
        let there: Vec<bool> = table.numbers(name).iter().map(Option::is_some).collect();
        assert_eq!(there, [first.as_slice(), &second, &third].concat(), "{name}");
    }
}

#[test]
fn steps_are_recorded_on_request() {
    let place = Place::new();
    let line = "--model 'Hard-c12-k5-lr0.05 batchnorm2d triangle max_4_2_1; BP-c10 flatten' --training-mode simultaneous \
                --set dataset_unsup.training_sample=600 --set dataset_sup.training_sample=600 --set dataset_sup.nb_epoch=2 \
                --set dataset_sup.batch_size=20 --set dataset_sup.print_freq=1 --threads 1";
    let run = place.run(&format!("{line} --record-every 10"));
    let steps = Table::read(&run.dir.root().join("steps.csv"));
    assert_eq!(steps.of("step"), ["10", "20", "30", "40", "50", "60"]);
    assert_eq!(steps.of("epoch"), ["1", "1", "1", "2", "2", "2"]);
    assert_eq!(steps.of("images"), ["200", "400", "600", "200", "400", "600"]);
    // At the end of an epoch it is what the epoch reports.
    let metrics = run.table();
    for column in ["convergence", "R1"] {
        let reported = metrics.numbers(&format!("b0_{column}"));
        let recorded = steps.numbers(column);
        assert_eq!([recorded[2], recorded[5]], [reported[0], reported[1]], "{column}");
    }
    assert_eq!(steps.of("phase"), ["1"; 6]);
    if let Some(found) = read_events(&run.dir) {
        let tags = [("R1", "R1"), ("convergence", "convergence"), ("lr", "lr"), ("radius", "radius_mean")];
        assert_eq!(found["steps"].as_object().unwrap().len(), tags.len());
        for (tag, column) in tags {
            let shown = found["steps"][format!("step/{tag}")].as_array().unwrap();
            let shown = shown.iter().map(|p| (p[0].as_u64().unwrap(), p[1].as_str().unwrap().parse::<f32>().unwrap()));
            let points = steps.of("step").into_iter().zip(steps.numbers(column));
            let points: Vec<_> = points.map(|(at, x)| (at.parse::<u64>().unwrap(), x.unwrap() as f32)).collect();
            assert_eq!(shown.collect::<Vec<_>>(), points, "{tag}");
        }
    }
    let without = place.run(line);
    assert!(!without.dir.events().join("steps").exists());
    assert!(!without.dir.root().join("steps.csv").exists());
    assert!(run.checkpoint() == without.checkpoint(), "looking changes nothing");
}
