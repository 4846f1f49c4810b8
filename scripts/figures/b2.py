#!/usr/bin/env python3
"""Figure B.2: accuracy and R1 features of three layers against temperature, CIFAR-10."""
import regimes

NAMES = ["SoftHebb4_regimes_multilayer", "regimes_slice_deep"]
regimes.draw("b2", "Figure B.2: regimes of three layers, CIFAR-10", NAMES, "Three layers")
