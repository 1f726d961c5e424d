"""From the spectra of a part to the columns of the catalogue."""

import warnings
from dataclasses import dataclass

import numpy as np

from astroNN.catalogue._reading import IDENTIFIERS
from astroNN.models import BayesianCNNBase, DeepEnsemble
from astroNN.models.base_vae import ConvVAEBase
from astroNN.nn.calibration import OutOfDistribution
from astroNN.shared.missing import missing_elements

__all__ = [
    "FLAGS",
    "Answering",
    "answers",
    "check_detector",
    "check_network",
    "checked_columns",
    "net_inputs",
    "read_detector",
]

#: bits of the column ``flag``
FLAGS = {"unreadable": 1, "no_good_pixel": 2, "many_missing_pixels": 4, "out_of_distribution": 8}

_OWN_COLUMNS = ("file", "row", "missing_fraction", "outlier_p", "flag")


@dataclass(frozen=True)
class Answering:
    """How labels are predicted."""

    sampling: str = "exact"
    #: type in which the passes of a Bayesian network run
    precision: str = "float32"
    calibrated: bool = True
    #: fraction of missing pixels from which on a star is flagged
    max_missing: float = 0.2
    #: probability that a star of the training's kind is flagged as an outlier
    false_alarm: float = 0.01


def check_network(net):
    """Raise TypeError for a network whose answers are no table of labels."""
    kind = getattr(net, "template", net)
    if isinstance(kind, ConvVAEBase) or list(net_inputs(net)) != ["input"]:
        raise TypeError(
            f"predict_catalogue: {type(kind).__name__} does not predict labels from one kind of spectrum: it is an "
            "autoencoder, or has several inputs. Use its own methods."
        )


def net_inputs(net):
    """Shapes of one star by the names of the inputs, of a network or of an ensemble."""
    member = net.members[0] if isinstance(net, DeepEnsemble) else net
    return dict(member._input_shape.items())


def answers(net, detector, rows, first_star, answering):
    """Columns of the catalogue for some stars.

    Parameters
    ----------
    net : NeuralNetMaster or DeepEnsemble
    detector : OutOfDistribution or None
    rows : Rows
    first_star : int
        Number of the first of them in its file; masks of dropout belong to it.
    answering : Answering

    Returns
    -------
    columns : dict of arrays
    units : dict of str
        Of the columns that have one.
    """
    spectra = np.where(np.isinf(rows.spectra), np.nan, rows.spectra)
    bad = missing_elements(spectra, rows.mask)
    missing = bad.reshape(len(bad), -1).mean(axis=1, dtype="float32")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no good pixel")  # the flag says so
        answer = net.predict(spectra, mask=rows.mask, **_settings(net, rows, first_star, answering))
    table = net.as_table(*answer) if isinstance(answer, tuple) else net.as_table(answer)
    labels = {name: np.asarray(table[name]) for name in table.colnames}
    flag = np.zeros(len(rows), "int16")
    flag[rows.unread] |= FLAGS["unreadable"]
    flag[missing == 1] |= FLAGS["no_good_pixel"]
    flag[(missing > answering.max_missing) & (missing < 1)] |= FLAGS["many_missing_pixels"]
    outliers = {} if detector is None else _outliers(detector, spectra, bad, rows.errors, flag, answering)
    columns = {"file": rows.files, "row": rows.rows, **rows.facts, **labels, "missing_fraction": missing, **outliers}
    units = {name: table[name].unit.to_string() for name in table.colnames if table[name].unit is not None}
    return columns | {"flag": flag}, units


def _settings(net, rows, first_star, answering):
    """Further arguments of `predict`, of which a network without uncertainties has none."""
    if not (isinstance(net, BayesianCNNBase) or getattr(net, "_is_bayesian", False)):
        return {}
    for member in getattr(net, "members", [net]):
        member.mc_precision = answering.precision
    return {
        "inputs_err": rows.errors,
        "sampling": answering.sampling,
        "calibrated": answering.calibrated,
        "first_star": first_star,
    }


def _outliers(detector, spectra, bad, errors, flag, answering):
    """Probability of so high a score among stars of the training's kind; sets the flag."""
    flat = (len(spectra), -1)
    errors = errors.reshape(flat) if detector.with_errors else None
    score = detector.score(spectra.reshape(flat), errors, bad.reshape(flat))
    is_outlier = ~(score <= detector.threshold(answering.false_alarm)) & (flag & FLAGS["no_good_pixel"] == 0)
    flag[is_outlier] |= FLAGS["out_of_distribution"]
    return {"outlier_p": detector.p_value(score).astype("float32")}


def read_detector(path, shape):
    """Detector of outliers from its file.

    Raises
    ------
    ValueError
        If it was fitted on spectra of another length.
    """
    detector = OutOfDistribution.load(path)
    if detector.n_pixels != np.prod(shape):
        raise ValueError(
            f"predict_catalogue: `outliers` {str(path)!r} was fitted on {detector.n_pixels} pixels, but the network "
            f"takes {shape}."
        )
    return detector


def check_detector(path, shape, errors, false_alarm):
    """Raise ValueError unless the detector in a file can be used with these data and this rate of false alarms."""
    detector = read_detector(path, shape)
    detector.threshold(false_alarm)
    if detector.with_errors and errors is None:
        raise ValueError(
            "predict_catalogue: the detector of `outliers` was fitted with errors of the pixels: name their data "
            "set, errors='spectra_err'."
        )


def checked_columns(net, keep):
    """Names of the columns to copy from the inputs; None stands for the usual ones.

    Raises
    ------
    ValueError
        If labels or these columns are called like others of the catalogue.
    """
    labels = getattr(net, "template", net).targetname
    labels = list(labels) if isinstance(labels, list | tuple | np.ndarray) else []
    if keep is None:
        keep = tuple(name for name in IDENTIFIERS if name not in labels)
    keep = (keep,) if isinstance(keep, str) else tuple(keep)
    for what, names in (("label of the network", labels), ("column in `keep`", keep)):
        taken = sorted({*_OWN_COLUMNS} & {*names})
        if taken:
            raise ValueError(
                f"predict_catalogue: the catalogue has a column {taken[0]!r} of its own; it is a {what}."
            )
    both = sorted({*labels} & {*keep})
    if both:
        raise ValueError(f"predict_catalogue: {both[0]!r} is a label of the network; leave it out of `keep`.")
    return keep
