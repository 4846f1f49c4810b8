//! What a run leaves reads back by those it was written for: tensorboard itself, a CSV reader, a PNG reader, a person.

mod common;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use softhebb::files::RunDir;
use softhebb::report::{
    BlockStats, Console, Event, Hub, LogFile, Metrics, MetricsTable, PhaseInfo, PhaseKind, Picture, PictureFiles,
    Recorder, Subscriber, Tensorboard, Verbosity, closing,
};

use common::read_events;

fn config() -> Value {
    json!({
        "preset": "2SoftMlp", "seed": 3, "save": true, "shape": [1, 28, 28], "nothing": null,
        "network": {"blocks": [{"layer": {"lr": 0.08, "method": "Soft"}}]},
    })
}

fn start(resumed_at: u64) -> Event {
    Event::RunStarted { title: "2SoftMlp · seed 3".into(), config: config(), folder: None, resumed_at }
}

fn phase() -> Event {
    Event::PhaseStarted(PhaseInfo {
        index: 0,
        count: 1,
        kind: PhaseKind::Unsupervised,
        blocks: vec![0],
        epochs: 4,
        images: 1000,
        batch_size: 10,
    })
}

/// An epoch with its report; `run` tells the values of two runs apart.
fn epoch(step: u64, run: f64) -> Vec<Event> {
    let block = BlockStats { block: 0, lr: 0.5, convergence: f64::NAN, r1: 7, radius_mean: 13.5, ..Default::default() };
    let metrics = Metrics {
        epoch: step,
        global_step: step,
        seconds: step as f64,
        images_per_second: 1000.0,
        lr: 0.25,
        train_loss: Some(0.5),
        test_acc: Some(run + step as f64),
        blocks: vec![block],
        ..Default::default()
    };
    // Red, green, blue, three times as wide as high.
    let picture = Picture { width: 3, height: 1, rgb: vec![255, 0, 0, 0, 255, 0, 0, 0, 255] };
    vec![
        Event::Progress { epoch: step, images: 1000 },
        Event::Report(Box::new(metrics)),
        Event::Image { tag: "filters/b0".into(), global_step: step, picture },
    ]
}

fn finished(interrupted: bool) -> Vec<Event> {
    vec![
        Event::PhaseFinished { index: 0, seconds: 4.0 },
        Event::RunFinished { test_acc: Some(54.0), test_loss: None, seconds: 4.0, interrupted },
    ]
}

/// All file subscribers of a run, as the program puts them together.
fn hub(dir: &RunDir) -> Hub {
    let mut hub = Hub::new();
    hub.add(LogFile::new(dir, closing(dir, &[], "softhebb run --resume all")))
        .add(MetricsTable::new(dir, &[0]))
        .add(Tensorboard::new(dir))
        .add(PictureFiles::new(dir));
    hub
}

fn send(hub: &mut Hub, events: impl IntoIterator<Item = Event>) {
    events.into_iter().for_each(|event| hub.send(event).unwrap());
}

#[test]
fn tensorboard_reads_scalars_images_text_and_hparams() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path().join("run"));
    let mut hub = hub(&dir);
    send(&mut hub, [start(0), phase()].into_iter().chain(epoch(1, 50.0)).chain(epoch(2, 50.0)).chain(finished(false)));
    hub.close().unwrap();
    let Some(found) = read_events(&dir) else { return };
    for (tag, values) in [
        ("loss/train", ["0.5", "0.5"]),
        ("accuracy/test", ["51.0", "52.0"]),
        ("convergence", ["nan", "nan"]),
        ("lr", ["0.25", "0.25"]),
        ("speed/images_per_second", ["1000.0", "1000.0"]),
        ("radius/b0", ["13.5", "13.5"]),
        ("convergence/b0", ["nan", "nan"]),
        ("R1/b0", ["7.0", "7.0"]),
        ("lr/b0", ["0.5", "0.5"]),
    ] {
        assert_eq!(found["scalars"][tag], json!([[1, values[0]], [2, values[1]]]), "{tag}");
    }
    assert_eq!(found["scalars"]["R1"], found["scalars"]["R1/b0"], "block 0 is the one that learns");
    assert_eq!(found["scalars"].as_object().unwrap().len(), 10, "what was not measured is absent");
    let image =
        json!({"told": [3, 1], "size": [3, 1], "first_row": [[255, 0, 0], [0, 255, 0], [0, 0, 255]], "step": 2});
    assert_eq!(found["images"]["filters/b0"][1], image);
    let text = found["texts"]["config"].as_str().unwrap();
    assert!(text.starts_with("2SoftMlp · seed 3") && text.contains("\"lr\": 0.08"), "{text}");

    let hparams = &found["hparams"];
    assert_eq!(
        hparams["metrics"],
        json!(["loss/train", "accuracy/train", "loss/test", "accuracy/test", "convergence", "R1"])
    );
    assert_eq!(hparams["columns"]["network.blocks.0.layer.lr"], "DATA_TYPE_FLOAT64");
    assert_eq!(hparams["columns"]["save"], "DATA_TYPE_BOOL");
    let group = &hparams["groups"][0];
    let expected = json!({
        "preset": "2SoftMlp", "seed": 3.0, "save": true, "shape": "[1,28,28]",
        "network.blocks.0.layer.lr": 0.08, "network.blocks.0.layer.method": "Soft",
    });
    assert_eq!(group["hparams"], expected);
    assert_eq!((&group["metrics"]["accuracy/test"], &group["status"][0]), (&json!(52.0), &json!("STATUS_SUCCESS")));

    // A new run in the same folder begins anew.
    let mut again = self::hub(&dir);
    send(&mut again, [start(0), phase()].into_iter().chain(epoch(1, 60.0)));
    drop(again);
    assert_eq!(read_events(&dir).unwrap()["scalars"]["accuracy/test"], json!([[1, "61.0"]]));
}

#[test]
fn a_killed_run_leaves_readable_events_and_its_resumption_wins() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    let mut killed = hub(&dir);
    send(&mut killed, [start(0), phase()].into_iter().chain((1..=3).flat_map(|step| epoch(step, 50.0))));
    // Never closed, never dropped; and the last record is cut, as a kill in the middle of a write may leave it.
    std::mem::forget(killed);
    let file = std::fs::read_dir(dir.events()).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 5]).unwrap();
    let test_acc = |found: &Value| found["scalars"]["accuracy/test"].clone();
    let Some(found) = read_events(&dir) else { return };
    assert_eq!(test_acc(&found), json!([[1, "51.0"], [2, "52.0"], [3, "53.0"]]));
    assert_eq!(found["images"]["filters/b0"].as_array().unwrap().len(), 2, "the cut one is missing");

    // Epoch 3 was not saved: it is done again, with other numbers; then the user stops, and goes on once more.
    let mut resumed = hub(&dir);
    send(&mut resumed, [start(2), phase()].into_iter().chain(epoch(3, 60.0)).chain(finished(true)));
    resumed.close().unwrap();
    let found = read_events(&dir).unwrap();
    assert_eq!(test_acc(&found), json!([[1, "51.0"], [2, "52.0"], [3, "63.0"]]));
    assert_ne!(found["hparams"]["groups"][0]["status"][0], "STATUS_SUCCESS");

    let mut resumed = hub(&dir);
    send(&mut resumed, [start(3), phase()].into_iter().chain(epoch(4, 70.0)).chain(finished(false)));
    resumed.close().unwrap();
    let found = read_events(&dir).unwrap();
    assert_eq!(test_acc(&found), json!([[1, "51.0"], [2, "52.0"], [3, "63.0"], [4, "74.0"]]));
    assert_eq!(found["hparams"]["groups"][0]["status"], json!(["STATUS_SUCCESS"]));
    assert_eq!(found["hparams"]["groups"][0]["metrics"]["accuracy/test"], 74.0);
}

#[test]
fn recorded_steps_are_curves_of_their_own_without_doubled_points() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    let record = |step, x| Event::Record { step, values: vec![("phase", 1.0), ("convergence", x)] };
    let tell = |done: u64, events: Vec<Event>| {
        let mut tensorboard = Tensorboard::new(&dir).with_steps(done);
        events.iter().for_each(|event| tensorboard.on(event).unwrap());
        std::mem::forget(tensorboard); // killed
        Some(read_events(&dir)?["steps"].clone())
    };
    let Some(found) = tell(0, vec![start(0), record(10, 1.0), record(20, 2.0), record(30, 3.0)]) else { return };
    assert_eq!(found, json!({"step/convergence": [[10, "1.0"], [20, "2.0"], [30, "3.0"]]}));
    // Saved after step 25, within the first epoch; the other curves count epochs.
    let found = tell(25, vec![start(0), record(30, 9.0), record(40, 4.0)]).unwrap();
    assert_eq!(found, json!({"step/convergence": [[10, "1.0"], [20, "2.0"], [30, "9.0"], [40, "4.0"]]}));
    let found = tell(40, vec![start(2), record(50, 5.0)]).unwrap();
    assert_eq!(found["step/convergence"].as_array().unwrap().len(), 5);
    let found = tell(0, vec![start(0), record(10, 7.0)]).unwrap();
    assert_eq!(found, json!({"step/convergence": [[10, "7.0"]]}), "a new run begins anew");
}

#[test]
fn the_other_files_of_a_run_tell_the_same_story() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    let mut first = hub(&dir);
    send(&mut first, [start(0), phase()].into_iter().chain((1..=3).flat_map(|step| epoch(step, 50.0))));
    drop(first);
    let mut resumed = hub(&dir);
    send(&mut resumed, [start(2), phase()].into_iter().chain(epoch(3, 60.0)).chain(finished(false)));
    resumed.close().unwrap();

    let mut table = csv::Reader::from_path(dir.metrics()).unwrap();
    let names = table.headers().unwrap().clone();
    let column = |row: &csv::StringRecord, name: &str| row[names.iter().position(|n| n == name).unwrap()].to_string();
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    let of = |name: &str| rows.iter().map(|row| column(row, name)).collect::<Vec<_>>();
    assert_eq!(of("test_acc"), ["51", "52", "63"]);
    assert_eq!(of("test_loss"), ["", "", ""]);
    assert_eq!(of("convergence"), ["NaN", "NaN", "NaN"]);
    assert_eq!(of("b0_radius_mean"), ["13.5", "13.5", "13.5"]);
    assert_eq!(of("kind"), ["unsupervised"; 3]);

    let log = std::fs::read_to_string(dir.log()).unwrap();
    for line in [
        "phase 1/1: Hebbian, block 0, 4 epochs of 1,000 images\n",
        "  epoch 3/4: loss 0.5000, test 53.00 %, convergence NaN, R1 7, lr 0.25, 1.00 k images/s, at 3.0 s\n",
        "goes on after 2 finished epochs\n",
        "    block 0: lr 0.5, convergence NaN, R1 7, radius 13.5 ± 0",
        "test accuracy 54.00 %, in 4.0 s\n",
        "tensorboard --logdir",
    ] {
        assert!(log.contains(line), "{line:?} is not in\n{log}");
    }

    let picture = std::fs::File::open(folder.path().join("pictures/filters-b0.png")).unwrap();
    let reader = png::Decoder::new(std::io::BufReader::new(picture)).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (3, 1));
}

#[test]
fn a_file_that_cannot_be_written_stops_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    std::fs::write(dir.events(), "a file where the folder should be").unwrap();
    let (recorder, text) = (Recorder::new(), Arc::new(Mutex::new(Vec::new())));
    let mut hub = hub(&dir);
    hub.add(recorder.clone()).add(Console::new(
        Verbosity::Normal,
        closing(&dir, &[], "softhebb run --resume all"),
        Box::new(Page(text.clone())),
        Box::new(Page(text.clone())),
        false,
    ));
    let error = hub.send(start(0)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot write {}: ", dir.events().display())), "{error}");
    let rest: Vec<_> = [phase()].into_iter().chain(epoch(1, 50.0)).chain(finished(false)).collect();
    let count = rest.len();
    send(&mut hub, rest);
    hub.close().unwrap();
    assert_eq!(recorder.events().len(), count + 1);
    assert_eq!(std::fs::read_to_string(dir.metrics()).unwrap().lines().count(), 2);
    let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
    assert!(text.contains("test accuracy 54.00 %") && text.contains("metrics.csv"), "{text}");
}

/// A writer whose text can be read afterwards.
struct Page(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
