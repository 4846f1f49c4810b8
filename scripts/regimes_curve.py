#!/usr/bin/env python3
"""Draws accuracy against temperature from finished searches, and writes the table beside the picture.

usage: regimes_curve.py OUT SEARCH_DIR...      writes OUT.png, OUT.csv and OUT.md; needs matplotlib and pandas (scripts/requirements.txt)

The searches vary `softness` and `t_invert`; one with `b0.layer.softness = ["hard"]` and no temperature becomes the line to compare with.
Every number is read from the searches' own files; nothing is typed in.
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas

COLOURS = {"soft": "#0072b2", "softkrotov": "#d55e00", "hard": "#444444"}
NAMES = {"soft": "soft", "softkrotov": "soft, anti-Hebbian losers (SoftKrotov)", "hard": "hard"}


def read(folder):
    """Finished trials of a search: rule, temperature, seed, accuracy, units of radius 1."""
    trials = pandas.read_csv(folder / "trials.csv").rename(columns={"b0.layer.softness": "softness"})
    if "t_invert" not in trials:
        trials["t_invert"] = float("nan")
    trials["minutes"] = trials["seconds"] / 60
    finished = trials[trials["status"] == "finished"]
    return finished[["softness", "t_invert", "seed", "test_acc", "R1", "minutes"]]


def made(folder):
    """Where a search comes from: its own command is in its trials' provenance."""
    first = sorted(folder.glob("trials/*/provenance.json"))[0]
    entry = json.loads(first.read_text())[0]
    search = json.loads((folder / "search.json").read_text())
    finished = len(read(folder))
    trials = f"{finished} of {len(search['trials'])}" if finished < len(search["trials"]) else f"{finished}"
    return {**entry, "space": search["space"], "trials": trials}


def main(out, folders):
    out, folders = pathlib.Path(out), [pathlib.Path(f) for f in folders]
    trials = pandas.concat([read(f) for f in folders])
    table = (
        trials.groupby(["softness", "t_invert"], dropna=False)
        .agg(seeds=("seed", "count"), test_acc_mean=("test_acc", "mean"), test_acc_std=("test_acc", "std"),
             R1_mean=("R1", "mean"), minutes=("minutes", "sum"))
        .reset_index()
    )
    table.to_csv(out.with_suffix(".csv"), index=False, float_format="%.6g")

    figure, (accuracy, units) = plt.subplots(1, 2, figsize=(9.5, 3.6), constrained_layout=True)
    for softness, group in table.groupby("softness"):
        colour = COLOURS.get(softness, "#009e73")
        name = NAMES.get(softness, softness)
        for axes, column in ((accuracy, "test_acc_mean"), (units, "R1_mean")):
            if group["t_invert"].isna().all():
                axes.axhline(group[column].iloc[0], color=colour, linestyle="--", linewidth=1.3, label=name)
                if column == "test_acc_mean" and group["seeds"].iloc[0] > 1:
                    mean, std = group[column].iloc[0], group["test_acc_std"].iloc[0]
                    axes.axhspan(mean - std, mean + std, color=colour, alpha=0.12, linewidth=0)
            elif column == "test_acc_mean":
                axes.errorbar(group["t_invert"], group[column], yerr=group["test_acc_std"], color=colour, marker="o",
                              markersize=4, capsize=2, linewidth=1.3, label=name)
            else:
                axes.plot(group["t_invert"], group[column], color=colour, marker="o", markersize=4, linewidth=1.3)
    for axes, label in ((accuracy, "test accuracy, %"), (units, "units of radius 1 (R1)")):
        axes.set_xscale("log")
        axes.set_xlabel("inverse temperature  (soft → hard)")
        axes.set_ylabel(label)
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    accuracy.set_ylim(top=accuracy.get_ylim()[1] + 12)  # room for the words
    accuracy.legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(out.with_suffix(".png"), dpi=130)

    origin = [made(f) for f in folders]
    commands = [f"softhebb search --config {f.name} --folder-name {f.name}" for f in folders]
    best = table.loc[table.groupby("softness")["test_acc_mean"].idxmax()]
    lines = [f"![accuracy against temperature]({out.name}.png)", ""]
    lines += ["| rule | best inverse temperature | accuracy %, mean ± std over seeds | seeds |", "|---|---|---|---|"]
    for _, row in best.sort_values("test_acc_mean", ascending=False).iterrows():
        temperature = "" if pandas.isna(row["t_invert"]) else f"{row['t_invert']:.4g}"
        deviation = "" if pandas.isna(row["test_acc_std"]) else f" ± {row['test_acc_std']:.2f}"
        lines.append(f"| {row['softness']} | {temperature} | {row['test_acc_mean']:.2f}{deviation} | {row['seeds']} |")
    lines += ["", f"All combinations: [{out.name}.csv]({out.name}.csv)."]
    for command, o in zip(commands, origin):
        base = o["space"]["base"]
        lines.append(
            f"`{command}`: {o['trials']} trials of {base['preset']}, seeds {o['space']['seeds']}, "
            f"{', '.join(base['set'])}; commit {o['commit']}, begun {o['date'][:10]}, {o['processor']}, "
            f"{o['threads']} thread(s) a trial."
        )
    lines.append(f"Minutes of training in all: {table['minutes'].sum():.0f}.")
    out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
