"""A small file of spectra and settings for the tests of ``astronn train``, and processes that train with them."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

import astroNN

__all__ = ["LABELS", "N_STARS", "SIMPLE", "command", "environment", "run", "weights", "write_data"]

N_STARS, N_PIXELS = 240, 60
LABELS = ["teff", "Fe"]
SIMPLE = """
network = "ApogeeCNN"
out = "run"
[data]
file = "train.h5"
labels = ["teff", "Fe"]
[settings]
max_epochs = 4
seed = 5
num_hidden = [8, 4]
"""


def environment(**variables):
    """The child finds this very package, installed or not, from any folder."""
    paths = [str(Path(astroNN.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | variables


def command(*arguments):
    return [sys.executable, "-m", "astroNN", "train", *arguments]


def run(*arguments, cwd):
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=600
    )


def write_data(folder):
    """A file like those of `H5Compiler`: labels are sums of pixels, some are missing."""
    rng = np.random.default_rng(2)
    spectra = rng.normal(1.0, 0.05, (N_STARS, N_PIXELS)).astype("float32")
    with h5py.File(folder / "train.h5", "w") as file:
        file["spectra"] = spectra
        file["spectra_err"] = np.full_like(spectra, 0.01)
        file["mask"] = (rng.random(spectra.shape) < 0.02).astype("int8")
        file["star"] = np.arange(N_STARS) // 2
        file["weight"] = np.ones(N_STARS)
        file["name"] = np.full(N_STARS, b"2M0000")
        file["nobody"] = np.full(N_STARS, -9999.0)
        file["short"] = np.zeros(7)
        for number, name in enumerate(LABELS):
            label = spectra[:, 6 * number : 6 * number + 6].sum(axis=1)
            file[name] = np.where(rng.random(N_STARS) < 0.1, np.float32(-9999.0), label)
            file[f"{name}_err"] = np.full(N_STARS, 0.02, "float32")


def weights(folder):
    found = {}
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(lambda name, node: found.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None)
    return found
