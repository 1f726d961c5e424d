"""What both Galaxy10 catalogues share: reading, looking classes up, and the picture of a confusion matrix."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from astroNN import config
from astroNN.shared.downloads import download

__all__ = ["Galaxy10"]


@dataclass
class Galaxy10:
    """A catalogue; its methods are the public functions of its module.

    Parameters
    ----------
    archive : str
        Key of the archive in the configuration file.
    filename : str
        Of the HDF5 file with the data sets ``images`` and ``ans``.
    sha256 : str
        Its checksum.
    size : int or None
        Size of the file [bytes], if it is known.
    classes : tuple of str
        Names of the classes, in the order of their numbers.
    """

    archive: str
    filename: str
    sha256: str
    size: int | None
    classes: tuple

    @property
    def origin(self):
        """Where the file comes from (str): the configuration file may change it, and is read when it is needed."""
        return config.download_url_reader(self.archive)

    def load_data(self, flag=None, in_memory=True):
        """Load the images and their classes; the first time they are fetched (DECaLS 2.54 GB, SDSS 210 MB).

        Parameters
        ----------
        flag : int, optional
            1 fetches the file even if it is there. Default: only if it is not, or is damaged.
        in_memory : bool, optional
            False leaves the images on the disk: networks take them as they are, and read what they need. Default
            True.

        Returns
        -------
        images : array or h5py.Dataset of uint8
            In the colours red, green, blue: shape (17736, 256, 256, 3) of DECaLS, (21785, 69, 69, 3) of SDSS.
        classes : array of int, shape (17736,) or (21785,)
            Numbers from 0 to 9, see `Galaxy10Class` of the module.

        Raises
        ------
        ConnectionError
            If the file can't be fetched.
        OSError
            If it can't be written to ``~/.astroNN/datasets``.

        References
        ----------
        DECaLS: https://doi.org/10.5281/zenodo.10845026; SDSS: https://doi.org/10.5281/zenodo.10844811
        """
        path = Path(config.astroNN_CACHE_DIR) / "datasets" / self.filename
        known_hash = f"sha256:{self.sha256}"
        download(self.origin + self.filename, path, known_hash=known_hash, size=self.size, force=flag == 1)
        file = h5py.File(path, "r")
        classes = file["ans"][()].astype(int)
        if not in_memory:
            # The data set keeps the file open as long as it is used.
            return file["images"], classes
        with file:
            return file["images"][()], classes

    def galaxy10cls_lookup(self, class_num):
        """Name of a class.

        Parameters
        ----------
        class_num : int or array_like, shape (10,)
            Number of the class, or scores of all classes, of which the largest counts.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If the number is not from 0 to 9, or a score is NaN.

        Examples
        --------
        >>> from astroNN.datasets import galaxy10, galaxy10sdss
        >>> galaxy10.galaxy10cls_lookup(1), galaxy10sdss.galaxy10cls_lookup(1)
        ('Merging', 'Smooth, Completely round')
        """
        given, n_classes = np.asarray(class_num), len(self.classes)
        number = _best(given, n_classes) if given.ndim else given.item()
        # An infinity or NaN is not in the range either.
        if given.dtype.kind not in "iufb" or number not in range(n_classes):
            raise ValueError(
                f"galaxy10cls_lookup: the number of a class must be from 0 to {n_classes - 1}, got {class_num!r}."
            )
        return self.classes[int(number)]

    def galaxy10_confusion(self, confusion_mat):
        """Draw a confusion matrix with the names of the classes.

        Parameters
        ----------
        confusion_mat : array_like of int, shape (10, 10)
            Images by class: row the prediction, column the truth.

        Returns
        -------
        figure : matplotlib.figure.Figure
        axes : matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If the matrix has another shape.
        """
        from astroNN.datasets._confusion import draw_confusion  # matplotlib only for those who draw

        return draw_confusion(self.classes, confusion_mat)


def _best(scores, n_classes):
    """Place of the largest score."""
    if scores.shape != (n_classes,) or scores.dtype.kind not in "iufb" or np.isnan(scores).any():
        raise ValueError(
            f"galaxy10cls_lookup: give a number from 0 to {n_classes - 1}, or the {n_classes} scores of one image, "
            f"none of them NaN; got an array of shape {scores.shape} and type {scores.dtype}."
        )
    return int(np.argmax(scores))
