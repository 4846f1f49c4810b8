#!/usr/bin/env python3
"""Figure 5: A, B: test images placed by the first and the last layer's outputs; C, D: patches that excite units of them most."""
import pictures as p
import style as s

TITLE = "Figure 5: how the layers see the classes, and what excites their units"
network = p.first(p.NETWORKS, "embedding-b0")
if not network:
    p.missing("fig5", TITLE)
else:
    last = max(b for b in range(5) if p.about(network, f"embedding-b{b}"))
    figure, ((a, b), (c, d)) = s.plt.subplots(2, 2, figsize=(9.5, 7.6), height_ratios=[1.5, 1])
    lines, shares = [], []
    for axes, letter, block in ((a, "A", 0), (b, "B", last)):
        it = p.scatter(axes, network, f"embedding-b{block}")
        axes.set_title(f"{letter}  layer {block + 1}")
        shares.append((f"layer {block + 1}", it))
        lines.append(p.told(network, it))
    handles, names = a.get_legend_handles_labels()
    for axes, letter, block in ((c, "C", 0), (d, "D", last)):
        tiles, it = p.tiles(network, f"patches-b{block}")
        p.mosaic(axes, tiles, it["tile"]["columns"])
        axes.set_title(f"{letter}  layer {block + 1}, a unit a row: {it['tile']['width']} × {it['tile']['height']} pixels")
        lines.append(p.told(network, it))
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), markerscale=3)
    s.save(figure, "fig5", TITLE, [p.shares(shares) + " "
                                   "What lies beyond an image is dark grey. The paper shows its STL-10 network."], lines)
