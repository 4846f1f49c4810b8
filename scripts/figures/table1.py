#!/usr/bin/env python3
"""Table 1: CIFAR-10, three layers, SoftHebb beside backpropagation."""
import style as s

body, runs = [], []
for rule in ("SoftHebb", "BP"):
    theirs, run = s.published(dataset="CIFAR10", rule=rule, layers=3, source="Figure 3")[0], s.run(f"CIFAR10_{rule}4")
    body.append([s.NAME[rule], s.told(theirs["mean"], theirs["std"]), s.told(*run.accuracy) + s.epochs(run) if run else "not run",
                 run.tested if run else ""])
    runs += [run] if run else []
mnist = s.published(dataset="MNIST")[0]
convolutional, dense = s.run("MNIST_SoftHebb3"), s.run("MNIST_SoftMlp2")
body.append(["SoftHebb on MNIST", s.told(mnist["mean"]) + " (its network is not published)",
             s.told(*convolutional.accuracy) + ", two convolutions" if convolutional else "not run",
             convolutional.tested if convolutional else ""])
body.append(["SoftHebb on MNIST, fully connected, one epoch", "", s.told(*dense.accuracy) if dense else "not run",
             dense.tested if dense else ""])
s.save(None, "table1", "Table 1: CIFAR-10, and the MNIST rows",
       s.rows(["network", "published, %", "here, % (seeds)", "tested here on"], body), runs + [r for r in (convolutional, dense) if r])
