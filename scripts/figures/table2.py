#!/usr/bin/env python3
"""Table 2: STL-10 (four layers) and ImageNet (five layers)."""
import style as s

body, runs = [], []
for dataset, rules, layers in (("STL10", ("SoftHebb", "HardWTA", "Random", "BP"), 4), ("ImageNet", ("SoftHebb", "HardWTA", "BP"), 5)):
    for rule in rules:
        theirs = s.published(dataset=dataset, rule=rule, layers=layers)
        run = s.run(f"{dataset}_{rule}{layers + 1}")
        body.append([dataset, s.NAME[rule], layers, s.told(theirs[0]["mean"], theirs[0]["std"]) if theirs else "",
                     s.told(*run.accuracy) if run else "not run"])
        runs += [run] if run else []
s.save(None, "table2", "Table 2: STL-10 and ImageNet",
       s.rows(["data", "rule", "layers", "published, %", "here, % (seeds)"], body) +
       ["", "STL-10's 100,000 images and ImageNet's 1,281,167 were not run here; scripts/experiments.sh table2 does, and needs a GPU."], runs)
