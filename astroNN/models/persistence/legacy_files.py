"""Opening the weights of version 1: HDF5, or HDF5 inside a Keras archive (a zip file).

Nothing is unpacked to the disk. Of an archive only the arrays are read, and, where an early Keras 3 left the names of
the layers out of them, class and name of every layer from ``config.json``, as text: no configuration is ever
deserialised.
"""

import io
import json
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass

import h5py

from astroNN.models._weight_names import snake_case
from astroNN.models.persistence.safety import check_plain, refuse_bombs
from astroNN.shared.errors import FolderError

__all__ = ["StoredWeights", "opened_weights"]

_HDF5_MAGIC = b"\x89HDF"
_WEIGHTS, _CONFIG = "model.weights.h5", "config.json"
_MEMBERS = {"metadata.json", _CONFIG, _WEIGHTS}
_CONFIG_LIMIT = 1 << 24  # bytes
_DEPTH_LIMIT = 12  # groups inside groups
# What stands beside the layers, of the training.
_NOT_WEIGHTS = ("optimizer", "optimizer_weights", "metrics")


@dataclass(frozen=True)
class StoredWeights:
    """The arrays of an open file, not read.

    Attributes
    ----------
    datasets : dict
        Groups down to the array (a tuple of names) and its own name, to the `h5py.Dataset`.
    names : dict or None
        For the layout of Keras 3 (``layers/<class>_<k>/vars/<i>``): groups to the name of their layer. None for the
        layout of Keras 2 (``<layer>/<layer>/<weight>``).
    """

    datasets: dict
    names: dict | None


@contextmanager
def opened_weights(path):
    """Open the weights of version 1.

    Whether it is an archive is told by its content: Keras 2 wrote HDF5 under the name ``.keras``, too.

    Parameters
    ----------
    path : Path
        ``model_weights.h5`` or ``model_weights.keras``.

    Yields
    ------
    StoredWeights

    Raises
    ------
    FolderError
        If the file is truncated, neither HDF5 nor an archive of Keras, or holds anything that such files do not.
    """
    try:
        with open(path, "rb") as stream:
            is_hdf5 = stream.read(4) == _HDF5_MAGIC
        config, source = (None, path) if is_hdf5 else _unpacked(path)
        with h5py.File(source, "r") as file:
            yield _stored(file, config, path)
    except FolderError:
        raise
    except (
        OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, EOFError, struct.error, zlib.error,
        zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise FolderError(
            f"The weights {path} can't be read: {error}. The file is truncated, or neither HDF5 nor a Keras archive; "
            "copy the folder anew from where it was saved."
        ) from error


def _unpacked(path):
    """Configuration (bytes) and weights (in memory) of an archive."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        foreign = sorted(set(names) - _MEMBERS)
        if foreign or len(set(names)) < len(names):
            raise FolderError(
                f"The weights {path}: a Keras archive of astroNN holds {sorted(_MEMBERS)}, each once; this one also "
                f"holds {[name[:80] for name in foreign] or 'one of them twice'}. Nothing of it was read."
            )
        if _WEIGHTS not in names:
            raise FolderError(f"The weights {path} are a zip file without '{_WEIGHTS}', no Keras archive.")
        for member in members:
            if member.flag_bits & 1:
                raise FolderError(f"The weights {path}: '{member.filename}' is encrypted, which no Keras archive is.")
            refuse_bombs(member.file_size, path.stat().st_size, path)
        config = b""
        if _CONFIG in names and archive.getinfo(_CONFIG).file_size <= _CONFIG_LIMIT:
            config = archive.read(_CONFIG)
        return config, io.BytesIO(archive.read(_WEIGHTS))


def _stored(file, config, path):
    if "layers" in file and "layer_names" not in file.attrs and "model_weights" not in file:
        return _stored_by_keras_3(file, config, path)
    root = file["model_weights"] if "model_weights" in file else file
    datasets = _datasets(root, path, skipped=_NOT_WEIGHTS if root == file else ())
    refuse_bombs(datasets.values(), file.id.get_filesize(), path)
    return StoredWeights(datasets, None)


def _stored_by_keras_3(file, config, path):
    everything = _datasets(file, path, skipped=_NOT_WEIGHTS)
    refuse_bombs(everything.values(), file.id.get_filesize(), path)
    datasets, names, told = {}, {}, None
    for trail, dataset in everything.items():
        groups = trail[:-1]
        if _is_no_weight(groups, dataset):
            continue
        if groups[0] != "layers" or groups[-1] != "vars":
            raise FolderError(f"The weights {path}: the array '{'/'.join(trail)}' belongs to no layer.")
        if groups not in names:
            name = _text_attribute(file["/".join(groups)], "name")
            if name is None:
                told = _names_in_config(config, path) if told is None else told
                name = told.get(groups[:-1])
            if name is None:
                raise FolderError(
                    f"The weights {path} don't tell the name of the layer of '{'/'.join(groups)}', neither there nor "
                    f"in '{_CONFIG}', and without names heads of equal shape can't be told apart."
                )
            names[groups] = name
        datasets[trail] = dataset
    return StoredWeights(datasets, names)


def _is_no_weight(groups, dataset):
    """States of random number generators; sums of metrics, that stand beside the layers."""
    is_generator = dataset.dtype.kind in "iu" and dataset.shape == (2,)
    return is_generator or (bool(groups) and groups[0] != "layers" and dataset.shape == ())


def _datasets(root, path, skipped):
    """Arrays by the names that lead to them; links are refused unread, and so is an object with two names."""
    found = {}

    def walk(group, trail):
        if len(trail) > _DEPTH_LIMIT:
            raise FolderError(f"The weights {path} are nested too deep to be a network of astroNN.")
        for key in group:
            here = (*trail, key)
            if not trail and key in skipped:
                continue
            # Another name of a group that is open already would be walked through again and again.
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise FolderError(f"The weights {path}: '{'/'.join(here)}' is a link, which is never followed.")
            node = group[key]
            if h5py.h5o.get_info(node.id).rc != 1:
                raise FolderError(
                    f"The weights {path}: '{'/'.join(here)}' is a link to what has another name in the file, too."
                )
            if isinstance(node, h5py.Group):
                walk(node, here)
            else:
                check_plain(node, "/".join(here), path)
                found[here] = node

    walk(root, ())
    return found


def _text_attribute(group, name):
    """A short text beside a group; None if there is none, or it is anything else."""
    if name not in group.attrs:
        return None
    attribute = group.attrs.get_id(name)
    if attribute.shape != () or h5py.check_string_dtype(attribute.dtype) is None or attribute.dtype.itemsize > 1024:
        return None
    value = group.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def _names_in_config(config, path):
    """Names of layers by their groups, ``("layers", "dense_1")``: classes counted in the order of the configuration.

    This is how Keras names the groups itself.
    """
    names = {}

    def walk(model, trail, depth):
        counts = {}
        for layer in model["layers"]:
            settings = layer["config"]
            kind = snake_case(layer["class_name"])
            counts[kind] = number = counts.get(kind, -1) + 1
            group = (*trail, "layers", f"{kind}_{number}" if number else kind)
            names[group] = settings["name"]
            if not isinstance(names[group], str):
                raise TypeError("a name that is no text")
            if "layers" in settings and depth < _DEPTH_LIMIT:
                walk(settings, group, depth + 1)

    try:
        walk(json.loads(config)["config"], (), 0)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FolderError(
            f"The weights {path} were written by an early Keras 3, which left the names of the layers to "
            f"'{_CONFIG}', and that does not tell them ({error!r})."
        ) from error
    return names
