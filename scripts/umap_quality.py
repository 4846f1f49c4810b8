#!/usr/bin/env python3
"""How much of the neighbourhoods UMAP keeps, ours beside umap-learn's.

usage: umap_quality.py results/umap [--seeds N] [RUN_DIR]

RUN_DIR was made by `softhebb encode train` on FashionMini; its features are measured, and the pixels, both in rows of length one
as `softhebb encode cluster` takes them. Of each, the first 1,500 and 5,000 images. Run it with a Python that has umap-learn:

    python3 -m venv VENV && VENV/bin/pip install umap-learn==0.5.12
    softhebb encode train --epochs 1 --threads 1
    VENV/bin/python scripts/umap_quality.py results/umap results/runs/encode/FashionMini-28px-seed0

Our places are those of examples/umap.rs, which this builds beside the program itself. Trustworthiness (Venna & Kaski 2001) falls
with each of the 15 nearest places that belongs to a distant row; kept is the share of the 15 nearest rows that are among the 15
nearest places. Writes results/umap.md and results/umap.csv.
"""

import argparse
import csv
import datetime
import gzip
import json
import pathlib
import resource
import statistics
import struct
import subprocess
import tempfile
import time
import warnings

import numpy as np
import umap

ROOT = pathlib.Path(__file__).resolve().parent.parent
K, SIZES, BOUND = 15, (1500, 5000), 0.01
warnings.filterwarnings("ignore")  # of umap-learn: with a seed it uses one thread, which is what is wanted


def pixels():
    """FashionMini's training images in rows of length one."""
    data = gzip.decompress((ROOT / "src/data/fashion_mini/fashion_mini.idx.gz").read_bytes())
    _, n, height, width = struct.unpack_from(">4I", data)
    rows = np.frombuffer(data, np.uint8, n * height * width, 16).reshape(n, -1).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def features(run):
    """What an encoder makes of the same images."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "features.npy"
        command = [ROOT / "target/release/softhebb", "encode", "features", run, "--quiet", "-o", path]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return np.load(path)


def squares(rows, own):
    """Squared distances of all pairs; those of a row to itself are `own`."""
    rows = rows.astype(np.float64)
    lengths = (rows * rows).sum(1)
    distances = lengths[:, None] + lengths - 2 * rows @ rows.T
    np.fill_diagonal(distances, own)
    return distances


def ranks(rows):
    """ranks[i, j]: how many rows are nearer to row i than row j is, itself counted."""
    n = len(rows)
    order = np.argsort(squares(rows, -1), axis=1, kind="stable")
    ranks = np.empty((n, n), np.int32)
    ranks[np.arange(n)[:, None], order] = np.arange(n)
    return ranks


def measure(ranks, places):
    """Trustworthiness and the share that is kept."""
    n = len(places)
    near = np.argpartition(squares(places, np.inf), K, axis=1)[:, :K]
    found = np.take_along_axis(ranks, near, 1)
    beyond = np.maximum(found - K, 0).sum()
    return 1 - 2 / (n * K * (2 * n - 3 * K - 1)) * beyond, (found <= K).mean()


def theirs(rows, seed):
    """umap-learn, as it is, and its processor's seconds."""
    start = time.process_time()
    places = umap.UMAP(n_neighbors=K, random_state=seed).fit_transform(rows)
    return places, time.process_time() - start


def ours(rows, seed):
    """The program's, and its processor's seconds."""
    n, d = rows.shape
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "rows.npy"
        write(path, rows)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [ROOT / "target/release/examples/umap", path, str(n), str(d), str(seed)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return np.array([line.split(",") for line in out.split()[1:]], float), after.ru_utime - before.ru_utime


def write(path, rows):
    """A .npy file with the header that the program writes."""
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % rows.shape
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text.ljust(117).encode() + b"\n" + rows.astype("<f4").tobytes())


def machine():
    """The processor's name."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", metavar="results/umap")
    parser.add_argument("run", nargs="?", type=pathlib.Path, metavar="RUN_DIR")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--locked", "--bins", "--example", "umap"], cwd=ROOT, check=True)
    matrices, made = {"pixels": pixels()}, ""
    if args.run:
        matrices["encoder"] = features(args.run)
        made = f" The encoder: `{json.loads((args.run / 'provenance.json').read_text())[0]['command']}`."
    table, summary = [], []
    for n in SIZES:
        theirs(matrices["pixels"][:n], 0)  # compiles what it takes, which is no part of the seconds
    for name, n in [(name, n) for name in matrices for n in SIZES if n <= len(matrices[name])]:
        rows = matrices[name][:n]
        near, means = ranks(rows), {}
        for who, place in [("umap-learn", theirs), ("softhebb", ours)]:
            found = []
            for seed in range(args.seeds):
                places, seconds = place(rows, seed)
                found.append((*measure(near, places), seconds))
                values = zip(("trustworthiness", "kept", "seconds"), (f"{v:.4f}" for v in found[-1]))
                table.append({"rows": name, "images": n, "by": who, "seed": seed, **dict(values)})
                print(table[-1], flush=True)
            means[who] = [statistics.mean(column) for column in zip(*found)]
            spread = [statistics.stdev(column) if args.seeds > 1 else 0.0 for column in zip(*found)]
            trust, kept = (f"{m:.4f} ± {s:.4f}" for m, s in zip(means[who][:2], spread))
            summary.append(f"| {name} | {n:,} | {who} | {trust} | {kept} | {means[who][2]:.1f} |")
        less = [b - a for a, b in zip(means["softhebb"][:2], means["umap-learn"][:2])]
        if max(less) > BOUND:
            print(f"{name}, {n}: ours is {less} below")
    commit = subprocess.run(["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    lines = [
        f"`python3 scripts/umap_quality.py results/umap{' RUN_DIR' if args.run else ''}`",
        "",
        f"FashionMini in the plane, seeds 0 to {args.seeds - 1}, mean ± standard deviation: UMAP with 15 neighbours and a smallest distance of 0.1, "
        f"ours (commit {commit}) beside umap-learn {umap.__version__} as it is. Trustworthiness and kept neighbours, both of the 15 nearest, compare the "
        f"plane with the rows themselves.{made} {datetime.date.today()}, {machine()}; seconds are the processor's, the search for neighbours included, not the "
        "compiling of umap-learn, on a machine that had other work.",
        "",
        "| rows | images | by | trustworthiness | neighbours kept | seconds |",
        "|---|---|---|---|---|---|",
        *summary,
        "",
    ]
    pathlib.Path(f"{args.out}.md").write_text("\n".join(lines))
    with open(f"{args.out}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main()
