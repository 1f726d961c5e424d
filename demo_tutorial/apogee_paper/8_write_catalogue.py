"""Step 8: write the catalogue, a FITS table with a row for every row of allStar.

    python 8_write_catalogue.py --work run
    python 8_write_catalogue.py --work run --network bayesian --out labels.fits

Its columns are APOGEE_ID, LOCATION_ID, RA, DEC, astroNN (22 labels) and astroNN_error. What is not known is -9999:
stars whose spectrum is not there or can't be read, and labels that the training set lacked. The extension LABELS
names the labels.
"""

from pathlib import Path

import numpy as np
from astropy.io import fits
from paper.archive import allstar_path, text
from paper.catalogue import catalogue_hdus, provenance, write_catalogue
from paper.results import predicted_labels
from paper.samples import learned, read_labels
from paper.settings import LABELS, NETWORKS, Settings, script_arguments

FORMAT = "astroNN_catalogue_dr{}.fits"


def labels_by_row(settings, network, n_rows):
    """Labels and errors for every row of allStar, shape (n_rows, 22); NaN where there are none."""
    path = settings.predictions(network, "combined")
    if not path.exists():
        raise SystemExit(f"There is no {path}; run 4_infer_spectra.py first.")
    names, predicted, std, table = predicted_labels(path)
    known = learned(read_labels(settings.spectra("training"))[0])
    labels, errors = np.full((2, n_rows, len(LABELS)), np.nan)
    for column, name in enumerate(LABELS):
        if known[column] and name in names:
            labels[table["allstar_row"], column] = predicted[:, names.index(name)]
            errors[table["allstar_row"], column] = std[:, names.index(name)]
    return labels, errors, fits.getval(path, "SAMPLING", 1)


def main():
    parser = script_arguments(__doc__)
    parser.add_argument("--network", choices=NETWORKS, default="censored", help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="default: astroNN_catalogue_dr<release>.fits in the work folder")
    arguments = parser.parse_args()
    settings = Settings.read(arguments.work)
    out = arguments.out or settings.work / FORMAT.format(settings.dr)
    with fits.open(allstar_path(settings), memmap=True) as hdus:
        data = hdus[1].data
        stars = {name: np.array(data[name]) for name in ("LOCATION_ID", "RA", "DEC")}
        stars["APOGEE_ID"] = text(data["APOGEE_ID"])
    labels, errors, sampling = labels_by_row(settings, arguments.network, len(stars["RA"]))
    cards = provenance(settings, arguments.network, sampling)
    write_catalogue(out, catalogue_hdus(stars, labels, errors, LABELS, cards))
    known = np.isfinite(labels)
    print(f"{len(labels)} stars are in {out}; {known.any(axis=1).sum()} have labels, "
          f"{known.any(axis=0).sum()} of the {len(LABELS)} labels are known")  # fmt: skip


if __name__ == "__main__":
    main()
