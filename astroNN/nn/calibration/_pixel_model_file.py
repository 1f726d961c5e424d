"""The file of an `OutOfDistribution`: numpy's npz format, without pickles, from which nothing is trusted."""

import struct
import tokenize
import zipfile
from pathlib import Path

import numpy as np

from astroNN.nn.calibration._pixel_model import PixelModel
from astroNN.shared.errors import FolderError
from astroNN.shared.files import atomic_file

__all__ = ["read_fitted", "write_fitted"]

_VERSION = 1
_KIND = "astroNN out of distribution"
# Kind of the numbers and number of axes of every array.
_ARRAYS = {
    "version": ("iu", 0), "with_errors": ("b", 0), "n_components": ("iu", 0), "held_back": ("f", 0),
    "max_stars": ("iu", 0), "seed": ("iu", 0), "block": ("iu", 0), "mean": ("f", 1), "scatter": ("f", 1),
    "components": ("f", 2), "variances": ("f", 1), "block_variances": ("f", 1), "centre": ("f", 1), "width": ("f", 1),
    "calibration_scores": ("f", 1),
}  # fmt: skip
_OF_THE_MODEL = ("mean", "scatter", "components", "variances", "block_variances")


def write_fitted(path, model, centre, width, scores, with_errors, settings):
    """Write the arrays of a fitted `OutOfDistribution`."""
    arrays = {name: getattr(model, name) for name in _OF_THE_MODEL} | settings
    arrays |= {"centre": centre, "width": width, "calibration_scores": scores, "with_errors": with_errors}
    with atomic_file(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, version=_VERSION, **arrays)


def read_fitted(path):
    """Model, centre, width, scores, whether with errors, and settings, all checked.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FolderError
        If it is damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        arrays = _arrays(path)
        _check(arrays)
    except (
        ValueError,
        TypeError,
        SyntaxError,
        tokenize.TokenError,
        KeyError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zipfile.BadZipFile,
        struct.error,
    ) as error:
        raise FolderError(
            f"{path} is damaged, or was not written by OutOfDistribution.save: {error}. Copy it anew."
        ) from error
    model = PixelModel(*(arrays[name] for name in _OF_THE_MODEL), int(arrays["block"]))
    settings = {name: int(arrays[name]) for name in ("n_components", "block", "max_stars", "seed")}
    settings["held_back"] = float(arrays["held_back"])
    return (
        model, arrays["centre"], arrays["width"], arrays["calibration_scores"], bool(arrays["with_errors"]), settings
    )  # fmt: skip


def _arrays(path):
    """All arrays of the file, each checked by its header before memory is taken."""
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if set(members) != {f"{name}.npy" for name in _ARRAYS}:
            raise ValueError(f"it holds {sorted(members)[:20]}")
        return {name: _array(archive, members[f"{name}.npy"], *_ARRAYS[name]) for name in _ARRAYS}


def _array(archive, member, kinds, n_axes):
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is compressed")
    with archive.open(member) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"{member.filename} is no array of numpy's format 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        if dtype.kind not in kinds or len(shape) != n_axes or fortran:
            raise ValueError(f"{member.filename} has dtype {dtype} and shape {shape}")
        expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
        # The size in the directory of the archive may lie; that of the file can't.
        if expected != member.file_size - stream.tell() or expected > Path(archive.filename).stat().st_size:
            raise ValueError(f"{member.filename} has another length than its header says")
        data = stream.read()
    if len(data) != expected:
        raise ValueError(f"{member.filename} is truncated")
    return np.frombuffer(data, dtype=dtype).reshape(shape).copy()


def _check(arrays):
    if arrays["version"] != _VERSION:
        raise ValueError(f"its version is {arrays['version']}, and {_VERSION} can be read")
    n_components, n_pixels = arrays["components"].shape
    n_blocks = -(-n_pixels // max(int(arrays["block"]), 1))
    lengths = {
        "mean": n_pixels, "scatter": n_pixels, "variances": n_components, "block_variances": n_blocks, "centre": 3,
        "width": 3,
    }  # fmt: skip
    for name, length in lengths.items():
        if len(arrays[name]) != length:
            raise ValueError(f"`{name}` has {len(arrays[name])} values, and {length} are needed")
    if arrays["n_components"] != n_components:
        raise ValueError(f"`n_components` is {arrays['n_components']}, but there are {n_components} components")
    used = np.isfinite(arrays["scatter"])
    if not used.any() or not np.isfinite(arrays["mean"][used]).all() or not np.isfinite(arrays["components"]).all():
        raise ValueError("the model holds values that are not finite")
    for name in ("centre", "width", "variances", "block_variances", "calibration_scores"):
        if not arrays[name].size or not np.isfinite(arrays[name]).all():
            raise ValueError(f"`{name}` is empty or holds values that are not finite")
    for name in ("width", "variances", "block_variances", "block", "n_components"):
        if not (arrays[name] > 0).all():
            raise ValueError(f"`{name}` must be positive")
    if not (arrays["scatter"][used] > 0).all() or (np.diff(arrays["calibration_scores"]) < 0).any():
        raise ValueError("`scatter` must be positive and `calibration_scores` ascending")
