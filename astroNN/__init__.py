"""astroNN: deep learning for astronomy, on Keras 3.

The rooms of the library (``astroNN.models``, ``astroNN.nn``, ``astroNN.apogee``, ``astroNN.datasets``, ...)
load when they are first used, so that reading a FITS file never waits for TensorFlow.
"""

import importlib

from astroNN._version import __version__

__all__ = ["__version__", "citation", "version"]

#: of the package; ``__version__`` is the same
version = __version__

_ROOMS = (
    "apogee", "catalogue", "config", "data", "datasets", "gaia", "gamornet", "lamost", "models", "neuralode", "nn",
    "shared",
)  # fmt: skip


def citation():
    """What to cite if astroNN helps your research, in BibTeX; of a network, `net.citation()` adds its own papers.

    Returns
    -------
    str
        Entries of this software and of its first paper.
    """
    # Loaded when it is asked for, as the rooms are.
    from astroNN.shared.references import bibtex

    return bibtex()


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"astroNN.{name}")
    raise AttributeError(f"module 'astroNN' has no attribute {name!r}; its rooms are {', '.join(_ROOMS)}")


def __dir__():
    return sorted([*__all__, *_ROOMS])
