#!/usr/bin/env python3
"""Figure B.7: patches that excite units most, trained and with random weights, first and last layer."""
import pictures as p
import style as s

TITLE = "Figure B.7: exciting patches, trained and random weights"
found = []
for letter, words, networks in (("A", "trained", p.NETWORKS), ("B", "random weights", p.RANDOM)):
    for block in (0, 2, 3):
        network = p.first(networks, f"patches-b{block}")
        if network:
            found.append((letter, words, network, block))
if not any(f[0] == "B" for f in found):
    p.missing("b7", TITLE)
else:
    figure, panels = s.plt.subplots(2, 2, figsize=(9.5, 5.6))
    lines = []
    for axes, (letter, words, network, block) in zip(panels.flat, found):
        tiles, it = p.tiles(network, f"patches-b{block}")
        p.mosaic(axes, tiles, it["tile"]["columns"])
        axes.set_title(f"{letter}  {words}, layer {block + 1}: {it['tile']['width']} × {it['tile']['height']} pixels")
        lines.append(p.told(network, it))
    s.save(figure, "b7", TITLE, ["A unit a row: the first five units, ten patches each; what lies beyond an image is dark grey."], lines)
