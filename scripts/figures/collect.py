#!/usr/bin/env python3
"""Copies what the figures need of finished searches and runs into results/, so that a clone can draw them.

usage: collect.py [NAME=]SEARCH_DIR|RUN_DIR...      into results/searches/NAME/; needs nothing but Python 3.9

NAME is that of the search's folder, or of a single run's model, unless another is given.

    trials.csv    a row a trial, as the search left it (finished trials only)
    curves.csv    the reports of all trials: trial, seed and the columns of progress.csv or metrics.csv
    steps.csv     the steps of a run that recorded them
    origin.json   what was run: commands, commits, dates, machine, data, epochs

Every number is copied from files that a run left; nothing is typed in.
"""
import csv
import json
import pathlib
import re
import sys

HOME = pathlib.Path(__file__).resolve().parents[2]
KEPT = ["trial", "seed", "phase", "kind", "epoch", "train_loss", "train_acc", "test_loss", "test_acc", "convergence", "R1",
        "seconds"]


def plain(command):
    """The command without what says only where things lie."""
    command = re.sub(r"^\S*softhebb\S*", "softhebb", command)
    return re.sub(r" (--results-dir|--search-dir|--data-dir)[ =]\S+| -q\b", "", command)


def rows(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def write(path, table):
    columns = list(dict.fromkeys(name for row in table for name in row))
    with open(path, "w", newline="") as f:
        writer = csv.DictWriter(f, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def reports(path, config):
    """The rows of a table that tell of epochs whose metrics were due, phases counted from 1.

    Tables without the column `block` count phases from 0 and have no other rows.
    """
    kept = []
    for row in rows(path):
        if "block" not in row:
            row["phase"] = str(int(row["phase"]) + 1)
        phase = config["phases"][int(row["phase"]) - 1]
        epoch, every = int(row["epoch"]), max(1, int(phase.get("print_freq", 1)))
        if epoch in (1, phase["epochs"]) or epoch % every == 0:
            kept.append(row)
    return kept


def origin(name, config, entries):
    unsup, sup = config["dataset_unsup"], config["dataset_sup"]
    data = ["config", "training_sample", "val_sample", "testing_sample", "validation", "nb_epoch", "batch_size"]
    return {
        "name": name,
        "model": config["model"],
        "commands": list(dict.fromkeys(plain(e["command"]) for e in entries)),
        "commits": list(dict.fromkeys(e["commit"] for e in entries)),
        "dates": sorted({e["date"][:10] for e in entries}),
        "processor": entries[-1]["processor"],
        "threads": config.get("threads") or entries[-1]["threads"],
        "precision": config.get("precision", "float32"),
        "training_mode": config.get("mode"),
        "training_blocks": config.get("training_blocks"),
        "dataset_unsup": {k: unsup.get(k) for k in data},
        "dataset_sup": {k: sup.get(k) for k in data},
        "phases": [p.get("kind") for p in config["phases"]],
    }


def collect(root, name=None):
    trials = sorted(p.parent for p in root.glob("trials/*/config.json")) or [root]
    if not (trials[0] / "config.json").exists():
        sys.exit(f"error: {root} is neither a search nor a run: it has no config.json")
    read = lambda folder, name: json.loads((folder / name).read_text())
    if (root / "provenance.json").exists():
        entries = read(root, "provenance.json")
    else:
        # A search of an early version: where it comes from is in its trials, and its space in configs/.
        entries = [entry for t in trials if (t / "provenance.json").exists() for entry in read(t, "provenance.json")]
        if (HOME / "configs" / f"{root.name}.toml").exists():
            command = f"softhebb search --config {root.name} --folder-name {root.name}"
            entries = [{**entry, "command": command} for entry in entries]
    single = trials == [root]
    name = name or (read(root, "config.json")["model"] if single else root.name)
    out = HOME / "results/searches" / name
    out.mkdir(parents=True, exist_ok=True)
    curves = []
    if not single:
        table = [t for t in rows(root / "trials.csv") if t["status"] == "finished"]
        if not table:
            sys.exit(f"error: no trial of {root} is finished")
        write(out / "trials.csv", table)
        finished = {int(t["trial"]) for t in table}
        for folder in trials:
            number = int(folder.name.split("-")[0])
            if number in finished:
                config = read(folder, "config.json")
                curves += [{"trial": number, "seed": config["seed"], **r} for r in reports(folder / "progress.csv", config)]
        trials = [t for t in trials if int(t.name.split("-")[0]) in finished]
    else:
        config = read(root, "config.json")
        seed = config["seed"]
        curves = [{"trial": 0, "seed": seed, **r} for r in reports(root / "metrics.csv", config)]
        tested = [r for r in curves if r.get("test_acc")]
        last = tested[-1] if tested else {}
        write(out / "trials.csv", [{"trial": 0, "status": "finished", "seed": seed, "test_acc": last.get("test_acc", ""),
                                    "seconds": curves[-1]["seconds"]}])
        if (root / "steps.csv").exists():
            (out / "steps.csv").write_bytes((root / "steps.csv").read_bytes())
    # The reports of many epochs say little more than a few of them.
    if len(curves) > 4000:
        curves = [r for i, r in enumerate(curves) if i + 1 == len(curves) or curves[i + 1]["trial"] != r["trial"]]
    write(out / "curves.csv", [{k: r[k] for k in KEPT if k in r} for r in curves])
    about = origin(name, read(trials[0], "config.json"), entries)
    # A test file may hold fewer images than the configuration asks for; the run said so.
    said = (trials[0] / "log.txt").read_text() if (trials[0] / "log.txt").exists() else ""
    fewer = re.search(r"note: t\S*test\S* holds (\d+) records|note: test\S* holds (\d+) records", said)
    sup = about["dataset_sup"]
    about["tested_images"] = sup["val_sample"] if sup["validation"] else int(fewer[1] or fewer[2]) if fewer else sup["testing_sample"]
    about["trials_planned"] = len(json.loads((root / "search.json").read_text())["trials"]) if not single else 1
    (out / "origin.json").write_text(json.dumps(about, indent=1) + "\n")
    print(f"{out.relative_to(HOME)}: {len(trials)} of {about['trials_planned']} trials")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for argument in sys.argv[1:]:
        name, given, folder = argument.partition("=")
        collect(pathlib.Path(folder if given else argument).resolve(), name if given else None)
