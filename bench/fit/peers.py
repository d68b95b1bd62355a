"""One peer's training of a benchmark case, as JSON on stdout.

    python peers.py {keras,sklearn,jax} CASE < DATA

CASE is JSON: see case.go. DATA holds float32 rows whose last column is the target; of a series, the windows of all columns
before a row tell its target. The network is an LSTM where there is a lookback, then dense layers with relu, then one output,
trained by Adam on the squared error, shuffled every epoch, in whatever way the library's users would. The same training is
repeated, for some seconds: after the first time everything that can be kept is kept, and the best of them counts.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np


def keras_fits(case, x, y):
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    layers = [keras.layers.LSTM(case["lstm"])] if case["lookback"] else []
    layers += [keras.layers.Dense(n, "relu") for n in case["hidden"] or []]
    model = keras.Sequential([keras.layers.Input(x.shape[1:]), *layers, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(case["rate"]), "mse")
    first = model.get_weights()

    def fit():
        model.set_weights(first)
        return model.fit(x, y, batch_size=case["batch"], epochs=case["epochs"], verbose=0).history["loss"][-1]

    return f"Keras {keras.__version__}, TensorFlow {tf.__version__}", fit


def sklearn_fits(case, x, y):
    import warnings

    import sklearn
    from sklearn.neural_network import MLPRegressor

    epochs = case["epochs"]

    def fit():
        model = MLPRegressor(hidden_layer_sizes=case["hidden"] or [], batch_size=case["batch"], learning_rate_init=case["rate"],
                             alpha=0, max_iter=epochs, n_iter_no_change=epochs + 1, random_state=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            return 2 * model.fit(x, y[:, 0]).loss_  # it halves the squared error

    return f"scikit-learn {sklearn.__version__}, MLPRegressor", fit


def jax_fits(case, x, y):
    import jax
    import jax.numpy as jnp

    batch, units = case["batch"], case["lstm"]
    steps = -(-len(x) // batch)
    sizes = [units or x.shape[-1], *(case["hidden"] or []), 1]

    def last_hidden(w, bx):
        kernel, recurrent, bias = w

        def cell(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ recurrent, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((batch, units))
        inputs = jnp.swapaxes(bx, 0, 1) @ kernel + bias  # of all steps at once: [lookback, batch, 4 units]
        return jax.lax.scan(cell, (zeros, zeros), inputs)[0][0]

    def loss(w, bx, by, mask):
        lstm, dense = w
        if lstm:
            bx = last_hidden(lstm, bx)
        for kernel, bias in dense[:-1]:
            bx = jax.nn.relu(bx @ kernel + bias)
        each = (bx @ dense[-1][0] + dense[-1][1] - by) ** 2
        return (each * mask).sum() / mask.sum()

    def step(state, data):
        w, m, v, n = state
        value, g = jax.value_and_grad(loss)(w, *data)
        n = n + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate = case["rate"] * jnp.sqrt(1 - 0.999**n) / (1 - 0.9**n)
        w = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), w, m, v)
        return (w, m, v, n), value * data[2].sum()

    @jax.jit
    def epoch(state, x, y, order):
        mask = (jnp.arange(len(order)) < len(x)).astype(jnp.float32)[:, None]
        batched = lambda a: a.reshape(steps, batch, *a.shape[1:])
        state, losses = jax.lax.scan(step, state, (batched(x[order]), batched(y[order]), batched(mask)))
        return state, losses.sum() / len(x)

    def fit():
        rng = np.random.default_rng(1)

        def glorot(n, k):
            limit = np.sqrt(6 / (n + k))
            return jnp.asarray(rng.uniform(-limit, limit, (n, k)), jnp.float32)

        lstm = ()
        if units:
            orthogonal = np.linalg.qr(rng.normal(size=(4 * units, units)))[0].T
            forget = np.repeat([0, 1, 0, 0], units)
            lstm = (glorot(x.shape[-1], 4 * units), jnp.asarray(orthogonal, jnp.float32), jnp.asarray(forget, jnp.float32))
        w = (lstm, [(glorot(n, k), jnp.zeros(k)) for n, k in zip(sizes, sizes[1:])])
        zeros = jax.tree.map(jnp.zeros_like, w)
        state = (w, zeros, zeros, jnp.float32(0))
        for _ in range(case["epochs"]):
            order = np.zeros(steps * batch, np.int32)
            order[: len(x)] = rng.permutation(len(x))
            state, value = epoch(state, x, y, order)
        return float(value)

    return f"JAX {jax.__version__}, scan and jit", fit


def read(case):
    columns = case["features"] + (0 if case["lookback"] else 1)
    data = np.frombuffer(sys.stdin.buffer.read(), np.float32).reshape(-1, columns)
    if not case["lookback"]:
        return data[:, :-1].copy(), data[:, -1:].copy()
    windows = np.lib.stride_tricks.sliding_window_view(data[:-1], case["lookback"], axis=0)
    return windows.swapaxes(1, 2).copy(), data[case["lookback"] :, -1:].copy()


def main(peer, case):
    case = json.loads(case)
    x, y = read(case)
    try:
        name, fit = {"keras": keras_fits, "sklearn": sklearn_fits, "jax": jax_fits}[peer](case, x, y)
    except ImportError as missing:
        json.dump({"missing": str(missing)}, sys.stdout)
        return
    took, busy = [], []
    while len(took) < 2 or (len(took) < 5 and sum(took) < 6):
        began, before = time.perf_counter(), time.process_time()
        loss = fit()
        took.append(time.perf_counter() - began)
        busy.append(time.process_time() - before)
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    result = {"name": name, "first": took[0], "again": min(took[1:]), "cpu": min(busy[1:]), "loss": float(loss), "memory": peak}
    json.dump(result, sys.stdout)


main(*sys.argv[1:])
