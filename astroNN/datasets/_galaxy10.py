"""What both Galaxy10 catalogues share: reading, and looking classes up."""

from pathlib import Path

import h5py
import numpy as np

from astroNN import config
from astroNN.shared.downloads import download

__all__ = ["class_name", "load"]


def load(archive, filename, sha256, flag, in_memory, size=None):
    """Images and class numbers of a catalogue, fetched if they are not at hand.

    Parameters
    ----------
    archive : str
        Key of the archive in the configuration file.
    filename : str
        Of the HDF5 file with the data sets ``images`` and ``ans``.
    sha256 : str
        Its checksum.
    flag : int or None
        1 fetches it even if it is there.
    in_memory : bool
        Whether to read the images, or to leave them on the disk.
    size : int, optional
        Size of the file [bytes], if it is known.

    Returns
    -------
    images : array or h5py.Dataset
    classes : array of int
    """
    path = Path(config.astroNN_CACHE_DIR) / "datasets" / filename
    url = config.download_url_reader(archive) + filename
    download(url, path, known_hash=f"sha256:{sha256}", size=size, force=flag == 1)
    file = h5py.File(path, "r")
    classes = file["ans"][()].astype(int)
    if not in_memory:
        # The data set keeps the file open as long as it is used.
        return file["images"], classes
    with file:
        return file["images"][()], classes


def class_name(names, number):
    """Name of a class by its number, or by the place of the largest of ten scores."""
    scores = np.asarray(number)
    if scores.ndim:
        if scores.shape != (len(names),):
            raise ValueError(
                f"galaxy10cls_lookup: give a number from 0 to {len(names) - 1}, or the {len(names)} scores of one "
                f"image; got an array of shape {scores.shape}."
            )
        number = int(np.argmax(scores))
    if scores.dtype.kind not in "iufb" or number != int(number) or not 0 <= number < len(names):
        raise ValueError(
            f"galaxy10cls_lookup: the number of a class must be from 0 to {len(names) - 1}, got {number!r}."
        )
    return names[int(number)]
