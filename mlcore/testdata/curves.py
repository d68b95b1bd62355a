"""Writes curves.json: loss curves of Keras for fixed first weights and batches.

    python curves.py > curves.json        (tensorflow-cpu 2.21.0, keras 3)

Each case holds its data, first weights in the order of the layers, and the loss of every step. Rows are taken in their own
order; the last batch of an epoch is a part of one.
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

ROWS, BATCH, EPOCHS = 50, 16, 6  # 4 steps an epoch


def case(name, stack, loss, optimizer, y, x=None, lookback=0, width=3):
    rng = np.random.default_rng(len(name))
    if x is None:
        x = rng.random((ROWS + lookback, width), dtype=np.float32)
    inputs = x
    if lookback:
        inputs = np.stack([x[t - lookback : t] for t in range(lookback, ROWS + lookback)])
    model = keras.Sequential([layers.Input(inputs.shape[1:]), *stack])
    model.compile(optimizer=optimizer, loss=loss)
    for layer in model.layers:  # random, so that nothing is hidden by zeros
        layer.set_weights([_first(rng, w) for w in layer.get_weights()])
    first = [w.astype(np.float32).ravel().tolist() for layer in model.layers for w in layer.get_weights()]
    targets = y(x[lookback:]).astype(np.float32)
    losses = []
    for _ in range(EPOCHS):
        for at in range(0, ROWS, BATCH):
            model.reset_metrics()
            losses.append(float(model.train_on_batch(inputs[at : at + BATCH], targets[at : at + BATCH])))
    truth = np.concatenate([np.zeros((lookback, targets.shape[1]), np.float32), targets])
    return {
        "name": name,
        "x": x.ravel().tolist(),
        "y": truth.ravel().tolist(),
        "first": first,
        "losses": losses,
        "answers": np.asarray(model(inputs[:5], training=False)).ravel().tolist(),
    }


def _first(rng, w):
    if w.ndim == 1 and np.all(w == 1):  # scales stay near 1
        return 1 + 0.1 * rng.random(w.shape)
    return rng.normal(0, 0.4, w.shape)


def curve(x):
    return np.sin(3 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]


def yes(x):
    return (curve(x) > 0.9).astype(np.float32)


def three(x):
    return np.digitize(curve(x), [0.7, 1.1])


def two(x):
    return np.concatenate([curve(x), x[:, :1] ** 2], axis=1)


def hidden(out, activation=None, act="relu"):
    return [layers.Dense(8, activation=act), layers.Dense(out, activation=activation)]


def main():
    adam = lambda: keras.optimizers.Adam(0.01)
    cases = [
        case("linear", [layers.Dense(1)], "mse", adam(), curve),
        case("mse adam relu", hidden(1), "mse", adam(), curve),
        case("mse two targets", hidden(2), "mse", adam(), two),
        case("mae sgd tanh", hidden(1, act="tanh"), "mae", keras.optimizers.SGD(0.05), curve),
        case("huber momentum elu", hidden(1, act="elu"), "huber", keras.optimizers.SGD(0.05, momentum=0.9), curve),
        case("mse rmsprop selu", hidden(1, act="selu"), "mse", keras.optimizers.RMSprop(0.01), curve),
        case("binary", hidden(1, "sigmoid", act="sigmoid"), "binary_crossentropy", adam(), yes),
        case("categorical", hidden(3, "softmax"), "sparse_categorical_crossentropy", adam(), three),
        # By SGD: a bias before the normalisation has no gradient but noise, of which Adam would make steps.
        case("batch normalization", [layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dense(1)], "mse", keras.optimizers.SGD(0.05), curve),
        case("lstm", [layers.LSTM(5), layers.Dense(4, activation="relu"), layers.Dense(1)], "mse", adam(), curve, lookback=7),
        case("lstm long", [layers.LSTM(5), layers.Dense(1)], "mse", adam(), curve, lookback=40),
    ]
    json.dump({"keras": keras.__version__, "batch": BATCH, "epochs": EPOCHS, "cases": cases}, sys.stdout)


if __name__ == "__main__":
    main()
