#!/usr/bin/env python3
"""Writes the table of finished runs: accuracy, time and where each figure comes from.

usage: results_table.py OUT RUN_DIR...      writes OUT.md and OUT.csv; needs nothing but Python 3.9

Every row is read from a run's own files (config.json, metrics.csv, provenance.json); nothing is typed in.
"""
import csv
import json
import pathlib
import re
import sys

FIELDS = ["model", "trained on", "classifier", "tested on", "seed", "accuracy %", "unlabelled score %", "mean radius",
          "minutes", "command", "commit", "date", "processor", "threads", "precision"]


def plain(command):
    """The command without what says only where things lie."""
    command = re.sub(r"^\S*/softhebb\S*", "softhebb", command)
    return re.sub(r" (--results-dir|--data-dir) \S+| -q\b", "", command)


def row(folder):
    config = json.loads((folder / "config.json").read_text())
    with open(folder / "metrics.csv", newline="") as f:
        metrics = list(csv.DictReader(f))
    last = metrics[-1]
    unlabelled = [m for m in metrics if m["kind"] == "unsupervised" and m["test_acc"]]
    radius = unlabelled[-1].get("b0_radius_mean", "") if unlabelled else ""
    made = json.loads((folder / "provenance.json").read_text())
    unsup, sup = config["dataset_unsup"], config["dataset_sup"]
    held_out = f"{sup['val_sample']:,} held-out training images" if sup["validation"] else "the test images at hand"
    return {
        "model": config["model"],
        "trained on": f"{unsup['config']}, {unsup['training_sample']:,} images, {unsup['nb_epoch']} epoch(s)",
        "classifier": f"{sup['config']}, {sup['nb_epoch']} epochs",
        "tested on": held_out,
        "seed": config["seed"],
        "accuracy %": f"{float(last['test_acc']):.2f}",
        "unlabelled score %": f"{float(unlabelled[-1]['test_acc']):.2f}" if unlabelled else "",
        "mean radius": f"{float(radius):.2f}" if radius else "",
        "minutes": f"{float(last['seconds']) / 60:.1f}",
        "command": plain(made[0]["command"]),
        "commit": ", ".join(dict.fromkeys(m["commit"] for m in made)),
        "date": made[-1]["date"][:10],
        "processor": made[-1]["processor"],
        "threads": made[-1]["threads"],
        "precision": config.get("precision", "float32"),
    }


def main(out, folders):
    rows = [row(pathlib.Path(f)) for f in folders]
    out = pathlib.Path(out)
    with open(out.with_suffix(".csv"), "w", newline="") as f:
        writer = csv.DictWriter(f, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    lines = ["| " + " | ".join(FIELDS) + " |", "|" + "---|" * len(FIELDS)]
    lines += ["| " + " | ".join(f"`{r[k]}`" if k == "command" else str(r[k]) for k in FIELDS) + " |" for r in rows]
    out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
