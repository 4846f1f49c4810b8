#!/usr/bin/env python3
"""Figure B.1: accuracy and R1 features of one layer against temperature, CIFAR-10."""
import regimes

NAMES = ["SoftHebb2_regimes_multilayer", "regimes_slice", "regimes_slice_krotov", "regimes_slice_hard"]
regimes.draw("b1", "Figure B.1: regimes of one layer, CIFAR-10", NAMES, "One layer")
