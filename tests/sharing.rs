//! Promise: the program shares the machine. Its threads do not spin for long while they wait, unless somebody chose so, and
//! without `--threads` there are as many as the cores that it may use.

#![cfg(target_os = "linux")]

mod common;

use std::process::Command;

use common::Place;

/// What libgomp says of its settings when it is loaded.
fn settings(place: &Place, environment: &[(&str, &str)]) -> String {
    let mut command = place.command("show");
    for name in ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"] {
        command.env_remove(name);
    }
    let out = command.env("OMP_DISPLAY_ENV", "verbose").envs(environment.iter().copied()).output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stderr).unwrap()
}

#[test]
fn threads_that_wait_sleep_soon_unless_somebody_chose() {
    let place = Place::new();
    let spins = "GOMP_SPINCOUNT = '2000'";
    assert!(settings(&place, &[]).contains(spins));
    for chosen in [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "passive")] {
        assert!(!settings(&place, &[chosen]).contains(spins), "{chosen:?}");
    }
}

#[test]
fn arguments_and_environment_arrive_as_they_were_given() {
    let place = Place::new();
    let mut command = place.command("run --model 'BP-c10 flatten' --dataset FashionMini --dry-run");
    let out = command.env_remove("GOMP_SPINCOUNT").env("SOFTHEBB_DATA", "a b").output().unwrap();
    assert!(out.status.success() && String::from_utf8_lossy(&out.stdout).contains("BP-c10"), "{out:?}");
    let out = place.command("data list").env_remove("GOMP_SPINCOUNT").env("SOFTHEBB_DATA", "a b").output().unwrap();
    assert!(String::from_utf8_lossy(&out.stdout).contains("a b"), "{out:?}");
}

#[test]
fn the_cores_of_the_affinity_mask_are_the_threads() {
    let place = Place::new();
    let line = "run --model 'BP-c10 flatten' --dataset FashionMini --set dataset_sup.nb_epoch=1 --device cpu";
    let program = place.command(line);
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program.get_program()).args(program.get_args()).current_dir(place.path(""));
    let Ok(out) = command.env("HOME", place.path("home")).output() else {
        println!("skipped: there is no taskset");
        return;
    };
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("cpu, 1 thread"), "{said}");
}
