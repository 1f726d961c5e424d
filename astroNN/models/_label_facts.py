"""What a network remembers of the labels it was trained on: how many there were, and in what range."""

import math

import numpy as np

__all__ = ["MOST_LABELS", "RemembersLabels", "are_label_facts", "label_facts"]

#: of more, which are spectra or images to be reconstructed, nothing is remembered
MOST_LABELS = 1000
_STATISTICS = ("mean", "std", "lowest", "highest")


def label_facts(labels, rows):
    """Facts of a table of labels.

    Parameters
    ----------
    labels : array, shape (n_stars, n_labels)
        NaN where missing.
    rows : array of int
        The stars that count.

    Returns
    -------
    dict
        ``n_stars``, and by label, in lists, ``n_measured``, ``mean``, ``std``, ``lowest`` and ``highest`` (None of a
        label that no star has), in the types of JSON.

    Examples
    --------
    >>> facts = label_facts(np.array([[1.0, 5.0], [3.0, np.nan]]), np.arange(2))
    >>> facts["n_measured"], facts["mean"], facts["highest"]
    ([2, 1], [2.0, 5.0], [3.0, 5.0])
    """
    facts = {"n_stars": len(rows), "n_measured": [], **{name: [] for name in _STATISTICS}}
    for column in labels.T:  # one at a time: a copy of all would take their memory again
        values = column[rows].astype("float64")
        values = values[~np.isnan(values)]
        facts["n_measured"].append(len(values))
        found = (values.mean(), values.std(), values.min(), values.max()) if len(values) else [math.nan] * 4
        for name, value in zip(_STATISTICS, found, strict=True):
            facts[name].append(float(value) if math.isfinite(value) else None)
    return facts


def are_label_facts(tables):
    """Whether something, which may come from a stranger, is a dictionary name to `label_facts`."""
    return isinstance(tables, dict) and all(isinstance(name, str) for name in tables) and all(
        map(_is_table, tables.values())
    )  # fmt: skip


def _is_table(facts):
    if not isinstance(facts, dict) or set(facts) != {"n_stars", "n_measured", *_STATISTICS}:
        return False
    counts, columns = facts["n_measured"], [facts[name] for name in _STATISTICS]
    if not _is_count(facts["n_stars"]) or not all(isinstance(column, list) for column in (counts, *columns)):
        return False
    is_counted = len(counts) <= MOST_LABELS and all(_is_count(n) and n <= facts["n_stars"] for n in counts)
    return is_counted and all(
        len(column) == len(counts) and all(value is None or _is_number(value) for value in column)
        for column in columns
    )


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _is_number(value):
    return isinstance(value, float) and math.isfinite(value)


class RemembersLabels:
    """Mixin of networks, in front of `Trained`, that note facts of their training labels for the model card."""

    def _fit_normalizers(self, data, rows=None):
        super()._fit_normalizers(data, rows)
        # A single batch behind a training says less than the training did.
        if rows is None or self._training_labels is None:
            self._training_labels = self._facts_of(data, data.counting(self.train_idx if rows is None else rows))

    def _facts_of(self, data, rows):
        if not self._needs_every_label:
            return None
        tables = {
            name: labels
            for name, labels in data.labels.items()
            if labels.ndim == 2 and labels.shape[1] <= MOST_LABELS
        }
        return {name: label_facts(labels, rows) for name, labels in tables.items()} or None
