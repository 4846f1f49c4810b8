#!/usr/bin/env python3
"""Figure 3: accuracy against depth of SoftHebb, hard WTA, random weights and backprop, four data sets."""
import style as s

RULES = ["SoftHebb", "HardWTA", "Random", "BP"]
SETS = {"CIFAR10": "CIFAR-10", "CIFAR100": "CIFAR-100", "STL10": "STL-10", "ImageNette": "ImageNette"}

figure, panels = s.plt.subplots(2, 2, figsize=(9.5, 6.4), width_ratios=[3, 3.6])
body, runs = [], []
for axes, (dataset, title) in zip(panels.flat, SETS.items()):
    lowest, here, depths = 100.0, 0, 0
    for i, rule in enumerate(RULES):
        for r in s.published(dataset=dataset, rule=rule, source="Figure 3"):
            x = r["layers"] + (i - 1.5) * 0.2
            depths = max(depths, r["layers"])
            axes.errorbar(x, r["mean"], r["std"], color="black", marker="D", markersize=6, markerfacecolor=s.COLOUR[rule],
                          capsize=2, linestyle="none", zorder=3)
            run, lowest = s.run(f"{dataset}_{rule}{r['layers'] + 1}"), min(lowest, r["mean"])
            row = [title, s.NAME[rule], r["layers"], s.told(r["mean"], r["std"]), "not run", "", ""]
            if run:
                here += 1
                mean, deviation, count = run.accuracy
                axes.bar(x, mean, 0.18, color=s.COLOUR[rule], yerr=deviation, error_kw={"capsize": 2, "linewidth": 1},
                         alpha=0.75)
                images, lowest = run.origin["tested_images"], min(lowest, mean)
                row[4:] = [s.told(mean, deviation, count), f"{mean - r['mean']:+.2f}",
                           f"{s.beyond(run.accuracy, {**r, 'images': images}):+.1f}"]
                runs.append(run)
            body.append(row)
    axes.set_ylim(lowest - 4, None)
    axes.set_xlim(0.5, depths + 0.5)
    axes.set_xticks(range(1, depths + 1), [f"{n} layer{'s' * (n > 1)}" for n in range(1, depths + 1)])
    axes.grid(axis="x", visible=False)
    axes.set_title(title if here else f"{title} (published values; not run here)")
    axes.set_ylabel("test accuracy, %")
handles = [s.plt.Rectangle((0, 0), 1, 1, color=s.COLOUR[rule], alpha=0.75) for rule in RULES]
handles.append(s.plt.Line2D([], [], color="black", marker="D", markersize=6, markerfacecolor="white", linestyle="none"))
figure.legend(handles, [f"{s.NAME[rule]}, run here" for rule in RULES] + ["published"],
              loc="outside lower center", ncols=5)
s.save(figure, "fig3", "Figure 3: depth and rule, four data sets",
       s.rows(["data", "rule", "layers", "published, %", "here, % (seeds)", "difference", "in deviations"], body) +
       ["", "A deviation is that of both means together: over seeds, where known, and of drawing so many test images."], runs)
