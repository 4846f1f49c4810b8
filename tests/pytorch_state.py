"""Loads a converted state into modules of PyTorch that are built here from the published names, and prints their outputs.

Used by tests/pytorch.rs:  python3 tests/pytorch_state.py STATE.pth FEATURES.json

The network is that of the test: batch norm, convolution, relu, max pool; flatten, linear.
"""
import json
import sys

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, operations, layer, after):
        super().__init__()
        self.operations, self.layer, self.after = nn.ModuleList(operations), layer, after

    def forward(self, x):
        for operation in self.operations:
            x = operation(x)
        return self.after(self.layer(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        conv = nn.Conv2d(1, 8, 5, padding=2, padding_mode="reflect", bias=False)
        after = nn.Sequential(nn.ReLU(), nn.MaxPool2d(4, 2, 1))
        self.blocks = nn.ModuleList([
            Block([nn.BatchNorm2d(1, affine=False)], conv, after),
            Block([nn.Flatten()], nn.Linear(8 * 14 * 14, 10), nn.Identity()),
        ])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


state = torch.load(sys.argv[1], weights_only=True)
net = Net().eval()
net.load_state_dict(state, strict=True)
images = json.load(open(sys.argv[2]))
x = torch.tensor(images["pixels"], dtype=torch.float32).view(-1, 1, 28, 28) / 255
with torch.no_grad():
    correct = (net(x).argmax(1) == torch.tensor(images["labels"])).sum().item()
print(json.dumps({"accuracy": 100 * correct / len(images["labels"]), "tensors": list(state)}))
