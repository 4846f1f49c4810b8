#!/usr/bin/env python3
"""Figure 2: inputs that maximise units of each layer, by projected gradient ascent."""
import pictures as p
import style as s

TITLE = "Figure 2: what units of each layer respond to"
network = p.first(p.NETWORKS, "receptive-fields-b0")
if not network:
    p.missing("fig2", TITLE)
else:
    layers = [b for b in range(5) if p.about(network, f"receptive-fields-b{b}")]
    figure, panels = s.plt.subplots(1, len(layers), figsize=(3.3 * len(layers), 3.7), squeeze=False)
    lines = []
    for axes, b in zip(panels[0], layers):
        tiles, it = p.tiles(network, f"receptive-fields-b{b}")
        p.mosaic(axes, tiles, 9)
        axes.set_title(f"layer {b + 1}: {it['tile']['width']} × {it['tile']['height']} pixels")
        lines.append(p.told(network, it))
    figure.suptitle(f"{it['model']} trained on {it['dataset_unsup'].split('_')[0]}", fontsize=10)
    s.save(figure, "fig2", TITLE, ["The units whose weights vary least come first: those that came nearest to radius 1. "
                                   "The paper shows 72 units of each of the four layers of its STL-10 network, drawn at random."], lines)
