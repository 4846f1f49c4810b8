#!/usr/bin/env python3
"""The demo over seeds: what its layers add to random layers and to pixels.

usage: demo_table.py OUT [--seeds 0,1,2,3,4] [--threads 2] [--program target/release/softhebb]      writes OUT.csv and OUT.md; needs nothing but Python 3.9
"""
import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import tempfile
import time


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("out")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--program", default="target/release/softhebb")
    args = parser.parse_args()
    program, rows, made = str(pathlib.Path(args.program).resolve()), [], {}
    for seed in args.seeds.split(","):
        with tempfile.TemporaryDirectory() as place:
            began = time.monotonic()
            subprocess.run([program, "run", "--seed", seed, "--threads", args.threads, "-q"], cwd=place, check=True, stdout=subprocess.DEVNULL)
            seconds = time.monotonic() - began
            (result,) = pathlib.Path(place).glob("results/runs/*/*/baseline.json")
            found = {row["layers"]: row for row in json.loads(result.read_text())["rows"]}
            made = json.loads((result.parent / "provenance.json").read_text())[-1]
        rows.append({"seed": seed, **{name: f"{found[name]['test_acc']:.2f}" for name in ("trained", "random", "pixels")},
                     "trained − random": f"{found['random']['difference']:.2f}", "standard error": f"{found['random']['standard_error']:.2f}",
                     "trained − pixels": f"{found['pixels']['difference']:.2f}", "seconds": f"{seconds:.1f}"})
    out = pathlib.Path(args.out)
    with open(out.with_suffix(".csv"), "w", newline="") as f:
        writer = csv.DictWriter(f, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    spread = lambda key: [float(row[key]) for row in rows]
    mean = {key: f"{statistics.fmean(spread(key)):.2f} ± {statistics.stdev(spread(key)):.2f}" for key in
            ("trained", "random", "pixels", "trained − random", "trained − pixels")} if len(rows) > 1 else {}
    table = [[row[key] for key in rows[0]] for row in rows] + ([[mean.get(key, "mean ± deviation" if key == "seed" else "") for key in rows[0]]] if mean else [])
    text = ["# The demo over seeds", "", f"`softhebb run --seed S --threads {args.threads}`: accuracy in % on the 1,000 test images of FashionMini, the whole demo's seconds; "
            f"commit {made['commit']}, {made['date'][:10]}, {made['processor']}; written by `python3 scripts/demo_table.py {args.out}`.", "",
            "Random layers are the same layers with their initial weights; their batch norm sees the same images. The network was chosen on seeds 0 to 2; "
            "seeds 3 and 4 took no part in that.", "",
            "| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0]), *("| " + " | ".join(row) + " |" for row in table), ""]
    out.with_suffix(".md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
