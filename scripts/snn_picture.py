#!/usr/bin/env python3
"""Puts pictures that `softhebb snn show` drew side by side, a row a run.

usage: snn_picture.py OUT.png SHOW_DIR...     needs Pillow (scripts/requirements.txt)
SHOW_DIR is the folder that `softhebb snn show RUN` left: RUN/show/image-0.
"""
import pathlib
import sys

from PIL import Image

NAMES = ["templates", "weights", "raster-hidden", "potential-output"]
HEIGHT, GAP = 360, 16


def main(out, folders):
    rows = []
    for folder in folders:
        pictures = [Image.open(pathlib.Path(folder) / f"{name}.png").convert("RGB") for name in NAMES]
        # Templates stay as they are (two rows of five); the others take the height of the row.
        rows.append([p if p.height <= HEIGHT else p.resize((p.width * HEIGHT // p.height, HEIGHT), Image.LANCZOS) for p in pictures])
    widths = [max(row[i].width for row in rows) for i in range(len(NAMES))]
    sheet = Image.new("RGB", (sum(widths) + GAP * (len(NAMES) + 1), (HEIGHT + GAP) * len(rows) + GAP), "white")
    for r, row in enumerate(rows):
        left = GAP
        for width, picture in zip(widths, row):
            top = GAP + r * (HEIGHT + GAP) + (HEIGHT - picture.height) // 2
            sheet.paste(picture, (left + (width - picture.width) // 2, top))
            left += width + GAP
    sheet.quantize(128).save(out, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
