#!/usr/bin/env python3
"""Finds results whose commit is older than the code that they rest on.

usage: stale.py [--all] [--strict]      needs git and the repository's history

A line a result: the commits that it carries, and how many later commits changed the files that compute it. A result that no later commit concerns is left out
(--all: it is listed, too). With --strict the exit code is 1 if any is stale. That code changed does not say that a number did: it says what to run again first.
"""
import json
import pathlib
import re
import subprocess
import sys

HOME = pathlib.Path(__file__).resolve().parents[1]
TRAINING = ["src/layer", "src/train", "src/preset", "src/data", "preset.json"]
# The beginning of a path below results/, and what computes it.
RESTS_ON = [
    ("snn", ["src/snn"]), ("hopfield", ["src/hopfield"]), ("encoder", ["src/encoder"]), ("umap", ["src/plane"]), ("robustness", [*TRAINING, "src/robust"]),
    ("sharing", ["src/main.rs", "src/device.rs", "src/parallel.rs", *TRAINING]), ("speed", [*TRAINING, "src/bench"]), ("plots", [*TRAINING, "src/plot"]), ("", TRAINING),
]
COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b")


def git(*words):
    return subprocess.run(["git", "-C", str(HOME), *words], capture_output=True, text=True)


def is_commit(text):
    return git("cat-file", "-e", f"{text}^{{commit}}").returncode == 0


def named(path):
    """The commits that a result carries: of a page or table the words that are commits, of a folder those of its JSON."""
    if path.is_dir():
        files = [*path.glob("origin.json")] or [*path.glob("*.json")]
        text = " ".join(json.dumps(json.loads(f.read_text())) for f in files)
    else:
        text = path.read_text()
    words = dict.fromkeys(COMMIT.findall(text))
    return [word for word in words if re.search("[a-f]", word) and re.search("[0-9]", word) and is_commit(word)]


def main():
    unknown = [a for a in sys.argv[1:] if a not in ("--all", "--strict")]
    if unknown:
        sys.exit(__doc__)
    results = HOME / "results"
    paths = [p for p in sorted(results.glob("*.md")) if p.name != "README.md"]
    paths += sorted(p for folder in ("searches", "plots") for p in (results / folder).iterdir() if p.is_dir())
    stale = 0
    for path in paths:
        name = str(path.relative_to(results))
        rests = next(files for start, files in RESTS_ON if name.removeprefix("searches/").startswith(start))
        commits = named(path)
        if not commits:
            print(f"{name}: it names no commit of this repository")
            stale += 1
            continue
        later = {commit: len(git("log", "--oneline", f"{commit}..HEAD", "--", *rests).stdout.splitlines()) for commit in commits}
        if any(later.values()) or "--all" in sys.argv:
            stale += any(later.values())
            told = ", ".join(f"{commit}: {n} later commit{'s' * (n != 1)}" for commit, n in later.items())
            print(f"{name}: {told} of {' '.join(rests)}")
    sys.exit(1 if stale and "--strict" in sys.argv else 0)


if __name__ == "__main__":
    main()
