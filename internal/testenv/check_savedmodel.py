"""Loads SavedModels in Python and compares their answers with those that Go wrote down.

    python check_savedmodel.py DIR...        (needs tensorflow; run by hand or where Python's TensorFlow is there)

Each DIR holds a SavedModel and expected.json: {"inputs": {feature: values}, "outputs": {name: values}}. Numbers may differ by
1e-5 of their size. The same values as tf.Examples go to the signatures classify and regress, where there are any, and TFRecord
must be able to read the warm-up requests. It prints one line for each folder and exits 1 if any differs.
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
    inputs = {name: tf.constant(known(values), declared[name].dtype) for name, values in expected["inputs"].items()}
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
    for name in ("classify", "regress"):
        if name in model.signatures:
            problem = compare(outputs, model.signatures[name](inputs=tf.constant(examples(inputs))))
            if problem:
                return f"{name}: {problem}"
    requests = folder / "assets.extra" / "tf_serving_warmup_requests"
    if sum(1 for _ in tf.data.TFRecordDataset(str(requests))) == 0:
        return "no warm-up requests"
    return None


def known(values):
    """Values with NaN for null, which stands for a number that is missing."""
    if isinstance(values, list):
        return [known(v) for v in values]
    return float("nan") if values is None else values


def missing(x):
    return x == b"" if isinstance(x, bytes) else x != x


def examples(inputs):
    """Serialized tf.Examples of serving_default's inputs, without what is missing; dates become int64."""
    def feature(v):
        if v.dtype == tf.string:
            return lambda x: tf.train.Feature(bytes_list=tf.train.BytesList(value=[x]))
        if v.dtype == tf.float64:
            return lambda x: tf.train.Feature(int64_list=tf.train.Int64List(value=[int(x)]))
        return lambda x: tf.train.Feature(float_list=tf.train.FloatList(value=[x]))

    columns = {name: [None if missing(x) else feature(v)(x) for x in v.numpy()] for name, v in inputs.items()}
    rows = ({name: x for name, x in zip(columns, row) if x is not None} for row in zip(*columns.values()))
    return [tf.train.Example(features=tf.train.Features(feature=row)).SerializeToString() for row in rows]


def compare(direct, served):
    """What differs between the answers of serving_default and those of classify or regress."""
    if "outputs" in served:
        got, want = served["outputs"].numpy(), direct["prediction"].numpy()[:, None]
        return None if np.array_equal(got, want) else f"got {got[:5]}, want {want[:5]}"
    scores, want = served["scores"].numpy(), direct["probabilities"].numpy()
    if not np.array_equal(scores, want):
        return f"got {scores[:5]}, want {want[:5]}"
    classes = np.take_along_axis(served["classes"].numpy(), scores.argmax(1)[:, None], 1)[:, 0]
    read = {"O": lambda c: c, "b": lambda c: c == b"true", "f": np.float32}[direct["prediction"].numpy().dtype.kind]
    got = [read(c) for c in classes]
    return None if got == direct["prediction"].numpy().tolist() else f"got classes {got[:5]}, want {direct['prediction'].numpy()[:5]}"


def main(folders):
    failed = False
    for folder in map(pathlib.Path, folders):
        problem = check(folder)
        failed |= problem is not None
        print(f"{folder.name}: {problem or 'the same'}")
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
