"""GaMorNet: galaxies by the share of their light that is in the bulge; the established interface, and what it lacked.

The network itself is `astroNN.models.GaMorNet`. Names load when they are first used.
"""

import importlib

# Scripts of the earlier package may print it.
from astroNN._version import __version__ as __version__

# Name: the module that has it.
_PLACES = {
    "CLASS_NAMES": "classes",
    "DOCUMENTED_THRESHOLDS": "classes",
    "ThresholdCurve": "classes",
    "Thresholds": "classes",
    "centre_crop": "cutouts",
    "class_names": "classes",
    "classify": "classes",
    "fill_bad_pixels": "cutouts",
    "read_cutouts": "cutouts",
    "threshold_curve": "classes",
    "load_weights": "_weights",
}

__all__ = sorted(_PLACES)


_MODULES = ("keras_module", "tflearn_module")


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _PLACES:
        return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return sorted({*globals(), *__all__, *_MODULES})
