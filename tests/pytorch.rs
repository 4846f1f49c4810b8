//! Promise: a checkpoint becomes a state dict that PyTorch loads strictly and that classifies there as it does here, and comes back as the same file,
//! byte for byte.
//!
//! Needs a python with torch: `SOFTHEBB_TORCH_PYTHON` names it. `make test` makes one of the libtorch that it set up
//! (scripts/cpu_pytorch.py).

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{Place, json};
use softhebb::data::{DataDirs, load};

/// A python that imports torch; `None`, with a printed line, if there is none; with `SOFTHEBB_REQUIRE_TORCH=1` that is a failure.
fn torch_python() -> Option<PathBuf> {
    let own = std::env::var_os("SOFTHEBB_TORCH_PYTHON").filter(|name| !name.is_empty()).map(PathBuf::from);
    let usual = std::env::var_os("SOFTHEBB_PYTHON").map(PathBuf::from);
    let imports = |p: &PathBuf| Command::new(p).args(["-c", "import torch"]).output().is_ok_and(|o| o.status.success());
    let found = [own.clone(), usual].into_iter().flatten().find(imports);
    assert!(own.is_none() || found.is_some(), "SOFTHEBB_TORCH_PYTHON cannot import torch");
    if found.is_none() {
        let required = std::env::var("SOFTHEBB_REQUIRE_TORCH").is_ok_and(|value| value == "1");
        assert!(!required, "no python with torch: scripts/cpu_pytorch.py .libtorch OUT says why it made none");
        println!("skipped: no python with torch (SOFTHEBB_TORCH_PYTHON names one; scripts/requirements-torch.txt)");
    }
    found
}

fn script(python: &Path, name: &str, words: &[&Path]) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    Command::new(python).arg(path).args(words).output().unwrap()
}

fn text(out: &Output) -> String {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn a_checkpoint_crosses_over_and_back() {
    let Some(python) = torch_python() else { return };
    let place = Place::new();
    let run = place.run(
        "--model 'SoftKrotov-c8-k5-p2 batchnorm2d relu max_4_2_1; BP-c10' --dataset FashionMini \
         --set dataset_sup.nb_epoch=3 --threads 1",
    );
    let (checkpoint, state, back) = (run.dir.checkpoint(), place.path("state.pth"), place.path("back.safetensors"));
    text(&script(&python, "scripts/to_pytorch.py", &[&checkpoint, &state]));

    let test = load("FashionMini", "", &DataDirs::only(place.path("data"))).unwrap().test;
    let images = place.path("images.json");
    std::fs::write(&images, serde_json::json!({"pixels": test.pixels, "labels": test.labels}).to_string()).unwrap();
    let theirs = json(&text(&script(&python, "tests/pytorch_state.py", &[&state, &images])));
    let accuracy = theirs["accuracy"].as_f64().unwrap();
    assert!((accuracy - run.done.accuracy()).abs() < 0.11, "{accuracy} there, {} here", run.done.accuracy());
    assert_eq!(theirs["tensors"][0], "blocks.0.operations.0.running_mean");

    text(&script(&python, "scripts/from_pytorch.py", &[&state, &back, Path::new("--plan"), &run.dir.config()]));
    assert!(std::fs::read(&back).unwrap() == run.checkpoint(), "the file that comes back is the same");

    // The published program's whole file, too.
    text(&script(&python, "scripts/to_pytorch.py", &[&checkpoint, &state, Path::new("--published")]));
    text(&script(&python, "scripts/from_pytorch.py", &[&state, &back]));
    assert!(std::fs::read(&back).unwrap() == run.checkpoint());
    // And our program takes what came back.
    std::fs::copy(&back, &checkpoint).unwrap();
    place.softhebb(&format!("plot filters {}", run.dir.root().display())).succeeds();
}

#[test]
fn a_state_of_another_network_is_refused_with_its_names() {
    let Some(python) = torch_python() else { return };
    let place = Place::new();
    let run = |model: &str| {
        place.run(&format!("--model '{model}' --dataset FashionMini --set dataset_unsup.training_sample=50 --set dataset_sup.training_sample=50 --set dataset_sup.nb_epoch=1 --threads 1"))
    };
    let (one, other) = (run("Soft-c8-k5-p2; BP-c10"), run("Soft-c9-k5-p2; BP-c10"));
    let (state, back) = (place.path("state.pth"), place.path("back.safetensors"));
    text(&script(&python, "scripts/to_pytorch.py", &[&one.dir.checkpoint(), &state]));
    let out = script(&python, "scripts/from_pytorch.py", &[&state, &back, Path::new("--plan"), &other.dir.config()]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        !out.status.success() && said.contains("blocks.0.layer.weight: (8, 1, 5, 5), the network's is (9, 1, 5, 5)"),
        "{said}"
    );
    assert!(!back.exists());
    std::fs::write(&state, "no tensors").unwrap();
    assert!(!script(&python, "scripts/to_pytorch.py", &[&state, &back]).status.success());
}
