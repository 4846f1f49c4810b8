"""What all figures share: colours, sizes, how they are written, and where their numbers come from.

A figure draws what lies in results/searches (run here, put there by collect.py) and published.csv (the paper's own values), and
nothing else. It leaves NAME.png, NAME.svg and NAME.md with its numbers and what they rest on.
"""
import csv
import json
import math
import pathlib
import statistics
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HOME = pathlib.Path(__file__).resolve().parents[2]
SEARCHES = HOME / "results/searches"
PICTURES = HOME / "results/plots"
OUT = HOME / "results/figures"

# Colours that people with any kind of colour vision tell apart (Okabe and Ito).
COLOUR = {"SoftHebb": "#0072b2", "HardWTA": "#444444", "Random": "#e69f00", "BP": "#009e73"}
NAME = {"SoftHebb": "SoftHebb", "HardWTA": "hard WTA", "Random": "random weights", "BP": "backprop"}
PUBLISHED = "#d55e00"

plt.rcParams.update({
    "font.size": 9, "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.alpha": 0.25, "grid.linewidth": 0.6, "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 8,
    "lines.linewidth": 1.4, "lines.markersize": 4, "figure.constrained_layout.use": True,
    "svg.hashsalt": "softhebb", "svg.fonttype": "none",
})


class Run:
    """A search or run that was collected: its accuracies by seed, and what it was."""

    def __init__(self, name):
        self.name, self.folder = name, SEARCHES / name
        self.origin = json.loads((self.folder / "origin.json").read_text())
        self.trials = table(self.folder / "trials.csv")
        # Further seeds that were run by themselves: NAME_seed0.
        self.more = [Run(p.name) for p in sorted(SEARCHES.glob(f"{name}_seed[0-9]*")) if (p / "origin.json").exists()]
        self.trials += [t for run in self.more for t in run.trials]

    @property
    def accuracy(self):
        done = [t for t in self.trials if t.get("test_acc")]
        return summary([float(t["test_acc"]) for t in done], [t["seed"] for t in done])

    def curves(self):
        return table(self.folder / "curves.csv")

    @property
    def told(self):
        """One line: how it was run."""
        o, sup = self.origin, self.origin["dataset_sup"]
        own = table(self.folder / "trials.csv")
        unsup = o["dataset_unsup"]
        hebbian = "unsupervised" in o["phases"] or o["training_mode"] == "simultaneous"
        parts = [f"`{o['commands'][0]}`"]
        parts.append(seeds_of(own))
        if hebbian:
            parts.append(f"{unsup['training_sample']:,} images unlabelled, {unsup['nb_epoch']} epoch(s)")
        parts.append(f"{sup['training_sample']:,} images labelled, {sup['nb_epoch']} epoch{'s' * (sup['nb_epoch'] > 1)}")
        parts.append(f"tested on {self.tested}")
        if len(own) < o.get("trials_planned", 1):
            parts.append(f"{len(own)} of {o['trials_planned']} trials")
        parts.append(f"{o['precision']}, {o['processor']}, commit {', '.join(o['commits'])}, {' to '.join(dict.fromkeys([o['dates'][0], o['dates'][-1]]))}")
        return " and ".join(["; ".join(parts), *(run.told for run in self.more)])

    @property
    def tested(self):
        sup = self.origin["dataset_sup"]
        kind = "held-out training images" if sup["validation"] else "test images"
        return f"{self.origin['tested_images']:,} {kind}"


def table(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def run(name):
    """A collected run, or None if there is none."""
    return Run(name) if (SEARCHES / name / "origin.json").exists() else None


def seeds_of(trials):
    """"seed 0", "seeds 0, 1" """
    return named_seeds(t["seed"] for t in trials)


def named_seeds(seeds):
    seeds = sorted({int(seed) for seed in seeds})
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def summary(values, seeds):
    """Mean, deviation over seeds (None of one seed) and the seeds in words; None of nothing."""
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return statistics.fmean(values), deviation, named_seeds(seeds)


def published(**where):
    """Rows of published.csv for which all of `where` holds, numbers as numbers."""
    number = lambda text: float(text) if text else None
    rows = table(pathlib.Path(__file__).with_name("published.csv"))
    chosen = [r for r in rows if all(r[k] == str(v) for k, v in where.items())]
    return [{**r, "mean": float(r["mean"]), "std": number(r["std"]), "layers": int(r["layers"] or 0)} for r in chosen]


def told(mean, deviation=None, seeds=None):
    """71.10 ± 0.06 (seeds 0, 1)"""
    text = f"{mean:.2f}" + (f" ± {deviation:.2f}" if deviation is not None else "")
    return text + (f" ({seeds})" if seeds else "")


def beyond(ours, theirs):
    """How many standard deviations lie between two means: of the seeds, as far as known, and of the test images drawn."""
    (mean, deviation, _), images = ours, theirs.get("images", 10000)
    p = theirs["mean"] / 100
    drawn = 100 * math.sqrt(p * (1 - p) / images)
    spread = math.sqrt((deviation or theirs["std"] or 0) ** 2 + (theirs["std"] or 0) ** 2 + drawn**2)
    return (mean - theirs["mean"]) / spread if spread else 0.0


def epochs(run):
    """", 5 epochs" for a classifier or a network that learned for fewer epochs than the paper's 50."""
    n = run.origin["dataset_sup"]["nb_epoch"]
    return f", {n} epoch{'s' * (n > 1)}" if n < 50 else ""


DIFFERENCE = ["difference", "in deviations"]
A_DEVIATION = "A deviation is that of both means together: over seeds, where known, and of drawing so many test images."


def difference(run, theirs):
    """Two cells: our mean less the published one, and in deviations; of as many epochs only."""
    if not run or epochs(run):
        return ["", ""]
    images = run.origin["tested_images"]
    return [f"{run.accuracy[0] - theirs['mean']:+.2f}", f"{beyond(run.accuracy, {**theirs, 'images': images}):+.1f}"]


def scale(runs, points):
    """One line under a picture: the seeds of each point, and the images of all its runs."""
    runs = [r for r in runs if isinstance(r, Run)]
    if not runs:
        return ""
    either = lambda values: " or ".join(dict.fromkeys(values))
    points = points or {r.name: seeds_of(r.trials) for r in runs}
    # What most points have is said once.
    most = max(points.values(), key=list(points.values()).count)
    others = {}
    for point, seeds in points.items():
        others.setdefault(seeds, []).append(point)
    seeds = "; ".join([most, *(f"{', '.join(names)}: {s}" for s, names in others.items() if s != most)])
    images = either(f"{r.origin['dataset_sup']['training_sample']:,}" for r in runs)
    return f"Run here: {seeds}; {images} training images; tested on {either(r.tested for r in runs)}"


def save(figure, name, title, lines, runs, points=None):
    """Writes the picture and NAME.md: its title, its table and one line a run that it rests on. `points`: the seeds of each point, if a
    run is not one."""
    OUT.mkdir(parents=True, exist_ok=True)
    if figure is not None:
        # Under the axes: as the title of the legend where that is there, too.
        words = scale(runs, points)
        # In lines of about one length, of letters so small that 21 of them are an inch.
        count = math.ceil(len(words) / (21 * figure.get_size_inches()[0])) or 1
        words = textwrap.fill(words, len(words) // count + 12)
        if figure.legends:
            figure.legends[0].set_title(words, prop={"size": 6.5})
        elif words:
            figure.supxlabel(words, fontsize=6.5, color="#666666")
        figure.savefig(OUT / f"{name}.png", dpi=150, metadata={"Software": None})
        figure.savefig(OUT / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
    text = [f"# {title}", ""]
    if figure is not None:
        text += [f"![{title}]({name}.png)", ""]
    text += [*lines, ""]
    if runs:
        text += ["Run here:", "", *(f"- {r if isinstance(r, str) else r.name + ': ' + r.told}" for r in runs), ""]
    (OUT / f"{name}.md").write_text("\n".join(text))
    print(f"results/figures/{name}.md" + ("" if figure is None else f", {name}.png, {name}.svg"))


def rows(header, body):
    """A Markdown table."""
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *("| " + " | ".join(map(str, r)) + " |" for r in body)]
