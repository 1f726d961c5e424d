"""Draw the figure of `plot_spectra` on the page on APOGEE spectra: python docs/make_plot_spectra_figure.py."""

from pathlib import Path

from astroNN.apogee import plot_spectra
from astroNN.datasets import simulate_apogee

TARGET = Path(__file__).resolve().parent / "source" / "_static" / "plot_spectra.png"

giants = simulate_apogee(2, labels=("teff", "Al"), snr=100, seed=1)
names = [f"{teff:.0f} K, [Al/H] = {al:.2f}" for teff, al in giants.labels_true]
plot_spectra(
    giants.spectra,
    giants.spectra_err,
    giants.mask,
    element="Al",
    names=names,
    wavelength=(16700, 16790),
    path=TARGET,
)
