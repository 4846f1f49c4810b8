"""Asks tensorboard's projector for the embedding of a run folder and prints what it answers as JSON.

Used by tests/encode.rs:  python3 tests/read_projector.py FOLDER
"""

import io
import json
import sys
from urllib.parse import quote

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.projector import projector_plugin
from werkzeug.test import Client

logdir = sys.argv[1]
multiplexer = plugin_event_multiplexer.EventMultiplexer()
multiplexer.AddRunsFromDirectory(logdir)
multiplexer.Reload()
context = base_plugin.TBContext(
    logdir=logdir,
    multiplexer=multiplexer,
    data_provider=data_provider.MultiplexerDataProvider(multiplexer, logdir),
)
apps = projector_plugin.ProjectorPlugin(context).get_plugin_apps()


def ask(route, query=""):
    """The answer of one route, as bytes."""
    response = Client(apps[route]).get(route + query)
    assert response.status_code == 200, (route, query, response.data)
    return response.data


(run,) = json.loads(ask("/runs"))
(embedding,) = json.loads(ask("/info", f"?run={quote(run)}"))["embeddings"]
name = quote(embedding["tensorName"])
vectors = np.frombuffer(ask("/tensor", f"?run={quote(run)}&name={name}"), np.float32)
vectors = vectors.reshape(embedding["tensorShape"])
sprite = Image.open(io.BytesIO(ask("/sprite_image", f"?run={quote(run)}&name={name}")))
print(
    json.dumps(
        {
            "shape": list(vectors.shape),
            "norm": float((vectors[0] ** 2).sum()),
            "metadata": ask("/metadata", f"?run={quote(run)}&name={name}").decode(),
            "sprite": list(sprite.size),
        }
    )
)
