"""Figures B.1 and B.2: accuracy and features of radius 1 against the temperature of competition."""
import style as s

RULES = {"soft": ("without anti-Hebbian losers", "#56b4e9"), "softkrotov": ("with anti-Hebbian losers", s.COLOUR["SoftHebb"])}


def points(runs, rule):
    """Inverse temperature → accuracies and R1 of one rule, over all runs."""
    found = {}
    for run in runs:
        for t in run.trials:
            name = t.get("softness") or t.get("b0.layer.softness")
            if name == rule and t["test_acc"]:
                at = float(t["t_invert"]) if t.get("t_invert") else None
                found.setdefault(at, []).append((float(t["test_acc"]), float(t["R1"]), t["seed"]))
    return found


def draw(name, title, searches, layers):
    runs = [run for run in map(s.run, searches) if run]
    if not runs:
        s.save(None, name, title, [f"Not run here yet: `scripts/experiments.sh {name}` starts it. The paper prints no numbers for its curves."], [])
        return
    figure, (left, right) = s.plt.subplots(1, 2, figsize=(9.5, 3.7))
    body, seeds, ones_of = [], {}, lambda values: sum(r for _, r, _ in values) / len(values)
    for rule, (words, colour) in RULES.items():
        found = sorted(points(runs, rule).items())
        if not found:
            continue
        x = [1 / t for t, _ in found]
        sums = [s.summary([a for a, *_ in values], [seed for *_, seed in values]) for _, values in found]
        seeds |= {f"{rule} at {1 / t:.2g}": m[2] for (t, _), m in zip(found, sums)}
        left.errorbar(x, [m for m, _, _ in sums], [d or 0 for _, d, _ in sums], color=colour, marker="o", capsize=2, label=f"SoftHebb {words}")
        right.plot(x, [ones_of(values) for _, values in found], color=colour, marker="o")
        body += [[rule, f"{1 / t:.4g}", s.told(*m), f"{ones_of(values):.1f}"] for (t, values), m in zip(found, sums)]
    hard = [v for values in points(runs, "hard").values() for v in values]
    if hard:
        mean, deviation, seeds["hard"] = s.summary([a for a, *_ in hard], [seed for *_, seed in hard])
        ones = ones_of(hard)
        left.axhline(mean, color=s.COLOUR["HardWTA"], linestyle="--", label="hard WTA")
        if deviation:
            left.axhspan(mean - deviation, mean + deviation, color=s.COLOUR["HardWTA"], alpha=0.12, linewidth=0)
        right.axhline(ones, color=s.COLOUR["HardWTA"], linestyle="--")
        body.append(["hard", "0", s.told(mean, deviation, seeds["hard"]), f"{ones:.1f}"])
    for axes, label in ((left, "test accuracy, %"), (right, "units of radius 1 (R1)")):
        axes.set_xscale("log")
        axes.set_xlabel("temperature  (hard → soft)")
        axes.set_ylabel(label)
    left.set_ylim(top=left.get_ylim()[1] + 0.25 * (left.get_ylim()[1] - left.get_ylim()[0]))
    left.legend(loc="upper left")
    right.set_ylim(0, max(1, right.get_ylim()[1]))
    converged = any(float(row[3]) > 0 for row in body)
    if not converged:  # an empty panel
        right.remove()
        figure.set_size_inches(5.4, 3.9)
        left.set_subplotspec(figure.add_gridspec(1, 1)[0])
    first = runs[0].origin["dataset_sup"]
    figure.suptitle(f"{layers} on {first['training_sample']:,} CIFAR-10 images", fontsize=10)
    whole = first["training_sample"] >= 40000
    told = ["soft: all units learn towards the input; softkrotov: all but the winner learn away from it; hard: only the winner learns. "
            "R1: units whose weights have converged to radius 1, of the last Hebbian layer, mean over seeds. "
            "The paper prints no numbers for its curves." + ("" if converged else " No unit came to radius 1, so R1 is not drawn.") + ("" if whole else " A slice of the paper's search: "
            f"{first['training_sample']:,} images, {first['nb_epoch']} epochs of the classifier.")]
    s.save(figure, name, title, told + [""] + s.rows(["rule", "temperature", "accuracy, % (seeds)", "R1"], body), runs, seeds)
