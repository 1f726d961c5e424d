"""Cost of the losses that know of missing labels, over the plain losses of Keras.

    KERAS_BACKEND=tensorflow python benchmarks/losses.py     # or jax, or torch; seconds

Prints for each loss that has a counterpart in Keras the time of the loss and its gradient, compiled, of a batch of
4,096 stars with 25 labels, and its ratio to the counterpart's. The labels have gaps; Keras gets the same numbers
without them. Both are run in turn, so that a busy machine disturbs both alike, and medians are taken.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from astroNN.config import MAGIC_NUMBER
from astroNN.nn import losses

SHAPE, GAPS = (4096, 25), 0.1
# Name of ours: the counterpart in Keras, what is fed, its settings.
PAIRS = {
    "mean_squared_error": (keras.losses.mean_squared_error, "values", {}),
    "mean_absolute_error": (keras.losses.mean_absolute_error, "values", {}),
    "mean_absolute_percentage_error": (keras.losses.mean_absolute_percentage_error, "values", {}),
    "mean_squared_logarithmic_error": (keras.losses.mean_squared_logarithmic_error, "values", {}),
    "categorical_crossentropy": (keras.losses.categorical_crossentropy, "classes", {}),
    "categorical_crossentropy_from_logits": (keras.losses.categorical_crossentropy, "classes", {"from_logits": True}),
    "binary_crossentropy": (keras.losses.binary_crossentropy, "flags", {}),
    "binary_crossentropy_from_logits": (keras.losses.binary_crossentropy, "flags", {"from_logits": True}),
}


def batch(kind, rng):
    """Complete labels, the same with gaps, and predictions."""
    predicted = rng.uniform(0.01, 0.99, SHAPE)
    if kind == "values":
        labels, predicted = rng.uniform(0.5, 2.0, SHAPE), 2.0 * predicted
    elif kind == "classes":
        labels = np.eye(SHAPE[1])[rng.integers(SHAPE[1], size=SHAPE[0])]
        predicted /= predicted.sum(axis=1, keepdims=True)
    else:
        labels = rng.integers(2, size=SHAPE)
    with_gaps = np.where(rng.random(SHAPE) < GAPS, MAGIC_NUMBER, labels)
    return tuple(ops.convert_to_tensor(x, dtype="float32") for x in (labels, with_gaps, predicted))


def gradient_step(loss, xla):
    """A compiled function from labels and predictions to the loss and its gradient, which waits for the result."""
    return {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()](loss, xla)


def _tensorflow(loss, xla):
    import tensorflow as tf

    @tf.function(jit_compile=xla)
    def step(labels, predicted):
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            value = ops.mean(loss(labels, predicted))
        return value, tape.gradient(value, predicted)

    return lambda labels, predicted: step(labels, predicted)[1].numpy()


def _jax(loss, xla):
    import jax

    step = jax.jit(jax.value_and_grad(lambda predicted, labels: ops.mean(loss(labels, predicted))))
    return lambda labels, predicted: jax.block_until_ready(step(predicted, labels))


def _torch(loss, xla):
    import torch

    def step(labels, predicted):
        predicted = predicted.detach().requires_grad_(True)
        return torch.autograd.grad(ops.mean(loss(labels, predicted)), predicted)

    return step


def medians(tasks, repeats, calls):
    """Median times of one call of each task, in seconds, run in turn."""
    for task in tasks:
        task()
    runs = [[] for _ in tasks]
    for _ in range(repeats):
        for task, times in zip(tasks, runs, strict=True):
            start = time.perf_counter()
            for _ in range(calls):
                task()
            times.append((time.perf_counter() - start) / calls)
    return [statistics.median(times) for times in runs]


def compare(name, xla, repeats, calls):
    """Times of ours and of the counterpart in Keras."""
    reference, kind, settings = PAIRS[name]
    labels, with_gaps, predicted = batch(kind, np.random.default_rng(1))
    ours = gradient_step(getattr(losses, name), xla)
    plain = gradient_step(lambda y_true, y_pred: reference(y_true, y_pred, **settings), xla)
    return medians([lambda: ours(with_gaps, predicted), lambda: plain(labels, predicted)], repeats, calls)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=101)
    parser.add_argument("--calls", type=int, default=10, help="calls in each of the repeats")
    arguments = parser.parse_args()
    backend = keras.backend.backend()
    # XLA is what `fit` uses on TensorFlow with `jit_compile=True`.
    modes = {"tensorflow": {"tf.function": False, "tf.function with XLA": True}}
    for mode, xla in modes.get(backend, {"jax.jit" if backend == "jax" else "eager": False}).items():
        print(f"\n{backend}, {mode}, {SHAPE[0]} stars x {SHAPE[1]} labels, loss and gradient")
        print(f"{'':40}{'ours [us]':>12}{'Keras [us]':>12}{'ratio':>8}")
        for name in PAIRS:
            ours, plain = compare(name, xla, arguments.repeats, arguments.calls)
            print(f"{name:40}{1e6 * ours:12.0f}{1e6 * plain:12.0f}{ours / plain:8.2f}")


if __name__ == "__main__":
    main()
