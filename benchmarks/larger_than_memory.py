"""Training and prediction from an HDF5 file that need not fit into memory, beside the same from memory.

    python benchmarks/larger_than_memory.py                     # 6 GB, five rounds of each
    python benchmarks/larger_than_memory.py --gigabytes 2 --rounds 3 --seconds 10

The file holds simulated spectra, repeated with noise of their own. Every run is a process of its own; those from the
file and those from memory alternate, so that what else the machine does meets both. What is in memory is the first
part of the file (2 GB, see --in-memory). Before a run Linux is told to forget what it has cached of the file. Memory
is private memory (the sum of the Private_ lines of /proc/self/smaps_rollup), of which cached files are no part.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import h5py
import numpy as np

N_PIXELS, ROW_BYTES = 7514, 4 * 7514
N_SIMULATED = 2048  # stars that are repeated
LABELS = ("teff", "logg", "Fe")
N_PASSES = 10  # of Monte Carlo dropout; with the usual 100 the reading would matter less
N_WARM_UP = 30  # steps that are not timed: they compile, and begin with the first window


def make_file(path, n_stars):
    """Spectra of simulated stars, again and again, each time with noise of their own."""
    from astroNN.datasets import simulate_apogee

    survey = simulate_apogee(N_SIMULATED, seed=1)
    labels = np.stack([survey.label(name, "labels_true") for name in LABELS], axis=1)
    rng = np.random.default_rng(2)
    with h5py.File(path, "w") as file:
        spectra = file.create_dataset("spectra", (n_stars, N_PIXELS), "float32")
        for start in range(0, n_stars, N_SIMULATED):
            n = min(N_SIMULATED, n_stars - start)
            spectra[start : start + n] = survey.spectra[:n] + 0.01 * rng.standard_normal((n, N_PIXELS), "float32")
        file["labels"] = np.resize(labels, (n_stars, len(LABELS)))
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def forget_cache(path):
    """Let Linux forget what it has cached of a file."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class PeakMemory(threading.Thread):
    """Watches the private memory of this process, in GB."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most = 0.0
        self.start()

    def run(self):
        while True:
            lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
            private = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
            self.most = max(self.most, private * 1024 / 1e9)
            time.sleep(0.1)


def network(**settings):
    from astroNN.models import ApogeeBCNN

    net = ApogeeBCNN()
    defaults = {"verbose": 0, "seed": 1, "max_epochs": 1, "mc_num": N_PASSES, "targetname": list(LABELS)}
    for name, value in (defaults | settings).items():
        setattr(net, name, value)
    return net


def stopwatch(path, seconds):
    """Keras callback that counts steps for some seconds, and then ends the training."""
    import keras

    class Stopwatch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.n_steps = self.began = self.rate = 0
            forget_cache(path)

        def on_train_batch_end(self, batch, logs=None):
            if batch == N_WARM_UP:
                self.began = time.perf_counter()
            elapsed = time.perf_counter() - self.began
            if batch > N_WARM_UP and not self.rate and elapsed > seconds:
                self.rate = (batch - N_WARM_UP) * 64 / elapsed
                self.model.stop_training = True

    return Stopwatch()


def run_training(path, source, seconds, n_in_memory):
    """Steps of one epoch for some seconds; of a whole one, with its validation and calibration, if that is None."""
    memory = PeakMemory()
    with h5py.File(path) as file:
        labels, spectra = file["labels"][:], file["spectra"]
        if source == "memory":
            labels, spectra = labels[:n_in_memory], spectra[:n_in_memory]
        if seconds is None:
            began = time.perf_counter()
            network(max_epochs=1).fit(spectra, labels)
            return {"rate": len(labels) / (time.perf_counter() - began), "memory": memory.most}
        watch = stopwatch(path, seconds)
        began = time.perf_counter()
        network(callbacks=watch, val_size=0.002).fit(spectra, labels)
        return {"rate": watch.rate, "memory": memory.most, "all seconds": time.perf_counter() - began}


def run_prediction(path, source, n_stars, folder):
    """Predict the first stars."""
    from astroNN.models import load_folder
    from astroNN.shared.sources import ArrayRows, take_rows

    memory = PeakMemory()
    net = load_folder(folder)
    net.verbose, net.mc_num = 0, N_PASSES
    with h5py.File(path) as file:
        net.predict(file["spectra"][:128])  # compiles
        spectra = take_rows(ArrayRows(file["spectra"], path), np.arange(n_stars))
        spectra = spectra[:] if source == "memory" else spectra
        forget_cache(path)
        began = time.perf_counter()
        net.predict(spectra)
        return {"rate": n_stars / (time.perf_counter() - began), "memory": memory.most}


def child(job, *settings):
    """Run one job in a process of its own."""
    command = [sys.executable, __file__, "--job", json.dumps([job, *settings])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def compare(title, job, rounds, *settings):
    """Rates and memory of alternating runs."""
    found = {"file": [], "memory": []}
    for _ in range(rounds):
        for source, results in found.items():
            results.append(child(job, source, *settings))
            print(f"  {title} from {source}: {results[-1]}", flush=True)
    rates = {source: float(np.median([result["rate"] for result in results])) for source, results in found.items()}
    most = {source: max(result["memory"] for result in results) for source, results in found.items()}
    print(
        f"{title}: {rates['file']:.0f} stars/s from the file, {rates['memory']:.0f} from memory, ratio "
        f"{rates['file'] / rates['memory']:.2f}; private memory {most['file']:.2f} and {most['memory']:.2f} GB",
        flush=True,
    )


def do(job, source, path, *settings):
    results = {"training": run_training, "prediction": run_prediction}[job](path, source, *settings)
    print(json.dumps({name: round(value, 3) for name, value in results.items()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=6.0, help="size of the file")
    parser.add_argument("--in-memory", type=float, default=2.0, help="gigabytes that are trained on from memory")
    parser.add_argument("--predict", type=float, default=0.6, help="gigabytes that are predicted a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0, help="of training that are timed")
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        job, source, *settings = args.job
        return do(job, source, *settings)

    n_stars, n_in_memory, n_predicted = (
        int(gigabytes * 1e9 / ROW_BYTES) for gigabytes in (args.gigabytes, args.in_memory, args.predict)
    )
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path, run = f"{folder}/spectra.h5", f"{folder}/run"
        make_file(path, n_stars)
        print(f"{n_stars} stars, {os.path.getsize(path) / 1e9:.2f} GB; in memory {n_in_memory}", flush=True)
        compare("training", "training", args.rounds, path, args.seconds, n_in_memory)
        with h5py.File(path) as file:
            net = network()
            net.fit(file["spectra"][:4096], file["labels"][:4096])
            net.save(run)
        compare("prediction", "prediction", args.rounds, path, n_predicted, run)
        print("a whole epoch from the file:", child("training", "file", path, None, n_in_memory), flush=True)
        print("the whole file predicted:", child("prediction", "file", path, n_stars, run), flush=True)


if __name__ == "__main__":
    main()
