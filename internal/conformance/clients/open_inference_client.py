"""The client that is generated from the Open Inference Protocol's own OpenAPI description."""
import sys

from open_inference.openapi.client import InferenceRequest, OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError

client = OpenInferenceClient(base_url=sys.argv[1])
client.check_server_liveness()
client.check_server_readiness()
print("open inference:", client.read_server_metadata())
client.check_model_readiness("flower")
client.check_model_version_readiness("flower", "1")
model = client.read_model_metadata("flower")
print("open inference:", model)
assert model.platform == "tensorflow_savedmodel" and set(model.versions) >= {"1", "2"}
assert [i.name for i in model.inputs] == ["length", "colour", "wild", "found"]
assert client.read_model_version_metadata("flower", "1").name == "flower"

one = [
    {"name": "length", "shape": [1], "datatype": "FP64", "data": [1.5]},
    {"name": "colour", "shape": [1], "datatype": "BYTES", "data": ["red"]},
    {"name": "wild", "shape": [1], "datatype": "BOOL", "data": [True]},
    {"name": "found", "shape": [1], "datatype": "BYTES", "data": ["2026-02-03"]},
]
answer = client.model_infer("flower", request=InferenceRequest(id="q", inputs=one, outputs=[{"name": "prediction"}]))
print("open inference:", answer)
assert answer.id == "q" and answer.model_version == "2"
answer = client.model_version_infer("flower", "1", request=InferenceRequest(inputs=one))
assert answer.model_version == "1" and len(answer.outputs) == 3

for model, status in (("nobody", 404), ("flower", 400)):
    try:
        client.model_infer(model, request=InferenceRequest(inputs=[{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]))
        raise AssertionError(model)
    except ApiError as e:
        print("open inference:", type(e).__name__, e.status_code, e.body)
        assert e.status_code == status
