"""Loads SavedModels in Python and compares their answers with those that Go wrote down.

    python check_savedmodel.py DIR...        (needs tensorflow; run by hand or where Python's TensorFlow is there)

Each DIR holds a SavedModel and expected.json: {"inputs": {feature: values}, "outputs": {name: values}}. Numbers may differ by
1e-5 of their size. It prints one line for each folder and exits 1 if any differs.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf


def check(folder):
    expected = json.loads((folder / "expected.json").read_text())
    model = tf.saved_model.load(str(folder))
    serve = model.signatures["serving_default"]
    _, declared = serve.structured_input_signature
    inputs = {name: tf.constant(values, declared[name].dtype) for name, values in expected["inputs"].items()}
    if set(inputs) != set(declared):
        return f"inputs are {sorted(declared)}, Go wrote {sorted(inputs)}"
    outputs = serve(**inputs)
    for name, want in expected["outputs"].items():
        got, want = outputs[name].numpy(), np.asarray(want)
        if got.dtype.kind in "OSb":
            got = np.array([v.decode() if isinstance(v, bytes) else v for v in got.ravel().tolist()])
            same = got.tolist() == want.ravel().tolist()
        else:
            same = got.shape == want.shape and np.allclose(got, want, rtol=1e-5, atol=1e-5)
        if not same:
            return f"{name}: got {got.ravel()[:5]}, want {want.ravel()[:5]}"
    return None


def main(folders):
    failed = False
    for folder in map(pathlib.Path, folders):
        problem = check(folder)
        failed |= problem is not None
        print(f"{folder.name}: {problem or 'the same'}")
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
