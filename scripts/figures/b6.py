#!/usr/bin/env python3
"""Figure B.6: test images placed by the last layer's outputs, trained and with random weights."""
import pictures as p
import style as s

TITLE = "Figure B.6: trained and random weights, last layer"
kinds = [("A", "trained", p.NETWORKS), ("B", "random weights", p.RANDOM)]
found = []
for letter, words, networks in kinds:
    block = next((b for b in (3, 2) if p.first(networks, f"embedding-b{b}")), None)
    if block is not None:
        found.append((letter, words, p.first(networks, f"embedding-b{block}"), block))
if len(found) < 2:
    p.missing("b6", TITLE)
else:
    figure, panels = s.plt.subplots(1, 2, figsize=(9.5, 4.8))
    lines, shares = [], []
    for axes, (letter, words, network, block) in zip(panels, found):
        it = p.scatter(axes, network, f"embedding-b{block}")
        axes.set_title(f"{letter}  {words}, layer {block + 1}")
        shares.append((words, it))
        lines.append(p.told(network, it))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), markerscale=3)
    s.save(figure, "b6", TITLE, [p.shares(shares)], lines)
