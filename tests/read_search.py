"""Reads a search's folder with pandas and with tensorboard itself and prints what it finds as JSON.

Used by tests/search.rs:  python3 tests/read_search.py FOLDER
"""

import json
import math
import pathlib
import sys

import pandas
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups


def plain(x):
    """A cell as JSON has it."""
    if isinstance(x, float) and math.isnan(x):
        return None
    return x.item() if hasattr(x, "item") else x


def records(table):
    return [{name: plain(x) for name, x in row.items()} for row in table.to_dict("records")]


def trial(folder, run):
    """One trial by its own files, and the events of its run."""
    progress = pandas.read_csv(folder / "progress.csv")
    lines = (folder / "result.json").read_text().splitlines() if (folder / "result.json").exists() else []
    results = [json.loads(line) for line in lines]
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    scalars = {}
    if run.exists():
        events.Reload()
        scalars = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    return {
        "columns": list(progress.columns),
        "types": {name: str(kind) for name, kind in progress.dtypes.items()},
        "progress": records(progress),
        "results": [{k: plain(v) for k, v in r.items() if k != "config"} for r in results],
        "result_config": [r["config"] for r in results],
        "params": json.loads((folder / "params.json").read_text()),
        "accuracy": scalars.get("accuracy/test", []),
    }


def value(x):
    return getattr(x, x.WhichOneof("kind"))


def runs(folder):
    """What the list of runs would show."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(folder)
    multiplexer.Reload()
    return sorted(multiplexer.Runs())


def hparams(folder):
    """What the HPARAMS page of the whole search would show."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(folder)
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, folder)
    context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request = api_pb2.GetExperimentRequest(include_metrics=True)
    experiment = get_experiment.Handler(RequestContext(), context, "id", request).run()
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=1000,
        include_metrics=True,
        allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING],
        col_params=[api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos]
        + [api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos],
    )
    groups = list_session_groups.Handler(RequestContext(), context, "id", request).run().session_groups
    return {
        "columns": sorted(info.name for info in experiment.hparam_infos),
        "groups": [
            {
                "hparams": {name: value(x) for name, x in group.hparams.items()},
                "metrics": {m.name.tag: m.value for m in group.metric_values},
                "status": [api_pb2.Status.Name(session.status) for session in group.sessions],
            }
            for group in groups
        ],
    }


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1])
    trials = pandas.read_csv(root / "trials.csv")
    found = {
        "trials": records(trials),
        "summary": records(pandas.read_csv(root / "summary.csv")),
        "each": {
            row["folder"]: trial(root / "trials" / row["folder"], next(root.glob(f"tensorboard/{row['trial']:04} *")))
            for _, row in trials.iterrows()
        },
        "runs": runs(str(root / "tensorboard")),
        "hparams": hparams(str(root)),
    }
    # Everything together, as people would for a figure.
    together = pandas.concat([pandas.read_csv(f) for f in sorted(root.glob("trials/*/progress.csv"))])
    found["together"] = len(together)
    json.dump(found, sys.stdout)
