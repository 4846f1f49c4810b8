"""Places of feature rows in the plane: python umap_layout.py FEATURES.npy SEED, one "x y" a line on standard output.

Run by `softhebb encode cluster`; `make umap` sets up what it needs (requirements-umap.txt).
"""

import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")  # of umap-learn: with a seed it uses one thread, which is what is wanted

from umap import UMAP  # noqa: E402

features, seed = np.load(sys.argv[1]), int(sys.argv[2])
places = UMAP(n_components=2, n_neighbors=min(15, len(features) - 1), random_state=seed).fit_transform(features)
sys.stdout.write("".join(f"{x!r} {y!r}\n" for x, y in places.astype(float).tolist()))
