"""Predictions beside the labels they are judged by."""

import numpy as np
from astropy.io import fits
from astropy.table import Table

from astroNN.demo.table import format_table, score_labels, write_csv
from paper.archive import text
from paper.samples import read_labels
from paper.settings import LABELS

__all__ = ["Judged", "judge", "predicted_labels", "reference_labels", "told"]

#: the simulator has one carbon and one titanium, whatever the lines that show it
TRUE_NAMES = {"C1": "C", "Ti2": "Ti"}
#: labels of fewer stars have no score
LEAST_STARS = 5


class Judged:
    """Predictions and reference labels of some spectra.

    Attributes
    ----------
    names : list of str
        Labels that both have.
    labels, predicted, std : array, shape (n, n_labels)
        NaN where missing.
    snr : array
    visit : array of int
        0 for combined spectra.
    """

    def __init__(self, names, labels, predicted, std, snr, visit):
        self.names, self.labels, self.predicted, self.std = names, labels, predicted, std
        self.snr, self.visit = snr, visit

    def take(self, rows):
        """Some of the spectra."""
        return Judged(
            self.names, *(part[rows] for part in (self.labels, self.predicted, self.std, self.snr, self.visit))
        )

    def joined(self, other):
        """These spectra and others, with the same labels."""
        ours, theirs = ((one.labels, one.predicted, one.std, one.snr, one.visit) for one in (self, other))
        return Judged(self.names, *(np.concatenate(pair) for pair in zip(ours, theirs, strict=True)))

    def scores(self):
        """Scores of the labels that enough spectra have."""
        error = self.labels + self.predicted
        known = [k for k in range(len(self.names)) if np.isfinite(error[:, k]).sum() >= LEAST_STARS]
        columns = (part[:, known] for part in (self.labels, self.predicted, self.std))
        return score_labels(*columns, [self.names[k] for k in known])


def predicted_labels(path):
    """Labels of a table of `predict_catalogue`.

    Returns
    -------
    names : list of str
    predicted, std : array, shape (n, n_labels)
        NaN where there is no good pixel, or no file that can be read.
    table : FITS record
    """
    with fits.open(path) as hdus:
        table = hdus[1].data.copy()
    names = [name for name in LABELS if name in table.names]
    predicted, std = (np.stack([table[name + end] for name in names], axis=1) for end in ("", "_err"))
    return names, predicted.astype("float64"), std.astype("float64"), table


def reference_labels(stars, truth=None, survey=None):
    """What predictions are compared with: the labels of the survey, or the exact ones of simulated stars.

    Parameters
    ----------
    stars : array of str
        APOGEE IDs.
    truth : str or Path, optional
        Table of exact labels, by APOGEE_ID.
    survey : array, optional
        Labels of the survey, in the order of the stars; used without `truth`.

    Returns
    -------
    array, shape (n, 22)
    """
    if truth is None:
        return survey
    table = Table.read(truth)
    place = {star: row for row, star in enumerate(text(table["APOGEE_ID"]))}
    unknown = sorted(set(stars) - set(place))
    if unknown:
        raise SystemExit(
            f"--truth: {truth} lacks {len(unknown)} stars, such as {unknown[0]}. Is it that of this archive?"
        )
    rows = [place[star] for star in stars]
    return np.stack([np.asarray(table[TRUE_NAMES.get(name, name)])[rows] for name in LABELS], axis=1)


def judge(settings, network, name, truth=None):
    """Predictions of a network for a compiled file, beside the reference labels.

    Parameters
    ----------
    settings : Settings
    network : str
    name : {"test", "low_snr"}
    truth : str or Path, optional

    Returns
    -------
    Judged
    """
    path = settings.predictions(network, name)
    if not path.exists():
        raise SystemExit(f"There is no {path}; run 4_infer_spectra.py first.")
    names, predicted, std, table = predicted_labels(path)
    survey = read_labels(settings.spectra(name))[0]
    labels = reference_labels(text(table["APOGEE_ID"]), truth, survey)
    labels = labels[:, [LABELS.index(label) for label in names]]
    return Judged(names, labels, predicted, std, np.asarray(table["SNR"], "float64"), np.asarray(table["visit"]))


def told(title, judged, path, shown=LABELS):
    """Write the scores of a sample as CSV, and print those of some labels."""
    scores = judged.scores()
    write_csv(path, scores)
    few = [score for score in scores if score.label in shown]
    print(f"\n{title}: {len(judged.snr)} spectra\n{format_table(few or scores)}", flush=True)
