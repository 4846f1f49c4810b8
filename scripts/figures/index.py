#!/usr/bin/env python3
"""The list of all figures: results/figures/README.md, from what each figure's script left."""
import re

import style as s

ORDER = ["fig1", "fig2", "fig3", "fig4", "fig5", "table1", "table2", *(f"b{i}" for i in range(1, 12))]

lines = ["# Figures and tables of the paper", "",
         "Drawn by `make figures` from [searches/](../searches) and [plots/](../plots), which were run here, and from the paper's own values "
         "([published.csv](../../scripts/figures/published.csv)). Each page has its numbers, and the commands, seeds, data, commits and machine "
         "that they rest on. What was not run is not drawn. Published deviations are those of the published notebook; for hard WTA, random weights and "
         "backprop on CIFAR-10 (two and three layers) and CIFAR-100 its lists do not line up with its means, and none is given.", "", "| | rests on |", "|---|---|"]
for name in ORDER:
    text = (s.OUT / f"{name}.md").read_text()
    title = text.splitlines()[0].removeprefix("# ")
    runs = re.findall(r"^- ([^:\n]+): ", text, re.MULTILINE)
    lines.append(f"| [{title}]({name}.md) | {', '.join(dict.fromkeys(runs)) or 'published values only, or nothing yet'} |")
(s.OUT / "README.md").write_text("\n".join(lines) + "\n")
print("results/figures/README.md")
