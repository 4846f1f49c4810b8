#!/usr/bin/env python3
"""Converts a checkpoint of ours to a state dict that PyTorch loads.

usage: to_pytorch.py CHECKPOINT.safetensors OUT.pth [--published]

OUT.pth holds what torch.save(model.state_dict(), …) would: names as in the published program (blocks.0.layer.weight,
blocks.0.operations.0.running_mean …), every tensor with its type. With --published it holds the published program's whole
file, {'state_dict': …, 'config': …, 'epoch': …}, the config taken from the config.json beside the checkpoint.
The metadata of the checkpoint (how far the run came) is kept under 'softhebb' so that from_pytorch.py gives it back.

Needs torch and numpy (scripts/requirements-torch.txt).
"""
import json
import pathlib
import sys
from collections import OrderedDict

import torch

from safetensors_file import read


def order(name):
    """The order of a module's own state dict: by block, operations first, then the layer, weights before biases."""
    parts = name.split(".")
    kinds = {"operations": 0, "layer": 1, "batch_norm": 2}
    last = {"running_mean": 0, "running_var": 1, "num_batches_tracked": 2, "weight": 0, "bias": 1}
    number = int(parts[3]) if parts[2] == "operations" else 0
    return int(parts[1]), kinds.get(parts[2], 3), number, last.get(parts[-1], 9)


def main():
    words = [w for w in sys.argv[1:] if w != "--published"]
    if len(words) != 2:
        sys.exit(__doc__)
    source, target = map(pathlib.Path, words)
    tensors, metadata = read(source)
    state = OrderedDict((name, torch.from_numpy(tensors[name])) for name in sorted(tensors, key=order))
    if "--published" in sys.argv:
        config = source.parent / "config.json"
        plan = json.loads(config.read_text()) if config.is_file() else {}
        progress = json.loads(metadata.get("softhebb", "{}"))
        out = {"state_dict": state, "config": plan.get("network", {}), "epoch": progress.get("global_epoch", 0)}
        out["softhebb"] = metadata.get("softhebb", "")
    else:
        out = state
        # A state dict is an OrderedDict with a place for metadata, which load_state_dict() passes over.
        out._metadata = {"softhebb": metadata.get("softhebb", "")}
    part = target.with_name(f".{target.name}.part")
    torch.save(out, part)
    part.replace(target)
    print(f"{target}: {len(state)} tensors")


if __name__ == "__main__":
    main()
