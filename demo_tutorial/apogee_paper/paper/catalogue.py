"""The catalogue as FITS: columns with units and UCDs, gaps as -9999, and where it comes from."""

import json

import numpy as np
from astropy.io import fits

from astroNN import __version__
from astroNN.config import MAGIC_NUMBER
from astroNN.shared.files import atomic_file, filehash
from astroNN.shared.label_names import label_style

__all__ = ["catalogue_hdus", "provenance", "write_catalogue"]

# UCD1+ words: https://www.ivoa.net/documents/UCD1+/
UCDS = {
    "APOGEE_ID": "meta.id;meta.main",
    "LOCATION_ID": "meta.id;obs.field",
    "RA": "pos.eq.ra;meta.main",
    "DEC": "pos.eq.dec;meta.main",
    "astroNN": "stat.fit.param;meta.modelled",
    "astroNN_error": "stat.error;stat.fit.param",
}
LABEL_UCDS = {"teff": "phys.temperature.effective", "logg": "phys.gravity", "Fe": "phys.abund.Fe"}
COMMENTS = {
    "APOGEE_ID": "name of the star by its 2MASS coordinates",
    "LOCATION_ID": "number of the field",
    "RA": "right ascension, ICRS",
    "DEC": "declination, ICRS",
    "astroNN": "labels, in the order of the extension LABELS",
    "astroNN_error": "total uncertainties of the labels",
}


def provenance(settings, network, sampling):
    """Where the numbers come from: header cards without anything that changes from run to run.

    Parameters
    ----------
    settings : Settings
    network : str
    sampling : str
        How dropout was sampled.

    Returns
    -------
    dict of (value, comment)
    """
    folder = settings.network(network)
    parameters = folder / "astroNN_model_parameter.json"
    told = json.loads(parameters.read_text(encoding="utf-8"))
    return {
        "ORIGIN": (f"astroNN {__version__}", "software"),
        "NETWORK": (told["id"], "class of the network"),
        "NETFOLD": (folder.name, "folder of the network"),
        # Checksums leave no room for a comment of their own.
        "WEIGHSHA": (filehash(folder / "model.weights.h5"), ""),
        "PARAMSHA": (filehash(parameters), ""),
        "SAMPLING": (sampling, "of dropout"),
        "MC_NUM": (int(told["mc_num"]), "Monte Carlo passes"),
        "RELEASE": (f"DR{settings.dr}", "data release of SDSS"),
        "REFERENC": ("2019MNRAS.483.3255L", "Leung & Bovy 2019"),
        "MISSING": (MAGIC_NUMBER, "stands where a number is not known"),
    }


def catalogue_hdus(stars, labels, errors, names, cards):
    """The catalogue, in memory.

    Parameters
    ----------
    stars : dict of arrays
        APOGEE_ID, LOCATION_ID, RA, DEC.
    labels, errors : array, shape (n, n_labels)
        NaN where not known.
    names : sequence of str
        Names of the labels.
    cards : dict
        From `provenance`.

    Returns
    -------
    HDUList
    """
    n_labels = len(names)
    location = np.asarray(stars["LOCATION_ID"])
    place = {name: _with_gaps(stars[name], "float64") for name in ("RA", "DEC")}
    identifiers = np.asarray(stars["APOGEE_ID"]).astype("S")
    columns = [
        fits.Column("APOGEE_ID", f"{max(1, identifiers.dtype.itemsize)}A", array=identifiers),
        fits.Column("LOCATION_ID", "J", array=location.astype("i4"), null=int(MAGIC_NUMBER)),
        *(fits.Column(name, "D", unit="deg", array=values) for name, values in place.items()),
        fits.Column("astroNN", f"{n_labels}E", array=_with_gaps(labels, "float32")),
        fits.Column("astroNN_error", f"{n_labels}E", array=_with_gaps(errors, "float32")),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="CATALOGUE")
    for number, column in enumerate(columns, 1):
        table.header[f"TUCD{number}"] = UCDS[column.name]
        table.header[f"TCOMM{number}"] = COMMENTS[column.name]
    for keyword, card in cards.items():
        table.header[keyword] = card
    table.header["COMMENT"] = "SHA-256 of weights and parameters in NETFOLD: WEIGHSHA, PARAMSHA"
    for number, name in enumerate(names, 1):
        style = label_style(name)
        table.header[f"LABEL{number}"] = (name, f"{style.text}, element {number} of astroNN")
        table.header[f"LUNIT{number}"] = (style.unit, f"unit of LABEL{number}")
    return fits.HDUList([fits.PrimaryHDU(), table, _label_hdu(names)])


def write_catalogue(path, hdus):
    """Write it, whole or not at all; an existing file is replaced."""
    path.parent.mkdir(exist_ok=True)
    with atomic_file(path) as temporary:
        hdus.writeto(temporary)


def _label_hdu(names):
    """What each element of the vectors is: one unit a column is all that FITS can say of them."""
    styles = [label_style(name) for name in names]
    columns = {
        "LABEL": list(names),
        "TITLE": [style.text for style in styles],
        "UNIT": [style.unit for style in styles],
        "UCD": [LABEL_UCDS.get(name, "phys.abund.X") for name in names],
    }
    arrays = {name: np.array(values, "S") for name, values in columns.items()}
    hdu = fits.BinTableHDU.from_columns([fits.Column(n, f"{a.dtype.itemsize}A", array=a) for n, a in arrays.items()])
    hdu.name = "LABELS"
    return hdu


def _with_gaps(values, dtype):
    values = np.asarray(values, dtype="float64")
    return np.where(np.isfinite(values), values, MAGIC_NUMBER).astype(dtype)
