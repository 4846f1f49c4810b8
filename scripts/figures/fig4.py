#!/usr/bin/env python3
"""Figure 4: accuracy on CIFAR-10 against depth for three width factors (each layer is so many times as wide as the one before)."""
import style as s

COLOUR = {1: "#9ecae1", 2: "#4292c6", 4: "#08519c"}

figure, axes = s.plt.subplots(figsize=(5.2, 4))
body, runs, seeds = [], [], {}
for width, colour in COLOUR.items():
    theirs = s.published(dataset="CIFAR10", rule="SoftHebb", width=width, source="Figure 4")
    axes.errorbar([r["layers"] for r in theirs], [r["mean"] for r in theirs], [r["std"] or 0 for r in theirs], color=colour,
                  marker="D", markersize=9, markerfacecolor="none", linestyle=":", capsize=5, zorder=3, label=f"{width}×, published")
    points = []
    for r in theirs:
        # One layer is the same network for all widths.
        suffix = "" if width == 4 or r["layers"] == 1 else f"_wf{width}"
        run = s.run(f"CIFAR10_SoftHebb{r['layers'] + 1}{suffix}")
        if run:
            points.append((r["layers"], *run.accuracy))
            seeds["1 layer" if r["layers"] == 1 else f"{r['layers']} layers, {width}×"] = s.seeds_of(run.trials)
            runs += [run] if run.name not in [x.name for x in runs] else []
        body.append([f"{width}×", r["layers"], s.told(r["mean"], r["std"]), s.told(*run.accuracy) if run else "not run",
                     *s.difference(run, r)])
    # One layer belongs to all widths; a width was run here if a deeper network was.
    if any(layers > 1 for layers, *_ in points):
        axes.errorbar([p[0] for p in points], [p[1] for p in points], [p[2] or 0 for p in points], color=colour, marker="o",
                      capsize=3, label=f"{width}×, run here")
axes.set_xticks([1, 2, 3], ["1 layer", "2 layers", "3 layers"])
axes.set_ylabel("test accuracy, %")
axes.set_title("CIFAR-10: width scaling from layer to layer")
axes.legend(loc="upper left", markerscale=0.7)
s.save(figure, "fig4", "Figure 4: width factor, CIFAR-10",
       s.rows(["width factor", "layers", "published, %", "here, % (seeds)", *s.DIFFERENCE], body) +
       ["", s.A_DEVIATION], runs, seeds)
