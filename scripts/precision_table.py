#!/usr/bin/env python3
"""Writes accuracy in bf16 beside float32, seed by seed.

usage: precision_table.py OUT FLOAT32,... BF16,...      writes OUT.md; names of folders in results/searches (see figures/collect.py)

Every number is read from the searches' own files; nothing is typed in.
"""
import csv
import json
import pathlib
import statistics
import sys

SEARCHES = pathlib.Path(__file__).resolve().parents[1] / "results/searches"


def read(names):
    """Accuracy by seed, and a line on each folder."""
    found, lines = {}, []
    for name in names.split(","):
        if not (SEARCHES / name / "origin.json").exists():
            sys.exit(f"error: results/searches/{name} has no origin.json; scripts/figures/collect.py makes it from a search")
        origin = json.loads((SEARCHES / name / "origin.json").read_text())
        with open(SEARCHES / name / "trials.csv", newline="") as f:
            found.update({int(t["seed"]): float(t["test_acc"]) for t in csv.DictReader(f)})
        sup = origin["dataset_sup"]
        lines.append(f"- {name}: `{origin['commands'][0]}`, {origin['precision']}, {sup['training_sample']:,} images, tested on "
                     f"{origin['tested_images']:,}; commit {', '.join(origin['commits'])}, {origin['dates'][-1]}, {origin['processor']}")
    return found, lines


def main(out, plain, fast):
    (plain, told), (fast, told_too) = read(plain), read(fast)
    lines = ["| seed | float32, % | bf16, % | difference |", "|---|---|---|---|"]
    both = sorted(set(plain) & set(fast))
    lines += [f"| {s} | {plain[s]:.2f} | {fast[s]:.2f} | {fast[s] - plain[s]:+.2f} |" for s in both]
    means = [statistics.fmean(x[s] for s in both) for x in (plain, fast)]
    lines.append(f"| mean | {means[0]:.2f} | {means[1]:.2f} | {means[1] - means[0]:+.2f} |")
    pathlib.Path(out).with_suffix(".md").write_text("\n".join([*lines, "", *told, *told_too]) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
