"""Galaxy10 SDSS: images of galaxies in ten classes by the votes of Galaxy Zoo."""

from astroNN import config
from astroNN.data import GALAXY10_SDSS_CLASSES
from astroNN.datasets._galaxy10 import class_name, load

__all__ = ["Galaxy10Class", "galaxy10_confusion", "galaxy10cls_lookup", "load_data"]

#: number to name of the classes
Galaxy10Class = dict(enumerate(GALAXY10_SDSS_CLASSES))

_filename = "Galaxy10.h5"
SHA256 = "969A6B1CEFCC36E09FFFA86FEBD2F699A4AA19B837BA0427F01B0BC6DED458AF"
SIZE = 210_234_548  # bytes


def __getattr__(name):
    # Where the file comes from can be changed in the configuration file, which is read when it is needed.
    if name == "_G10_ORIGIN":
        return config.download_url_reader("galaxy10sdss")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_data(flag=None, in_memory=True):
    """Load the images and their classes; the first time they are fetched (210 MB).

    Parameters
    ----------
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.
    in_memory : bool, optional
        False leaves the images on the disk: networks take them as they are, and read what they need. Default True.

    Returns
    -------
    images : array or h5py.Dataset of uint8, shape (21785, 69, 69, 3)
        In the colours red, green, blue.
    classes : array of int, shape (21785,)
        Numbers from 0 to 9, see `Galaxy10Class`.

    Raises
    ------
    ConnectionError
        If the file can't be fetched.
    OSError
        If it can't be written to ``~/.astroNN/datasets``.

    References
    ----------
    https://doi.org/10.5281/zenodo.10844811
    """
    return load("galaxy10sdss", _filename, SHA256, flag, in_memory, SIZE)


def galaxy10cls_lookup(class_num):
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
        If the number is not from 0 to 9.

    Examples
    --------
    >>> galaxy10cls_lookup(1)
    'Smooth, Completely round'
    """
    return class_name(GALAXY10_SDSS_CLASSES, class_num)


def galaxy10_confusion(confusion_mat):
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

    return draw_confusion(GALAXY10_SDSS_CLASSES, confusion_mat)
