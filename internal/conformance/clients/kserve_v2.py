"""KServe's own client, in protocol v2: tensors as JSON and in binary, of numbers, texts and booleans."""
import asyncio
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


def tensor(name, datatype, values, binary):
    t = InferInput(name=name, shape=list(values.shape), datatype=datatype)
    t.set_data_from_numpy(values, binary_data=binary)
    return t


async def main(url):
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=1))
    assert await client.is_server_live(url)
    assert await client.is_server_ready(url)
    assert await client.is_model_ready(url, "flower")
    assert not await client.is_model_ready(url, "nobody")

    answers = []
    for binary in (False, True):
        inputs = [
            tensor("length", "FP32", np.array([1.5, 2.5], dtype=np.float32), binary),
            tensor("colour", "BYTES", np.array(["red", "blue"], dtype=np.object_), binary),
            tensor("wild", "BOOL", np.array([True, False]), binary),
            tensor("found", "FP64", np.array([1770076800.0, 1772496000.0]), binary),
        ]
        request = InferRequest(model_name="flower", request_id="a1", infer_inputs=inputs, parameters={"binary_data_output": binary})
        response = await client.infer(url, request, model_name="flower")
        assert response.id == "a1" and response.model_name == "flower"
        out = {o.name: o.as_numpy() for o in response.outputs}
        print("kserve v2, binary" if binary else "kserve v2:", {name: v.tolist() for name, v in out.items()})
        assert out["probabilities"].shape == (2, 3) and np.allclose(out["probabilities"].sum(axis=1), 1)
        assert np.array_equal(out["confidence"], out["probabilities"].max(axis=1))
        answers.append(out["probabilities"])
    assert np.array_equal(*answers)

    inputs = [tensor("predict", "FP64", np.array([[1.0], [2.0], [5.0]]), False)]
    response = await client.infer(url, InferRequest(model_name="half_plus_three", infer_inputs=inputs), model_name="half_plus_three")
    values = next(o.as_numpy() for o in response.outputs if o.name == "prediction")
    print("kserve v2:", values.tolist())
    assert np.allclose(values, [3.5, 4.0, 5.5], atol=1e-3)

    try:
        inputs = [tensor("y", "FP64", np.array([1.0]), False)]
        await client.infer(url, InferRequest(model_name="half_plus_three", infer_inputs=inputs), model_name="half_plus_three")
        raise AssertionError("an unknown input was taken")
    except httpx.HTTPStatusError as e:
        print("kserve v2:", e)
        assert e.response.status_code == 400 and 'no input "y"' in str(e)
    await client.close()


asyncio.run(main(sys.argv[1]))
