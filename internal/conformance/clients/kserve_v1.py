"""KServe's own client, in protocol v1: predictions of rows, liveness, readiness, and an error that it understands."""
import asyncio
import sys

import httpx
from kserve import InferenceRESTClient, RESTConfig


async def main(url):
    client = InferenceRESTClient(RESTConfig(protocol="v1", retries=1))
    assert await client.is_server_live(url)
    assert await client.is_model_ready(url, "half_plus_three")

    headers = {}
    answer = await client.infer(url, {"instances": [1.0, 2.0, 5.0]}, model_name="half_plus_three", response_headers=headers)
    print("kserve v1:", answer, "version", headers["x-model-version"])
    assert [round(p, 3) for p in answer["predictions"]] == [3.5, 4.0, 5.5]
    assert headers["x-model-version"] == "1"

    by_name = {"instances": [{"length": 1.5, "colour": "red", "wild": True, "found": "2026-02-03"}]}
    answer = await client.infer(url, by_name, model_name="flower")
    print("kserve v1:", answer)
    assert answer["predictions"][0] in ("rose", "cornflower", "daisy")

    try:
        await client.infer(url, {"instances": [{"x": "much"}]}, model_name="half_plus_three")
        raise AssertionError("a text was taken for a number")
    except httpx.HTTPStatusError as e:
        print("kserve v1:", e)
        assert e.response.status_code == 400 and "x" in str(e)
    try:
        await client.is_model_ready(url, "nobody")
        raise AssertionError("nobody is ready")
    except httpx.HTTPStatusError as e:
        assert e.response.status_code == 404
    await client.close()


asyncio.run(main(sys.argv[1]))
