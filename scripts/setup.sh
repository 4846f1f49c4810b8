#!/usr/bin/env bash
# Puts libtorch where the build expects it: one copy in a cache folder for all checkouts, and a link
# `.libtorch` in this checkout that .cargo/config.toml names. Nothing is installed for a user who has
# libtorch already (LIBTORCH or LIBTORCH_USE_PYTORCH set, as tch documents).
#
#   SOFTHEBB_CACHE   the cache folder (default ~/.cache/softhebb)
#   SOFTHEBB_CUDA    1: the whole CUDA set (4.7 GB), 0: the CPU part (1 GB); default: 1 if nvidia-smi lists a GPU
set -euo pipefail
cd "$(dirname "$0")/.."

TORCH=2.11.0
RUNTIME=13.0.96   # the CUDA that torch 2.11.0 on PyPI was built with; libtorch_cpu.so links these two
CUPTI=13.0.85
CACHE=${SOFTHEBB_CACHE:-$HOME/.cache/softhebb}

link() { # link TARGET: point .libtorch there, without touching it if it does already
  [ "$(readlink .libtorch 2>/dev/null)" = "$1" ] || { rm -rf .libtorch.new; ln -s "$1" .libtorch.new; mv -T .libtorch.new .libtorch; }
}

if [ -n "${LIBTORCH_USE_PYTORCH:-}" ]; then
  interpreter=python3; [ -n "${VIRTUAL_ENV:-}" ] && interpreter=python   # the same choice as torch-sys makes
  link "$($interpreter -c 'import os, torch; print(os.path.dirname(torch.__file__))')"
  echo "libtorch: your PyTorch, $(readlink .libtorch)"; exit 0
fi
if [ -n "${LIBTORCH:-}" ] && [ "$LIBTORCH" != "$PWD/.libtorch" ]; then
  [ -d "$LIBTORCH/lib" ] || { echo "error: LIBTORCH=$LIBTORCH has no folder lib; unset it to have libtorch set up for you" >&2; exit 1; }
  link "$LIBTORCH"
  echo "libtorch: yours, $LIBTORCH"; exit 0
fi

cuda=${SOFTHEBB_CUDA:-}
if [ -z "$cuda" ]; then
  if command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; then cuda=1; else cuda=0; fi
fi
kind=cpu; [ "$cuda" = 1 ] && kind=cuda
home=$CACHE/libtorch/$TORCH-$kind
if [ ! -e "$home/torch/lib/libtorch_cpu.so" ]; then
  command -v python3 >/dev/null || { echo "error: python3 is missing; install it with venv and pip, or set LIBTORCH" >&2; exit 1; }
  mkdir -p "$CACHE/libtorch"
  exec 9>"$CACHE/libtorch/.lock"; flock 9          # two checkouts may set up at once
  if [ ! -e "$home/torch/lib/libtorch_cpu.so" ]; then
    echo "libtorch: installing torch $TORCH ($kind) into $home (once for all checkouts)"
    rm -rf "$home.part"
    # The libraries do not depend on Python's version, so one wheel would serve all; this python's own can be imported in the tests.
    version=$(python3 -c 'import sys; v = "%d.%d" % sys.version_info[:2]; print(v if (3, 10) <= sys.version_info[:2] <= (3, 14) else "3.12")')
    wheel=(--quiet --disable-pip-version-check --no-compile --only-binary=:all: --python-version "$version" --implementation cp
           --platform "manylinux2014_$(uname -m)")
    for glibc in $(seq 17 39); do wheel+=(--platform "manylinux_2_${glibc}_$(uname -m)"); done   # pip matches these exactly
    if [ "$kind" = cuda ]; then
      python3 -m pip install "${wheel[@]}" --root-user-action=ignore --target "$home.part" "torch==$TORCH"
    else
      python3 -m pip install "${wheel[@]}" --no-deps --root-user-action=ignore --target "$home.part" "torch==$TORCH" "nvidia-cuda-runtime==$RUNTIME" "nvidia-cuda-cupti==$CUPTI"
    fi
    mv "$home.part" "$home"
  fi
fi
link "$home/torch"
echo "libtorch: $home/torch"
