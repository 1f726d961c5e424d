"""Accuracy and uncertainties of `ApogeeBCNN` on APOGEE-like giants with exact labels.

    python benchmarks/apogee_labels.py                                # 4,000 stars, all defaults
    python benchmarks/apogee_labels.py --patience 10 --epochs 150     # recommended for labels as noisy as these
    python benchmarks/apogee_labels.py --stars 30000 --patience 8 --epochs 60   # as many as the paper had
    python benchmarks/apogee_labels.py --observed                     # also real spectra, with the network trained

Needs the folder of samples (by default ``../shared/data`` beside the repository): spectra from a spectral model that
was trained on real APOGEE giants, with the survey's noise and bad pixels; its README says how they were made.
"""

import argparse
import importlib.util
import time
from pathlib import Path

import h5py
import numpy as np

from astroNN.models import ApogeeBCNN

LABELS = ("teff", "logg", "feh", "alpham")
SNR_RANGES = ((50, 80), (80, 125), (125, 300), (50, 300))
# Scatter (1.4826 MAD) at SNR 80-125 of other methods trained on the same 4,000 stars, and the limit; from the README
# of the samples.
REFERENCES = {
    "60 PCA + MLP": (23.9, 0.054, 0.0221, 0.0134),
    "60 PCA + quadratic ridge": (17.2, 0.038, 0.0124, 0.0099),
    "limit (Cramer-Rao, SNR 100)": (6.5, 0.0165, 0.0050, 0.0041),
}
PREDICTIONS = {
    "calibrated": {"inputs_err": False, "calibrated": True},
    "calibrated, with errors of the pixels": {"inputs_err": True, "calibrated": True},
    "not calibrated": {"inputs_err": False, "calibrated": False},
}


def read_sample(path):
    """Spectra, their errors, masks, labels, label errors, exact labels (or None) and SNR of a sample file."""
    with h5py.File(path, "r") as file:
        labels = np.stack([file[name][:] for name in LABELS], axis=1)
        labels_err = np.stack([file[f"{name}_err"][:] for name in LABELS], axis=1)
        exact = None
        if f"{LABELS[0]}_true" in file:
            exact = np.stack([file[f"{name}_true"][:] for name in LABELS], axis=1)
        pixels = [file[name][:] for name in ("spectra", "spectra_err")]
        return *pixels, file["mask"][:] > 0, labels, labels_err, exact, file["SNR"][:]


def make_sample(data, n_stars, seed):
    """A new training sample from the generator that lies beside the samples."""
    spec = importlib.util.spec_from_file_location("make_apogee_sample", data / "make_apogee_sample.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    sample = generator.make_sample(n_stars, seed, (50.0, 300.0), missing=0.1)
    pixels = sample["spectra"], sample["spectra_err"], sample["mask"] > 0
    return *pixels, sample["labels"], sample["labels_err"], None, sample["SNR"]


def scatter(errors):
    """1.4826 MAD of each column."""
    return 1.4826 * np.median(np.abs(errors - np.median(errors, axis=0)), axis=0)


def print_scores(pred, pred_std, exact, snr):
    """Scatter and coverage by label and range of SNR."""
    errors = pred - exact
    print(f"\n{'SNR':>8} {'stars':>6}  " + "".join(f"{name:>26}" for name in LABELS))
    print(" " * 16 + "  scatter   <1s   <2s sigma" * len(LABELS))
    for low, high in SNR_RANGES:
        chosen = (snr >= low) & (snr <= high)
        sigma = pred_std["total"][chosen]
        within = [(np.abs(errors[chosen]) < k * sigma).mean(axis=0) for k in (1, 2)]
        row = f"{low:4d}-{high:<3d} {chosen.sum():6d}  "
        for k, value in enumerate(scatter(errors[chosen])):
            row += f"{value:9.4g} {within[0][k]:5.1%} {within[1][k]:5.1%} {np.median(sigma[:, k]):5.3g}"
        print(row)


def train(data, arguments):
    """Train on the sample, or on freshly made stars."""
    if arguments.stars:
        sample = make_sample(data, arguments.stars, arguments.seed + 1000)
    else:
        sample = read_sample(data / "apogee_sample_train.h5")
    spectra, spectra_err, mask, labels, labels_err, _, _ = sample
    net = ApogeeBCNN(dropout_rate=arguments.dropout_rate)
    net.seed, net.verbose = arguments.seed, 2
    net.targetname = list(LABELS)
    net.max_epochs = arguments.epochs or net.max_epochs
    net.batch_size = arguments.batch_size or net.batch_size
    net.reduce_lr_patience = arguments.patience or net.reduce_lr_patience
    start = time.perf_counter()
    net.fit(spectra, labels, inputs_err=spectra_err, labels_err=labels_err, mask=mask)
    print(f"trained on {len(spectra)} stars in {time.perf_counter() - start:.0f} s, calibration included")
    print(f"factors without errors of the pixels: {net.calibration}; with them: {net.calibration_propagated}")
    return net


def main():
    """Train, score the test sample with and without calibration, and save the network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[1] / "../shared/data")
    parser.add_argument("--stars", type=int, default=0, help="make this many training stars instead of reading 4,000")
    parser.add_argument("--epochs", type=int, default=0, help="default: the network's own 100")
    parser.add_argument("--batch-size", type=int, default=0, help="default: the network's own 64")
    parser.add_argument("--patience", type=int, default=0, help="epochs until the learning rate falls; default: 2")
    parser.add_argument("--dropout-rate", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, help="folder for the trained network")
    parser.add_argument("--observed", action="store_true", help="also predict the real spectra")
    arguments = parser.parse_args()
    if not (arguments.data / "apogee_sample_test.h5").exists():
        parser.error(f"no samples in {arguments.data}; say where they are by --data")
    net = train(arguments.data, arguments)
    if arguments.save:
        net.save(arguments.save, if_exists="replace")
    spectra, spectra_err, mask, _, _, exact, snr = read_sample(arguments.data / "apogee_sample_test.h5")
    for title, settings in PREDICTIONS.items():
        start = time.perf_counter()
        errors = spectra_err if settings["inputs_err"] else None
        pred, pred_std = net.predict(spectra, errors, mask=mask, calibrated=settings["calibrated"])
        print(f"\n{title}: {len(spectra)} stars in {time.perf_counter() - start:.1f} s")
        print_scores(pred, pred_std, exact, snr)
    for name, values in REFERENCES.items():
        print(f"{name:>28}: " + "  ".join(f"{value:g}" for value in values))
    if arguments.observed:
        from observed_spectra import print_observed

        print_observed(net, arguments.data / "spectra")


if __name__ == "__main__":
    main()
