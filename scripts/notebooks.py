#!/usr/bin/env python3
"""Executes the notebooks in place and takes out of them what changes from one machine or moment to the next.

usage: notebooks.py [NOTEBOOK...]      by default all of notebooks/; needs scripts/requirements.txt and the built program

A cell that raises ends it, and the notebook stays as it was. So does an output that holds an absolute path. With
SOFTHEBB_NOTEBOOK_SCALE=cifar10, or another that is not the committed one, the executed notebook goes to results/notebooks/ instead.
"""
import os
import pathlib
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HOME = pathlib.Path(__file__).resolve().parents[1]
LIMIT = 400_000  # bytes of a committed notebook, so that a page that shows it loads
COMMITTED = os.environ.get("SOFTHEBB_NOTEBOOK_SCALE", "small") == "small"
ABSOLUTE = re.compile(r"(?<![\w.])/(?:root|home|tmp|Users|var|private|work)/\S*")


def clean(notebook):
    """Without times of execution, the version of Python, and how the words of a cell happened to be cut into pieces."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type != "code":
            continue
        outputs = []
        for output in cell.outputs:
            if output.output_type in ("display_data", "execute_result"):
                output.metadata = {}
            previous = outputs[-1] if outputs else None
            if output.output_type == "stream" and previous and (previous.output_type, previous.get("name")) == ("stream", output.name):
                previous.text += output.text
            else:
                outputs.append(output)
        cell.outputs = outputs


def execute(path):
    notebook = nbformat.read(path, as_version=4)
    begun = time.monotonic()
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}},
                            record_timing=False)
    try:
        client.execute()
    except CellExecutionError as e:
        sys.exit(f"error: {path.name}: {e}")
    clean(notebook)
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    if COMMITTED and (found := ABSOLUTE.search(re.sub(r'"image/png": "[^"]*"', "", text))):
        sys.exit(f"error: {path.name} holds the path {found[0][:80]} of this machine")
    if COMMITTED and len(text.encode()) > LIMIT:
        sys.exit(f"error: {path.name} has {len(text.encode()):,} bytes, more than {LIMIT:,}: make its pictures smaller")
    out = path if COMMITTED else HOME / "results/notebooks" / path.name
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    part.write_text(text)
    part.replace(out)
    print(f"{out.relative_to(HOME)}: {time.monotonic() - begun:.0f} s, {len(text.encode()) / 1000:.0f} kB")


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted((HOME / "notebooks").glob("*.ipynb")):
        execute(pathlib.Path(name).resolve())
