#!/usr/bin/env python3
"""The table of the image encoder, from files that commands left.

usage: encoder_table.py results/encoder BENCH.json RUN_DIR...

BENCH.json is what `softhebb encode bench ... --json` printed; a RUN_DIR was made by `softhebb encode train` and then looked at by
`softhebb encode cluster`. Writes results/encoder.md and results/encoder.csv.
"""

import csv
import datetime
import json
import pathlib
import statistics
import subprocess
import sys


def machine():
    """The processor's name."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def speed(path):
    """Lines about the speed."""
    b = json.loads(path.read_text())
    day = datetime.date.fromtimestamp(path.stat().st_mtime)
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    commit = b.get("commit", head.stdout.strip())  # of the binary that measured, where it is not the one that is checked out
    ours, theirs = statistics.median(b["ours"]), statistics.median(b["published"])
    ratios = [theirs / ours for ours, theirs in zip(b["ours"], b["published"])]
    seconds = lambda list_: ", ".join(f"{s:.2f}" for s in list_)
    return [
        "## Speed",
        "",
        "`softhebb encode bench SHEET --tile 96x96 --rgba`, seed 0, float32: epochs of both forms in one process, in turns, on the same "
        f"decoded images; commit {commit}, {day}, {machine()}, {b['threads']} threads.",
        "",
        "| form | lateral weights | seconds an epoch | each | peak memory MiB |",
        "|---|---|---|---|---|",
        f"| one symmetric N×N matrix a layer | {b['laterals'][0]:,} | {ours:.2f} | {seconds(b['ours'])} | {b['peak_mib'][0]} |",
        f"| published (C, N, N) | {b['laterals'][1]:,} | {theirs:.2f} | {seconds(b['published'])} | {b['peak_mib'][1]} (both) |",
        "",
        f"{b['images']} images an epoch. Ratio {statistics.median(ratios):.1f} (repetitions: {', '.join(f'{r:.1f}' for r in ratios)}; 15 was asked for); largest difference of the last outputs "
        f"{b['difference']:.1e} of the largest. The products of an epoch are {b['gflop']:.0f} GFLOP, at this machine's large product "
        f"({b['sgemm']:.0f} GFLOP/s, measured in the same process) {b['limit']:.2f} s: {100 * b['limit'] / min(b['ours']):.0f} % is reached.",
        "",
        "Predicted: 3·B·C·N² operations a layer for the half of H and for l, 82 % of all in the first layer, so the machine's product is the "
        "limit of any form that computes A·L in float32; the published form moves (C, N, N) tensors through memory five times a step (the "
        "outer products written and averaged, the laterals added to, clamped and read) and is limited by that.",
        "",
    ]


def scores(run, rows):
    """Rows of the comparison."""
    provenance = json.loads((run / "provenance.json").read_text())[0]
    config = json.loads((run / "config.json").read_text())
    for path in sorted(run.glob("cluster/*/scores.json")):
        found = json.loads(path.read_text())
        for s in found["scores"]:
            number = lambda key: "" if s[key] is None else f"{s[key]:.3f}"
            rows.append(
                {
                    "source": path.parent.name,
                    "images": found["images"],
                    "clusters": found["clusters"],
                    "features": s["features"],
                    **{key: number(key) for key in ("silhouette", "nmi", "purity", "same_class")},
                    "epochs": config["epochs"],
                    "seed": f"{config['seed']}, {found['seed']}",
                    "commit": provenance["commit"],
                    "date": provenance["date"][:10],
                }
            )


def verdict(rows):
    """Where the trained encoder is above and below the others."""
    lines = []
    for source in dict.fromkeys(row["source"] for row in rows):
        of = {row["features"]: row for row in rows if row["source"] == source}
        for other in ("untrained", "pixels"):
            signs = {"above": [], "equal to": [], "below": []}
            for key in ("silhouette", "nmi", "purity", "same_class"):
                if of["trained"][key] and of[other][key]:
                    a, b = float(of["trained"][key]), float(of[other][key])
                    signs["above" if a > b else "below" if a < b else "equal to"].append(key)
            said = ", ".join(f"{word} it in {' and '.join(keys)}" for word, keys in signs.items() if keys)
            lines.append(f"- {source}, trained against {other}: {said}.")
    return lines


def main():
    out, bench, *runs = sys.argv[1:]
    rows = []
    for run in runs:
        scores(pathlib.Path(run), rows)
    command = "`python3 scripts/encoder_table.py results/encoder BENCH.json RUN_DIR…`"
    lines = [command, "", *speed(pathlib.Path(bench)), "## What the encoder adds", ""]
    lines += [
        "`softhebb encode cluster RUN` after `softhebb encode train`; K-means on rows of length one. Trained: after the epochs given. "
        "Untrained: the same convolutions, laterals of zero. Pixels: the resized image itself. Same class: share of the 5 nearest "
        "neighbours by cosine that are of the image's class. Seeds: of the training, of the clusters.",
        "",
        "| " + " | ".join(rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(str(x) for x in row.values()) + " |" for row in rows),
        "",
        *verdict(rows),
        "",
    ]
    pathlib.Path(f"{out}.md").write_text("\n".join(lines))
    with open(f"{out}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


main()
