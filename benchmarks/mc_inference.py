"""Speed and accuracy of Monte Carlo inference with `ApogeeBCNN` (7,514 pixels, 22 labels, TensorFlow on CPU).

    python benchmarks/mc_inference.py            # about ten minutes on two cores
    python benchmarks/mc_inference.py --quick    # one to two, with a network that has learned little

Prints the spectra per second of plain calls, of the exact engine and of its fast setting; how well they agree on
a trained network; the peak memory for different numbers of passes; what the machine could do at best.
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

import numpy as np
import tensorflow as tf

from astroNN.datasets import simulate_apogee
from astroNN.models import ApogeeBCNN
from astroNN.nn.layers import MonteCarloEngine

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
    """A network trained on simulated giants, and the normalised spectra of others."""
    survey = simulate_apogee(n_stars + 512, labels=LABELS, seed=1)
    net = ApogeeBCNN()
    net.max_epochs, net.verbose, net.seed = epochs, 0, 1
    net.autosave = False
    net.fit(survey.spectra[:-512], survey.labels[:-512], labels_err=survey.labels_err[:-512])
    spectra = net.input_normalizer.normalize({"input": survey.spectra[-512:]}, calc=False)["input"]
    return net.keras_model_predict, np.asarray(spectra, "float32").reshape(-1, N_PIXELS, 1)


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


def plain_calls(model, spectra, passes):
    """`passes` calls of the whole network, each star with its own masks, as a compiled function."""
    call = tf.function(lambda rows: model({"input": rows}))
    rows = tf.constant(spectra[:BATCH])

    def run():
        for _ in range(passes):
            call(rows)

    return run


def matmul_rate():
    """Floating point operations per second of the big dense layer's product alone: clock, CPU time."""
    left, right = (tf.random.normal(shape) for shape in ((6400, 7512), (7512, 196)))
    product = tf.function(tf.matmul)
    tasks = {"matmul": (lambda: product(left, right), 2 * 6400 * 7512 * 196)}
    return interleaved(tasks, 15)["matmul"]


def print_speed(speed):
    print(f"\n{'':34}{'spectra/s':>10}{'x plain':>9}   {'per 2 CPU s':>11}{'x plain':>9}{'  DR14, 277,371':>16}")
    plain = speed["plain calls"]
    for name, (wall, cpu) in speed.items():
        print(
            f"{name:34}{wall:10.0f}{wall / plain[0]:9.1f}   {cpu:11.0f}{cpu / plain[1]:9.1f}"
            f"{N_DR14 / wall / 60:12.1f} min"
        )


def print_machine(speed, passes):
    flops, (wall, cpu) = sum(FLOPS.values()), matmul_rate()
    print(f"\nOne pass over one spectrum: {flops / 1e6:.2f} MFLOP")
    for name, value in FLOPS.items():
        print(f"    {name:34}{value / 1e6:6.3f} M  {value / flops:6.1%}")
    print(f"Matrix product 6400 x 7512 x 196: {wall / 1e9:.0f} GFLOP/s, per 2 CPU s {cpu / 1e9:.0f}")
    per_star = passes * (flops - FLOPS["conv 1 (before the first dropout)"])
    for name in ("plain calls", "exact"):
        print(f"{name}: {speed[name][1] * per_star / cpu:.0%} of that rate in the network's own arithmetic")


def print_agreement(model, spectra, passes, reference_passes):
    """Mean and spread of 100 passes and of the fast setting against many exact passes."""
    mean, variance = MonteCarloEngine(model, reference_passes, seed=101).predict(spectra)["output"]
    std = np.sqrt(variance)
    print(f"\nAgainst {reference_passes} exact passes, {len(spectra)} spectra, {len(LABELS)} labels:")
    print(f"{'':10}{'ratio of spreads':>34}{'scatter':>9}{'|mean shift| / spread':>34}")
    for sampling in ("exact", "per_star", "fast"):
        m, v = MonteCarloEngine(model, passes, seed=7, sampling=sampling).predict(spectra)["output"]
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
    """Run by `print_memory` in a fresh process: peak resident memory with an untrained network."""
    net = ApogeeBCNN()
    net._input_shape, net._labels_shape = {"input": (N_PIXELS, 1)}, {"output": len(LABELS)}
    net.compile()
    spectra = np.random.default_rng(0).normal(0, 0.1, (256, N_PIXELS, 1)).astype("float32")
    MonteCarloEngine(net.keras_model_predict, passes, sampling=sampling).predict(spectra)
    # Not `getrusage`: on Linux its peak is inherited from the process that started this one.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]) // 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="train less, fewer reference passes")
    parser.add_argument("--passes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory-of", nargs=2, metavar=("SAMPLING", "PASSES"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        return memory_of(args.memory_of[0], int(args.memory_of[1]))
    n_stars, epochs, reference = (1000, 5, 500) if args.quick else (4000, 30, 2000)
    print(f"Training on {n_stars} simulated stars, {epochs} epochs", flush=True)
    model, spectra = trained_network(n_stars, epochs)
    exact, fast = (MonteCarloEngine(model, args.passes, sampling=s) for s in ("exact", "fast"))
    speed = interleaved(
        {
            "plain calls": (plain_calls(model, spectra, args.passes), BATCH),
            "exact": (lambda: exact.predict(spectra[:256]), 256),
            "fast": (lambda: fast.predict(spectra), len(spectra)),
        },
        args.repeats,
    )
    print_speed(speed)
    print_machine(speed, args.passes)
    print_agreement(model, spectra, args.passes, reference)
    print_memory((10, 100, 1000))
    return None


if __name__ == "__main__":
    main()
