#!/usr/bin/env python3
"""Converts a PyTorch state dict, ours or the published program's, to a checkpoint of ours.

usage: from_pytorch.py STATE.pth OUT.safetensors [--plan RUN/config.json]

STATE.pth is a state dict or a dict that holds one under 'state_dict' (the published program's files). Only tensors are
unpickled (weights_only). With --plan, names and shapes are compared with the network of that run before anything is written;
put OUT where the run has its checkpoint.safetensors, and `softhebb run --resume without-classifier --run-dir RUN` or
`softhebb plot … RUN` uses it.

Needs torch and numpy (scripts/requirements-torch.txt).
"""
import json
import pathlib
import sys

import numpy as np
import torch

from safetensors_file import write

# What our checkpoints hold: 32-bit floats, and 64-bit integers for the batches that a norm has seen.
KINDS = {torch.float32: np.float32, torch.float64: np.float32, torch.float16: np.float32, torch.bfloat16: np.float32,
         torch.int64: np.int64, torch.int32: np.int64}


def shapes(plan):
    """Names and shapes of a network's tensors, from the plan of a run."""
    wanted = {}
    for i, block in enumerate(plan["network"]["blocks"]):
        layer, (c, h, w) = block["layer"], block["in_shape"]
        flat = False
        for j, operation in enumerate(block["operations"]):
            flat |= operation == "flatten"
            if operation.startswith("batchnorm"):
                n = c * h * w if operation == "batchnorm1d" and flat else c
                at = f"blocks.{i}.operations.{j}"
                wanted |= {f"{at}.running_mean": (n,), f"{at}.running_var": (n,), f"{at}.num_batches_tracked": ()}
        out, inputs, k = layer["out_channels"], layer["in_channels"] // layer["groups"], layer["kernel_size"]
        wanted[f"blocks.{i}.layer.weight"] = (out, inputs, k, k) if block["arch"] == "CNN" else (out, layer["in_channels"])
        if layer["add_bias"] or (layer["method"] == "BP" and block["arch"] == "MLP"):
            wanted[f"blocks.{i}.layer.bias"] = (out,)
        if block["batch_norm"]:
            at = f"blocks.{i}.batch_norm"
            wanted |= {f"{at}.running_mean": (out,), f"{at}.running_var": (out,), f"{at}.num_batches_tracked": ()}
    return wanted


def main():
    words, plan = sys.argv[1:], None
    if "--plan" in words:
        at = words.index("--plan")
        if at + 1 >= len(words):
            sys.exit(__doc__)
        plan = json.loads(pathlib.Path(words[at + 1]).read_text())
        del words[at:at + 2]
    if len(words) != 2:
        sys.exit(__doc__)
    loaded = torch.load(words[0], map_location="cpu", weights_only=True)
    progress = getattr(loaded, "_metadata", None) or {}
    progress = progress.get("softhebb", "") if isinstance(progress, dict) else ""
    if "state_dict" in loaded:
        progress, loaded = loaded.get("softhebb", ""), loaded["state_dict"]
    tensors = {}
    for name, value in loaded.items():
        if value.dtype not in KINDS:
            sys.exit(f"error: {name} is of type {value.dtype}, which no network of ours has")
        value = value.detach().float() if value.is_floating_point() else value
        # (ascontiguousarray would make a list of a number.)
        tensors[name] = value.numpy().astype(KINDS[value.dtype], order="C")
    if plan:
        wanted = shapes(plan)
        wrong = [f"  {n}: missing" for n in wanted if n not in tensors]
        wrong += [f"  {n}: not of this network" for n in tensors if n not in wanted]
        wrong += [f"  {n}: {tensors[n].shape}, the network's is {s}" for n, s in wanted.items()
                  if n in tensors and tuple(tensors[n].shape) != tuple(s)]
        if wrong:
            sys.exit("error: the state does not fit the plan:\n" + "\n".join(wrong))
    write(pathlib.Path(words[1]), tensors, {"softhebb": progress} if progress else {})
    print(f"{words[1]}: {len(tensors)} tensors")


if __name__ == "__main__":
    main()
