"""Reads a folder of event files with tensorboard itself and prints what it finds as JSON.

Used by tests/report.rs:  python3 tests/read_events.py FOLDER

Scalars, pictures and texts come from the EventAccumulator; the hyperparameters from the backend of the HPARAMS page.
"""

import io
import json
import math
import os
import sys

from PIL import Image
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups
from tensorboard.util import tensor_util


def scalars_images_texts(folder):
    """Everything but the hyperparameters, by tag."""
    # Size 0: keep all values, not a sample of them.
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    images = {}
    for tag in tags["images"]:
        images[tag] = []
        for event in events.Images(tag):
            picture = Image.open(io.BytesIO(event.encoded_image_string))
            pixels = [list(picture.getpixel((x, 0))) for x in range(picture.width)]
            images[tag].append(
                {
                    "step": event.step,
                    "told": [event.width, event.height],
                    "size": list(picture.size),
                    "first_row": pixels,
                }
            )
    texts = {}
    for tag in events.PluginTagToContent("text") if tags["tensors"] else []:
        value = tensor_util.make_ndarray(events.Tensors(tag)[-1].tensor_proto)
        texts[tag] = value.reshape(-1)[0].decode()
    return {
        "scalars": {tag: [[e.step, str(e.value)] for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "images": images,
        "texts": texts,
    }


def plain(value):
    """A google.protobuf.Value as Python's own."""
    return getattr(value, value.WhichOneof("kind"))


def hparams(folder):
    """What the HPARAMS page would show."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRun(folder, "run")
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, folder)
    context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    experiment = get_experiment.Handler(
        RequestContext(), context, "id", api_pb2.GetExperimentRequest(include_metrics=True)
    ).run()
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=10,
        include_metrics=True,
        allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING],
        col_params=[api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos]
        + [api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos],
    )
    groups = list_session_groups.Handler(RequestContext(), context, "id", request).run()
    return {
        "columns": {info.name: api_pb2.DataType.Name(info.type) for info in experiment.hparam_infos},
        "metrics": [info.name.tag for info in experiment.metric_infos],
        "groups": [
            {
                "hparams": {name: plain(value) for name, value in group.hparams.items()},
                "metrics": {m.name.tag: None if math.isnan(m.value) else m.value for m in group.metric_values},
                "status": [api_pb2.Status.Name(session.status) for session in group.sessions],
            }
            for group in groups.session_groups
        ],
    }


if __name__ == "__main__":
    result = scalars_images_texts(sys.argv[1])
    steps = os.path.join(sys.argv[1], "steps")
    if os.path.isdir(steps):
        result["steps"] = scalars_images_texts(steps)["scalars"]
    result["hparams"] = hparams(sys.argv[1])
    json.dump(result, sys.stdout)
