#!/usr/bin/env python3
"""Figure B.3: A, accuracy on MNIST against the initial radius; B, converged units against training examples, CIFAR-10."""
import style as s

RULES = {"LinearDecay": ("linear decay of the learning rate", s.COLOUR["Random"]),
         "NormDecay": ("norm-dependent learning rate", s.COLOUR["SoftHebb"])}

figure, panels = s.plt.subplots(1, 2, figsize=(9.5, 3.8))
left, right = panels
body, runs, seeds = [], [], {}
for rule, (words, colour) in RULES.items():
    radius = s.run(f"InitRadius{rule}") or s.run(f"InitRadius{rule}_slice")
    if radius:
        runs.append(radius)
        found = {}
        for t in radius.trials:
            found.setdefault(float(t["b0.layer.radius"]), []).append((float(t["test_acc"]), t["seed"]))
        sums = [(x, *s.summary(*zip(*v))) for x, v in sorted(found.items())]
        seeds |= {f"A, {words}, radius {p[0]:.3g}": p[3] for p in sums}
        left.errorbar([p[0] for p in sums], [p[1] for p in sums], [p[2] or 0 for p in sums], color=colour, marker="o", capsize=2, label=words)
        body += [["A", words, f"radius {p[0]:.3g}", s.told(*p[1:])] for p in sums]
    speed = s.run(f"Convergence{rule}")
    if speed and (speed.folder / "steps.csv").exists():
        runs.append(speed)
        seeds["panel B"] = s.seeds_of(speed.trials)
        steps = s.table(speed.folder / "steps.csv")
        right.plot([float(r["images"]) for r in steps], [float(r["R1"]) for r in steps], color=colour, label=words)
        every = max(1, len(steps) // 5)
        body += [["B", words, f"{float(r['images']):,.0f} images", f"{r['R1']} units of radius 1 ({seeds['panel B']})"] for r in steps[every - 1 :: every]]
left.set_xscale("log", base=2)
left.set_xlabel("initial radius")
left.set_ylabel("test accuracy, %")
left.set_title("A  MNIST, 2000 units, one epoch")
right.set_xlabel("training examples")
right.set_ylabel("units of radius 1 (of 96)")
right.set_title("B  CIFAR-10, hard WTA, one epoch")
if left.has_data():
    left.legend()
right.set_ylim(top=122)  # room for the words
right.legend(loc="upper left")
# A panel of which nothing was run here yet is not drawn.
drawn = [axes for axes in panels if axes.has_data()]
for axes in panels:
    if axes not in drawn:
        axes.remove()
if len(drawn) == 1:
    figure.set_size_inches(5.4, 3.8)
    drawn[0].set_subplotspec(figure.add_gridspec(1, 1)[0])
missing = [] if len(drawn) == 2 else ["", f"Panel {'B' if left in drawn else 'A'} was not run here yet: `scripts/experiments.sh b3` runs both."]
s.save(figure, "b3", "Figure B.3: the adaptive learning rate", s.rows(["part", "learning rate", "at", "here"], body) + missing, runs, seeds)
