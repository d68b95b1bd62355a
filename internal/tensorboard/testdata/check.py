"""Reads event files with TensorBoard's own loader, and prints what it found as JSON: {run: {tag: [[step, value], …]}, …}."""
import json
import sys

from tensorboard.backend.event_processing import event_multiplexer

m = event_multiplexer.EventMultiplexer().AddRunsFromDirectory(sys.argv[1])
m.Reload()
found = {}
for run in sorted(m.Runs()):
    tags = m.Runs()[run]
    scalars = {}
    for tag in tags["tensors"]:
        scalars[tag] = [[e.step, round(float(e.tensor_proto.float_val[0]), 4)] for e in m.Tensors(run, tag)]
    for tag in tags["scalars"]:
        scalars[tag] = [[e.step, round(e.value, 4)] for e in m.Scalars(run, tag)]
    found[run] = {"scalars": scalars, "nodes": len(m.Graph(run).node) if tags["graph"] else 0}
json.dump(found, sys.stdout, sort_keys=True)
