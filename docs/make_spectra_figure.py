"""Draw the figure of the page on APOGEE spectra: two giants in three kinds of file, normalised.

    python docs/make_spectra_figure.py ../shared/data/spectra

The folder holds the files named below, which are not part of this repository.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

from astroNN.apogee import continuum_mask, network_input, wavelength_solution
from astroNN.datasets import read_spectrum
from astroNN.shared.plotting import BLUE, GREEN, GREY, ORANGE, figure_style, new_figure, save_figure

FILES = {
    "aspcapStar-r6-l30e.2-2M17334253-1654573.fits": "giant of 3790 K, aspcapStar",
    "apStar-r6-2M17334253-1654573.fits": "the same, apStar",
    "apVisit-r13-9518-57729-104.fits": "giant of 4530 K, apVisit moved to rest",
}
SHIFT = 0.5
TARGET = Path(__file__).resolve().parent / "source" / "_static" / "apogee_normalised.png"


def main(folder):
    """Read, normalise, and draw a part of the green chip."""
    wavelength = np.concatenate(wavelength_solution(dr=14))
    shown = (wavelength > 15960) & (wavelength < 16060)
    continuum = continuum_mask(dr=14)
    with figure_style():
        figure = new_figure(8.5, 4.6)
        panel = figure.subplots()
        for number, ((name, label), colour) in enumerate(zip(FILES.items(), (ORANGE, BLUE, GREEN), strict=True)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                flux, _, bad = network_input(read_spectrum(folder / name))
            level = np.nanmedian(np.where(bad, np.nan, flux)[0, continuum])
            print(f"{label}: median of the continuum pixels {level:.4f}")
            flux = np.where(bad, np.nan, flux)[0] + SHIFT * (2 - number)
            panel.plot(wavelength[shown], flux[shown], color=colour, lw=1, label=label)
            at = shown & continuum
            panel.plot(wavelength[at], flux[at], "o", color=colour, ms=4, mec="white", mew=0.4)
            panel.axhline(1 + SHIFT * (2 - number), color=GREY, lw=0.6, zorder=0)
        panel.set(xlabel="vacuum wavelength [Å]", ylabel="normalised flux, shifted by 0.5", xlim=(15960, 16060))
        figure.legend(loc="outside upper center", ncols=3)
        save_figure(figure, TARGET)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
