"""Speed of `jacobian` with `ApogeeCNN` (7,514 pixels, 22 labels, 100 stars) against plain loops of the backend.

    python benchmarks/jacobian.py                        # TensorFlow, a few minutes on two cores
    KERAS_BACKEND=jax python benchmarks/jacobian.py      # or torch

All ways give the same array, in host memory, and are run in turn, so that a busy machine disturbs all alike. Prints
medians of the seconds by the clock and of the seconds of processor time, how many times `jacobian` is faster, by how
much the results differ, and the multiplications that the derivatives of one star and label take at least.
"""

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from astroNN.models import ApogeeCNN

N_STARS, N_PIXELS, N_LABELS = 100, 7514, 22
# Multiplications with additions on the way back, for one star and label.
MULTIPLICATIONS = {
    "dense 22 to 96 to 196": 96 + 96 * 196,
    "dense 196 to 7512": 196 * 7512,
    "conv 2, one of 4 pixels behind the pooling": 7512 * 8 * 2,
    "conv 1": N_PIXELS * 8 * 2,
}


def network_and_spectra():
    """A network whose weights have been moved by a few steps, and spectra around 1."""
    rng = np.random.default_rng(0)
    spectra = rng.normal(1.0, 0.05, (N_STARS, N_PIXELS)).astype("float32")
    net = ApogeeCNN()
    net.max_epochs, net.verbose, net.seed = 1, 0, 1
    net.fit(spectra, rng.normal(size=(N_STARS, N_LABELS)))
    return net, spectra


def tensorflow_ways(model, x):
    import tensorflow as tf

    x = tf.constant(x)

    def one_label(x, label):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.gather(model({"input": x}, training=False), label, axis=1))
        return tape.gradient(total, x)

    compiled = tf.function(one_label)

    @tf.function
    def unrolled(x):
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(x)
            labels = model({"input": x}, training=False)
            totals = [tf.reduce_sum(labels[:, label]) for label in range(N_LABELS)]
        return tf.stack([tape.gradient(total, x) for total in totals], axis=1)

    def loop(function):
        return lambda: tf.stack([function(x, tf.constant(label)) for label in range(N_LABELS)], axis=1).numpy()

    return {
        "eager loop over labels": loop(one_label),
        "compiled loop, a gradient a label": loop(compiled),
        "compiled, forward once, unrolled": lambda: unrolled(x).numpy(),
    }


def jax_ways(model, x):
    import jax

    x = jax.numpy.asarray(x)
    values = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]

    def labels(x):
        return model.stateless_call(*values, {"input": x}, training=False)[0]

    def one_label(x, label):
        return jax.grad(lambda x: labels(x)[:, label].sum())(x)

    compiled = jax.jit(one_label)
    mapped = jax.jit(jax.vmap(jax.jacrev(lambda star: labels(star[None])[0])))

    def loop(function):
        return lambda: np.stack([np.asarray(function(x, label)) for label in range(N_LABELS)], axis=1)

    def in_tens():
        return np.concatenate([np.asarray(mapped(x[start : start + 10])) for start in range(0, N_STARS, 10)])

    return {
        "loop over labels, not compiled": loop(one_label),
        "compiled loop, a gradient a label": loop(compiled),
        "jit(vmap(jacrev)), ten stars at a time": in_tens,
    }


def torch_ways(model, x):
    import torch

    x = torch.as_tensor(x)

    def forward():
        watched = x.clone().requires_grad_(True)
        return watched, model({"input": watched}, training=False)

    def loop():
        columns = []
        for label in range(N_LABELS):
            watched, labels = forward()
            columns.append(torch.autograd.grad(labels[:, label].sum(), watched)[0])
        return torch.stack(columns, dim=1).numpy()

    def forward_once():
        watched, labels = forward()
        columns = [torch.autograd.grad(labels[:, k].sum(), watched, retain_graph=True)[0] for k in range(N_LABELS)]
        return torch.stack(columns, dim=1).numpy()

    mapped = torch.func.vmap(torch.func.jacrev(lambda star: model({"input": star[None]}, training=False)[0]))

    def in_tens():
        with torch.no_grad():
            return torch.cat([mapped(x[start : start + 10]) for start in range(0, N_STARS, 10)]).numpy()

    return {
        "loop over labels": loop,
        "loop, forward once": forward_once,
        "torch.func vmap(jacrev), ten stars at a time": in_tens,
    }


def interleaved(ways, repeats):
    """Medians of seconds by the clock and of processor time, of functions that are run in turn."""
    runs = {name: [] for name in ways}
    for _ in range(repeats):
        for name, function in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            runs[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: [statistics.median(values) for values in zip(*pairs, strict=True)] for name, pairs in runs.items()}


def machine():
    """Processor and number of cores."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        named = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = named[0].split(":")[1].strip() if named else model
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"{model}, {os.cpu_count()} cores, load {load:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    backend = keras.backend.backend()
    net, spectra = network_and_spectra()
    x = net._read_inputs({"input": spectra}, {}, np.arange(N_STARS))["input"]
    plain = {"tensorflow": tensorflow_ways, "jax": jax_ways, "torch": torch_ways}[backend](net.keras_model, x)
    ways = {"jacobian": lambda: net.jacobian(spectra), **plain}
    print(f"{backend}, {machine()}")
    expected = ways["jacobian"]()
    for name, function in plain.items():
        result = function().reshape(expected.shape)
        difference = np.abs(result - expected).max() / np.abs(expected).max()
        print(f"{name}: differs from `jacobian` by {difference:.1e} of the largest derivative", flush=True)
    medians = interleaved(ways, repeats)
    print(f"\n{'':46}{'s':>8}{'x slower':>10}{'CPU s':>9}{'x slower':>10}")
    ours = medians["jacobian"]
    for name, (wall, cpu) in medians.items():
        print(f"{name:46}{wall:8.2f}{wall / ours[0]:10.1f}{cpu:9.2f}{cpu / ours[1]:10.1f}")
    total = sum(MULTIPLICATIONS.values())
    print(f"\nMultiplications on the way back, a star and label: {total / 1e6:.2f} million at least")
    for name, value in MULTIPLICATIONS.items():
        print(f"    {name:44}{value / 1e6:6.3f} M")
    rate = total * N_STARS * N_LABELS / ours[1]
    print(f"`jacobian`: {rate / 1e9:.1f} thousand million of these per CPU second; load at the end: {machine()}")


if __name__ == "__main__":
    main()
