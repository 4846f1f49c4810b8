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
            axes.errorbar(x + 0.04, r["mean"], r["std"], color=s.COLOUR[rule], marker="D", markersize=5, markerfacecolor="white",
                          capsize=2, linestyle="none")
            run, lowest = s.run(f"{dataset}_{rule}{r['layers'] + 1}"), min(lowest, r["mean"])
            row = [title, s.NAME[rule], r["layers"], s.told(r["mean"], r["std"]), "not run", "", ""]
            if run:
                here += 1
                mean, deviation, count = run.accuracy
                axes.errorbar(x - 0.04, mean, deviation, color=s.COLOUR[rule], marker="o", markersize=6, capsize=3, linestyle="none")
                lowest = min(lowest, mean)
                row[4:] = [s.told(mean, deviation, count), *s.difference(run, r)]
                row[4] += s.epochs(run)
                axes.annotate(s.epochs(run)[2:], (x, mean), (0, -14), textcoords="offset points", ha="center", fontsize=7, color=s.COLOUR[rule])
                runs.append(run)
            body.append(row)
    axes.set_ylim(lowest - 4, None)
    axes.set_xlim(0.5, depths + 0.5)
    axes.set_xticks(range(1, depths + 1), [f"{n} layer{'s' * (n > 1)}" for n in range(1, depths + 1)])
    axes.grid(axis="x", visible=False)
    axes.set_title(title if here else f"{title} (published values; not run here)")
    axes.set_ylabel("test accuracy, %")
point = lambda colour, marker, face: s.plt.Line2D([], [], color=colour, marker=marker, markersize=6, markerfacecolor=face, linestyle="none")
handles = [point(s.COLOUR[rule], "o", s.COLOUR[rule]) for rule in RULES] + [point("black", "D", "white")]
figure.legend(handles, [f"{s.NAME[rule]}, run here" for rule in RULES] + ["published"],
              loc="outside lower center", ncols=5)
s.save(figure, "fig3", "Figure 3: depth and rule, four data sets",
       s.rows(["data", "rule", "layers", "published, %", "here, % (seeds)", *s.DIFFERENCE], body) +
       ["", s.A_DEVIATION + " Backprop is end to end here (`--training-mode consecutive`), as the paper's figure says; the published README's command "
        "trains block after block."], runs)
