"""Catalogues from files against prediction from memory: rate, agreement of the fast setting, growth with the survey.

    python benchmarks/catalogue.py                  # 20,000 spectra in 40 files, fast; 4,000 exactly: ten minutes
    python benchmarks/catalogue.py --growth         # besides, from 10,000 to 100,000 objects: five minutes more
    python benchmarks/catalogue.py --folder run     # of a network of your own
    KERAS_BACKEND=jax python benchmarks/catalogue.py

ApogeeBCNN with 7,514 pixels, 22 labels and 100 passes, trained on simulated giants. Rates are medians of interleaved
runs; those of the catalogue have reading and writing in them. On a machine that others use, too, the ratios by CPU
time are to be believed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np

from astroNN.catalogue import predict_catalogue
from astroNN.datasets import simulate_apogee
from astroNN.models import ApogeeBCNN, load_folder
from astroNN.nn.layers import MonteCarloEngine

LABELS = "teff logg M alpha C N O Na Mg Al Si P S K Ca Ti V Cr Mn Fe Co Ni".split()
N_DR14, STARS_A_FILE = 277_371, 500


def trained_network(place, epochs):
    survey = simulate_apogee(3000, labels=LABELS, seed=1)
    net = ApogeeBCNN()
    net.max_epochs, net.verbose, net.seed, net.targetname = epochs, 0, 1, LABELS
    net.fit(survey.spectra, survey.labels, labels_err=survey.labels_err)
    return net.save(place / "network")


def make_files(folder, n_files):
    """Files of 500 spectra each; after the first eight, other names of the same."""
    folder.mkdir(exist_ok=True)
    spectra = simulate_apogee(8 * STARS_A_FILE, labels=LABELS, seed=2).spectra.astype("float32")
    for number in range(n_files):
        path = folder / f"field{number:04d}.h5"
        if number >= 8:
            os.link(folder / f"field{number % 8:04d}.h5", path)
            continue
        with h5py.File(path, "w") as file:
            file["spectra"] = spectra[number * STARS_A_FILE : (number + 1) * STARS_A_FILE]
            file["APOGEE_ID"] = [f"2M{number:04d}{k:04d}" for k in range(STARS_A_FILE)]
    return spectra


def measured(task):
    """Seconds by the clock, and of CPU time of all threads: the second hardly sees what else the machine does."""
    clock, cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - clock, time.process_time() - cpu


def compare_rates(network, folder, spectra, n_stars, sampling, rounds, place):
    """Stars a second from memory and from files, in turn."""
    files = [folder / f"field{number:04d}.h5" for number in range(n_stars // STARS_A_FILE)]
    net = load_folder(network)
    net.verbose = 0
    in_memory = np.concatenate([spectra] * (1 + n_stars // len(spectra)))[:n_stars]
    out = place / f"{sampling}.fits"
    engine = MonteCarloEngine(net.keras_model_predict, net.mc_num, net.seed, sampling)
    pieces = [net.input_normalizer.network_input("input", in_memory[k : k + 2048]) for k in range(0, n_stars, 2048)]
    tasks = {
        "engine": lambda: engine.predict_pieces(pieces),
        "memory": lambda: net.predict(in_memory, sampling=sampling),
        "files": lambda: predict_catalogue(network, files, out, sampling=sampling, if_exists="replace", verbose=0),
    }
    engine.predict_pieces([pieces[0][:128]])
    net.predict(in_memory[:128], sampling=sampling)
    predict_catalogue(network, files[:1], out, sampling=sampling, if_exists="replace", verbose=0)
    seconds = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            seconds[name].append(measured(task))
    rates = {name: n_stars / statistics.median(clock for clock, _ in values) for name, values in seconds.items()}
    for name, what in (("engine", "by the bare engine"), ("memory", "by predict")):
        pairs = list(zip(seconds[name], seconds["files"], strict=True))
        clock, cpu = (statistics.median(of_memory[k] / of_files[k] for of_memory, of_files in pairs) for k in (0, 1))
        rate = f"{rates[name]:.0f} a second; files over it {clock:.2f} by the clock, {cpu:.2f} by CPU time"
        print(f"{sampling:6s} {n_stars:6d} spectra from memory {what}: {rate}")
    print(
        f"{sampling:6s} {n_stars:6d} spectra from files: {rates['files']:.0f} a second; all of DR14 takes "
        f"{N_DR14 / rates['files'] / 60:.1f} minutes",
        flush=True,
    )


def compare_settings(network, spectra):
    """How the fast setting agrees with exact sampling."""
    net = load_folder(network)
    net.verbose = 0
    (exact, exact_std), (fast, fast_std) = (net.predict(spectra, sampling=name) for name in ("exact", "fast"))
    for part in ("total", "model"):
        low, median, high = np.percentile(fast_std[part] / exact_std[part], [5, 50, 95])
        print(f"  spread '{part}', fast over exact: median {median:.3f}, from {low:.3f} to {high:.3f} (5 to 95%)")
    shift = np.median(np.abs(fast - exact) / exact_std["total"])
    print(f"  labels differ by {shift:.3f} total spreads (median)")


def grow(network, folder, place):
    """Time and peak memory of fresh processes against the number of objects."""
    numbers, seconds = [10_000, 30_000, 100_000], []
    for n_stars in numbers:
        command = [sys.executable, __file__, "--job", str(network), str(folder), str(n_stars), str(place / "g.fits")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        took, peak = map(float, done.stdout.split()[-2:])
        seconds.append(took)
        print(f"  {n_stars:7d} objects: {took:6.1f} s, peak memory {peak:.2f} GB", flush=True)
    slope, start = np.polyfit(numbers, seconds, 1, w=1 / np.array(seconds))
    off = np.abs(np.polyval([slope, start], numbers) / seconds - 1).max()
    print(
        f"  time is {start:.1f} s + {1e3 * slope:.3f} ms an object (within {off:.0%}): 1,000,000 objects take "
        f"{(start + 1e6 * slope) / 60:.0f} minutes"
    )


def job(network, folder, n_stars, out):
    files = [Path(folder) / f"field{number:04d}.h5" for number in range(int(n_stars) // STARS_A_FILE)]
    took, _ = measured(
        lambda: predict_catalogue(network, files, out, sampling="fast", if_exists="replace", verbose=0)
    )
    # Not `getrusage`: on Linux its peak is inherited from the process that started this one.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(took, int(status["VmHWM"].split()[0]) / 2**20)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="of a network for spectra of 7,514 pixels; default: one is trained")
    parser.add_argument("--stars", type=int, default=20_000, help="spectra for the fast setting")
    parser.add_argument("--exact", type=int, default=4000, help="spectra for exact sampling")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--job", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        job(*args.job)
        return
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        network = Path(args.folder) if args.folder else trained_network(place, args.epochs)
        n_files = (100_000 if args.growth else max(args.stars, args.exact)) // STARS_A_FILE
        spectra = make_files(place / "fields", n_files)
        compare_settings(network, spectra[:1000])
        compare_rates(network, place / "fields", spectra, args.stars, "fast", args.rounds, place)
        compare_rates(network, place / "fields", spectra, args.exact, "exact", args.rounds, place)
        if args.growth:
            grow(network, place / "fields", place)


if __name__ == "__main__":
    main()
