#!/usr/bin/env python3
"""Figure 3: accuracy against depth of SoftHebb, hard WTA, random weights and backprop, four data sets."""
import style as s

RULES = ["SoftHebb", "HardWTA", "Random", "BP"]
SETS = {"CIFAR10": "CIFAR-10", "CIFAR100": "CIFAR-100", "STL10": "STL-10", "ImageNette": "ImageNette"}

figure, panels = s.plt.subplots(2, 2, figsize=(9.5, 6.4), width_ratios=[3, 3.6])
body, runs, seeds = [], [], {}
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
                mean, deviation, told = run.accuracy
                short = s.epochs(run)
                # Fewer epochs than the published ones are another experiment: beside the column, with a mark of their own.
                axes.errorbar(x + 0.17 if short else x - 0.04, mean, deviation, color=s.COLOUR[rule], marker="^" if short else "o",
                              markerfacecolor="white" if short else s.COLOUR[rule], markersize=6, capsize=3, linestyle="none")
                lowest = min(lowest, mean)
                row[4:] = [s.told(mean, deviation, told) + short, *s.difference(run, r)]
                axes.annotate(short[2:], (x + 0.17, mean - (deviation or 0)), (0, -11), textcoords="offset points", ha="center", fontsize=7,
                              color=s.COLOUR[rule])
                seeds[f"{s.NAME[rule]}, {r['layers']} layer{'s' * (r['layers'] > 1)}"] = s.seeds_of(run.trials)
                runs.append(run)
            body.append(row)
    axes.set_ylim(lowest - 4, None)
    axes.set_xlim(0.5, depths + 0.65)
    axes.set_xticks(range(1, depths + 1), [f"{n} layer{'s' * (n > 1)}" for n in range(1, depths + 1)])
    axes.grid(axis="x", visible=False)
    axes.set_title(title if here else f"{title} (published values; not run here)")
    axes.set_ylabel("test accuracy, %")
point = lambda colour, marker, face: s.plt.Line2D([], [], color=colour, marker=marker, markersize=6, markerfacecolor=face, linestyle="none")
full = [rule for rule in RULES if any(not s.epochs(run) for run in runs if f"_{rule}" in run.name)]
handles = [point(s.COLOUR[rule], "o", s.COLOUR[rule]) for rule in full]
handles += [point(s.COLOUR["BP"], "^", "white")] * any(s.epochs(run) for run in runs)
handles += [point(s.COLOUR[rule], "D", "white") for rule in RULES]
figure.legend(handles, [f"{s.NAME[rule]}, run here" for rule in full] + ["backprop, run here for fewer epochs"] * (len(handles) > len(full) + 4) +
              [f"{s.NAME[rule]}, published" for rule in RULES], loc="outside lower center", ncols=4)
s.save(figure, "fig3", "Figure 3: depth and rule, four data sets",
       s.rows(["data", "rule", "layers", "published, %", "here, % (seeds)", *s.DIFFERENCE], body) +
       ["", s.A_DEVIATION + " What learned for fewer epochs than the paper's 50 is not compared with it. Backprop is end to end here (`--training-mode consecutive`), as the paper's figure says; the published README's command "
        "trains block after block."], runs, seeds)
