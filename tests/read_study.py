"""Scores a run anew from its features and its checkpoint, with NumPy alone; prints JSON.

    python read_study.py FEATURES.npy FEATURES-labels.csv CHECKPOINT.safetensors BLOCK

BLOCK is the linear classifier on those features. Recall, precision and top 5 are computed as scikit-learn defines them
(recall_score, precision_score, top_k_accuracy_score), the interval as statsmodels' proportion_confint(method="wilson").
"""
import csv
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
import safetensors_file

features, table, checkpoint, block = sys.argv[1:]
x = np.load(features)
rows = list(csv.DictReader(open(table, newline="", encoding="utf-8")))
labels = np.array([int(row["label"]) for row in rows])
arrays, metadata = safetensors_file.read(Path(checkpoint))
weight = arrays[f"blocks.{block}.layer.weight"].astype(np.float64)
bias = arrays.get(f"blocks.{block}.layer.bias", np.zeros(len(weight))).astype(np.float64)
logits = x.astype(np.float64) @ weight.T + bias
named = logits.argmax(1)
classes = len(weight)
confusion = np.zeros((classes, classes), dtype=int)
np.add.at(confusion, (labels, named), 1)
n, correct, z = len(labels), int((labels == named).sum()), 1.959963984540054
p = correct / n
centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
largest = np.argsort(-logits, axis=1)[:, :5]
shifted = logits - logits.max(1, keepdims=True)
loss = -(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))[np.arange(n), labels].mean()
share = lambda part, of: [100 * a / b if b else None for a, b in zip(part.tolist(), of.tolist())]
print(json.dumps({
    "dtype": str(x.dtype), "order": bool(x.flags["C_CONTIGUOUS"]), "shape": x.shape,
    "images": [int(row["image"]) for row in rows], "names": [row["class"] for row in rows],
    "files": [row.get("file") for row in rows], "labels": labels.tolist(), "named": named.tolist(),
    "accuracy": 100 * correct / n, "interval": [100 * (centre - half) / (1 + z**2 / n), 100 * (centre + half) / (1 + z**2 / n)],
    "top5": 100 * float((largest == labels[:, None]).any(1).mean()), "loss": float(loss),
    "recall": share(np.diag(confusion), confusion.sum(1)), "precision": share(np.diag(confusion), confusion.sum(0)),
    "confusion": confusion.tolist(), "first": x[:3].tolist(), "sums": [float(v) for v in x.sum(1, dtype=np.float64)],
}))
