"""Galaxy10 DECaLS: images of galaxies in ten classes by the votes of Galaxy Zoo."""

from astroNN.data import GALAXY10_CLASSES
from astroNN.datasets._galaxy10 import Galaxy10

__all__ = ["Galaxy10Class", "galaxy10_confusion", "galaxy10cls_lookup", "load_data"]

_CATALOGUE = Galaxy10(
    archive="galaxy10",
    filename="Galaxy10_DECals.h5",
    sha256="19AEFC477C41BB7F77FF07599A6B82A038DC042F889A111B0D4D98BB755C1571",
    size=None,
    classes=GALAXY10_CLASSES,
)
_filename = _CATALOGUE.filename

#: number to name of the classes
Galaxy10Class = dict(enumerate(GALAXY10_CLASSES))

load_data = _CATALOGUE.load_data
galaxy10cls_lookup = _CATALOGUE.galaxy10cls_lookup
galaxy10_confusion = _CATALOGUE.galaxy10_confusion


def __getattr__(name):
    if name == "_G10_ORIGIN":
        return _CATALOGUE.origin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
