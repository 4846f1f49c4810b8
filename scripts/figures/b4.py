#!/usr/bin/env python3
"""Figure B.4: accuracy of three layers on CIFAR-10 against their width."""
import style as s

WIDTHS = {0.25: ("CIFAR10_SoftHebb4_Quarter", "24, 96, 384"), 0.5: ("CIFAR10_SoftHebb4_Half", "48, 192, 768"),
          1: ("CIFAR10_SoftHebb4", "96, 384, 1536"), 2: ("CIFAR10_SoftHebb4x_Double", "192, 768, 3072")}

figure, axes = s.plt.subplots(figsize=(5.2, 3.8))
body, runs, points, seeds = [], [], [], {}
for factor, (name, units) in WIDTHS.items():
    run = s.run(name)
    if run:
        points.append((factor, *run.accuracy))
        runs.append(run)
        seeds[f"{factor:g}×"] = s.seeds_of(run.trials)
    theirs = s.published(dataset="CIFAR10", rule="SoftHebb", layers=3, source="Figure 3") if factor == 1 else []
    body.append([f"{factor:g}×", units, s.told(theirs[0]["mean"], theirs[0]["std"]) if theirs else "",
                 s.told(*run.accuracy) if run else "not run"])
    if theirs:
        axes.errorbar(factor, theirs[0]["mean"], theirs[0]["std"], color=s.PUBLISHED, marker="D", markersize=10,
                      markerfacecolor="none", markeredgewidth=1.6, linestyle="none", capsize=6,
                      label="published", zorder=3)
if points:
    axes.errorbar([p[0] for p in points], [p[1] for p in points], [p[2] or 0 for p in points], color=s.COLOUR["SoftHebb"], marker="o",
                  capsize=3, label="run here")
axes.set_xscale("log", base=2)
# A width that was not run has no place.
axes.set_xticks([p[0] for p in points], [f"{p[0]:g}×" for p in points])
axes.set_xticks([], minor=True)
axes.margins(x=0.12)
axes.set_xlabel("units of every layer, as a multiple of 96, 384 and 1536")
axes.set_ylabel("test accuracy, %")
axes.set_title("CIFAR-10, three layers: width")
axes.legend(loc="lower right", markerscale=0.7)
# One width alone is no curve.
s.save(figure if len(points) > 1 else None, "b4", "Figure B.4: width, CIFAR-10", s.rows(["width", "units", "published, %", "here, % (seeds)"], body), runs, seeds)
