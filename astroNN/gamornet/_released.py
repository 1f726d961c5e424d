"""The weights that the authors of GaMorNet released: their names, where they lie, and where they are kept."""

from dataclasses import dataclass, field
from pathlib import Path

from astroNN import config
from astroNN.models.misc_models.gamornet import INPUT_SHAPES
from astroNN.shared.downloads import download
from astroNN.shared.errors import DownloadError
from astroNN.shared.folders import download_root

__all__ = ["RELEASED", "Released", "fetch_released", "survey_of"]

#: identifier of the archive with all files that the authors also offer
_TARBALL = "https://drive.google.com/file/d/1yIuCe_CcxzOLsNAPR5H40MPH-tbvpBJb"
_OF_A_CHECKPOINT = (".index", ".data-00000-of-00001")


@dataclass(frozen=True)
class Released:
    """Weights of one name: a file, or several of one prefix.

    Attributes
    ----------
    path : str
        On the server, below the root of the archive.
    endings : tuple of str
        Of the files, behind `path`.
    sha256 : dict of str to str
        Checksum by ending, as far as they are known: none is published.
    """

    path: str
    endings: tuple = ("",)
    sha256: dict = field(default_factory=dict)


def _keras(path):
    return Released(f"gamornet_keras/trained_models/{path}")


def _tflearn(path):
    return Released(f"gamornet/trained_models/{path}", _OF_A_CHECKPOINT)


#: flavour, then name (survey, and whether trained on simulations alone or on real galaxies, too)
RELEASED = {
    "keras": {
        "SDSS_sim": _keras("SDSS/sim_trained/model_sdss_sim_trained.h5"),
        "SDSS_tl": _keras("SDSS/tl/model_sdsss_tl.hdf5"),  # so it is spelt on the server
        "CANDELS_sim": _keras("CANDELS/sim_trained/model_candels_sim_trained.hdf5"),
        "CANDELS_tl": _keras("CANDELS/tl/model_candels_tl.hdf5"),
    },
    "tflearn": {
        "SDSS_sim": _tflearn("SDSS/sim_trained/check-1405593"),
        "SDSS_tl": _tflearn("SDSS/tl/check-1546293"),
        "CANDELS_sim": _tflearn("CANDELS/sim_trained/check-562800"),
        "CANDELS_tl": _tflearn("CANDELS/tl/check-571275"),
    },
}


def survey_of(name):
    """Survey whose images released weights take, "SDSS" or "CANDELS"."""
    survey = name.partition("_")[0]
    assert survey in INPUT_SHAPES
    return survey


def fetch_released(flavour, name):
    """Path of released weights, fetched the first time.

    Parameters
    ----------
    flavour : {"keras", "tflearn"}
    name : {"SDSS_sim", "SDSS_tl", "CANDELS_sim", "CANDELS_tl"}

    Returns
    -------
    Path
        Of the file, or the prefix of a checkpoint, within ``~/.astroNN/gamornet``.

    Raises
    ------
    DownloadError
        (a ConnectionError) If it can't be fetched; tells how to do so by hand.
    """
    released = RELEASED[flavour][name]
    place = Path(download_root(None, "gamornet"), *released.path.split("/"))
    for ending in released.endings:
        url = f"{config.download_url_reader('gamornet')}{released.path}{ending}"
        known_hash = released.sha256.get(ending)
        try:
            download(url, place.with_name(place.name + ending), known_hash=known_hash)
        except DownloadError as error:
            raise DownloadError(_by_hand(error, released, place, name), error.status) from error
    return place


def _by_hand(error, released, place, name):
    """The error of a download, and how to do without it."""
    files = " and ".join(released.path + ending for ending in released.endings)
    return (
        f"The released weights {name!r} can't be fetched: {error}\nBy hand: get {files} from "
        f"{config.DEFAULTS['Downloads']['gamornet']} or from the authors' archive at {_TARBALL}, and put what is "
        f"called {place.name} there into {place.parent}, where it will be found. Or give the path of a file in place "
        f"of the name. A mirror is set by `gamornet` in the section [Downloads] of {config.config_path()}."
    )
