#!/usr/bin/env python3
"""Measures presets with `softhebb bench` and writes the table of what was reached.

usage: bench_table.py OUT [--repeats N] [--binary PATH]     writes OUT.md and OUT.csv; needs nothing but Python 3.9

Widths, batch sizes and precisions of the three-layer CIFAR-10 network, each measured against the machine's own large
product of matrices in the same process. Let nothing else run meanwhile.
"""
import argparse
import csv
import datetime
import json
import pathlib
import platform
import re
import subprocess

WIDTHS = ["_quarterNeurons", "_halfNeurons", "", "_doubleNeurons"]
CASES = [(f"4SoftHebbCnnCIFAR{w}", 10, "float32") for w in WIDTHS]
CASES += [("4SoftHebbCnnCIFAR", b, "float32") for b in (1, 50, 100)]
CASES += [("4SoftHebbCnnCIFAR", 10, "bf16")]
FIELDS = ["preset", "batch", "precision", "sgemm GFLOP/s", "step ms", "step min to max", "step images/s",
          "step GFLOP/s", "step share %", "its products alone ms", "features images/s", "features share %", "classifier images/s", "peak memory MiB"]


def measure(binary, preset, batch, precision, repeats):
    command = [binary, "bench", "--preset", preset, "--precision", precision, "--repeats", str(repeats), "--json",
               "--set", f"dataset_unsup.batch_size={batch}"]
    # The largest resident size of the child, as /usr/bin/time would give it.
    run = subprocess.run(["python3", "-c", "import resource,subprocess,sys;"
                          "r=subprocess.run(sys.argv[1:],stdout=subprocess.PIPE,check=True);"
                          "sys.stdout.buffer.write(r.stdout);"
                          "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,file=sys.stderr)", *command],
                         capture_output=True, text=True, check=True)
    r = json.loads(run.stdout)
    step, features, classifier = r["step"], r["features"], r["classifier"]
    t = step["times"]
    # The same matrices multiplied by libtorch's own product: what the shapes allow.
    alone = sum(p["times"]["median"] for p in r["machine"]["products"][1:])
    return {
        "preset": preset, "batch": batch, "precision": precision,
        "sgemm GFLOP/s": f"{r['machine']['sgemm_gflops']:.0f}",
        "step ms": f"{t['median'] * 1e3:.1f}", "step min to max": f"{t['min'] * 1e3:.1f} to {t['max'] * 1e3:.1f}",
        "step images/s": f"{step['images_per_second']:.0f}", "step GFLOP/s": f"{step['gflops']:.0f}",
        "step share %": f"{100 * step['share']:.0f}",
        "its products alone ms": f"{alone * 1e3:.1f}" if precision == "float32" else "",
        "features images/s": f"{features['images_per_second']:.0f}", "features share %": f"{100 * features['share']:.0f}",
        "classifier images/s": f"{classifier['images_per_second']:.0f}" if classifier else "",
        "peak memory MiB": f"{int(run.stderr.split()[-1]) / 1024:.0f}",
    }


def main():
    args = argparse.ArgumentParser()
    args.add_argument("out", type=pathlib.Path)
    args.add_argument("--repeats", type=int, default=9)
    args.add_argument("--binary", default="target/release/softhebb")
    args = args.parse_args()
    rows = []
    for case in CASES:
        rows.append(measure(args.binary, *case, args.repeats))
        print(rows[-1], flush=True)
    with open(args.out.with_suffix(".csv"), "w", newline="") as f:
        writer = csv.DictWriter(f, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True).stdout.strip()
    head = [f"`python3 scripts/bench_table.py {args.out} --repeats {args.repeats}`, commit {commit}, "
            f"{datetime.date.today()}, {cpu.group(1) if cpu else platform.machine()}. Medians; shares are of the machine's "
            "own large float32 product, measured in the same process.", "",
            "| " + " | ".join(FIELDS) + " |", "|" + "---|" * len(FIELDS)]
    lines = head + ["| " + " | ".join(str(r[k]) for k in FIELDS) + " |" for r in rows]
    args.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
