#!/usr/bin/env python3
"""The two-layer Hebbian spiking network in numpy, as the notebook computes it, to compare the speed with.

Prints one line of JSON: microseconds an image (on the processor) in training and in evaluation, spikes already drawn. Images are those of an
idx file (MNIST, raw or gzipped) or, without --images-file, random ones of the same brightness.

    python benches/peers/snn_notebook.py --count 64
    softhebb snn bench --dataset MNIST --peer 'python benches/peers/snn_notebook.py --count 64 --images-file FILE'
"""

import argparse
import gzip
import json
import os
import time

# One thread: the comparison is by core.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402  (after the number of threads)


def k_winners(v, k):
    """1 where v is among its k largest values and positive."""
    winners = np.argpartition(v, -k)[-k:]
    spikes = np.zeros_like(v)
    spikes[winners] = v[winners] > 0
    return spikes


def step(x, v_h, v_o, w1, w2, p):
    """A step of both layers: decay, integrate, compete, reset. Returns potentials and spikes."""
    v_h = p["alpha_h"] * v_h + x @ w1
    s_h = k_winners(v_h, p["k_hidden"])
    v_h = v_h - p["vth"] * s_h
    v_o = p["alpha_o"] * v_o + s_h @ w2
    s_o = k_winners(v_o, p["k_output"])
    v_o = v_o - p["vth"] * s_o
    return v_h, v_o, s_h, s_o


def unit_columns(w):
    w /= np.linalg.norm(w, axis=0, keepdims=True) + 1e-6


def train(spikes, labels, w1, w2, p, rng):
    """A batch: Oja's rule on w1, Hebbian and anti-Hebbian on w2, in place."""
    classes = w2.shape[1]
    for train_of_image, label in zip(spikes, labels):
        v_h = np.zeros(w1.shape[1], np.float32)
        v_o = np.zeros(classes, np.float32)
        for x in train_of_image:
            v_h, v_o, s_h, natural = step(x, v_h, v_o, w1, w2, p)
            target = np.zeros(classes, np.float32)
            target[label] = rng.random_sample() < p["p_teacher"]
            positive = np.maximum(natural, target)
            negative = natural.copy()
            negative[label] = 0
            fired = np.flatnonzero(s_h)
            if fired.size:
                s = s_h[fired][None, :]
                w1[:, fired] += p["eta1"] * (x[:, None] @ s - (s * s) * w1[:, fired])
            w2 += p["eta2"] * np.outer(s_h, positive).astype(np.float32)
            w2 -= p["eta2_neg"] * np.outer(s_h, negative).astype(np.float32)
            w1 *= 1 - p["decay1"]
            w2 *= 1 - p["decay2"]
        unit_columns(w1)
        unit_columns(w2)
    np.clip(w1, -1, 1, out=w1)
    np.clip(w2, -1, 1, out=w2)


def counts(spikes, w1, w2, p):
    """Output spikes of each image, (images, classes)."""
    out = np.zeros((len(spikes), w2.shape[1]), np.float32)
    for total, train_of_image in zip(out, spikes):
        v_h = np.zeros(w1.shape[1], np.float32)
        v_o = np.zeros(w2.shape[1], np.float32)
        for x in train_of_image:
            v_h, v_o, _, s_o = step(x, v_h, v_o, w1, w2, p)
            total += s_o
    return out


def read_images(path, count):
    """The first images of an idx file, 0 to 1, (count, pixels)."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        magic, total, rows, columns = np.frombuffer(file.read(16), ">i4")
        if magic != 2051:
            raise SystemExit(f"{path} is not an idx file of images")
        count = min(count, int(total))
        pixels = np.frombuffer(file.read(count * rows * columns), np.uint8)
    return pixels.reshape(count, rows * columns).astype(np.float32) / 255


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=64, help="images")
    parser.add_argument("--images-file", help="idx file of images")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--k-hidden", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    rng = np.random.RandomState(3)
    if args.images_file:
        images = read_images(args.images_file, args.count)
    else:
        images = (rng.rand(args.count, 784) < 0.2) * rng.rand(args.count, 784)
    dt = 0.005
    p = {
        "alpha_h": float(np.exp(-dt / 0.02)), "alpha_o": float(np.exp(-dt / 0.02)), "vth": 1.0,
        "k_hidden": args.k_hidden, "k_output": 1, "p_teacher": 80 * dt,
        "eta1": 0.01, "eta2": 0.02, "eta2_neg": 0.01, "decay1": 5e-5, "decay2": 5e-5,
    }
    draws = rng.rand(len(images), args.steps, images.shape[1])
    spikes = (draws < images[:, None, :] * 30 * dt).astype(np.float32)
    labels = rng.randint(0, 10, len(images))
    w1 = (0.01 * rng.randn(images.shape[1], args.hidden)).astype(np.float32)
    w2 = (0.01 * rng.randn(args.hidden, 10)).astype(np.float32)
    times = []
    for work in (lambda: train(spikes, labels, w1, w2, p, rng), lambda: counts(spikes, w1, w2, p)):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1e6 / len(images))
    print(json.dumps({"train_us": times[0], "eval_us": times[1], "images": len(images), "numpy": np.__version__}))


if __name__ == "__main__":
    main()
