#!/usr/bin/env python3
"""Figure 1: accuracy on CIFAR-10 against depth, SoftHebb and earlier Hebbian networks."""
import style as s

EARLIER = {"Miconi 2021": "#9ecae1", "Lagani et al. 2021": "#a1d99b", "Amato et al. 2019": "#bdbdbd"}

figure, axes = s.plt.subplots(figsize=(5.2, 4))
body, runs = [], []
for name, colour in EARLIER.items():
    rows = s.published(dataset="CIFAR10", rule=name)
    axes.errorbar([r["layers"] for r in rows], [r["mean"] for r in rows], [r["std"] or float("nan") for r in rows], color=colour, marker="s",
                  capsize=2, label=f"{name} (published)")
    body += [[name, r["layers"], s.told(r["mean"], r["std"]), "", "", ""] for r in rows]
theirs = s.published(dataset="CIFAR10", rule="SoftHebb", source="Figure 3")
# Wide and pale under our own thin line, with hollow marks around ours: the two lie on one another.
axes.plot([r["layers"] for r in theirs], [r["mean"] for r in theirs], color=s.PUBLISHED, linewidth=7, alpha=0.3, solid_capstyle="round")
axes.errorbar([r["layers"] for r in theirs], [r["mean"] for r in theirs], [r["std"] or 0 for r in theirs], color=s.PUBLISHED, marker="D",
              markersize=11, markerfacecolor="none", markeredgewidth=1.6, linestyle="none", capsize=6, label="SoftHebb (published)")
ours = [(r["layers"], s.run(f"CIFAR10_SoftHebb{r['layers'] + 1}")) for r in theirs]
runs = [run for _, run in ours if run]
seeds = {f"{layers} layer{'s' * (layers > 1)}": s.seeds_of(run.trials) for layers, run in ours if run}
if runs:
    points = [(layers, *run.accuracy) for layers, run in ours if run]
    axes.errorbar([p[0] for p in points], [p[1] for p in points], [p[2] or 0 for p in points], color=s.COLOUR["SoftHebb"],
                  marker="o", capsize=3, linewidth=1.4, label="SoftHebb (run here)")
for r, (_, run) in zip(theirs, ours):
    body.append(["SoftHebb", r["layers"], s.told(r["mean"], r["std"]), s.told(*run.accuracy) if run else "not run",
                 *s.difference(run, r)])
axes.set_xticks([1, 2, 3], ["1 layer", "2 layers", "3 layers"])
axes.set_ylabel("test accuracy, %")
axes.set_title("CIFAR-10: Hebbian networks of growing depth")
axes.set_ylim(47, None)
axes.legend(loc="lower left", markerscale=0.7)
s.save(figure, "fig1", "Figure 1: depth, CIFAR-10",
       s.rows(["network", "layers", "published, %", "here, % (seeds)", *s.DIFFERENCE], body) +
       ["", s.A_DEVIATION], runs, seeds)
