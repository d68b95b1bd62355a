"""Triton's HTTP client: metadata, readiness, the repository, tensors as JSON and in binary, packed and not."""
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1].removeprefix("http://"))
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("flower") and client.is_model_ready("flower", "1") and not client.is_model_ready("flower", "9")
assert not client.is_model_ready("nobody")
print("triton:", client.get_server_metadata())
metadata = client.get_model_metadata("flower")
print("triton:", metadata)
index = client.get_model_repository_index()
print("triton:", index)
assert {"name": "flower", "version": "2", "state": "READY", "reason": ""} in index
client.load_model("flower")
try:
    client.unload_model("flower")
    raise AssertionError("a model was unloaded")
except InferenceServerException as e:
    print("triton:", e)


def inputs(binary):
    values = {
        "length": ("FP32", np.array([1.5, 2.5], dtype=np.float32)),
        "colour": ("BYTES", np.array(["red", "blue"], dtype=np.object_)),
        "wild": ("BOOL", np.array([True, False])),
        "found": ("INT64", np.array([1770076800, 1772496000])),
    }
    tensors = []
    for name, (datatype, v) in values.items():
        t = triton.InferInput(name, list(v.shape), datatype)
        t.set_data_from_numpy(v, binary_data=binary)
        tensors.append(t)
    return tensors


seen = []
for binary in (False, True):
    for packing in (None, "gzip", "deflate"):
        wanted = [triton.InferRequestedOutput(n, binary_data=binary) for n in ("prediction", "probabilities")]
        r = client.infer("flower", inputs(binary), model_version="1", outputs=wanted, request_id="b2", request_compression_algorithm=packing)
        assert r.get_response()["id"] == "b2" and r.get_response()["model_version"] == "1"
        seen.append((r.as_numpy("prediction").tolist(), r.as_numpy("probabilities").tolist()))
print("triton:", seen[0])
texts = [[w.decode() if isinstance(w, bytes) else w for w in words] for words, _ in seen]
assert all(t == texts[0] for t in texts) and all(p == seen[0][1] for _, p in seen)

r = client.infer("flower", inputs(True))  # all that it does where nobody says anything
print("triton:", r.get_response())
assert r.as_numpy("confidence").shape == (2,)
x = triton.InferInput("x", [3, 1], "FP16")
x.set_data_from_numpy(np.array([[1], [2], [5]], dtype=np.float16))
values = client.infer("half_plus_three", [x]).as_numpy("prediction")
assert np.allclose(values, [3.5, 4, 5.5], atol=1e-3), values
try:
    client.infer("half_plus_three", inputs(False))
    raise AssertionError("unknown inputs were taken")
except InferenceServerException as e:
    print("triton:", e)
    assert "no input" in str(e)
