#!/usr/bin/env python3
"""Figure B.5: filters of the first layer: hard WTA, SoftHebb, backpropagation."""
import pictures as p
import style as s

TITLE = "Figure B.5: filters of the first layer, CIFAR-10"
found = [(letter, rule, f"CIFAR10_{rule}2") for letter, rule in (("A", "HardWTA"), ("B", "SoftHebb"), ("C", "BP"))]
found = [(letter, rule, n) for letter, rule, n in found if p.about(n, "filters-b0")]
if not found:
    p.missing("b5", TITLE)
else:
    figure, panels = s.plt.subplots(1, len(found), figsize=(3.2 * len(found), 4.3), squeeze=False)
    lines = []
    for axes, (letter, rule, n) in zip(panels[0], found):
        tiles, it = p.tiles(n, "filters-b0")
        # From the smoothest to the most structured, as the paper orders them.
        tiles.sort(key=lambda t: t.std())
        p.mosaic(axes, tiles, 8)
        axes.set_title(f"{letter}  {s.NAME[rule]}" + (s.epochs(s.run(n)) if s.run(n) else ""))
        lines.append(p.told(n, it))
    s.save(figure, "b5", TITLE, ["Each filter is stretched to its own range." + ("" if len(found) == 3 else " Not run here yet: " + ", ".join(
        s.NAME[rule] for rule in ("HardWTA", "SoftHebb", "BP") if rule not in [f[1] for f in found]) + ".")], lines)
