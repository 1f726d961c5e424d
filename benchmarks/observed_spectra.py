"""Labels of observed APOGEE spectra by a trained network: two giants whose labels are known, and cool dwarfs.

    python benchmarks/observed_spectra.py FOLDER_OF_NETWORK [FOLDER_OF_SPECTRA]

The dwarfs are far outside what a network trained on giants knows: their predicted uncertainty should say so.
"""

import sys
from pathlib import Path

import numpy as np

from astroNN.apogee import network_input, read_apstar, read_apvisit, read_aspcapstar

# The survey's labels (aspcapStar and apStar of the first giant), and a model inverted on the visit of the second.
GIANTS = {
    "aspcapStar-r6-l30e.2-2M17334253-1654573.fits": (3788, 1.08, 0.00, 0.16),
    "apStar-r6-2M17334253-1654573.fits": (3788, 1.08, 0.00, 0.16),
    "apVisit-r13-9518-57729-104.fits": (4534, 2.43, 0.04, 0.10),
}
READERS = {"aspcapStar": read_aspcapstar, "apStar": read_apstar, "apVisit": read_apvisit}


def read(path):
    """Spectrum of any of the survey's files, by its name."""
    return READERS[path.name.split("-")[0]](path)


def observed_labels(net, folder):
    """Predicted labels and total uncertainties of every file, by name of the file; giants first."""
    dwarfs = sorted(path.name for path in folder.glob("aspcapStar-*.fits") if path.name not in GIANTS)
    spectra, _, masks = network_input([read(folder / name) for name in [*GIANTS, *dwarfs]])
    pred, pred_std = net.predict(spectra, mask=masks)
    return {name: (pred[k], pred_std["total"][k]) for k, name in enumerate([*GIANTS, *dwarfs])}


def print_observed(net, folder):
    """Print labels, uncertainties and the differences to the known labels."""
    labels = observed_labels(net, folder)
    print(f"\n{'spectrum':>50}   Teff      logg          [Fe/H]        [alpha/M]")
    for name, (pred, sigma) in labels.items():
        values = "  ".join(f"{value:7.5g} +- {error:.2g}" for value, error in zip(pred, sigma, strict=True))
        print(f"{name:>50} {values}")
        if name in GIANTS:
            difference = pred - np.array(GIANTS[name])
            print(f"{'difference':>50} " + "  ".join(f"{value:+.3g}" for value in difference))
    giants = np.median([labels[name][1][0] for name in GIANTS])
    dwarfs = np.median([sigma[0] for name, (_, sigma) in labels.items() if name not in GIANTS])
    print(f"median total of Teff: giants {giants:.1f} K, cool dwarfs {dwarfs:.1f} K, ratio {dwarfs / giants:.2f}")


if __name__ == "__main__":
    from astroNN.models import load_folder

    spectra_folder = Path(__file__).resolve().parents[1] / "../shared/data/spectra"
    print_observed(load_folder(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else spectra_folder)
