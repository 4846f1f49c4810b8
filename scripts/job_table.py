#!/usr/bin/env python3
"""Writes how the time of whole runs splits: epochs of the Hebbian blocks, storing features, the classifier; and their memory.

usage: job_table.py OUT RUN_DIR... [--memory RUN_DIR...]     writes OUT.md and OUT.csv, a column a run; needs nothing but Python 3.9

Of the runs behind --memory only the memory is told (they shared the machine, or had fewer threads). Read from each run's log.txt, config.json and provenance.json; nothing is typed in. The first run is what the others are compared with.
"""
import csv
import json
import pathlib
import re
import sys


def seconds(text):
    """`2m 14s`, `1h 02m`, `8.7 s`, `95 ms`."""
    total = 0.0
    for number, unit in re.findall(r"([\d.]+)\s*(ms|h|m|s)\b", text):
        total += float(number) * {"h": 3600, "m": 60, "s": 1, "ms": 0.001}[unit]
    return total


def split(folder):
    """Seconds of each part, in order, from a run's log."""
    parts, now, what, memory = {}, 0.0, None, None
    for line in (folder / "log.txt").read_text().splitlines():
        if start := re.match(r"phase \d+/\d+: (.*?)(?:, [\d,]+ images|, \d+ epochs? of .*)$", line):
            what = start[1]
        elif took := re.match(r"  phase \d+ took ([^:]*)", line):
            if what and what.startswith("storing"):
                parts[what] = parts.get(what, 0) + seconds(took[1])
                now += seconds(took[1])
        elif (at := re.search(r", at ([\dhms. ]+)$", line)) and what and what.startswith("Hebbian"):
            parts["epoch of " + what.removeprefix("Hebbian, ")] = seconds(at[1]) - now
            now = seconds(at[1])
        elif end := re.match(r"(?:test accuracy .*|done) in ([\dhms. ]+)", line):
            parts["classifier"] = seconds(end[1]) - now
            parts["whole job"] = seconds(end[1])
        elif peak := re.match(r"\s*peak memory ([\d.]+) GB", line):
            memory = float(peak[1])
    accuracy = re.findall(r"^test accuracy ([\d.]+) %", (folder / "log.txt").read_text(), re.MULTILINE)
    return parts, memory, float(accuracy[-1]) if accuracy else None


def told(folder, config):
    made = json.loads((folder / "provenance.json").read_text())[-1]
    command = re.sub(r"^\S*softhebb\S*", "softhebb", made["command"])
    command = re.sub(r" (--results-dir|--data-dir) \S+| -q\b", "", command)
    threads = f"{made['threads']} thread{'s' * (made['threads'] != 1)}"
    return f"`{command}`: seed {config['seed']}, commit {made['commit']}, {made['date'][:10]}, {made['processor']}, {threads}"


def main(out, folders, others):
    for folder in map(pathlib.Path, [*folders, *others]):
        if not (folder / "log.txt").exists() or not (folder / "config.json").exists():
            sys.exit(f"error: {folder} is not the folder of a run: it has no log.txt or no config.json")
    folders, out = [pathlib.Path(f) for f in folders], pathlib.Path(out)
    splits = [split(f) for f in folders]
    configs = [json.loads((f / "config.json").read_text()) for f in folders]
    names = [c.get("precision", "float32") + (", features on disk" if c.get("features_on_disk") else "") for c in configs]
    rows = list(dict.fromkeys(part for parts, _, _ in splits for part in parts if part != "whole job")) + ["whole job"]
    with open(out.with_suffix(".csv"), "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(["part, seconds", *names])
        writer.writerows([[row, *(round(p.get(row, 0), 1) for p, _, _ in splits)] for row in rows])
        if any(m for _, m, _ in splits):
            writer.writerow(["peak memory, GB", *(m or "" for _, m, _ in splits)])
        writer.writerow(["test accuracy, %", *(a or "" for _, _, a in splits)])
    cell = lambda x, first: f"{x:.0f} s" + (f" ({first / x:.2f}×)" if x and first else "")
    lines = ["| part | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 1)]
    for row in rows:
        values = [p.get(row, 0.0) for p, _, _ in splits]
        lines.append(f"| {row} | " + " | ".join([f"{values[0]:.0f} s", *(cell(v, values[0]) for v in values[1:])]) + " |")
    if any(m for _, m, _ in splits):
        lines.append("| peak memory | " + " | ".join(f"{m:.2f} GB" if m else "not recorded" for _, m, _ in splits) + " |")
    lines.append("| test accuracy | " + " | ".join(f"{a:.2f} %" if a else "" for _, _, a in splits) + " |")
    lines += ["", "×: so many times as fast as the first column.", ""]
    for folder, config in zip(folders, configs):
        lines.append(f"- {told(folder, config)}")
    for folder in map(pathlib.Path, others):
        config = json.loads((folder / "config.json").read_text())
        lines.append(f"- peak memory {split(folder)[1]:.2f} GB (pages of a mapped file included): {told(folder, config)}")
    out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    names = sys.argv[2:]
    at = names.index("--memory") if "--memory" in names else len(names)
    main(sys.argv[1], names[:at], names[at + 1:])
