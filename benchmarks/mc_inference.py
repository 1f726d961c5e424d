"""Speed and accuracy of Monte Carlo inference with `ApogeeBCNN` (7,514 pixels, 22 labels), on CPU and GPU.

    python benchmarks/mc_inference.py            # about ten minutes on two cores
    python benchmarks/mc_inference.py --quick    # two to three, with a network that has learned little
    KERAS_BACKEND=jax python benchmarks/mc_inference.py --untrained    # speed and memory alone; or torch

Prints the spectra and passes per second of plain calls, of the exact engine, of its fast setting, in float32 and in
bfloat16, and of `predict`; which fraction of the device's matrix product that is; how well they agree on a trained
network; the peak memory for different numbers of passes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from astroNN.datasets import simulate_apogee
from astroNN.models import ApogeeBCNN
from astroNN.nn._backend import accelerator_memory, compiled
from astroNN.nn.layers import MonteCarloEngine
from astroNN.nn.layers._graph import record

LABELS = "teff logg M alpha C N O Na Mg Al Si P S K Ca Ti V Cr Mn Fe Co Ni".split()
N_PIXELS, N_DR14, BATCH = 7514, 277_371, 64
# Floating point operations of one pass over one spectrum, two for each multiplication and addition.
FLOPS = {
    "conv 1 (before the first dropout)": 2 * N_PIXELS * 8 * 1 * 2,
    "conv 2": 2 * N_PIXELS * 8 * 2 * 4,
    "dense 7512 to 196": 2 * 7512 * 196,
    "dense 196 to 96": 2 * 196 * 96,
    "two heads": 2 * 2 * 96 * len(LABELS),
}


def trained_network(n_stars, epochs):
    """A network trained on simulated giants, and the spectra of others."""
    survey = simulate_apogee(n_stars + 512, labels=LABELS, seed=1)
    net = ApogeeBCNN()
    net.max_epochs, net.verbose, net.seed = epochs, 0, 1
    net.autosave = False
    net.fit(survey.spectra[:-512], survey.labels[:-512], labels_err=survey.labels_err[:-512])
    return net, survey.spectra[-512:].astype("float32")


def normalised(net, spectra):
    return net.input_normalizer.network_input("input", spectra).reshape(-1, N_PIXELS, 1)


def rates(function, n_stars):
    """Spectra per second by the clock, and per two CPU seconds: what two undisturbed cores would give."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return n_stars / (time.perf_counter() - wall), 2 * n_stars / (time.process_time() - cpu)


def interleaved(tasks, repeats):
    """Medians of the rates of several tasks, run in turn so that a busy machine disturbs all alike."""
    for function, _ in tasks.values():
        function()
    runs = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, (function, n_stars) in tasks.items():
            runs[name].append(rates(function, n_stars))
    return {name: [statistics.median(r[i] for r in values) for i in (0, 1)] for name, values in runs.items()}


def finished(outputs):
    """Waits for a device that works on while Python goes on: numbers are there when they are copied."""
    return [ops.convert_to_numpy(output) for output in keras.tree.flatten(outputs)]


def plain_calls(model, spectra, passes):
    """`passes` calls of the whole network, each star with its own masks, as a compiled function."""
    call = compiled(lambda rows: model({"input": rows}), *record(model).variables())
    rows = ops.convert_to_tensor(spectra[:BATCH])

    def run():
        for _ in range(passes):
            outputs = call(rows)
        finished(outputs)

    return run


def matmul_rate(dtype):
    """Floating point operations per second of the big dense layer's product alone: clock, CPU time."""
    left, right = (ops.cast(keras.random.normal(shape), dtype) for shape in ((6400, 7512), (7512, 196)))
    product, n_times = compiled(ops.matmul), 1 if accelerator_memory() is None else 100

    def run():
        for _ in range(n_times):
            result = product(left, right)
        finished(ops.cast(result[:1, :1], "float32"))

    return interleaved({"matmul": (run, n_times * 2 * 6400 * 7512 * 196)}, 15)["matmul"]


def print_speed(speed, passes):
    head = (
        f"{'spectra/s':>10}{'passes/s':>11}{'x plain':>9}   {'per 2 CPU s':>11}{'x plain':>9}{'  DR14, 277,371':>16}"
    )
    print(f"\n{'':20}{head}")
    plain = speed["plain calls"]
    for name, (wall, cpu) in speed.items():
        print(
            f"{name:20}{wall:10.0f}{wall * passes:11.0f}{wall / plain[0]:9.1f}   {cpu:11.0f}{cpu / plain[1]:9.1f}"
            f"{N_DR14 / wall / 60:12.1f} min"
        )
    print("(a pass is one thinned network over one spectrum; of the fast setting, what its precision is worth)")


def print_machine(speed, passes):
    flops = sum(FLOPS.values())
    print(f"\nOne pass over one spectrum: {flops / 1e6:.2f} MFLOP")
    for name, value in FLOPS.items():
        print(f"    {name:34}{value / 1e6:6.3f} M  {value / flops:6.1%}")
    per_star = passes * (flops - FLOPS["conv 1 (before the first dropout)"])
    clock = 0 if accelerator_memory() is not None else 1
    for dtype, names in (("float32", ("plain calls", "exact")), ("bfloat16", ("exact, bfloat16",))):
        rate = matmul_rate(dtype)
        told = f"{rate[0] / 1e9:.0f} GFLOP/s, per 2 CPU s {rate[1] / 1e9:.0f}"
        print(f"Matrix product 6400 x 7512 x 196, {dtype}: {told}")
        for name in names:
            share = speed[name][clock] * per_star / rate[clock]
            print(f"    {name}: {share:.0%} of that in the network's own arithmetic")


def device():
    """What the numbers belong to."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return f"{backend} on {jax.local_devices()[0].device_kind}"
    if backend == "torch" and accelerator_memory() is not None:
        import torch

        return f"{backend} on {torch.cuda.get_device_name()}"
    return f"{backend} on {'CPU' if accelerator_memory() is None else 'GPU'}"


def print_agreement(model, spectra, passes, reference_passes):
    """Mean and spread of 100 passes and of the fast setting against many exact passes."""
    mean, variance = MonteCarloEngine(model, reference_passes, seed=101).predict(spectra)["output"]
    std = np.sqrt(variance)
    print(f"\nAgainst {reference_passes} exact passes, {len(spectra)} spectra, {len(LABELS)} labels:")
    print(f"{'':10}{'ratio of spreads':>34}{'scatter':>9}{'|mean shift| / spread':>34}")
    for sampling in ("exact", "per_star", "fast", "bfloat16"):
        setting = {"precision": sampling} if sampling == "bfloat16" else {"sampling": sampling}
        m, v = MonteCarloEngine(model, passes, seed=7, **setting).predict(spectra)["output"]
        ratio, shift = np.sqrt(v) / std, np.abs(m - mean) / std
        by_label, shift_by_label = np.median(ratio, axis=0), np.median(shift, axis=0)
        print(
            f"{sampling:10}{np.median(ratio):10.3f} (labels {by_label.min():.3f} to {by_label.max():.3f})"
            f"{ratio.std():9.3f}{np.median(shift):10.3f} (labels {shift_by_label.min():.3f} to "
            f"{shift_by_label.max():.3f})"
        )


def print_memory(counts):
    print("\nPeak memory of a process that predicts 256 spectra, MiB:")
    for sampling in ("exact", "fast"):
        peaks = []
        for passes in counts:
            command = [sys.executable, __file__, "--memory-of", sampling, str(passes)]
            peaks.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
        print(f"    {sampling}: " + ", ".join(f"{p} ({n} passes)" for n, p in zip(counts, peaks, strict=True)))


def memory_of(sampling, passes):
    """Run by `print_memory` in a fresh process: peak memory with an untrained network, of the device that is used."""
    net, spectra = untrained_network(256)
    MonteCarloEngine(net.keras_model_predict, passes, sampling=sampling).predict(normalised(net, spectra))
    if accelerator_memory() is not None and keras.backend.backend() == "torch":
        import torch

        return print(torch.cuda.max_memory_allocated() // 2**20)
    if accelerator_memory() is not None and keras.backend.backend() == "jax":
        import jax

        return print(jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] // 2**20)
    # Not `getrusage`: on Linux its peak is inherited from the process that started this one.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return print(int(status["VmHWM"].split()[0]) // 1024)


def untrained_network(n_stars):
    """A network as it begins, and noise."""
    net = ApogeeBCNN()
    spectra = np.random.default_rng(0).normal(1.0, 0.1, (n_stars, N_PIXELS)).astype("float32")
    net.max_epochs, net.verbose, net.seed, net.autosave = 1, 0, 1, False
    net.fit(spectra[:128], np.random.default_rng(1).normal(size=(128, len(LABELS))))
    return net, spectra


def tasks(net, stars, passes):
    """What is timed, with the number of its stars; larger sets where a device is quick."""
    model, large = net.keras_model_predict, 1 if accelerator_memory() is None else 16
    spectra = np.tile(normalised(net, stars), (large, 1, 1))
    raw = np.tile(stars, (4 * large, 1))
    n_exact = len(spectra) // 2
    net.mc_num = passes
    engines = {
        (sampling, precision): MonteCarloEngine(model, passes, sampling=sampling, precision=precision)
        for sampling in ("exact", "fast")
        for precision in ("float32", "bfloat16")
    }
    return {
        "plain calls": (plain_calls(model, spectra, passes), BATCH),
        "exact": (lambda: engines["exact", "float32"].predict(spectra[:n_exact]), n_exact),
        "exact, bfloat16": (lambda: engines["exact", "bfloat16"].predict(spectra[:n_exact]), n_exact),
        "predict": (lambda: net.predict(raw[:n_exact]), n_exact),
        "fast": (lambda: engines["fast", "float32"].predict(spectra), len(spectra)),
        "fast, bfloat16": (lambda: engines["fast", "bfloat16"].predict(spectra), len(spectra)),
        "predict, fast": (lambda: net.predict(raw, sampling="fast"), len(raw)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="train less, fewer reference passes")
    parser.add_argument("--untrained", action="store_true", help="don't train, and leave the agreement out")
    parser.add_argument("--passes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory-of", nargs=2, metavar=("SAMPLING", "PASSES"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        return memory_of(args.memory_of[0], int(args.memory_of[1]))
    n_stars, epochs, reference = (1000, 5, 500) if args.quick else (4000, 30, 2000)
    print(device(), flush=True)
    if args.untrained:
        net, stars = untrained_network(512)
    else:
        print(f"Training on {n_stars} simulated stars, {epochs} epochs", flush=True)
        net, stars = trained_network(n_stars, epochs)
    speed = interleaved(tasks(net, stars, args.passes), args.repeats)
    print_speed(speed, args.passes)
    print_machine(speed, args.passes)
    if not args.untrained:
        print_agreement(net.keras_model_predict, normalised(net, stars), args.passes, reference)
    print_memory((10, 100, 1000))
    return None


if __name__ == "__main__":
    main()
