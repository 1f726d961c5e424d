"""Galaxy10 SDSS: images of galaxies in ten classes by the votes of Galaxy Zoo."""

from astroNN.data import GALAXY10_SDSS_CLASSES
from astroNN.datasets._galaxy10 import Galaxy10

__all__ = ["Galaxy10Class", "galaxy10_confusion", "galaxy10cls_lookup", "load_data"]

_CATALOGUE = Galaxy10(
    archive="galaxy10sdss",
    filename="Galaxy10.h5",
    sha256="969A6B1CEFCC36E09FFFA86FEBD2F699A4AA19B837BA0427F01B0BC6DED458AF",
    size=210_234_548,
    classes=GALAXY10_SDSS_CLASSES,
)
_filename = _CATALOGUE.filename

#: number to name of the classes
Galaxy10Class = dict(enumerate(GALAXY10_SDSS_CLASSES))

load_data = _CATALOGUE.load_data
galaxy10cls_lookup = _CATALOGUE.galaxy10cls_lookup
galaxy10_confusion = _CATALOGUE.galaxy10_confusion


def __getattr__(name):
    if name == "_G10_ORIGIN":
        return _CATALOGUE.origin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
