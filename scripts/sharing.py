#!/usr/bin/env python3
"""How runs share the machine: a small network alone, beside busy processes, and beside another run.

usage: sharing.py OUT [--repeats 3] [--program target/release/softhebb]      writes OUT.csv and OUT.md; needs nothing but Python 3.9

Each figure is the median over repeats of one run's wall time (of two runs at once: the later one's end). A busy process is a loop in a process of its own.
The fair share of a run with as many threads as cores, beside k busy processes on c cores, is c/(c+k) of the machine; two runs have half each.
Times are given as a ratio to the run alone, of the same threads and the same minute; "spins as libgomp does" sets GOMP_SPINCOUNT to libgomp's own 300,000.
"""
import argparse
import csv
import datetime
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

RUN = "run --preset 2SoftHebbCnnCIFAR --dataset FashionMini --set dataset_sup.nb_epoch=20 --no-save -q".split()
BUSY = [sys.executable, "-c", "while True: pass"]
SPINS = {"as shipped": {}, "spins as libgomp does": {"GOMP_SPINCOUNT": "300000"},
         "sleeps at once": {"OMP_WAIT_POLICY": "passive"}}
# neighbours, runs at once
CASES = [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (0, 3)]
LIMIT = 30


def once(program, threads, spin, neighbours, runs):
    """Seconds until the last of `runs` runs has ended, beside so many busy processes; the limit if it was reached."""
    environment = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")} | spin
    command = [program, *RUN] + (["--threads", str(threads)] if threads else [])
    busy = [subprocess.Popen(BUSY) for _ in range(neighbours)]
    try:
        with tempfile.TemporaryDirectory() as place:
            time.sleep(0.2)
            began = time.monotonic()
            started = [subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(runs)]
            for process in started:
                try:
                    if process.wait(max(0.1, began + LIMIT - time.monotonic())) != 0:
                        sys.exit(f"error: {' '.join(command)} failed")
                except subprocess.TimeoutExpired:
                    process.kill()
            return min(time.monotonic() - began, LIMIT)
    finally:
        for process in busy:
            process.kill()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--program", default="target/release/softhebb")
    args = parser.parse_args()
    program, cores = str(pathlib.Path(args.program).resolve()), len(os.sched_getaffinity(0))
    rows = []
    for name, spin in SPINS.items():
        for threads in [None, 1]:
            if threads and spin:
                continue
            times = {case: [] for case in CASES}
            for _ in range(args.repeats):
                for case in CASES:
                    times[case].append(once(program, threads, spin, *case))
            alone = statistics.median(times[0, 1])
            for neighbours, runs in CASES:
                seconds = statistics.median(times[neighbours, runs])
                asked = (threads or cores) * runs + neighbours
                fair = max(1.0, asked / cores)
                rows.append({"waiting": name, "threads": threads or f"default ({cores})", "busy neighbours": neighbours, "runs at once": runs,
                             "seconds": f"{seconds:.2f}", "times alone": f"{seconds / alone:.2f}", "fair share": f"{fair:.2f}",
                             "over the fair share": f"{seconds / alone / fair:.2f}"})
                print(", ".join(map(str, rows[-1].values())), flush=True)
    out = pathlib.Path(args.out)
    with open(out.with_suffix(".csv"), "w", newline="") as f:
        writer = csv.DictWriter(f, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    commit = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True).stdout.strip() or "unknown"
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown processor")
    text = ["# Sharing the machine", "", f"`softhebb {' '.join(RUN)}`, medians of {args.repeats} on {cores} cores of {model}, commit {commit}, "
            f"{datetime.date.today()}; written by `python3 scripts/sharing.py {args.out} --repeats {args.repeats}`. A run that takes {LIMIT} s is stopped there.", "",
            "\"Fair share\" is how many times as long as alone it would take with its part of the cores; \"over the fair share\" is what sharing costs beyond that.", "",
            "| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0]), *("| " + " | ".join(map(str, r.values())) + " |" for r in rows), ""]
    out.with_suffix(".md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
