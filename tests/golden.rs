//! Promise: `softhebb verify` reproduces every recorded run of the published program, finds a single wrong number, and says
//! what is wrong with a file that it cannot use, without leaving out the others.
//!
//! Without the recordings (a folder `shared` beside the checkout, or `SOFTHEBB_SHARED`) these tests print a line and pass.

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Place, Tensors, has_cuda, json, shared};

/// The recordings that can be recomputed on every device: of layers, networks and encoders.
fn recordings() -> Option<Vec<PathBuf>> {
    let recorded = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.ends_with(".safetensors")
            && ["conv-", "linear-", "net-", "encoder"].iter().any(|kind| name.starts_with(kind))
    };
    let mut files: Vec<_> = fs::read_dir(shared()?.join("golden")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(recorded);
    files.sort();
    assert!(!files.is_empty(), "the folder has no recordings");
    Some(files)
}

/// A recording, changed, under another name; `None` if there are no recordings.
fn changed(place: &Place, from: &str, to: &str, change: impl FnOnce(&mut Tensors)) -> Option<PathBuf> {
    let mut recording = Tensors::read(&shared()?.join("golden").join(format!("{from}.safetensors")));
    change(&mut recording);
    let path = place.path(to);
    recording.write(&path);
    Some(path)
}

fn line(files: &[PathBuf]) -> String {
    files.iter().map(|f| format!(" '{}'", f.display())).collect()
}

#[test]
fn every_recording_is_reproduced_on_every_device() {
    let Some(files) = recordings() else { return };
    let place = Place::new();
    let devices = if has_cuda(&place) { vec!["cpu", "cuda"] } else { vec!["cpu"] };
    for device in devices {
        let done = place.softhebb(&format!("verify --threads 1 --device {device}{}", line(&files))).succeeds();
        assert_eq!(done.stdout.lines().count(), files.len(), "a line a file: {}", done.stdout);
        for (said, file) in done.stdout.lines().zip(&files) {
            assert!(said.starts_with("ok ") && said.contains(file.to_str().unwrap()), "{said}");
        }
        println!("{} recordings verified on {device}", files.len());
    }
}

#[test]
fn machines_read_the_same_verdicts() {
    let Some(files) = recordings() else { return };
    let done = Place::new().softhebb(&format!("verify --threads 1 --json{}", line(&files))).succeeds();
    let reports = json(&done.stdout);
    let reports = reports.as_array().unwrap();
    assert_eq!(reports.len(), files.len());
    for (report, file) in reports.iter().zip(&files) {
        assert_eq!((report["ok"].as_bool(), report["file"].as_str()), (Some(true), file.to_str()), "{report}");
        assert!(report["worst"].as_f64().unwrap() <= 1.0 && report["tensors"].as_u64().unwrap() > 4, "{report}");
    }
}

#[test]
fn one_wrong_number_is_found_and_its_tensor_named() {
    const TABLE: [(&str, &str); 7] = [
        ("conv-softkrotov", "weight.1"),
        ("conv-soft", "wta.2"),
        ("conv-hard-groups", "lr.0"),
        ("linear-soft-bias", "bias.2"),
        ("net-softhebb3-successive", "final.blocks.1.operations.0.running_var"),
        ("net-train-supervised", "loss"),
        ("encoder", "lateral1.2"),
    ];
    let place = Place::new();
    // Changes the first number of each tensor by a share of its largest.
    let by = |share: f32| -> Option<Vec<PathBuf>> {
        let change = |recording: &mut Tensors, name: &str| {
            let tensor = recording.get(name);
            let largest = tensor.values().into_iter().fold(0.0, |a: f32, b| a.max(b.abs()));
            tensor.add(0, share * largest);
        };
        TABLE.iter().map(|(from, tensor)| changed(&place, from, from, |r| change(r, tensor))).collect()
    };
    // A twentieth of what is tolerated at the least; then a hundred times what is tolerated at the most.
    let Some(files) = by(5e-7) else { return };
    place.softhebb(&format!("verify --threads 1{}", line(&files))).succeeds();
    by(1e-2);
    let done = place.softhebb(&format!("verify --threads 1{}", line(&files)));
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""), "{done:#?}");
    let reports = json(&place.softhebb(&format!("verify --threads 1 --json{}", line(&files))).stdout);
    for (i, (said, (_, tensor))) in done.stdout.lines().zip(TABLE).enumerate() {
        assert!(said.starts_with("WRONG ") && said.contains(&format!("in {tensor})")), "{said}");
        assert_eq!((&reports[i]["ok"], &reports[i]["worst_tensor"]), (&false.into(), &tensor.into()));
    }
}

#[test]
fn a_number_that_is_none_is_wrong() {
    let place = Place::new();
    let with = |name, value| changed(&place, "linear-soft", name, |r| r.get("weight.2").add(3, value));
    let (Some(nan), Some(infinite)) = (with("nan", f32::NAN), with("infinite", f32::INFINITY)) else { return };
    let files = line(&[nan, infinite]);
    let done = place.softhebb(&format!("verify --threads 1{files}"));
    assert_eq!(done.code, Some(1));
    for said in done.stdout.lines() {
        assert!(said.starts_with("WRONG ") && said.contains("in weight.2)"), "{said}");
    }
    let reports = json(&place.softhebb(&format!("verify --threads 1 --json{files}")).stdout);
    assert_eq!((&reports[0]["ok"], &reports[1]["ok"]), (&false.into(), &false.into()));
}

#[test]
fn a_file_that_cannot_be_used_says_why_and_costs_the_others_nothing() {
    let place = Place::new();
    let Some(good) = changed(&place, "linear-hard", "good", |_| ()) else { return };
    let whole = fs::read(&good).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(place.path(name), bytes).unwrap();
    write("truncated", &whole[..whole.len() - 10]);
    write("short", &whole[..100]);
    write("empty", b"");
    write("text", b"# Golden runs\n\nRecorded runs of the published programs");
    let lacking = |name: &str, change: &dyn Fn(&mut Tensors)| drop(changed(&place, "linear-hard", name, change));
    lacking("no-input", &|r| drop(r.tensors.remove("x.1")));
    lacking("no-kind", &|r| drop(r.metadata.remove("kind")));
    lacking("other-kind", &|r| drop(r.metadata.insert("kind".into(), "sonata".into())));
    lacking("steps", &|r| drop(r.metadata.insert("steps".into(), "x".into())));
    lacking("block", &|r| drop(r.metadata.insert("block".into(), "Sotf-c3".into())));
    lacking("shape", &|r| r.get("x.0").shape = vec![1, r.get("x.0").data.len() / 4]);
    let table = [
        ("truncated", "not a whole safetensors file"),
        ("short", "not a whole safetensors file"),
        ("empty", "not a whole safetensors file"),
        ("text", "not a whole safetensors file"),
        ("missing", "No such file"),
        ("home", "s a directory"),
        ("no-input", "tensor x.1 is missing"),
        ("no-kind", "metadata has no `kind`"),
        ("other-kind", "kind is `sonata`"),
        ("steps", "metadata `steps` is `x`"),
        ("block", "unknown method `Sotf`"),
        ("shape", "shape"),
    ];
    // A good one before, between and after the others.
    let names = table.iter().flat_map(|(bad, _)| ["good", bad]).chain(["good"]).collect::<Vec<_>>().join(" ");
    let done = place.softhebb(&format!("verify --threads 1 {names}"));
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""), "{done:#?}");
    assert_eq!(done.stdout.matches("ok    good: ").count(), table.len() + 1, "{}", done.stdout);
    for (bad, why) in table {
        let said = done.stdout.split("ok    good: ").find(|part| part.contains(&format!("{bad}: ")));
        let said = said.and_then(|part| part.split_once('\n')).unwrap_or_else(|| panic!("{bad} is not in {done:#?}")).1;
        assert!(said.starts_with("ERROR ") && said.contains(why), "{why:?} is not in {said}");
    }
    for never in ["panicked", "frame #", "Exception raised"] {
        assert!(!done.stdout.contains(never), "{never} is in {}", done.stdout);
    }
    let reports = json(&place.softhebb(&format!("verify --threads 1 --json {names}")).stdout);
    let reports = reports.as_array().unwrap();
    for (pair, (bad, why)) in reports.chunks(2).zip(table) {
        assert_eq!((&pair[0]["ok"], &pair[1]["ok"]), (&true.into(), &false.into()), "{bad}");
        assert!(pair[1]["error"].as_str().unwrap().contains(why), "{why:?} is not in {}", pair[1]);
    }
}

#[test]
fn no_file_is_wrong_use() {
    Place::new().softhebb("verify").fails(2, &["<FILE>"]);
}
