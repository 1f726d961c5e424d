"""How fast GaMorNet predicts, beside bare Keras on the same graph, and how much memory images in a file take.

    python benchmarks/galaxy_rate.py                       # 1,152 images of 167x167 pixels, three rounds
    python benchmarks/galaxy_rate.py --images 4096 --shape CANDELS

Weights are random: they change no time. Rounds of both alternate, so that what else the machine does meets both.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import h5py
import numpy as np

from astroNN.models import GaMorNet


def noise(n_images, shape):
    return np.random.default_rng(1).standard_normal((n_images, *shape), dtype="float32")


def rates(n_images, survey, rounds):
    """Images per second, of ours and of bare Keras: the best of some rounds."""
    net = GaMorNet().build(survey)
    net.verbose = 0
    images = noise(n_images, net.input_shape[1:])
    calls = {
        "astroNN predict": lambda: net.predict(images),
        "keras.Model.predict": lambda: net.keras_model.predict(images, batch_size=net.batch_size, verbose=0),
    }
    best = dict.fromkeys(calls, np.inf)
    for call in calls.values():
        call()  # compiles
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - began)
    return {name: n_images / seconds for name, seconds in best.items()}


def peak_memory(n_images, survey, file):
    """Most memory [MB], but for pages of the file itself, of a process of its own that predicts from a file."""
    command = [sys.executable, __file__, "--predict-from", str(file), "--images", str(n_images), "--shape", survey]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def predict_from(file, n_images, survey):
    """What that process does."""
    done, most = threading.Event(), [0.0]
    watch = threading.Thread(target=_watch, args=(done, most))
    watch.start()
    net = GaMorNet().build(survey)
    net.verbose = 0
    if file.endswith(".npy"):
        net.predict(np.load(file, mmap_mode="r")[:n_images])
    else:
        with h5py.File(file) as opened:
            net.predict_dataset(opened[f"first_{n_images}"])
    done.set()
    watch.join()
    print(most[0])


def _watch(done, most):
    """Note the largest amount of memory [MB] that is no copy of a file, as Linux tells it, until done."""
    while not done.wait(0.02):
        status = Path("/proc/self/status").read_text()
        most[0] = max(most[0], int(status.split("RssAnon:")[1].split()[0]) / 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1152)
    parser.add_argument("--shape", choices=("SDSS", "CANDELS"), default="SDSS")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--predict-from", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.predict_from:
        return predict_from(args.predict_from, args.images, args.shape)

    found = rates(args.images, args.shape, args.rounds)
    for name, rate in found.items():
        print(f"{name:22s} {rate:7.1f} images/s")
    print(f"ratio {found['astroNN predict'] / found['keras.Model.predict']:.2f}")

    few, many = args.images, 4 * args.images
    with tempfile.TemporaryDirectory() as folder:
        images = noise(many, GaMorNet().build(args.shape).input_shape[1:])
        np.save(Path(folder) / "images.npy", images)
        with h5py.File(Path(folder) / "images.h5", "w") as file:
            for n in (few, many):
                file[f"first_{n}"] = images[:n]
        for name in ("images.npy", "images.h5"):
            sizes = [peak_memory(n, args.shape, Path(folder) / name) for n in (few, many)]
            megabytes = [images[:n].nbytes / 2**20 for n in (few, many)]
            print(
                f"{name}: {megabytes[0]:.0f} MB of images, peak {sizes[0]:.0f} MB; "
                f"{megabytes[1]:.0f} MB of images, peak {sizes[1]:.0f} MB"
            )


if __name__ == "__main__":
    main()
