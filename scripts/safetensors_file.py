"""Reads and writes safetensors files with numpy alone.

The format: eight bytes with the length of a JSON header, the header {"name": {"dtype", "shape", "data_offsets"}, …,
"__metadata__": {…}}, then the numbers. https://github.com/huggingface/safetensors describes it.
"""
import json
import struct

import numpy as np

KINDS = {"F32": np.float32, "F64": np.float64, "I64": np.int64}


def read(path):
    """Arrays by name, and the file's metadata."""
    data = path.read_bytes()
    if len(data) < 8 or (length := struct.unpack("<Q", data[:8])[0]) > len(data) - 8:
        raise SystemExit(f"error: {path} is not a whole safetensors file")
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    body, arrays = data[8 + length:], {}
    for name, entry in header.items():
        if entry["dtype"] not in KINDS:
            raise SystemExit(f"error: {path}: {name} is of type {entry['dtype']}; F32, F64 and I64 are read")
        start, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(body[start:end], dtype=KINDS[entry["dtype"]]).reshape(entry["shape"]).copy()
    return arrays, metadata


def write(path, arrays, metadata):
    """Writes them in the order of our program: larger elements first, then by name. Whole or not at all."""
    names = {np.dtype(kind): name for name, kind in KINDS.items()}
    order = sorted(arrays, key=lambda n: (-arrays[n].dtype.itemsize, n))
    header, offset = ({"__metadata__": metadata} if metadata else {}), 0
    for name in order:
        size = arrays[name].nbytes
        header[name] = {"dtype": names[arrays[name].dtype], "shape": list(arrays[name].shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_name(f".{path.name}.part")
    with open(part, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            out.write(arrays[name].tobytes())
    part.replace(path)
