"""How often spectra unlike the training's are flagged, by kind and strength, and how often usual ones are.

    python benchmarks/out_of_distribution.py                   # with the errors of the pixels
    python benchmarks/out_of_distribution.py --without-errors

Needs the folder of samples (by default ``../shared/data`` beside the repository): giants to learn from, as many again
to be tested on, and observed spectra of cool dwarfs.
"""

import argparse
import time
from pathlib import Path

import h5py
import numpy as np
from scipy.ndimage import gaussian_filter1d

from astroNN.apogee import network_input, read_apstar, read_apvisit, read_aspcapstar
from astroNN.apogee.chips import chip_slices
from astroNN.nn.calibration import OutOfDistribution

SNR_RANGES = ((50, 80), (80, 125), (125, 200), (200, 300))
GIANTS = {
    "aspcapStar-r6-l30e.2-2M17334253-1654573.fits": read_aspcapstar,
    "apStar-r6-2M17334253-1654573.fits": read_apstar,
    "apVisit-r13-9518-57729-104.fits": read_apvisit,
}


def shifted(sample, pixels, rng):
    """All arrays moved by whole pixels: a wrong radial velocity; one pixel is 4.1 km/s."""
    return tuple(np.roll(array, int(pixels), axis=1) for array in sample)


def with_garbage(sample, pixels, rng):
    """So many pixels in a row, from a random start, hold anything between 0 and 2."""
    spectra, errors, mask = sample
    spectra = spectra.copy()
    for star in spectra:
        start = rng.integers(len(star) - int(pixels) + 1)
        star[start : start + int(pixels)] = rng.uniform(0, 2, int(pixels))
    return spectra, errors, mask


def with_spikes(sample, pixels, rng):
    """Emission of half the continuum in so many pixels here and there."""
    spectra, errors, mask = sample
    spectra = spectra.copy()
    for star in spectra:
        star[rng.choice(len(star), int(pixels), replace=False)] += 0.5
    return spectra, errors, mask


def tilted(sample, slope, rng):
    """A continuum that rises by `slope` from end to end of every chip, or falls."""
    spectra, errors, mask = sample
    tilt = np.ones(spectra.shape[1])
    for chip in chip_slices(dr=14):
        tilt[chip] += slope * np.linspace(-0.5, 0.5, chip.stop - chip.start)
    sign = rng.choice([-1.0, 1.0], (len(spectra), 1))
    return (spectra * tilt**sign).astype("float32"), errors, mask


def raised(sample, level, rng):
    """A continuum too high or too low everywhere."""
    spectra, errors, mask = sample
    return (spectra * (1 + level * rng.choice([-1, 1], (len(spectra), 1)))).astype("float32"), errors, mask


def noisy(sample, times, rng):
    """Noise of so many quoted errors added, which the errors say nothing of."""
    spectra, errors, mask = sample
    noise = rng.normal(size=spectra.shape) * times * np.where(mask, 0, errors)
    return (spectra + noise).astype("float32"), errors, mask


def broadened(sample, pixels, rng):
    """Lines broadened by a Gaussian of so many pixels (standard deviation), the noise added again."""
    spectra, errors, mask = sample
    smooth = gaussian_filter1d(np.where(mask, 1.0, spectra), pixels, axis=1)
    noise = rng.normal(size=spectra.shape) * np.where(mask, 0, errors)
    return (smooth + noise).astype("float32"), errors, mask


KINDS = {
    "shifted by pixels": (shifted, (1, 2, 3, 5, 10, 30)),
    "pixels of garbage in a row": (with_garbage, (3, 10, 30, 100, 1000, 2495)),
    "emission spikes of 0.5": (with_spikes, (1, 3, 10, 30, 100)),
    "continuum tilted": (tilted, (0.005, 0.01, 0.02, 0.05, 0.1)),
    "continuum raised or lowered": (raised, (0.0025, 0.005, 0.01, 0.02, 0.05)),
    "noise beyond the errors, in errors": (noisy, (0.25, 0.5, 1, 2, 5)),
    "lines broadened, sigma in pixels": (broadened, (1, 1.5, 2, 3, 5)),
}


def read_sample(path):
    """Spectra, errors and masks; signal to noise."""
    with h5py.File(path, "r") as file:
        return (file["spectra"][:], file["spectra_err"][:], file["mask"][:] > 0), file["SNR"][:]


class Judge:
    """An `OutOfDistribution` with or without errors of the pixels."""

    def __init__(self, sample, with_errors, **settings):
        self.with_errors = with_errors
        self.model = OutOfDistribution(**settings).fit(*self._chosen(sample))

    def _chosen(self, sample):
        spectra, errors, mask = sample
        return spectra, errors if self.with_errors else None, mask

    def score(self, sample):
        return self.model.score(*self._chosen(sample))


def print_false_alarms(judge, sample, snr, rate):
    """Flagged stars of the known kind, in all and by signal to noise, with binomial errors."""
    scores, threshold = judge.score(sample), judge.model.threshold(rate)
    n_held = len(judge.model.calibration_scores)
    print(f"threshold {threshold:.3f} for {rate:.0%}, from {n_held} held-back stars")
    for low, high in ((50, 300), *SNR_RANGES):
        chosen = (snr >= low) & (snr <= high)
        n = chosen.sum()
        err = np.sqrt(rate * (1 - rate) * (1 / n + 1 / n_held))
        print(f"  SNR {low:3d}-{high:<3d} {n:5d} stars: {(scores[chosen] > threshold).mean():6.1%} (5% +- {err:.1%})")


def print_detections(judge, sample, rate, seed):
    """Fraction flagged by kind and strength."""
    threshold = judge.model.threshold(rate)
    for kind, (corrupt, strengths) in KINDS.items():
        rng = np.random.default_rng(seed)
        found = [(judge.score(corrupt(sample, strength, rng)) > threshold).mean() for strength in strengths]
        pairs = "  ".join(f"{strength:g}: {rate:.1%}" for strength, rate in zip(strengths, found, strict=True))
        print(f"{kind:36s} {pairs}", flush=True)


def print_observed(judge, folder, rate):
    """Scores of the observed cool dwarfs and of the observed giants."""
    threshold = judge.model.threshold(rate)
    dwarfs = sorted(path.name for path in folder.glob("aspcapStar-*.fits") if path.name not in GIANTS)
    for what, names in (("dwarf", dwarfs), ("giant", list(GIANTS))):
        readers = [GIANTS.get(name, read_aspcapstar) for name in names]
        sample = network_input([reader(folder / name) for reader, name in zip(readers, names, strict=True)])
        parts = judge.model.distances(*judge._chosen(sample))
        for k, name in enumerate(names):
            score = max(part[k] for part in parts.values())
            of_parts = ", ".join(f"{part} {values[k]:.1f}" for part, values in parts.items())
            print(f"{what} {name:46s} {score:6.1f} {'flagged' if score > threshold else 'not flagged'} ({of_parts})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[1] / "../shared/data")
    parser.add_argument("--without-errors", action="store_true", help="use the spectra and their masks alone")
    parser.add_argument("--components", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.05, help="false alarms asked for; default: 0.05")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not (arguments.data / "apogee_sample_test.h5").exists():
        parser.error(f"no samples in {arguments.data}; say where they are by --data")
    training, _ = read_sample(arguments.data / "apogee_sample_train.h5")
    start = time.perf_counter()
    judge = Judge(training, not arguments.without_errors, n_components=arguments.components, seed=arguments.seed)
    print(f"fitted on {len(training[0])} stars in {time.perf_counter() - start:.0f} s")
    del training
    sample, snr = read_sample(arguments.data / "apogee_sample_test.h5")
    print_false_alarms(judge, sample, snr, arguments.rate)
    print_detections(judge, sample, arguments.rate, arguments.seed)
    print_observed(judge, arguments.data / "spectra", arguments.rate)


if __name__ == "__main__":
    main()
