//! Promise: what makes a run faster or smaller changes nothing but that.

mod common;

use common::{Place, SMALL, json};

/// Convolutions of both kinds of stored outputs: one that a convolution reads, one that is flattened.
const MODEL: &str = "--model 'Soft-c8-k5-s2 batchnorm2d triangle_0.7 max_2_2_0; SoftKrotov-c12-k3 batchnorm2d relu; \
                     BP-c10 flatten dropout_0.5'";

#[test]
fn bf16_learns_what_float32_learns() {
    let line =
        format!("{MODEL} {SMALL} --set dataset_unsup.training_sample=1000 --set dataset_sup.training_sample=1000");
    let (here, there) = (Place::new(), Place::new());
    let (single, half) = (here.run(&line), there.run(&format!("{line} --precision bf16")));
    let (a, b) = (single.done.accuracy(), half.done.accuracy());
    assert!((a - b).abs() <= 8.0, "float32 {a} %, bf16 {b} % of 200 images"); // one image is half a point
    assert_ne!(single.checkpoint(), half.checkpoint(), "something was rounded");
}

#[test]
fn tf32_is_for_gpus() {
    let place = Place::new();
    place.softhebb(&format!("run {MODEL} {SMALL} --precision tf32")).fails(2, &["tf32 is for NVIDIA GPUs", "bf16"]);
}

#[test]
fn bench_measures_every_part() {
    let place = Place::new();
    let line = "bench --preset 4SoftHebbCnnCIFAR_quarterNeurons --repeats 1 --threads 1 --device cpu --json";
    let report = json(&place.softhebb(line).succeeds().stdout);
    let positive = |path: &str| assert!(report.pointer(path).unwrap().as_f64().unwrap() > 0.0, "{path}");
    for path in [
        "/machine/sgemm_gflops",
        "/machine/bandwidth_gb",
        "/step/share",
        "/features/share",
        "/classifier/images_per_second",
    ] {
        positive(path);
    }
    // 2·(24·75·1024 + 96·216·256 + 384·864·64) operations forward, as many for the update, 10 images.
    assert_eq!(
        report["step"]["flop"].as_f64().unwrap(),
        10.0 * 2.0 * 2.0 * (1_843_200 + 5_308_416 + 21_233_664) as f64
    );
    let parts: Vec<&str> = report["parts"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(parts.iter().filter(|name| **name == "competition").count(), 3, "{parts:?}");
    place.softhebb("bench --preset 4SoftHebCnnCIFAR").fails(2, &["did you mean", "4SoftHebbCnnCIFAR"]);
}
