"""From probabilities to classes: the documented thresholds of GaMorNet, thresholds of one's own, and their price."""

from dataclasses import dataclass

import numpy as np

from astroNN.data import MORPHOLOGY_CLASSES
from astroNN.gamornet._class_checks import as_class_numbers, as_probabilities, as_threshold, as_truth
from astroNN.gamornet._curve_figure import draw_threshold_curve
from astroNN.shared.checks import check_rows
from astroNN.shared.setting_checks import check_one_of

__all__ = [
    "CLASS_NAMES",
    "DOCUMENTED_THRESHOLDS",
    "ThresholdCurve",
    "Thresholds",
    "class_names",
    "classify",
    "threshold_curve",
]

#: Names of the classes, in the order of their numbers
CLASS_NAMES = MORPHOLOGY_CLASSES
DISK, INDETERMINATE, BULGE = range(3)


@dataclass(frozen=True)
class Thresholds:
    """When a galaxy is called a disk or a bulge; all others are indeterminate.

    Parameters
    ----------
    disk, bulge : float
        Probability of the class that a galaxy needs at least, from 0 to 1.
    disk_is_largest : bool
        Whether the probability of a disk must also be larger than the two others. Default False.

    Raises
    ------
    ValueError
        If a threshold is not from 0 to 1.
    TypeError
        If `disk_is_largest` is not True or False.

    Notes
    -----
    With thresholds below 0.5 a galaxy may reach both; it then has the class of the larger probability, and with equal
    ones it is indeterminate.
    """

    disk: float
    bulge: float
    disk_is_largest: bool = False

    def __post_init__(self):
        for name in ("disk", "bulge"):
            object.__setattr__(self, name, as_threshold(f"Thresholds: `{name}`", getattr(self, name)))
        if not isinstance(self.disk_is_largest, bool | np.bool_):
            raise TypeError(f"Thresholds: `disk_is_largest` must be True or False, got {self.disk_is_largest!r}.")


#: Those of the released tables, by survey and flavour of the weights
DOCUMENTED_THRESHOLDS = {
    ("SDSS", "keras"): Thresholds(disk=0.70, bulge=0.70),
    ("CANDELS", "keras"): Thresholds(disk=0.0, bulge=0.60, disk_is_largest=True),
    ("SDSS", "tflearn"): Thresholds(disk=0.80, bulge=0.80),
    ("CANDELS", "tflearn"): Thresholds(disk=0.36, bulge=0.55, disk_is_largest=True),
}


def classify(probabilities, survey=None, flavour=None, thresholds=None):
    """Classes of galaxies by the probabilities that GaMorNet gives them.

    Parameters
    ----------
    probabilities : array, shape (n, 3), or three arrays, each of shape (n,)
        Of a disk, an indeterminate galaxy and a bulge.
    survey : {"SDSS", "CANDELS"}, optional
        Survey of the weights that predicted. Needed, unless `thresholds` are given.
    flavour : {"keras", "tflearn"}, optional
        Module that predicted. Its two networks give probabilities on different scales, hence other thresholds.
        Needed, unless `thresholds` are given.
    thresholds : float or Thresholds, optional
        Your own: one number for disks and bulges, or ``Thresholds(disk=0.7, bulge=0.6)``.

    Returns
    -------
    array of int, shape (n,)
        0 disk-dominated, 1 indeterminate, 2 bulge-dominated; `class_names` gives the names.

    Raises
    ------
    ValueError
        If probabilities are not of this shape, are missing (NaN), or do not sum to 1; if `survey` or `flavour` is
        unknown or missing, or given together with `thresholds`.

    Notes
    -----
    The thresholds documented with the released weights:

    ================  =============================================  ===============
    Weights           Disk                                           Bulge
    ================  =============================================  ===============
    Keras, SDSS       p_disk >= 0.70                                 p_bulge >= 0.70
    Keras, CANDELS    p_disk larger than the others                  p_bulge >= 0.60
    TFLearn, SDSS     p_disk >= 0.80                                 p_bulge >= 0.80
    TFLearn, CANDELS  p_disk larger than the others and at least     p_bulge >= 0.55
                      0.36
    ================  =============================================  ===============

    Thresholds are compared in the precision of the probabilities: 0.7 of float32 reaches 0.70.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112.

    Examples
    --------
    >>> probabilities = np.array([[0.75, 0.15, 0.10], [0.60, 0.25, 0.15], [0.05, 0.25, 0.70]])
    >>> classify(probabilities, survey="SDSS", flavour="keras")
    array([0, 1, 2])
    >>> classify(probabilities, thresholds=Thresholds(disk=0.6, bulge=0.8))
    array([0, 0, 1])
    """
    rule = _rule(survey, flavour, thresholds)
    probabilities = as_probabilities("classify", probabilities)
    disk, indeterminate, bulge = probabilities.T
    is_disk, is_bulge = disk >= rule.disk, bulge >= rule.bulge
    if rule.disk_is_largest:
        is_disk &= (disk > indeterminate) & (disk > bulge)
    both = is_disk & is_bulge
    is_disk &= ~both | (disk > bulge)
    is_bulge &= ~both | (bulge > disk)
    return np.select([is_disk, is_bulge], [DISK, BULGE], INDETERMINATE)


def class_names(numbers):
    """Names of classes given by their numbers.

    Parameters
    ----------
    numbers : array_like of int
        0, 1 or 2.

    Returns
    -------
    array of str, shape of `numbers`
        Of `CLASS_NAMES`.

    Raises
    ------
    ValueError
        If there is another number.

    Examples
    --------
    >>> class_names([2, 0])
    array(['bulge-dominated', 'disk-dominated'], dtype='<U15')
    """
    return np.array(CLASS_NAMES)[as_class_numbers("class_names: `numbers`", np.asarray(numbers))]


@dataclass(frozen=True)
class ThresholdCurve:
    """What `threshold_curve` found; every array has shape (n_thresholds,).

    Attributes
    ----------
    thresholds : array
        On the probabilities of disks and bulges alike.
    completeness : array
        Fraction of all galaxies that are called a disk or a bulge.
    accuracy : array
        Fraction of those called a disk or a bulge that are; NaN where there are none.
    disk_accuracy, bulge_accuracy : array
        The same of those called a disk, and of those called a bulge.
    n_galaxies : int
        How many were judged.
    """

    thresholds: np.ndarray
    completeness: np.ndarray
    accuracy: np.ndarray
    disk_accuracy: np.ndarray
    bulge_accuracy: np.ndarray
    n_galaxies: int

    def plot(self, path=None):
        """Accuracy and completeness against the threshold, and against each other.

        Parameters
        ----------
        path : str or Path, optional
            File to write, ending in ``.png``, ``.pdf`` or ``.svg``. An existing one is replaced. Default: none.

        Returns
        -------
        figure : matplotlib.figure.Figure
            Of no pyplot session.
        axes : array of matplotlib.axes.Axes, shape (2,)
            Against the threshold, and against each other.

        Raises
        ------
        ValueError
            If `path` has another ending.
        FileNotFoundError
            If the folder of `path` does not exist.
        """
        return draw_threshold_curve(self, path)


def threshold_curve(probabilities, labels, thresholds=None):
    """How accuracy is bought with completeness: what becomes of both as the threshold rises.

    A galaxy is called a disk, or a bulge, if that is the larger of the two probabilities and reaches the threshold,
    as in ``classify(..., thresholds=threshold)``. One whose true class is indeterminate counts as wrong.

    Parameters
    ----------
    probabilities : array, shape (n, 3), or three arrays, each of shape (n,)
        Of a disk, an indeterminate galaxy and a bulge, for galaxies that the network was not trained on.
    labels : array, shape (n, 3) or (n,)
        True classes, one-hot or as numbers (0 disk, 1 indeterminate, 2 bulge).
    thresholds : array, shape (n_thresholds,), optional
        From 0 to 1. Default: 0.34, 0.35, ..., 0.99.

    Returns
    -------
    ThresholdCurve
        Arrays with a value for each threshold, and a method that draws them.

    Raises
    ------
    ValueError
        If probabilities or labels are not of these shapes, or hold other values.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112, figures 8 and 9.

    Examples
    --------
    >>> probabilities = [[0.9, 0.1, 0.0], [0.6, 0.2, 0.2], [0.3, 0.1, 0.6], [0.2, 0.1, 0.7]]
    >>> curve = threshold_curve(probabilities, labels=[0, 0, 0, 2], thresholds=[0.5, 0.65])
    >>> curve.accuracy, curve.completeness
    (array([0.75, 1.  ]), array([1. , 0.5]))
    """
    probabilities = as_probabilities("threshold_curve", probabilities)
    truth = as_truth(labels)
    check_rows(probabilities=probabilities, labels=truth)
    if not len(truth):
        raise ValueError("threshold_curve: `probabilities` and `labels` are empty; it needs at least one galaxy.")
    if thresholds is None:
        thresholds = np.arange(34, 100) / 100.0
    thresholds = [as_threshold("threshold_curve: `thresholds`", t) for t in np.atleast_1d(thresholds)]
    n_disk, right_disk = _called(probabilities, truth, DISK, BULGE, thresholds)
    n_bulge, right_bulge = _called(probabilities, truth, BULGE, DISK, thresholds)
    return ThresholdCurve(
        thresholds=np.array(thresholds),
        completeness=(n_disk + n_bulge) / len(truth),
        accuracy=_fraction(right_disk + right_bulge, n_disk + n_bulge),
        disk_accuracy=_fraction(right_disk, n_disk),
        bulge_accuracy=_fraction(right_bulge, n_bulge),
        n_galaxies=len(truth),
    )


def _called(probabilities, truth, number, other, thresholds):
    """Counts at every threshold of galaxies called class `number`, and of those that are of this class."""
    larger = probabilities[:, number] > probabilities[:, other]  # with equal ones a galaxy is neither
    probability = probabilities[larger, number]
    order = np.argsort(probability)[::-1]
    right = np.concatenate([[0], np.cumsum(truth[larger][order] == number)])
    # In the precision of the probabilities, as in `classify`.
    n_below = np.searchsorted(probability[order][::-1], np.array(thresholds, dtype=probability.dtype))
    n_called = len(probability) - n_below
    return n_called, right[n_called]


def _fraction(part, whole):
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _rule(survey, flavour, thresholds):
    if thresholds is not None:
        if survey is not None or flavour is not None:
            raise ValueError(
                "classify: give `thresholds`, or the `survey` and `flavour` of the weights for the documented ones, "
                "but not both."
            )
        if isinstance(thresholds, Thresholds):
            return thresholds
        threshold = as_threshold("classify: `thresholds`, unless `Thresholds(disk=..., bulge=...)`,", thresholds)
        return Thresholds(disk=threshold, bulge=threshold)
    if survey is None or flavour is None:
        raise ValueError(
            "classify: `survey` and `flavour` of the weights are both needed to know the thresholds: a probability "
            f"does not mean the same in two networks; got survey={survey!r}, flavour={flavour!r}. Or give "
            "`thresholds`."
        )
    surveys, flavours = (list(dict.fromkeys(names)) for names in zip(*DOCUMENTED_THRESHOLDS, strict=True))
    check_one_of("survey", survey, surveys)
    check_one_of("flavour", flavour, flavours)
    return DOCUMENTED_THRESHOLDS[survey, flavour]
