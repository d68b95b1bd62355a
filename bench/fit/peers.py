"""One peer's training of the benchmark's network, as JSON on stdout.

    python peers.py {keras,sklearn,jax} DATA ROWS EPOCHS

DATA holds ROWS x (8 + 1) float32: features, then the target. The network is 8 -> 64 -> 32 -> 1 with relu, trained by Adam with
rate 0.001 on batches of 32, shuffled every epoch, in whatever way the library's users would. The same training is
repeated, for some seconds: after the first time everything that can be kept is kept, and the best of them counts.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

LAYERS, RATE, BATCH = (8, 64, 32, 1), 0.001, 32


def keras_fits(x, y, epochs):
    import keras
    import tensorflow as tf

    def network():
        keras.utils.set_random_seed(1)
        hidden = [keras.layers.Dense(n, "relu") for n in LAYERS[1:-1]]
        model = keras.Sequential([keras.layers.Input((LAYERS[0],)), *hidden, keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(RATE), "mse")
        return model

    model = network()
    first = model.get_weights()

    def fit():
        model.set_weights(first)
        return model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0).history["loss"][-1]

    return f"Keras {keras.__version__}, TensorFlow {tf.__version__}", fit


def sklearn_fits(x, y, epochs):
    import warnings

    import sklearn
    from sklearn.neural_network import MLPRegressor

    def fit():
        model = MLPRegressor(hidden_layer_sizes=LAYERS[1:-1], batch_size=BATCH, learning_rate_init=RATE, alpha=0, max_iter=epochs,
                             n_iter_no_change=epochs + 1, random_state=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            return 2 * model.fit(x, y[:, 0]).loss_  # it halves the squared error

    return f"scikit-learn {sklearn.__version__}, MLPRegressor", fit


def jax_fits(x, y, epochs):
    import jax
    import jax.numpy as jnp

    steps = -(-len(x) // BATCH)

    def loss(w, bx, by, mask):
        for kernel, bias in w[:-1]:
            bx = jax.nn.relu(bx @ kernel + bias)
        each = (bx @ w[-1][0] + w[-1][1] - by) ** 2
        return (each * mask).sum() / mask.sum()

    def step(state, batch):
        w, m, v, n = state
        value, g = jax.value_and_grad(loss)(w, *batch)
        n = n + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate = RATE * jnp.sqrt(1 - 0.999**n) / (1 - 0.9**n)
        w = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), w, m, v)
        return (w, m, v, n), value * batch[2].sum()

    @jax.jit
    def epoch(state, x, y, order):
        mask = (jnp.arange(len(order)) < len(x)).astype(jnp.float32)[:, None]
        batched = lambda a: a.reshape(steps, BATCH, -1)
        state, losses = jax.lax.scan(step, state, (batched(x[order]), batched(y[order]), batched(mask)))
        return state, losses.sum() / len(x)

    def fit():
        rng = np.random.default_rng(1)
        w = []
        for n, k in zip(LAYERS, LAYERS[1:]):
            limit = np.sqrt(6 / (n + k))
            w.append((jnp.asarray(rng.uniform(-limit, limit, (n, k)), jnp.float32), jnp.zeros(k)))
        zeros = jax.tree.map(jnp.zeros_like, w)
        state = (w, zeros, zeros, jnp.float32(0))
        for _ in range(epochs):
            order = np.zeros(steps * BATCH, np.int32)
            order[: len(x)] = rng.permutation(len(x))
            state, value = epoch(state, x, y, order)
        return float(value)

    return f"JAX {jax.__version__}, scan and jit", fit


def main(peer, path, rows, epochs):
    data = np.fromfile(path, np.float32).reshape(int(rows), -1)
    x, y = data[:, :-1].copy(), data[:, -1:].copy()
    try:
        name, fit = {"keras": keras_fits, "sklearn": sklearn_fits, "jax": jax_fits}[peer](x, y, int(epochs))
    except ImportError as missing:
        json.dump({"missing": str(missing)}, sys.stdout)
        return
    took = []
    while len(took) < 2 or (len(took) < 5 and sum(took) < 15):
        began = time.perf_counter()
        loss = fit()
        took.append(time.perf_counter() - began)
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    json.dump({"name": name, "first": took[0], "again": min(took[1:]), "loss": float(loss), "memory": peak}, sys.stdout)


main(*sys.argv[1:])
