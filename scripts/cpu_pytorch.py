#!/usr/bin/env python3
"""Makes the PyTorch in a libtorch folder importable on a machine without the CUDA libraries, to test that checkpoints cross over.

usage: cpu_pytorch.py TORCH_FOLDER OUT       prints OUT/python, an interpreter that imports torch; nothing if there can be none

PyPI's wheel for Linux is the one for CUDA, and `import torch` loads 4 GB of libraries of which nothing runs on a CPU.
`make setup` leaves them out; here each one that is missing gets an empty stand-in that has the names that the loader asks
for. Calling one of them would crash; on the CPU nobody does. Needs readelf, nm and cc, which Rust's linker brings along.
"""
import os
import pathlib
import re
import stat
import subprocess
import sys


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def stand_ins(libraries, present, out):
    """Makes a library for each name that `libraries` need and neither they, `present` nor the system have."""
    system = said("/sbin/ldconfig", "-p") if os.path.exists("/sbin/ldconfig") else said("ldconfig", "-p")
    own = {p.name for p in libraries} | present
    missing, versions, wanted, plain = set(), {}, {}, set()
    for library in libraries:
        needed = re.findall(r"NEEDED.*\[(.*?)\]", said("readelf", "-d", library))
        missing |= {n for n in needed if n not in own and f"{n} " not in system}
        file = None
        for line in said("readelf", "-V", "-W", library).splitlines():
            file = m[1] if (m := re.search(r"File: (\S+)", line)) else file
            if m := re.search(r"Name: (\S+)\s+Flags", line):
                versions.setdefault(file, set()).add(m[1])
        for line in said("nm", "-D", "--undefined-only", library).splitlines():
            name, _, version = line.split()[-1].replace("@@", "@").partition("@")
            if version:
                wanted.setdefault(version, set()).add(name)
            elif re.match(r"cu|nccl|nv", name):
                plain.add(name)
    for number, file in enumerate(sorted(missing)):
        mine = {v: sorted(wanted.get(v, ())) for v in sorted(versions.get(file, ()))}
        names = {name for v in mine.values() for name in v} | (plain if number == 0 else set())
        source, script = out / "names.c", out / "names.map"
        source.write_text("".join(f"void {n}(void) {{}}\n" for n in sorted(names)) or "int nothing_at_all;\n")
        command = ["cc", "-shared", "-fPIC", "-w", "-fno-builtin", "-o", str(out / file), f"-Wl,-soname,{file}", str(source)]
        if mine:
            script.write_text("".join(f"{v} {{ global: {' '.join(n + ';' for n in names) or 'none;'} }};\n" for v, names in mine.items()))
            command.append(f"-Wl,--version-script={script}")
        said(*command)


def main(torch, out):
    torch, out = pathlib.Path(torch).resolve(), pathlib.Path(out).absolute()
    extension = f"_C.cpython-{sys.version_info.major}{sys.version_info.minor}-"
    if not any(p.name.startswith(extension) for p in torch.glob("_C*")):
        print(f"note: {torch} has no PyTorch for Python {sys.version_info.major}.{sys.version_info.minor}", file=sys.stderr)
        return
    python = out / "python"
    works = lambda: subprocess.run([python, "-c", "import torch; torch.ones(2) @ torch.ones(2)"], capture_output=True).returncode == 0
    if not (python.exists() and str(torch.parent) in python.read_text() and works()):
        (out / "lib").mkdir(parents=True, exist_ok=True)
        nvidia = sorted({p.parent for p in torch.parent.glob("nvidia/**/lib*.so*")})
        stand_ins(sorted((torch / "lib").glob("lib*.so")), {p.name for d in nvidia for p in d.iterdir()}, out / "lib")
        path = ":".join(map(str, [out / "lib", *nvidia]))
        python.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{path}" PYTHONPATH="{torch.parent}" exec "{sys.executable}" "$@"\n')
        python.chmod(python.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        if not works():
            print(f"note: {python} cannot import torch", file=sys.stderr)
            return
    print(python)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
