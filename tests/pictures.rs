//! Promise: a folder of pictures trains like any data set: decoded once, what is broken named and left out, pictures of the
//! trained network as PNG and SVG.

mod common;

use std::fs;
use std::path::Path;

use common::{Place, Run};
use image::{Rgb, RgbImage};

/// Two classes that differ in the direction of their stripes, of several sizes, with a broken file and one that is no picture.
fn stripes(root: &Path, val: &str) {
    for (part, n) in [("train", 24u32), (val, 8)] {
        for (class, across) in [("across", true), ("down", false)] {
            let folder = root.join(part).join(class);
            fs::create_dir_all(&folder).unwrap();
            for i in 0..n {
                let (w, h) = (16 + i % 3 * 8, 16 + i % 2 * 8);
                let bright = |x: u32, y: u32| if (if across { y } else { x } + i) / 3 % 2 != 1 { 220 } else { 30 };
                let picture = RgbImage::from_fn(w, h, |x, y| Rgb([bright(x, y), bright(x, y), (i * 8) as u8]));
                let end = if i.is_multiple_of(2) { "png" } else { "jpg" };
                picture.save(folder.join(format!("{i:02}.{end}"))).unwrap();
            }
        }
    }
    fs::write(root.join("train/down/broken.jpeg"), "no picture").unwrap();
    fs::write(root.join("train/down/notes.txt"), "passed over").unwrap();
}

const NET: &str = "--model 'SoftKrotov-c16-k5-p2 batchnorm2d triangle max_4_2_1; BP-c10' --threads 1";
const SIZE: &str =
    "--set dataset_unsup.width=16 --set dataset_unsup.height=16 --set dataset_sup.width=16 --set dataset_sup.height=16";

fn run(place: &Place, rest: &str) -> Run {
    place.run(&format!("{NET} {SIZE} --set dataset_sup.nb_epoch=8 {rest}"))
}

#[test]
fn a_folder_trains_is_decoded_once_and_says_what_is_broken() {
    let place = Place::new();
    stripes(&place.path("pics"), "val");
    let first = run(&place, "--dataset folder:pics");
    let text = format!("{}{}", first.done.stdout, first.done.stderr);
    assert!(text.contains("decoding 49 pictures of"), "{text}");
    assert!(text.matches("broken.jpeg cannot be read and is left out").count() == 1, "{text}");
    assert!(first.done.accuracy() > 90.0, "{}", first.done.accuracy());
    assert_eq!(first.config()["dataset_sup"]["out_channels"], 2);
    assert!(first.dir.root().ends_with("pics_1-pics_50-seed0"), "{:?}", first.dir.root());

    let second = run(&place, "--dataset folder:pics");
    let text = format!("{}{}", second.done.stdout, second.done.stderr);
    assert!(!text.contains("decoding") && text.contains("1 broken pictures"), "{text}");
    assert!(first.checkpoint() == second.checkpoint(), "decoded and mapped images are the same");

    // Without the cache nothing is left beside the data, and the images are the same.
    fs::remove_dir_all(place.path("data/.packed")).unwrap();
    let third = run(&place, "--dataset folder:pics --no-cache");
    assert!(first.checkpoint() == third.checkpoint());
    assert!(!place.path("data/.packed").exists());
}

#[test]
fn the_trials_of_a_search_share_one_decoded_folder() {
    let place = Place::new();
    stripes(&place.path("pics"), "val");
    let search = "search --config seed --dataset folder:pics --folder-name sweep --parallel 2 --threads 2";
    let net = NET.replace("--threads 1", "");
    place.softhebb(&format!("{search} {net} {SIZE} --set dataset_sup.nb_epoch=2")).succeeds();
    let table = fs::read_to_string(place.path("results/search/sweep/trials.csv")).unwrap();
    assert_eq!(table.matches("finished").count(), 4, "{table}");
    let decoded = fs::read_dir(place.path("data/.packed")).unwrap().flatten();
    assert_eq!(decoded.filter(|e| e.path().extension().is_some_and(|end| end == "bin")).count(), 2);

    // Without the cache nothing is left beside the data, and the trials end as they did.
    fs::remove_dir_all(place.path("data/.packed")).unwrap();
    let search = search.replace("sweep", "without");
    place.softhebb(&format!("{search} {net} {SIZE} --set dataset_sup.nb_epoch=2 --no-cache --seeds 0,1")).succeeds();
    assert!(!place.path("data/.packed").exists());
    let scores = |name: &str| common::Table::read(&place.path(name)).numbers("test_acc")[..2].to_vec();
    assert_eq!(scores("results/search/without/trials.csv"), scores("results/search/sweep/trials.csv"));
}

#[test]
fn augmented_pictures_train_the_same_again() {
    let place = Place::new();
    stripes(&place.path("pics"), "test");
    let one = run(&place, "--dataset-unsup folder_1aug:pics --dataset-sup folder_50aug:pics");
    let other = run(&place, "--dataset-unsup folder_1aug:pics --dataset-sup folder_50aug:pics");
    assert!(one.checkpoint() == other.checkpoint());
    let plain = run(&place, "--dataset-unsup folder_1:pics --dataset-sup folder_50:pics");
    assert!(one.checkpoint() != plain.checkpoint(), "augmentation does something");
}

#[test]
fn folders_that_are_none_are_told() {
    let place = Place::new();
    let bad = |rest: &str, code: i32, parts: &[&str]| {
        place.softhebb(&format!("run {NET} {rest}")).fails(code, parts);
    };
    bad("--dataset folder:nowhere", 1, &["there is no such folder"]);
    bad("--dataset folder:", 2, &["names no folder", "hint: folder:PATH, with PATH/train/CLASS"]);
    fs::create_dir_all(place.path("empty/train")).unwrap();
    bad("--dataset folder:empty", 1, &["no class folders"]);
    stripes(&place.path("pics"), "val");
    fs::remove_dir_all(place.path("pics/val")).unwrap();
    bad("--dataset folder:pics", 1, &["no folder val or test", "hint: --validation"]);
    bad("--dataset folder_7:pics", 2, &["unknown configuration of folder `7`"]);
    run(&place, "--dataset folder:pics --validation");
    bad("--dataset ImageNette", 1, &["ImageNette was not found", "softhebb data fetch ImageNette"]);
    bad("--dataset ImageNet", 1, &["ImageNet was not found", "image-net.org/download-images"]);
}

#[test]
fn image_sets_are_found_where_their_archives_unpack() {
    let place = Place::new();
    stripes(&place.path("data/imagenette2-160"), "val");
    let run = place.run(&format!(
        "{NET} {SIZE} --dataset-unsup ImageNette_1 --dataset-sup ImageNette_10 --set dataset_sup.nb_epoch=2"
    ));
    let asks = "ImageNette_1 asks for 9469 training images; there are 48";
    assert!(run.done.stderr.contains(asks), "{}", run.done.stderr);
    let list = place.softhebb("data list").succeeds().stdout;
    assert!(list.lines().any(|l| l.starts_with("ImageNette ") && l.contains("49") && l.contains("16")), "{list}");
    let checked = place.softhebb("data verify ImageNette");
    assert_eq!(checked.code, Some(1), "one picture is broken");
    assert!(checked.stdout.contains("broken.jpeg"), "{}", checked.stdout);
    stripes(&place.path("data/imagenetv2-top-images-format-val-parts"), "val");
    fs::rename(
        place.path("data/imagenetv2-top-images-format-val-parts/val"),
        place.path("data/imagenetv2-top-images-format-val"),
    )
    .unwrap();
    let run = place.run(&format!(
        "{NET} {SIZE} --dataset ImageNetV2TopImages --set dataset_unsup.nb_epoch=1 --set dataset_sup.nb_epoch=1"
    ));
    assert!(run.done.stderr.contains("one set of images"), "{}", run.done.stderr);
}

/// Two files, a PNG and an SVG, of a size; and beside them what was drawn, of so many tiles or points.
fn drawn(place: &Place, stdout: &str, count: u64) {
    let files: Vec<&str> = stdout.lines().filter(|l| l.ends_with(".png") || l.ends_with(".svg")).collect();
    let (sheets, files): (Vec<&str>, Vec<&str>) = files.into_iter().partition(|l| l.ends_with("-tiles.png"));
    let about = stdout.lines().find(|l| l.ends_with(".json")).unwrap();
    let about: serde_json::Value = serde_json::from_slice(&fs::read(place.path(about)).unwrap()).unwrap();
    if let [sheet] = sheets[..] {
        assert_eq!(about["tiles"], count, "{about}");
        let of = |key: &str| about["tile"][key].as_u64().unwrap() as u32;
        let size = image::image_dimensions(place.path(sheet)).unwrap();
        let rows = (count as u32).div_ceil(of("columns"));
        assert_eq!(size, (of("width") * of("columns").min(count as u32), of("height") * rows), "{about}");
    } else {
        let csv = stdout.lines().find(|l| l.ends_with(".csv")).unwrap();
        let text = fs::read_to_string(place.path(csv)).unwrap();
        assert!(text.starts_with("x,y,class\n") && text.lines().count() as u64 == count + 1, "{text}");
    }
    assert_eq!((&about["seed"], &about["dataset_sup"]), (&0.into(), &"FashionMini_50".into()));
    let command = about["run"][0]["command"].as_str().unwrap();
    assert!(command.contains("run ") && !command.contains("-dir"), "a command without a machine's folders: {about}");
    assert_eq!(files.len(), 2, "{stdout}");
    for file in files {
        let bytes = fs::read(place.path(file)).unwrap();
        let starts: &[u8] = if file.ends_with("png") { b"\x89PNG" } else { b"<svg " };
        assert!(bytes.starts_with(starts) && bytes.len() > 500, "{file}");
    }
}

#[test]
fn a_trained_network_is_drawn() {
    let place = Place::new();
    let run = place.run(
        "--model 'SoftKrotov-c12-k5-p2 batchnorm2d triangle_0.7 max_4_2_1; SoftKrotov-c16-k3-p1 batchnorm2d triangle max_2_2_0; BP-c10' \
         --dataset FashionMini --set dataset_unsup.training_sample=500 --set dataset_sup.training_sample=500 --set dataset_sup.nb_epoch=3 --threads 1 --results-dir=here",
    );
    let folder = run.dir.root().strip_prefix(place.path("")).unwrap_or(run.dir.root()).display().to_string();
    for (what, said, count) in [
        ("filters", "", 12),
        ("receptive-fields --units 8 --steps 20", "fields of 12 × 12 pixels", 8),
        ("receptive-fields --block 0 --units 4 --steps 10", "fields of 5 × 5 pixels", 4),
        ("embedding --images 200 --epochs 40", "% of 200 images", 200),
        ("patches --images 100 --units 0,3 --count 4", "", 8),
    ] {
        let done = place.softhebb(&format!("plot {what} {folder} --threads 1")).succeeds();
        assert!(done.stdout.contains(said), "{what}: {}", done.stdout);
        drawn(&place, &done.stdout, count);
        let again = place.softhebb(&format!("plot {what} {folder} --threads 1"));
        let again = again.fails(2, &[" is there already", "hint: --force replaces it, --out PATH writes elsewhere"]);
        assert!(again.stdout.is_empty(), "nothing was computed: {}", again.stdout);
    }
    fs::create_dir(place.path("drawings")).unwrap();
    for (out, file) in [("new/", "new/plot-filters-b0"), ("drawings", "drawings/plot-filters-b0"), ("own", "own")] {
        let done = place.softhebb(&format!("plot filters {folder} --out {out}")).succeeds();
        assert!(done.stdout.starts_with(&format!("{file}.png\n")), "{out}: {}", done.stdout);
    }
    place.softhebb(&format!("plot filters {folder} --out own --force")).succeeds();
    fs::write(place.path("file"), "").unwrap();
    let done = place.softhebb(&format!("plot filters {folder} --out file/x"));
    let done = done.fails(1, &["cannot write file/x.png", "hint: ", "--out PATH writes elsewhere"]);
    assert!(!done.stderr.contains("--results-dir"), "{}", done.stderr);
    place.softhebb(&format!("plot patches {folder} --units 99 --force")).fails(2, &["unit 99", "units 0 to 15"]);
    place.softhebb(&format!("plot filters {folder} --block 1")).fails(2, &["block 0"]);
    for (bad, parts) in [
        ("embedding --limit 0", ["a whole number from 1 is expected", "--limit"]),
        ("embedding --limit 10", ["--neighbors is 15", "there are 10 images"]),
        ("embedding --neighbours x", ["a whole number from 1 is expected", "--neighbors"]),
        ("receptive-fields --contrast 0", ["--contrast is 0", "above 0"]),
        ("receptive-fields --steps 0", ["a whole number from 1 is expected", "--steps"]),
        ("embedding --dataset CIFAR10_50", ["CIFAR10_50", "another shape"]),
        ("patches --count 0", ["a whole number from 1 is expected", "--count"]),
    ] {
        place.softhebb(&format!("plot {bad} {folder} --out bad")).fails(2, &parts);
    }
    let done = place.softhebb(&format!("plot patches {folder} --dataset MNIST_50 --out bad"));
    done.fails(1, &["MNIST was not found", "softhebb data fetch MNIST", "softhebb plot patches"]);
    assert!(!place.path("bad.png").exists());
    place.softhebb(&format!("plot embedding {folder} --block 9")).fails(2, &["blocks 0 to 2"]);
    place.softhebb("plot filters nowhere").fails(1, &["cannot read nowhere/config.json", "hint: "]);
}

#[test]
fn the_post_hoc_loss_falls_and_is_drawn_beside_another() {
    let place = Place::new();
    let line = "--dataset-unsup FashionMini_1-50 --dataset-sup FashionMini_5 --threads 1 --results-dir ph";
    let soft = format!("post-hoc --model 'Soft-c100-t1-lr0.03 flatten triangle; BP-c10' --model-name Soft {line}");
    let done = place.softhebb(&soft).succeeds();
    assert!(done.stdout.contains("post-hoc loss"), "{}", done.stdout);
    let curve = place.path("ph/Soft/FashionMini_1-50-FashionMini_5-seed0/post-hoc.csv");
    let table = common::Table::read(&curve);
    assert_eq!(
        (table.names.as_slice(), table.rows.len()),
        (["step", "images", "loss", "accuracy"].map(str::to_string).as_slice(), 100)
    );
    let done = place
        .softhebb(&format!(
            "post-hoc --model 'BP-c50 flatten relu; BP-c10' --model-name BP {line} --beside ph/Soft/FashionMini_1-50-FashionMini_5-seed0"
        ))
        .succeeds();
    let bp = common::Table::read(&place.path("ph/BP/FashionMini_1-50-FashionMini_5-seed0-simultaneous/post-hoc.csv"));
    let loss: Vec<f64> = bp.numbers("loss").into_iter().flatten().collect();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(mean(&loss[90..]) < 0.7 * mean(&loss[..10]), "backpropagation lowers its own loss: {loss:?}");
    assert!(done.stdout.contains("pictures/post-hoc.svg"), "{}", done.stdout);
    place.softhebb(&format!("post-hoc --preset 4SoftHebbCnnCIFAR {line}")).fails(2, &["one layer and its classifier"]);
    place.softhebb(&format!("{soft} --beside nowhere")).fails(2, &["no curve of a post-hoc run in nowhere"]);
}

/// Small networks, few images.
const ROBUST: &str = "robustness --dataset FashionMini --units 100 --epochs 1 --limit 100 --steps 5 --noise 0,0.5 --l2 0,2 --linf 0,0.1 --threads 1";

#[test]
fn robustness_leaves_a_run_that_goes_on_and_is_not_overwritten() {
    let place = Place::new();
    fs::create_dir(place.path("results")).unwrap();
    fs::write(place.path("results/robustness-FashionMini.csv"), "earlier").unwrap();
    let done = place.softhebb(ROBUST).succeeds();
    assert_eq!(fs::read_to_string(place.path("results/robustness-FashionMini.csv")).unwrap(), "earlier");
    let folder = place.path("results/runs/robustness/FashionMini-c100-seed0");
    for file in ["config.json", "provenance.json", "metrics.csv", "table.md", "pictures/robustness.png"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let table = common::Table::read(&folder.join("metrics.csv"));
    // Three networks, two strengths of three attacks, and the transferred one for the two that are not BP.
    assert_eq!(table.rows.len(), 3 * 3 * 2 + 2 * 2);
    let of = |attack: &str, strength: &str| -> Vec<f64> {
        let rows = table.rows.iter().filter(|r| r[2] == attack && r[3] == strength);
        rows.map(|r| r[4].parse().unwrap()).collect()
    };
    let sum = |v: Vec<f64>| v.iter().sum::<f64>();
    assert_eq!(sum(of("noise", "0.0")), sum(of("pgd-l2", "0.0")));
    assert!(sum(of("pgd-linf", "0.1")) < 0.5 * sum(of("pgd-linf", "0.0")), "{table:?}");
    assert!(
        done.stdout.contains("| Gaussian noise, standard deviation | SoftHebb | HardWTA | BP |"),
        "{}",
        done.stdout
    );

    // As if it had been stopped: one network is not there, two rows are not measured.
    let text = fs::read_to_string(folder.join("metrics.csv")).unwrap();
    let some: Vec<&str> = text.lines().take(3).collect();
    fs::write(folder.join("metrics.csv"), some.join("\n")).unwrap();
    let network = |name: &str| folder.join(format!("networks/{name}-seed0/checkpoint.safetensors"));
    let bytes = ["SoftHebb", "HardWTA", "BP"].map(|name| fs::read(network(name)).unwrap());
    fs::remove_dir_all(folder.join("networks/BP-seed0")).unwrap();
    fs::remove_file(folder.join("pictures/robustness.png")).unwrap();
    let again = place.softhebb(&format!("{ROBUST} --resume all")).succeeds();
    assert_eq!(again.stderr.matches("test accuracy").count() + again.stdout.matches("test accuracy ").count(), 1);
    assert!(fs::read_to_string(folder.join("metrics.csv")).unwrap() == text, "the same rows");
    for (name, bytes) in ["SoftHebb", "HardWTA", "BP"].into_iter().zip(bytes) {
        let tensors = |bytes: &[u8]| common::Tensors::parse(bytes).unwrap().tensors;
        assert!(tensors(&fs::read(network(name)).unwrap()) == tensors(&bytes), "{name}");
    }
    assert!(folder.join("pictures/robustness.png").is_file());
    let other =
        place.softhebb("robustness --resume all --run-dir results/runs/robustness/FashionMini-c100-seed0 --steps 6");
    other.fails(2, &["has another plan", "steps: 5 there, 6 asked for", "hint: `softhebb robustness --resume all"]);

    // A second one has a folder of its own; runs can be named, and nothing saved.
    let soft = "results/runs/robustness/FashionMini-c100-seed0/networks/SoftHebb-seed0";
    let few = format!("robustness {soft} {soft} --limit 20 --noise 0 --l2 0 --linf 0 --threads 1");
    let done = place.softhebb(&format!("{few} --no-save")).succeeds();
    assert!(done.stdout.contains("| SoftHebb | SoftHebb (2) |"), "{}", done.stdout);
    assert!(!place.path("results/runs/robustness/FashionMini-seed0").exists());
    for name in ["mine", "mine-2"] {
        place.softhebb(&format!("{few} --name mine -q")).succeeds();
        assert!(place.path(&format!("results/runs/robustness/{name}/table.md")).is_file(), "{name}");
    }
    let done = place.softhebb("plot filters results/runs/robustness/mine");
    done.fails(2, &["was left by `softhebb robustness`", "the folder of a `softhebb run` is wanted"]);
}

#[test]
fn robustness_says_what_is_wrong_before_it_begins() {
    let place = Place::new();
    for (line, code, parts) in [
        ("--l2=-1 --dataset FashionMini", 2, &["-1 is below 0", "at least 0", "--l2"][..]),
        ("--noise a,b", 2, &["`a` is no number; a list is written as 0,0.1,0.2"]),
        ("--noise '0 0.1'", 2, &["`0 0.1` is no number"]),
        ("--linf ''", 2, &["`` is no number"]),
        ("--limit 0", 2, &["a whole number from 1 is expected"]),
        ("--images x", 2, &["a whole number from 1 is expected"]),
        ("--steps 0", 2, &["a whole number from 1 is expected"]),
        ("--seeds 0", 2, &["--num-seeds"]),
        ("--epochs 0", 2, &["--epochs"]),
        ("--units 0", 2, &["--units"]),
        ("--name ../x", 2, &["a name of one folder is expected"]),
        ("--dataset CIFAR10", 2, &["--dataset is CIFAR10", "MNIST, FashionMNIST, FashionMini", "hint: "]),
        ("--threads 99999999", 2, &["a whole number from 0 (all cores) to 4096 is expected"]),
        ("--json", 2, &["--dry-run"]),
        ("--resume all", 2, &["there is no run to go on with", "hint: "]),
        ("--run-dir x", 2, &["--resume"]),
        ("--device tpu", 2, &["unknown device `tpu`"]),
        ("--out x", 2, &["--out"]),
        ("nowhere", 1, &["cannot read nowhere/config.json", "hint: "]),
        (
            "--dataset MNIST",
            1,
            &["MNIST was not found", "data fetch MNIST", "softhebb robustness --dataset FashionMini"],
        ),
    ] {
        let done = place.softhebb(&format!("robustness {line}")).fails(code, parts);
        assert!(!done.stderr.contains("softhebb run "), "{line}: {}", done.stderr);
    }
    let done = place.softhebb("post-hoc --model 'Soft-c10; BP-c10' --dataset MNIST");
    done.fails(1, &["MNIST was not found", "softhebb post-hoc --model 'Soft-c10; BP-c10' --dataset FashionMini"]);
    assert!(!place.path("results").exists(), "nothing is left behind");
    // What the help shows can be typed.
    let help = place.softhebb("robustness --help").succeeds().stdout;
    let shown =
        help.split("--noise <LIST>").nth(1).unwrap().split("[default: ").nth(1).unwrap().split(']').next().unwrap();
    let shown = shown.split_whitespace().collect::<String>();
    let plan = place.softhebb(&format!("robustness --noise {shown} --dry-run --json")).succeeds();
    assert_eq!(common::json(&plan.stdout)["noise"].as_array().unwrap().len(), 8);
    let text = place.softhebb("robustness --dry-run").succeeds().stdout;
    assert!(text.lines().any(|line| line.split_whitespace().eq(["limit", "1000"])), "{text}");
    assert!(text.contains("below results/runs/robustness"), "{text}");
}
