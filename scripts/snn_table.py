#!/usr/bin/env python3
"""Writes the table of the spiking network: accuracy over seeds, a row a network and number of epochs.

usage: snn_table.py OUT RUN_DIR...      writes OUT.md and OUT.csv; needs nothing but Python 3.9

Runs of the same plan but for the seed are one row; a row's numbers are mean ± standard deviation (n − 1) over its seeds.
Everything is read from the runs' own files (config.json, metrics.csv, provenance.json); nothing is typed in. Where no
rate changes in the course of a run, its first epoch is what a run of one epoch is, and has a row of its own.
"""
import csv
import json
import pathlib
import re
import statistics
import sys

FIELDS = ["network", "data", "hidden units", "k", "epochs", "images an epoch", "test images", "seeds", "accuracy %", "std",
          "of each seed", "images/s", "command", "commit", "date", "processor", "threads"]
EVALUATED = {"MNIST": 10_000, "FashionMNIST": 10_000, "FashionMini": 1_000}
TRAINED = {"MNIST": 60_000, "FashionMNIST": 60_000, "FashionMini": 5_000}


def plain(command):
    """The command without the seed and without what says only where things lie."""
    command = re.sub(r"^\S*/softhebb\S*", "softhebb", command)
    return re.sub(r" (--results-dir|--data-dir|--seed) \S+| -q\b", "", command)


def read(folder):
    config = json.loads((folder / "config.json").read_text())
    with open(folder / "metrics.csv", newline="") as f:
        metrics = {int(row["epoch"]): row for row in csv.DictReader(f)}
    made = json.loads((folder / "provenance.json").read_text())
    return config, metrics, made


def used(batches, batch_size, there):
    return there if batches == 0 else min(there, batches * batch_size)


def rows(folders):
    groups = {}
    for folder in folders:
        config, metrics, made = read(pathlib.Path(folder))
        if config["epochs"] not in metrics:
            print(f"{folder}: not finished, left out", file=sys.stderr)
            continue
        key = json.dumps({k: v for k, v in config.items() if k not in ("seed", "threads", "data_dir")})
        groups.setdefault(key, []).append((config, metrics, made))
    for runs in groups.values():
        runs.sort(key=lambda run: run[0]["seed"])
        config = runs[0][0]
        epochs = [config["epochs"]]
        constant = not any(config["ends"].values())
        if constant and config["train_batches"] == 0 and config["epochs"] > 1:
            epochs.insert(0, 1)
        for epoch in epochs:
            yield row(runs, epoch)


def row(runs, epoch):
    config = runs[0][0]
    data, constants = config["dataset"], config["constants"]
    scores = [float(metrics[epoch]["test_acc"]) for _, metrics, _ in runs]
    speeds = [float(m["images_per_second"]) for _, metrics, _ in runs for e, m in metrics.items() if e <= epoch]
    made = [entry for _, _, entries in runs for entry in entries]

    # --validation holds out a fifth.
    held_out = TRAINED[data] // 5 if config["validation"] else 0
    tested = used(config["test_batches"], config["batch_size"], held_out or EVALUATED[data])

    def all_of(key, cut=None):
        return ", ".join(dict.fromkeys(str(entry[key])[:cut] for entry in made))

    command = plain(runs[0][2][0]["command"])
    if epoch != config["epochs"]:
        command += f" (its epoch {epoch})"
    return {
        "network": config["preset"],
        "data": data,
        "hidden units": constants["hidden"],
        "k": constants["k_hidden"],
        "epochs": epoch,
        "images an epoch": used(config["train_batches"], config["batch_size"], TRAINED[data] - held_out),
        "test images": f"{tested} held-out training images" if held_out else tested,
        "seeds": " ".join(str(c["seed"]) for c, _, _ in runs),
        "accuracy %": f"{statistics.mean(scores):.2f}",
        "std": f"{statistics.stdev(scores):.2f}" if len(scores) > 1 else "",
        "of each seed": " ".join(f"{s:.2f}" for s in scores),
        "images/s": f"{max(speeds):.0f}",
        "command": command,
        "commit": all_of("commit"),
        "date": all_of("date", 10),
        "processor": all_of("processor"),
        "threads": all_of("threads"),
    }


def main(out, folders):
    table = sorted(rows(folders), key=lambda r: (r["network"], r["data"], r["hidden units"], r["images an epoch"], r["epochs"]))
    out = pathlib.Path(out)
    with open(out.with_suffix(".csv"), "w", newline="") as f:
        writer = csv.DictWriter(f, FIELDS)
        writer.writeheader()
        writer.writerows(table)

    def cell(r, key):
        if key == "accuracy %":
            return f"{r[key]} ± {r['std']}" if r["std"] else r[key]
        return f"`{r[key]}`" if key == "command" else str(r[key])

    shown = [f for f in FIELDS if f != "std"]
    lines = ["`python3 scripts/snn_table.py results/snn RUN_DIR…` (one folder a seed; the command is that of the first seed without",
             "`--seed`). Accuracy: mean ± standard deviation over the seeds. Images/s: training, one thread, the fastest epoch of",
             "all seeds: the runs shared their two cores with other work, so [snn-speed.md](snn-speed.md) is the measurement of speed.",
             "", "| " + " | ".join(shown) + " |", "|" + "---|" * len(shown)]
    lines += ["| " + " | ".join(cell(r, key) for key in shown) + " |" for r in table]
    out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
