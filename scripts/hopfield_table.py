#!/usr/bin/env python3
"""Writes the tables of Hopfield networks from what runs left.

usage: hopfield_table.py OUT --capacity RUN... --recall RUN... --bench JSON... --async JSON...     writes OUT.md, OUT-capacity.csv,
OUT-recall.csv, OUT-speed.csv and copies the runs' pictures beside them; needs nothing but Python 3.9

RUN is a folder that `softhebb hopfield capacity` or `recall` left, JSON what `softhebb hopfield bench --json` printed.
"""
import argparse
import csv
import datetime
import json
import pathlib
import shutil
import subprocess

PERCENT = "{:.2f}"


def table(rows, fields):
    yield "| " + " | ".join(fields) + " |"
    yield "|" + "---|" * len(fields)
    for row in rows:
        yield "| " + " | ".join(str(row[f]) for f in fields) + " |"


def write_csv(path, rows):
    with open(path, "w", newline="") as f:
        out = csv.DictWriter(f, rows[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def origin(run):
    entry = json.loads((run / "provenance.json").read_text())[-1]
    return (f"`{entry['command']}`, commit {entry['commit'][:10]}, {entry['date'][:10]}, {entry['processor']}, "
            f"{entry['threads']} threads")


def seed(run):
    return json.loads((run / "config.json").read_text())["seed"]


def picture(run, name, out, number, lines, words):
    source = run / "pictures" / f"{name}.png"
    if source.exists():
        target = out.with_name(f"{out.name}-{number}.png")
        shutil.copyfile(source, target)
        lines += ["", f"![{words}]({target.name})"]


def percent(x):
    return PERCENT.format(100 * float(x))


def crossing(cells, error):
    """The load at which the error first passes this one, between the two loads around it."""
    for a, b in zip(cells, cells[1:]):
        (x, y), (u, v) = [(float(c["load"]), float(c["error"])) for c in (a, b)]
        if y <= error < v:
            return f"{x + (u - x) * (error - y) / (v - y):.3f}"
    return "none up to " + cells[-1]["load"]


def capacity(run, out, number, lines, all_rows):
    plan = json.loads((run / "config.json").read_text())
    cells = list(csv.DictReader(open(run / "metrics.csv")))
    rules = list(dict.fromkeys(c["rule"] for c in cells))
    lines += ["", f"{origin(run)}. N = {plan['n']}, {plan['trials']} sets of random patterns a load, seed {plan['seed']}, "
              f"{100 * plan['noise']:g} % of the bits of a start flipped, at most {plan['options']['sweeps']} sweeps.", ""]
    rows = []
    for rule in rules:
        of = [c for c in cells if c["rule"] == rule]
        row = {"rule": rule, "error passes 1.6 % at load": crossing(of, 0.016), "passes 10 % at": crossing(of, 0.1)}
        for c in of[:: max(1, len(of) // 7)]:
            row[f"wrong bits %, load {c['load']}"] = percent(c["error"])
        rows.append(row)
    lines += table(rows, list(rows[0]))
    picture(run, "capacity", out, f"capacity-{number}", lines, "error of recall against load")
    all_rows += [{"n": plan["n"], "noise": plan["noise"], "seed": plan["seed"], **c} for c in cells]


def recall(run, out, number, lines, all_rows):
    plan = json.loads((run / "config.json").read_text())
    rows = list(csv.DictReader(open(run / "metrics.csv")))
    theta = "found from the patterns" if plan["auto_threshold"] else plan["storing"]["dynamics"]["threshold"]
    lines += ["", f"{origin(run)}. Seed {plan['seed']}, noise drawn {plan['repeats']} times a pattern, threshold {theta}. "
              "Right bits in percent (exact recalls in percent).", ""]
    shown = []
    for rule, start in dict.fromkeys((r["rule"], r["input"]) for r in rows):
        row = {"rule": rule, "started from": {"stored": "stored images", "other": "other images"}[start]}
        for r in rows:
            if (r["rule"], r["input"]) == (rule, start):
                row[f"noise {100 * float(r['noise']):g} %"] = f"{percent(r['bits_after'])} ({float(r['exact']) * 100:.0f})"
        shown.append(row)
    lines += table(shown, list(shown[0]))
    for name in ["noise", "noise-stored-right", "noise-other-right", "recall", "recall-hebbian"]:
        picture(run, name, out, f"recall-{number}-{name}", lines, name.replace("-", " "))
    where = {"dataset": plan["dataset"], "classes": " ".join(plan["classes"]), "threshold": theta, "seed": plan["seed"]}
    all_rows += [{**where, **r} for r in rows]


def processor():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def speed(files, lines, all_rows):
    for file in files:
        r = json.loads(file.read_text())
        b = r["batch"]
        n, p, states, sweeps = b["size"]
        all_rows.append({
            "what": f"N {n}: store {p}, recall {states} states, {sweeps} sweeps", "threads": r["threads"],
            "seconds": f"{b['store_seconds'] + b['recall_seconds']:.2f}", "GFLOP/s": f"{b['gflops'][2]:.0f}",
            "sgemm GFLOP/s": f"{b['gflops'][3]:.0f}", "share %": percent(b["share"][2]),
            "range %": f"{percent(b['range'][0])} to {percent(b['range'][1])}", "peak MiB": b["peak_mib"], "repeats": b["repeats"]})
    lines += table(all_rows, list(all_rows[0]))


def asynchronous(files, lines):
    rows = []
    for file in files:
        r = json.loads(file.read_text())
        for s in r["async"]:
            rows.append({
                "threads": r["threads"], "N": s["size"][0], "patterns": s["size"][1], "states": s["size"][2], "noise": s["noise"],
                "sweeps": f"{s['taken']:.1f}" + ("" if s["early_stop"] else " (no early stop)"), "neurons that flip": f"{s['flips']:.0f}",
                "a column a flip, ms a state": f"{s['ms'][0]:.2f}", "a row a neuron, ms": f"{s['ms'][1]:.2f}",
                "times as fast": f"{s['ratio'][0]:.1f} ({s['ratio'][1]:.1f} to {s['ratio'][2]:.1f})",
                "same states": "yes" if s["same"] else "NO",
                "a whole product a neuron, ms a sweep": f"{r['full_product_ms'] * s['size'][0]:.0f}"})
    if rows:
        lines += table(rows, list(rows[0]))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("out", type=pathlib.Path)
    for name in ["capacity", "recall", "bench", "async"]:
        args.add_argument(f"--{name}", nargs="*", type=pathlib.Path, default=[])
    args.add_argument("--async-conditions", default="nothing else ran", help="the same during the asynchronous part")
    args.add_argument("--conditions", default="nothing else ran", help="what else the machine did during bench")
    args.add_argument("--commit", default="", help="what bench was built from [default: HEAD]")
    args.add_argument("--notes", type=pathlib.Path, help="text that is put behind the tables of speed")
    args = args.parse_args()
    out, lines = args.out, ["# Hopfield networks", "", "Written by `scripts/hopfield_table.py` from what the runs left."]
    cells, rows, speeds = [], [], []
    if args.capacity:
        lines += ["", "## Error of recall against load"]
    for number, run in enumerate(args.capacity, 1):
        capacity(run, out, number, lines, cells)
    if args.recall:
        lines += ["", "## Recall against noise"]
    for number, run in enumerate(args.recall, 1):
        recall(run, out, number, lines, rows)
    if args.bench:
        commit = args.commit or subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        day = datetime.datetime.fromtimestamp(args.bench[0].stat().st_mtime, datetime.timezone.utc).date()
        lines += ["", "## Speed", "", f"`softhebb hopfield bench`, commit {commit}, {day}, {processor()}; {args.conditions}. Medians; shares are of the "
                  "machine's own large float32 product, measured in turns in the same process.", ""]
        speed(args.bench, lines, speeds)
        lines += ["", f"Asynchronous sweeps, both forms in turns; {args.async_conditions}.", ""]
        asynchronous(getattr(args, "async"), lines)
        if args.notes:
            lines += ["", args.notes.read_text().strip()]
    for name, table_rows in [("capacity", cells), ("recall", rows), ("speed", speeds)]:
        if table_rows:
            write_csv(out.with_name(f"{out.name}-{name}.csv"), table_rows)
    out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
