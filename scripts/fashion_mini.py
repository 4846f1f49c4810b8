#!/usr/bin/env python3
"""Make src/data/fashion_mini/fashion_mini.idx.gz, the images that ship inside the program.

usage: fashion_mini.py [--source DIR] [--out FILE] [--check]

DIR holds FashionMNIST's four .gz files (default: where Debian's package dataset-fashion-mnist puts them). Taken are the
first 500 training and the first 100 test images of each class, interleaved: the first of class 0, the first of class 1, ...
the second of class 0, and so on. The output is four idx files one after the other (training images, training labels, test
images, test labels) in one gzip stream without name and time, so that every run gives the same bytes (zlib 1.2 or 1.3).
--check compares FILE with what would be written and writes nothing.
Needs nothing but Python. FashionMNIST is (c) 2017 Zalando SE, MIT licence: see LICENSE beside the output.
"""
import argparse
import gzip
import hashlib
import io
import pathlib
import struct
import sys

CLASSES, SIDE = 10, 28
TRAIN_PER_CLASS, TEST_PER_CLASS = 500, 100


def read_idx(path, dimensions):
    data = gzip.decompress(path.read_bytes())
    magic, *sizes = struct.unpack_from(f">{1 + dimensions}I", data)
    if magic != 0x800 + dimensions:
        sys.exit(f"{path}: magic number {magic:#x}, expected {0x800 + dimensions:#x}")
    return sizes, data[4 + 4 * dimensions:]


def choose(source, prefix, per_class):
    """Images and labels of the first `per_class` images of each class, interleaved."""
    (count, rows, columns), pixels = read_idx(source / f"{prefix}-images-idx3-ubyte.gz", 3)
    (labelled,), labels = read_idx(source / f"{prefix}-labels-idx1-ubyte.gz", 1)
    if (rows, columns) != (SIDE, SIDE) or count != labelled:
        sys.exit(f"{source}: {prefix} is not FashionMNIST")
    of_class = [[i for i in range(count) if labels[i] == c][:per_class] for c in range(CLASSES)]
    order = [of_class[c][k] for k in range(per_class) for c in range(CLASSES)]
    size = SIDE * SIDE
    return b"".join(pixels[i * size:(i + 1) * size] for i in order), bytes(labels[i] for i in order)


def build(source):
    out, all_pixels = io.BytesIO(), b""
    for prefix, per_class in (("train", TRAIN_PER_CLASS), ("t10k", TEST_PER_CLASS)):
        pixels, labels = choose(source, prefix, per_class)
        out.write(struct.pack(">4I", 0x803, len(labels), SIDE, SIDE) + pixels)
        out.write(struct.pack(">2I", 0x801, len(labels)) + labels)
        all_pixels += pixels
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as f:
        f.write(out.getvalue())
    return packed.getvalue(), hashlib.sha256(all_pixels).hexdigest()


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=pathlib.Path, default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--out", type=pathlib.Path, default=here / "src/data/fashion_mini/fashion_mini.idx.gz")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    packed, digest = build(args.source)
    if args.check:
        same = args.out.read_bytes() == packed
        print(f"{args.out}: {'the same bytes' if same else 'DIFFERS'}; sha256 of the pixels {digest}")
        sys.exit(0 if same else 1)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(packed)
    print(f"{args.out}: {len(packed)} bytes; sha256 of the pixels {digest}")


if __name__ == "__main__":
    main()
