"""What the figures of tiles and of points share: reading what `softhebb plot` left in results/plots/NAME/."""
import json

import numpy as np

import style as s

# Whichever of these was plotted is shown: the paper's own network first.
NETWORKS = ["STL10_SoftHebb5", "CIFAR10_SoftHebb4_50000"]
RANDOM = ["STL10_Random5", "CIFAR10_Random4"]


def about(network, what):
    """The description that `softhebb plot` left, or None."""
    path = s.PICTURES / network / f"{what}.json"
    return json.loads(path.read_text()) if path.exists() else None


def first(networks, what):
    """The first of these networks of which there is such a picture."""
    return next((n for n in networks if about(n, what)), None)


def tiles(network, what):
    """The tiles as arrays (height, width, 3), and their description."""
    it = about(network, what)
    sheet = s.plt.imread(s.PICTURES / network / f"{what}-tiles.png")[..., :3]
    w, h, columns = it["tile"]["width"], it["tile"]["height"], it["tile"]["columns"]
    cut = lambda i: sheet[i // columns * h:(i // columns + 1) * h, i % columns * w:(i % columns + 1) * w]
    return [cut(i) for i in range(it["tiles"])], it


def mosaic(axes, pictures, columns, margin=1):
    """Draws tiles row by row into axes."""
    h, w = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.ones((rows * (h + margin) - margin, columns * (w + margin) - margin, 3))
    for i, picture in enumerate(pictures):
        y, x = i // columns * (h + margin), i % columns * (w + margin)
        sheet[y:y + h, x:x + w] = picture
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()


def scatter(axes, network, what):
    """Draws the points of an embedding, coloured by class; returns their description."""
    it = about(network, what)
    points = np.genfromtxt(s.PICTURES / network / f"{what}.csv", delimiter=",", skip_header=1)
    colours = s.plt.get_cmap("tab10" if len(it["classes"]) <= 10 else "tab20")
    for k, name in enumerate(it["classes"]):
        mine = points[points[:, 2] == k]
        axes.scatter(mine[:, 0], mine[:, 1], s=3, color=colours(k % colours.N), label=name, linewidths=0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    return {**it, "points": len(points)}


def told(network, it):
    """One line: what was plotted."""
    made = it["run"][-1]
    held = ", a fifth held out" if it["validation"] else ""
    return (f"{network}: {it['model']}, {it['dataset_unsup']} ({it['images']:,} images{held}), seed {it['seed']}; commit {made['commit']}, "
            f"{made['date'][:10]}, {made['processor']}; drawn by `softhebb plot {it['what']} RUN --block {it['block']}`"
            + ("; + : the files had changed since that commit" if made["commit"].endswith("+") else ""))


def shares(found):
    """One line on embeddings: how many points are where most of their neighbours are of their class."""
    parts = ", ".join(f"{words} {it['own_class_percent']:.1f} %" for words, it in found)
    it = found[0][1]
    return (f"Share of the {it['points']:,} test images whose class is that of most of their 15 nearest in the plane: {parts} "
            f"(by chance about {100 / len(it['classes']):.0f} %).")


def missing(name, title):
    s.save(None, name, title, [f"Not run here yet: `scripts/experiments.sh {name}` starts what it needs, and `softhebb plot` draws "
                               "from it into results/plots (see CONTRIBUTING.md)."], [])


def fields(name, title, layer, columns=25):
    """One of figures B.8 to B.11: inputs that maximise 250 units of a layer."""
    network = first(["STL10_SoftHebb5", "pictures_SoftHebb5"] if layer > 2 else NETWORKS, f"receptive-fields-250-b{layer}")
    if not network:
        return missing(name, title)
    pictures, it = tiles(network, f"receptive-fields-250-b{layer}")
    figure, axes = s.plt.subplots(figsize=(9, 9 * -(-len(pictures) // columns) / columns + 0.3))
    mosaic(axes, pictures, columns)
    axes.set_title(f"{it['model']}, layer {layer + 1}: {len(pictures)} units, {it['tile']['width']} × {it['tile']['height']} pixels")
    s.save(figure, name, title, [f"{len(pictures)} of the layer's units. Each tile is stretched to its own range. The paper's network learned STL-10; this one {it['dataset_unsup']}."], [told(network, it)])
