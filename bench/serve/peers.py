"""One peer that answers predictions of a SavedModel of Retrain.

    python peers.py {onnx,tensorflow} MODEL HOST PORT WORKERS [tuned]    FastAPI, over records by name
    python peers.py convert MODEL FILE                            MODEL as ONNX
    python peers.py mlserver MODEL HOST PORT                      MLServer, over the Open Inference Protocol

FastAPI is asked in two ways. As its documentation writes it, a class says what is in the body, which FastAPI reads and checks, and
another what the answer is. Tuned, nothing is checked: the handler reads the body itself, with the fastest parser there is.

MODEL is the folder of a SavedModel whose signature "encoded" takes x [rows, 8]; the features are already between 0 and 1.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
NAMES = [f"f{i}" for i in range(8)]


def convert(model, file):
    """Writes the three dense layers as ONNX."""
    import numpy as np
    import onnx
    import tensorflow as tf
    from onnx import TensorProto, helper, numpy_helper

    reader = tf.train.load_checkpoint(os.path.join(model, "variables", "variables"))
    layers = ["dense", "dense_1", "dense_2"]
    nodes, weights, x = [], [], "x"
    for i, layer in enumerate(layers):
        for what in ["kernel", "bias"]:
            weights.append(numpy_helper.from_array(np.array(reader.get_tensor(f"{layer}/{what}")), f"{layer}/{what}"))
        last = i == len(layers) - 1
        nodes.append(helper.make_node("Gemm", [x, f"{layer}/kernel", f"{layer}/bias"], ["y" if last else f"z{i}"]))
        x = f"a{i}"
        if not last:
            nodes.append(helper.make_node("Relu", [f"z{i}"], [x]))
    graph = helper.make_graph(
        nodes, "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, len(NAMES)])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)


def onnx_session(file):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def tensorflow_function(model):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(model)
    function = loaded.signatures["encoded"]
    function.loaded = loaded  # or its variables go
    return lambda x: function(x=tf.constant(x))["y"].numpy()


def app():
    import numpy as np
    from fastapi import FastAPI

    kind, model = os.environ["BENCH_KIND"], os.environ["BENCH_MODEL"]
    predict = onnx_session(model + ".onnx") if kind == "onnx" else tensorflow_function(model)
    predict(np.zeros((1, len(NAMES)), np.float32))
    api = FastAPI()
    (tuned if os.environ["BENCH_TUNED"] else documented)(api, predict)
    return api


def documented(api, predict):
    import numpy as np
    from pydantic import BaseModel

    class Record(BaseModel):
        f0: float
        f1: float
        f2: float
        f3: float
        f4: float
        f5: float
        f6: float
        f7: float

    class Question(BaseModel):
        instances: list[Record]

    class Answer(BaseModel):
        predictions: list[float]

    @api.post("/predict")
    async def answer(question: Question) -> Answer:
        x = np.array([[getattr(r, name) for name in NAMES] for r in question.instances], np.float32)
        return Answer(predictions=predict(x)[:, 0].tolist())


def tuned(api, predict):
    import numpy as np
    import orjson
    from fastapi import Request, Response

    @api.post("/predict")
    async def answer(request: Request):
        rows = orjson.loads(await request.body())["instances"]
        x = np.array([[row[name] for name in NAMES] for row in rows], np.float32)
        body = orjson.dumps({"predictions": predict(x)[:, 0].tolist()})
        return Response(body, media_type="application/json")


def fastapi(kind, model, host, port, workers, tuned=""):
    import uvicorn

    os.environ["BENCH_KIND"], os.environ["BENCH_MODEL"], os.environ["BENCH_TUNED"] = kind, model, tuned
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    uvicorn.run("peers:app", factory=True, host=host, port=int(port), workers=int(workers), access_log=False, log_level="error")


RUNTIME = '''
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
import peers

class Runtime(MLModel):
    async def load(self):
        self.predict_rows = peers.onnx_session(peers.os.environ["BENCH_MODEL"] + ".onnx")
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        x = NumpyCodec.decode_input(payload.inputs[0])
        y = self.predict_rows(x)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", y)])
'''


def mlserver(model, host, port):
    import json
    import socket

    folder = model + "-mlserver"
    os.makedirs(folder, exist_ok=True)
    ports = [socket.create_server((host, 0)) for _ in range(2)]
    grpc, metrics = (p.getsockname()[1] for p in ports)
    for p in ports:
        p.close()
    # Without workers of its own: with them, 1.7.1 does not start beside today's uvloop.
    settings = {"host": host, "http_port": int(port), "grpc_port": grpc, "metrics_port": metrics, "debug": False, "parallel_workers": 0}
    for name, content in [("settings.json", settings), ("model-settings.json", {"name": "bench", "implementation": "runtime.Runtime"})]:
        with open(os.path.join(folder, name), "w") as f:
            json.dump(content, f)
    with open(os.path.join(folder, "runtime.py"), "w") as f:
        f.write(RUNTIME)
    here = os.path.dirname(os.path.abspath(__file__))
    env = dict(os.environ, BENCH_MODEL=model, PYTHONPATH=here)
    program = os.path.join(os.path.dirname(sys.executable), "mlserver")
    os.chdir(folder)
    os.execve(program, [program, "start", "."], env)


if __name__ == "__main__":
    if sys.argv[1] == "convert":
        convert(*sys.argv[2:])
    elif sys.argv[1] == "mlserver":
        mlserver(*sys.argv[2:])
    else:
        fastapi(*sys.argv[1:])
