"""What both notebooks use: the program, a folder to work in, and pictures of a readable size.

SOFTHEBB                the program (else target/release/softhebb of this checkout, else the one on PATH)
SOFTHEBB_NOTEBOOK_DIR   keep what the notebooks make in this folder (else a temporary one that goes with the kernel)
SOFTHEBB_NOTEBOOK_SCALE small or cifar10, which each notebook reads itself
"""
import io
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image as Picture
from PIL import Image

REPO = pathlib.Path(__file__).resolve().parents[1]

# Colours that people with any kind of colour vision tell apart (Okabe and Ito), as in results/figures.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444"]

plt.rcParams.update({
    "figure.dpi": 72, "font.size": 9, "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.alpha": 0.25, "axes.prop_cycle": plt.cycler(color=COLOURS), "legend.frameon": False,
    "legend.fontsize": 8, "lines.linewidth": 1.4, "lines.markersize": 4, "figure.constrained_layout.use": True,
})


class Failed(Exception):
    """The program did not do what it was asked; the message is its own."""


def find():
    """The program's path."""
    built = REPO / "target/release/softhebb"
    path = os.environ.get("SOFTHEBB") or (str(built) if built.exists() else shutil.which("softhebb"))
    if not path:
        raise Failed("there is no target/release/softhebb; `make build` makes it (or set SOFTHEBB to the program)")
    return str(pathlib.Path(path).resolve())


class Softhebb:
    """`softhebb(LINE)` runs `softhebb LINE` in the folder `work`, prints what it answers and returns it."""

    def __init__(self, name):
        kept = os.environ.get("SOFTHEBB_NOTEBOOK_DIR")
        self.temporary = None if kept else tempfile.TemporaryDirectory(prefix="softhebb-")
        self.work = (pathlib.Path(kept).resolve() if kept else pathlib.Path(self.temporary.name)) / name
        self.work.mkdir(parents=True, exist_ok=True)
        self.program = find()

    def __call__(self, line, show=True):
        words = [self.program, *shlex.split(line)]
        # Threads that wait asleep: two busy-waiting programs on the same cores block one another.
        environment = {"OMP_WAIT_POLICY": "passive", **os.environ}
        done = subprocess.run(words, cwd=self.work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"softhebb {line}\n{done.stderr.strip()}")
        if show:
            print(done.stdout.rstrip())
        return done.stdout

    def path(self, name):
        """A path that the program printed, as one that Python can open."""
        return self.work / name


def show(path, width=520):
    """A picture of a file, made smaller so that the notebook stays small."""
    with Image.open(path) as image:
        image = image.convert("RGB")
        if image.width > width:
            image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
        # A palette takes a third of the bytes; where it changes the colours (filters of colour images) it is not used.
        few = image.quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        changed = np.abs(np.asarray(few.convert("RGB"), dtype=int) - np.asarray(image)).mean()
        out = io.BytesIO()
        (few if changed < 1 else image).save(out, "PNG", optimize=True)
    return Picture(out.getvalue())
