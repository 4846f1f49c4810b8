//! Promise: whatever is typed or missing, the program says in one message what is wrong, where, and how to go on; it never
//! panics, and shows no back-trace of its own or of libtorch's. Exit code 2 is wrong use, 1 a failure.

mod common;

use std::fs;
use std::io;
use std::process::Stdio;

use common::{Place, SMALL, Tensors, has_cuda, words};

/// A network that trains in no time.
const MODEL: &str = "--model 'Soft-c4-k3-s2; BP-c10'";

// ---- wrong use ----------------------------------------------------------------------------------------------------------

/// Each line (what is typed after `softhebb`) must end with exit code 2, say all of this, and leave nothing behind.
fn are_wrong_use(table: &[(&str, &[&str])]) {
    let place = Place::new();
    for (line, parts) in table {
        let done = place.softhebb(line).fails(2, parts);
        assert!(done.stdout.is_empty(), "{line}: the standard output is for results: {}", done.stdout);
    }
    let mut left: Vec<_> = place.path("").read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["data", "home"]);
}

#[test]
fn wrong_names_are_told_with_the_right_ones() {
    are_wrong_use(&[
        ("run --resume all", &["no network is named", "hint: ", "--run-dir DIR", "--preset NAME"]),
        ("post-hoc", &["no network is named", "hint: give --preset NAME or --model", "`softhebb show`"]),
        ("run --preset 4SoftHebCnnCIFAR", &["unknown preset `4SoftHebCnnCIFAR`", "did you mean `4SoftHebbCnnCIFAR`?"]),
        ("show 4SoftHebCnnCIFAR", &["unknown preset", "did you mean `4SoftHebbCnnCIFAR`?"]),
        ("run --preset 2SoftMlpMNIST --dataset CIFAR11", &["unknown data set `CIFAR11`", "did you mean `CIFAR10`?"]),
        (
            "run --preset 2SoftMlpMNIST --dataset-sup CIFAR10_51",
            &["unknown configuration of CIFAR10 `51`", "`CIFAR10_50`"],
        ),
        ("data fetch CIFAR11", &["CIFAR11", "hint: "]),
        ("data verify MNITS", &["MNITS", "hint: "]),
        (
            "run --model 'Soft-c4-k3; BP-c10' --dataset-sup CIFAR10_50",
            &["images of FashionMini_1 and CIFAR10_50 have different shapes"],
        ),
    ]);
}

#[test]
fn wrong_block_strings_are_shown_with_a_caret() {
    are_wrong_use(&[
        (
            "run --model 'Sotf-c4; BP-c10'",
            &[
                "block 0: unknown method `Sotf`",
                "\n    Sotf-c4\n    ^^^^ expected one of BP, Hard",
                "did you mean `Soft`?",
            ],
        ),
        (
            "run --model 'Soft-c4-k3; BP-c10-x9'",
            &["block 1: unknown key `x`", "\n    BP-c10-x9\n           ^ expected"],
        ),
        ("run --model 'Soft-c4-kx; BP-c10'", &["block 0: ", "\n    Soft-c4-kx\n", "^", "expected"]),
        ("run --model ''", &["hint: "]),
        ("run --model 'Soft-c4-k3 triangel; BP-c10'", &["triangel", "did you mean `triangle`"]),
        ("run --model 'Soft-c4-k31; BP-c10'", &["block 0", "image is too small", "hint: "]),
        ("run --model 'SupervisedSoftKrotov-c7 flatten'", &["one unit a class", "use c10"]),
        ("run --model 'Soft-c4-k3; BP-c10' --training-blocks 0 7", &["names block 7", "blocks 0 to 1"]),
        (
            "run --model 'Soft-c4-k3; BP-c10' --training-blocks 0 --training-mode simultaneous",
            &["simultaneous", "learns from labels"],
        ),
    ]);
}

#[test]
fn wrong_keys_and_values_are_told_with_the_right_ones() {
    let model = "run --model 'Soft-c4-k3; BP-c10' --set ";
    for (set, parts) in [
        ("b0", &["override `b0`: missing `=`", "the form is PATH=VALUE"][..]),
        ("b0.layer.tinvert=1", &["unknown key `layer.tinvert`", "did you mean `b0.layer.t_invert`?"]),
        ("b9.layer.lr=1", &["there is no block 9", "b0 to b1"]),
        ("b0.layer.t_invert=abc", &["wrong value `abc` of `t_invert`", "expected a number"]),
        ("b0.layer.lr=nan", &["wrong value `nan` of `lr`", "expected"]),
        ("dataset_sup.nb_epochs=3", &["nb_epochs", "did you mean `dataset_sup.nb_epoch`?"]),
        ("dataset_sup.batch_size=0", &["wrong value `0` of `batch_size`", "from 1"]),
        ("dataset_unsup.nb_epoch=0", &["wrong value `0` of `nb_epoch`", "from 1"]),
        ("dataset_sup.training_sample=-5", &["wrong value `-5` of `training_sample`"]),
    ] {
        are_wrong_use(&[(&format!("{model}{set}"), parts)]);
    }
}

#[test]
fn wrong_arguments_are_told_with_the_right_ones() {
    are_wrong_use(&[
        ("run --preset 2SoftMlpMNIST --model 'BP-c10'", &["--preset", "--model", "cannot be used with"]),
        ("run --model 'BP-c10' --training-mode fast", &["'fast'", "successive, consecutive, simultaneous"]),
        ("run --model 'BP-c10' --device tpu", &["unknown device `tpu`", "auto, cpu, cuda or cuda:N"]),
        ("run --model 'BP-c10' --device cpu --gpu-id 0", &["--gpu-id", "cannot be used with"]),
        ("run --model 'BP-c10' --seed minus", &["'minus'", "--seed"]),
        ("run --model 'BP-c10' --json", &["--dry-run"]),
        ("run --model 'BP-c10' -q -v", &["--quiet", "--verbose"]),
        ("run --modell 'BP-c10'", &["--modell", "--model"]),
        ("train", &["'train'"]),
        ("completions fishy", &["'fishy'", "fish"]),
    ]);
}

#[test]
fn a_number_that_is_none_is_told_what_it_should_be() {
    let run = "run --model 'BP-c10 flatten'";
    for (line, parts) in [
        (format!("{run} --seed abc"), ["'abc' for '--seed <N>'", "a whole number from 0 is expected"]),
        (format!("{run} --seed -1"), ["'-1' for '--seed <N>'", "a whole number from 0 is expected"]),
        (format!("{run} --seed 99999999999999999999"), ["--seed", "the number is too large"]),
        (format!("{run} --epochs 0"), ["'0' for '--epochs <N>'", "a whole number from 1 is expected"]),
        (format!("{run} --hebbian-epochs -3"), ["'-3' for '--hebbian-epochs <N>'", "a whole number from 1"]),
        (format!("{run} --batch-size 1.5"), ["'1.5' for '--batch-size <N>'", "a whole number from 1"]),
        (format!("{run} --lr nan"), ["'nan' for '--lr <X>'", "a number above 0 is expected"]),
        (format!("{run} --lr -0.1"), ["'-0.1' for '--lr <X>'", "a number above 0 is expected"]),
        (format!("{run} --hebbian-lr fast"), ["'fast' for '--hebbian-lr <X>'", "a number above 0 is expected"]),
        (format!("{run} --gpu-id x"), ["'x' for '--gpu-id <N>'", "a whole number from 0"]),
        (format!("{run} --threads -1"), ["'-1' for '--threads <N>'", "from 0 (all cores) to 4096"]),
        // That many would take all memory.
        (format!("{run} --threads 99999999"), ["--threads", "from 0 (all cores) to 4096"]),
        (format!("{run} --record-every x"), ["--record-every", "a whole number from 0"]),
        (format!("{run} --training-blocks 0 -1"), ["'-1' for '--training-blocks", "a whole number from 0"]),
        ("search --seeds 0 -1".to_string(), ["'-1' for '--seeds", "a whole number from 0"]),
        ("search --num-samples 0".to_string(), ["--num-samples", "a whole number from 1"]),
        ("search --parallel 0".to_string(), ["--parallel", "a whole number from 1"]),
        ("search --max-retries -1".to_string(), ["--max-retries", "a whole number from 0"]),
        ("bench --repeats 0".to_string(), ["--repeats", "a whole number from 1 is expected"]),
        ("bench --repeats abc".to_string(), ["--repeats", "a whole number from 0 is expected"]),
        ("verify x --threads no".to_string(), ["--threads", "from 0 (all cores)"]),
        ("snn train --seed -1".to_string(), ["--seed", "a whole number from 0"]),
        ("hopfield recall --seed none".to_string(), ["--seed", "a whole number from 0"]),
    ] {
        are_wrong_use(&[(&line, &parts)]);
    }
}

#[test]
fn what_is_typed_twice_or_changes_nothing_is_told() {
    are_wrong_use(&[
        (
            "run 2SoftMlpMNIST --epochs 5 --set dataset_sup.nb_epoch=7",
            &["--epochs 5 and --set dataset_sup.nb_epoch=7 set the same key", "hint: leave one of them out"],
        ),
        ("run 2SoftMlpMNIST --lr 0.1 --set b1.layer.lr_sup=0.2", &["--lr 0.1 and --set b1.layer.lr_sup=0.2"]),
        ("run 2SoftMlpMNIST --hebbian-lr 0.1 --set b0.layer.lr=0.2", &["set the same key"]),
        ("search 2SoftMlpMNIST --batch-size 5 --set dataset_sup.batch_size=7", &["set the same key"]),
        ("run 2SoftMlpMNIST --epochs 5 --epochs 6", &["--epochs", "multiple times"]),
        ("run 2SoftMlpMNIST --preset 2SoftMlpMNIST", &["--preset", "cannot be used with"]),
        ("run 2SoftMlpMNIST --model 'BP-c10'", &["--model", "cannot be used with"]),
        ("bench 2SoftMlpMNIST --preset 2SoftMlpMNIST", &["--preset", "cannot be used with"]),
        ("search 2SoftMlpMNIST --preset 2SoftMlpMNIST", &["--preset", "cannot be used with"]),
        ("run 2SoftMlpMNIST --no-save --save true", &["--no-save", "--save"]),
        ("run 2SoftMlpMNIST --name a --model-name b", &["--name", "multiple times"]),
        ("run --model 'BP-c10 flatten' --hebbian-lr 0.1", &["--hebbian-lr 0.1 is for no block", "is Hebbian"]),
        (
            "run --model 'BP-c10 flatten' --hebbian-epochs 2",
            &["--hebbian-epochs is for Hebbian phases", "hint: --epochs is for the others"],
        ),
        ("run 2SoftMlpMNIST --training-blocks 0 --epochs 2", &["--epochs is for supervised phases"]),
        ("run 2SoftMlpMNIST --training-mode simultaneous --hebbian-batch-size 2", &["no such phase"]),
        ("search --model 'BP-c10 flatten' --config one_seed --hebbian-epochs 2", &["no such phase"]),
    ]);
}

#[test]
fn quiet_and_verbose_stand_anywhere_but_not_where_they_mean_nothing() {
    let place = Place::new();
    for line in ["-q run", "run -q", "-v run", "run -v", "-q search", "-v snn train", "snn -q train", "--quiet run"] {
        place.softhebb(&format!("{line} --help")).succeeds();
    }
    let run = format!("run {MODEL} {SMALL} --no-save");
    let before = place.softhebb(&format!("-q {run}")).succeeds();
    assert_eq!(before.stderr, "", "quiet before the subcommand is quiet");
    let verbose = place.softhebb(&format!("-v {run}")).succeeds().stderr;
    assert!(verbose.lines().count() > place.softhebb(&run).succeeds().stderr.lines().count(), "{verbose}");
    assert!(!place.softhebb("show --help").succeeds().stdout.contains("--quiet"));
    are_wrong_use(&[
        ("-q show", &["`softhebb show` has no option --quiet"]),
        ("data list -v", &["`softhebb data list` has no option --verbose"]),
        ("search -v", &["`softhebb search` has no option --verbose"]),
        ("-q run --model 'BP-c10' -v", &["'--quiet' cannot be used with '--verbose'"]),
        ("-q", &["no subcommand is named", "hint: `softhebb --help`"]),
    ]);
}

#[test]
fn a_name_is_no_path() {
    let model = "--model 'BP-c10 flatten'";
    for (line, parts) in [
        (format!("run {model} --name ../../x"), ["--name <NAME>", "a separator of folders"]),
        (format!("run {model} --model-name ../../x"), ["--name <NAME>", "a separator of folders"]),
        (format!("run {model} --name ''"), ["--name <NAME>", "the name is empty"]),
        (format!("run {model} --name .."), ["--name <NAME>", "begins with a dot"]),
        (format!("search {model} --folder-name /abs"), ["--name <NAME>", "a separator of folders"]),
        (format!("search {model} --model-name a/b"), ["--model-name <NAME>", "a separator of folders"]),
    ] {
        are_wrong_use(&[(&line, &parts)]);
    }
    let place = Place::new();
    let catalogue = include_str!("../preset.json");
    for (was, is) in [("\"2SoftMlpMNIST\": ", "\"../x\": "), ("\"FashionMini\": ", "\"a\\u0007b\": ")] {
        assert!(catalogue.contains(was));
        fs::write(place.path("mine.json"), catalogue.replacen(was, is, 1)).unwrap();
        let done = place.softhebb("run ../x --presets mine.json --dataset FashionMini");
        done.fails(2, &["mine.json: ", "a name of one folder is expected"]);
    }
    fs::write(place.path("space.toml"), "[run]\nmodel_name = \"../x\"\n").unwrap();
    place.softhebb(&format!("search {model} --config space.toml")).fails(2, &["model_name", "separator"]);
}

#[test]
fn the_hidden_command_is_suggested_nowhere() {
    let place = Place::new();
    let typo = place.softhebb("trail").fails(2, &["'trail'"]);
    assert!(!typo.stderr.contains("trial"), "{}", typo.stderr);
    let help = place.softhebb("--help").succeeds().stdout;
    let bash = place.softhebb("completions bash").succeeds().stdout;
    assert!(!help.contains("trial"), "{help}");
    assert!(!bash.contains("softhebb,trial") && !bash.contains("until-stdin-ends"));
    place.softhebb("trial").fails(2, &["<PLAN>"]); // a search starts it
}

#[test]
fn colours_are_for_terminals_alone() {
    let place = Place::new();
    for line in ["run --model ''", "run --seed x", "show nothing", "trail"] {
        let with = |name: &str, value: &str| {
            let out = place.command(line).env_remove("NO_COLOR").env(name, value).output().unwrap();
            String::from_utf8(out.stderr).unwrap()
        };
        // As clap's own: a terminal has colours, a file or a pipe none, whatever TERM says.
        assert!(!with("TERM", "xterm-256color").contains('\x1b'), "{line}");
        let forced = with("CLICOLOR_FORCE", "1");
        assert!(
            forced.starts_with("\x1b[1m\x1b[91merror:\x1b[0m ") || forced.starts_with("\x1b[1m\x1b[31merror:"),
            "{forced:?}"
        );
        let mut command = place.command(line);
        let none = command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
        assert!(!String::from_utf8(none.stderr).unwrap().contains('\x1b'), "{line}: NO_COLOR wins");
    }
}

#[test]
fn help_is_no_mistake() {
    let place = Place::new();
    for line in ["--help", "run --help", "help verify", "-V", "--version"] {
        let done = place.softhebb(line).succeeds();
        assert!(!done.stdout.is_empty() && done.stderr.is_empty(), "{done:#?}");
    }
    place.softhebb("").fails(2, &["Usage: softhebb"]);
}

// ---- data ---------------------------------------------------------------------------------------------------------------

#[test]
fn without_cifar_it_says_where_it_looked_how_to_get_it_and_what_runs_without() {
    let place = Place::new();
    let (data, home) = (place.path("data"), place.path("home"));
    // An empty data folder, none at all, and one that was typed.
    for (typed, variable, looked) in [
        ("", data.to_str().unwrap(), data.join("cifar-10-batches-bin")),
        ("", "", home.join(".cache/softhebb/datasets")),
        (" --data-dir elsewhere", "", "elsewhere".into()),
    ] {
        let line = format!("run --preset 4SoftHebbCnnCIFAR{typed}");
        let out = place.command(&line).env("SOFTHEBB_DATA", variable).output().unwrap();
        let text = String::from_utf8(out.stderr).unwrap();
        assert_eq!((out.status.code(), out.stdout.len()), (Some(1), 0), "{text}");
        let fetch = format!("`softhebb data fetch CIFAR10{typed}` downloads it");
        let other = "softhebb run --preset 4SoftHebbCnnCIFAR --dataset FashionMini";
        for part in ["error: CIFAR10 was not found; looked in ", looked.to_str().unwrap(), "hint: ", &fetch, other] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        // The command that it names works.
        let named = text.lines().find_map(|line| Some(&line[line.find("softhebb run")?..])).unwrap();
        let dry = format!("{} --dry-run", named.trim_end().strip_prefix("softhebb ").unwrap());
        assert!(place.softhebb(&dry).succeeds().stdout.contains("FashionMini_50"), "{dry}");
    }
    assert!(!place.path("results").exists(), "nothing was left behind");
    // A typed network comes back as it was typed.
    let text = place.softhebb("run --model 'Soft-c4-k3; BP-c10' --dataset CIFAR10").fails(1, &["was not found"]).stderr;
    let named = text.lines().find_map(|line| line.split_once("softhebb run ")).unwrap().1;
    assert_eq!(words(named)[..2], ["--model", "Soft-c4-k3; BP-c10"]);
    place.softhebb(&format!("run {named} --dry-run")).succeeds();
}

#[test]
fn a_broken_data_file_is_named_with_the_place_and_the_cause() {
    let header = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
    let images = |n: u32| [header(&[0x803, n, 28, 28]), vec![7; n as usize * 784]].concat();
    let labels = |n: u32| [header(&[0x801, n]), (0..n).map(|i| (i % 10) as u8).collect()].concat();
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 100].to_vec();
    let out_of_range = || [header(&[0x801, 20]), vec![77; 20]].concat();
    for (file, bytes, why) in [
        ("train-images-idx3-ubyte", cut(images(20)), "byte "),
        ("t10k-images-idx3-ubyte", cut(images(10)), "byte "),
        ("train-images-idx3-ubyte", vec![], "byte 0"),
        ("train-images-idx3-ubyte", labels(20), "byte "),
        ("train-labels-idx1-ubyte", out_of_range(), "byte 8"),
        ("train-labels-idx1-ubyte", labels(19), "19"),
    ] {
        let place = Place::new();
        let folder = place.path("data/MNIST/raw");
        fs::create_dir_all(&folder).unwrap();
        for (part, n) in [("train", 20), ("t10k", 10)] {
            fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images(n)).unwrap();
            fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels(n)).unwrap();
        }
        fs::write(folder.join(file), bytes).unwrap();
        let done = place.softhebb(&format!("run {MODEL} --dataset MNIST {SMALL}"));
        done.fails(1, &[file, why, "hint: ", "softhebb data verify"]);
        assert!(!place.path("results").exists(), "a run that cannot start leaves no folder");
    }
}

// ---- machine ------------------------------------------------------------------------------------------------------------

#[test]
fn a_cuda_device_that_is_not_there_is_an_error_with_the_cause() {
    let place = Place::new();
    let small = SMALL.replace("--device cpu", "");
    let missing = if has_cuda(&place) { "cuda:99" } else { "cuda:0" };
    for device in [format!("--device {missing}"), format!("--gpu-id {}", &missing[5..])] {
        let done = place.softhebb(&format!("run {MODEL} {small} {device}"));
        done.fails(1, &[&format!("device {missing} cannot be used: "), "hint: --device cpu"]);
    }
    place.softhebb(&format!("run {MODEL} {small} --device auto -q")).succeeds();
    assert!(place.path("results").exists());
}

#[test]
fn a_precision_that_the_device_lacks_has_a_way_out_that_fits() {
    let place = Place::new();
    let done = place.softhebb(&format!("run {MODEL} {SMALL} --precision tf32"));
    let done = done.fails(2, &["precision tf32 is for NVIDIA GPUs", "device cpu", "hint: --precision bf16"]);
    assert!(!done.stderr.contains("--device cpu runs anywhere"), "{}", done.stderr);
}

#[test]
fn a_folder_as_a_data_set_needs_its_path() {
    let place = Place::new();
    let shown = place.softhebb("show folder").succeeds().stdout;
    assert!(shown.contains("folder_50aug:PATH ") && shown.contains("PATH/train/CLASS"), "{shown}");
    for name in ["folder", "folder_50aug", "folder:"] {
        for line in ["run 2SoftMlpMNIST", "show 2SoftMlpMNIST", "search 2SoftMlpMNIST"] {
            let done = place.softhebb(&format!("{line} --dataset {name}"));
            done.fails(2, &["names no folder of pictures", &format!("hint: {}:PATH", name.trim_end_matches(':'))]);
        }
    }
}

#[test]
fn a_results_folder_that_cannot_be_written_is_named_with_the_cause() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    let done = place.softhebb(&format!("run {MODEL} {SMALL} --results-dir file"));
    done.fails(1, &["cannot write file/custom", "Not a directory", "hint: ", "--results-dir"]);
    assert_eq!(fs::read(place.path("file")).unwrap(), b"");
}

#[test]
fn a_preset_file_that_cannot_be_read_is_named() {
    let place = Place::new();
    fs::write(place.path("broken.json"), "{\"layers\": ").unwrap();
    let broken = ["broken.json: this is not a preset file: EOF while parsing a value at line 1 column 11", "hint: "];
    place.softhebb("run --preset x --presets broken.json").fails(2, &broken);
    fs::write(place.path("README.md"), "# Presets\n").unwrap();
    let readme = ["error: README.md: this is not a preset file: expected value at line 1 column 1\n", "hint: "];
    place.softhebb("run --preset x --presets README.md").fails(2, &readme);
    fs::write(place.path("other.json"), "{\"models\": 3}").unwrap();
    let other = ["other.json: invalid type: integer `3`"];
    place.softhebb("run --preset x --presets other.json").fails(2, &other);
    place.softhebb("data list --data-dir README.md").fails(2, &["--data-dir README.md: this is a file"]);
    place.softhebb("run --preset x --presets data").fails(2, &["cannot read data: Is a directory"]);
    place.softhebb("run --preset x --presets missing.json").fails(2, &["cannot read missing.json", "No such file"]);
}

// ---- numbers that are none ------------------------------------------------------------------------------------------------

#[test]
fn weights_that_are_not_finite_stop_the_run_and_keep_what_was_saved() {
    let place = Place::new();
    let model = "--model 'Soft-c4-k3-s2; Soft-c4-k3-s2; BP-c10'";
    let done = place.softhebb(&format!("run {model} {SMALL} --set b1.layer.lr=1e30"));
    let done = done.fails(
        1,
        &[
            "the weights of block 1 became ",
            " in phase 2, epoch 1, step ",
            "likely cause: a learning rate",
            "--set b1.layer.lr=",
        ],
    );
    assert!(!done.stdout.contains("test accuracy"), "{}", done.stdout);
    let folder = place.path("results/runs/custom/FashionMini_1-FashionMini_50-seed0");
    let checkpoint = Tensors::read(&folder.join("checkpoint.safetensors"));
    assert_eq!(checkpoint.progress()["phase"], 1, "the first block's phase is saved");
    assert!(checkpoint.tensors["blocks.1.layer.weight"].values().iter().all(|w| w.is_finite()));
    // What it proposes is a value that can be typed.
    let proposed = done.stderr.split("--set ").nth(1).unwrap().split(')').next().unwrap();
    assert!(proposed.len() < 30, "a number for people: {proposed}");
    place.softhebb(&format!("run {model} --set {proposed} --dry-run")).succeeds();
}

#[test]
fn weights_that_are_not_finite_after_a_phases_last_step_are_noticed_too() {
    let place = Place::new();
    for model in ["Soft-c4-k3-s2; BP-c10", "Soft-c4 flatten; BP-c10"] {
        let one_step = "--set dataset_unsup.batch_size=300 --set b0.layer.lr=1e39";
        let done = place.softhebb(&format!("run --model '{model}' {SMALL} {one_step}"));
        done.fails(1, &["the weights of block 0 became ", " in phase 1, epoch 1, step 1", "likely cause: "]);
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run() {
    let place = Place::new();
    let model = "--model 'BP-c4-k3-s2; BP-c10' --training-mode consecutive";
    let done = place.softhebb(&format!("run {model} {SMALL} --set b0.layer.lr_sup=1e30 --set b1.layer.lr_sup=1e30"));
    done.fails(1, &["the loss of the network became ", " in phase 1, epoch 1, step ", "likely cause: ", "lr_sup="]);
}

// ---- pipes and streams ---------------------------------------------------------------------------------------------------

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let place = Place::new();
    let run = format!("run {MODEL} {SMALL}");
    let shells = ["bash", "zsh", "fish", "elvish", "powershell"].map(|shell| format!("completions {shell}"));
    let lines = [
        "show",
        "show --json",
        "show 4SoftHebbCnnCIFAR",
        "--version",
        "--help",
        "run --help",
        "data list",
        "run --preset 4SoftHebbCnnCIFAR --dry-run",
    ];
    for line in lines.into_iter().map(str::to_string).chain(shells).chain([run]) {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let out = place.command(&line).stdout(writer).output().unwrap();
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(0), "{line}: {stderr}");
        assert!(stderr.is_empty() || line.starts_with("run --model"), "{line}: {stderr}");
    }
    // Nobody read the result, but the run was done.
    let folder = place.path("results/runs/custom/FashionMini_1-FashionMini_50-seed0");
    assert!(folder.join("checkpoint.safetensors").exists());
}

#[test]
fn nobody_who_listens_to_progress_does_not_stop_a_run() {
    let place = Place::new();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let out = place.command(&format!("run {MODEL} {SMALL}")).stderr(writer).stdout(Stdio::piped()).output().unwrap();
    assert_eq!(out.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&out.stdout).starts_with("test accuracy "));
}

#[test]
fn a_full_disk_under_the_output_is_told() {
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full");
        return;
    }
    let place = Place::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = place.command("show").stdout(full).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).starts_with("error: "), "{out:?}");
}

#[test]
fn completions_name_every_subcommand_and_version_names_libtorch() {
    let place = Place::new();
    let script = place.softhebb("completions bash").succeeds().stdout;
    for word in ["run", "show", "data", "verify", "completions", "--training-mode", "--resume"] {
        assert!(script.contains(word), "{word} is not in the script");
    }
    let version = place.softhebb("--version").succeeds().stdout;
    let lines: Vec<_> = version.lines().collect();
    assert_eq!(lines[0], format!("softhebb {}", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("libtorch 2."), "{version}");
    assert!(lines[2].starts_with("cpu ") && lines[3].starts_with("cuda "), "{version}");
}
