#!/usr/bin/env python3
"""Measures the spiking network with `softhebb snn bench` and writes the table of its speed.

usage: snn_speed.py OUT --images-file IDX [--repeats N] [--binary PATH] [--python PATH]

Writes OUT.md and OUT.csv. The notebook's network is measured against the dense loop in the same process and against the notebook's equations in
numpy (benches/peers/snn_notebook.py, for which --python names a Python with numpy; IDX is MNIST's file of training images);
the tuned network against the dense loop. Let nothing else run meanwhile.
"""
import argparse
import csv
import datetime
import json
import pathlib
import platform
import re
import shlex
import subprocess

CASES = [("notebook", 256, 64), ("tuned", 256, 64), ("tuned", 1600, 16), ("tuned", 6400, 4)]
FIELDS = ["network", "hidden units", "steps", "input spikes a step", "what", "dense µs", "sparse µs", "dense / sparse", "min to max",
          "numpy µs", "numpy / sparse", "images/s"]


def measure(args, preset, hidden, images):
    command = [args.binary, "snn", "bench", "--dataset", "MNIST", "--preset", preset, "--hidden", str(hidden), "--images", str(images),
               "--repeats", str(args.repeats), "--json"]
    if preset == "notebook":
        peer = [args.python, "benches/peers/snn_notebook.py", "--count", "64", "--images-file", str(args.images_file)]
        command += ["--peer", shlex.join(peer)]
    result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    speed, peer = result["speed"], result["peer"]
    plan = subprocess.run([args.binary, "snn", "train", "--preset", preset, "--dry-run"], capture_output=True, text=True, check=True)
    steps = json.loads(plan.stdout)["constants"]["steps"]
    for what, pair, key in [("training", speed["train"], "train"), ("evaluation", speed["eval"], "eval")]:
        yield {
            "network": preset, "hidden units": hidden, "steps": steps,
            "input spikes a step": f"{speed['spikes_a_step']:.1f}", "what": what,
            "dense µs": f"{pair['dense_us']:.0f}", "sparse µs": f"{pair['sparse_us']:.1f}",
            "dense / sparse": f"{pair['ratio']:.0f}", "min to max": "{:.0f} to {:.0f}".format(*pair["range"]),
            "numpy µs": f"{peer[key + '_us']:.0f}" if peer else "",
            "numpy / sparse": f"{peer[key + '_ratio']:.0f}" if peer else "",
            "images/s": f"{1e6 / pair['sparse_us']:.0f}",
        }


def main():
    args = argparse.ArgumentParser()
    args.add_argument("out", type=pathlib.Path)
    args.add_argument("--images-file", required=True, type=pathlib.Path)
    args.add_argument("--repeats", type=int, default=5)
    args.add_argument("--binary", default="target/release/softhebb")
    args.add_argument("--python", default="python3")
    args = args.parse_args()
    rows = []
    for case in CASES:
        rows += measure(args, *case)
        print(rows[-2:], flush=True)
    with open(args.out.with_suffix(".csv"), "w", newline="") as f:
        writer = csv.DictWriter(f, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True).stdout.strip()
    head = [f"`python3 scripts/snn_speed.py {args.out} --images-file train-images-idx3-ubyte --repeats {args.repeats}`, commit {commit}, "
            f"{datetime.date.today()}, one thread of {cpu.group(1) if cpu else platform.machine()}. Microseconds of processor time an image, spikes drawn "
            "before; medians; ratios are medians over pairs measured one after the other. `dense` is the notebook's loop line by line in Rust, `numpy` the notebook's "
            "equations in numpy, one thread.", "",
            "| " + " | ".join(FIELDS) + " |", "|" + "---|" * len(FIELDS)]
    args.out.with_suffix(".md").write_text("\n".join(head + ["| " + " | ".join(str(r[k]) for k in FIELDS) + " |" for r in rows]) + "\n")


if __name__ == "__main__":
    main()
