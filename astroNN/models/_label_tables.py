"""Labels that come as tables, and predictions that leave as tables: columns by name, with their units."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import Column, Table

from astroNN.shared.columns import column_values, in_unit
from astroNN.shared.label_names import label_style

__all__ = ["AnswersTables", "LabelTable", "error_names", "errors_of_labels", "label_table", "names_of_labels"]

#: how catalogues call the error of a column, in lower case
_ERROR_NAMES = ("{}_err", "{}_error", "e_{}", "{}_e")


@dataclass
class LabelTable:
    """Columns of labels.

    Attributes
    ----------
    names : list of str
    units : list of (Unit or None)
    values : array of float64, shape (n_stars, n_labels)
        NaN where missing.
    """

    names: list
    units: list
    values: np.ndarray

    def for_network(self, names, units):
        """The labels of a network that was trained: its columns, in its order and units.

        Raises
        ------
        ValueError
            If the columns are others.
        UnitConversionError
            If a unit can't be converted.
        """
        if set(names) != set(self.names):
            raise ValueError(
                f"`labels` has the columns {self.names}, but this network was trained on {list(names)}. Pick and "
                "rename columns, or give a plain array in the order of the network."
            )
        order = [self.names.index(name) for name in names]
        picked = LabelTable(list(names), [self.units[k] for k in order], self.values[:, order])
        return picked.in_units("labels", units)

    def in_units(self, argument, units):
        """The same in other units; columns of which either unit is unknown stay as they are."""
        units = units or [None] * len(self.names)
        columns = zip(self.names, self.values.T, self.units, units, strict=True)
        values = [_converted(f"{argument}['{name}']", *column) for name, *column in columns]
        return LabelTable(self.names, units, np.stack(values, axis=1))


def label_table(labels):
    """Labels that are a table.

    Parameters
    ----------
    labels : object
        A Table, DataFrame, structured array, or one named column (Column, Quantity of a QTable, Series).

    Returns
    -------
    LabelTable or None
        None if they are no table.

    Raises
    ------
    TypeError
        If a column does not hold numbers.
    ValueError
        If there are no columns, no rows, or several numbers a row in a column.
    """
    columns = _columns(labels)
    return None if columns is None else _read("labels", list(columns), columns)


def errors_of_labels(errors, names, units=None):
    """Errors of labels from a table, which may hold other columns, too.

    Parameters
    ----------
    errors : object
        As of `label_table`. The error of ``teff`` is the column ``teff_err``, ``teff_error``, ``e_teff`` or
        ``teff_e``, in upper or lower case; or ``teff``, if the columns of the table are those of the labels.
    names : list of str
        Of the labels.
    units : list of (Unit, str or None), optional
        Of the labels.

    Returns
    -------
    array of float64, shape (n_stars, n_labels), or None
        In the units of the labels; None if the errors are no table.

    Raises
    ------
    ValueError
        If a label has no such column, or several.
    UnitConversionError
        If a unit can't be converted to that of the label.
    """
    columns = _columns(errors)
    if columns is None:
        return None
    same = set(columns) == set(names)
    chosen = list(names) if same else [_error_column(name, list(columns)) for name in names]
    table = _read("labels_err", chosen, columns)
    return table.in_units("labels_err", [_unit_of_error(unit) for unit in units or [None] * len(names)]).values


def names_of_labels(net, labels):
    """Names of a network's labels; None if it has none, or another number of them."""
    names = net.targetname
    is_list = isinstance(names, list | tuple | np.ndarray)
    return list(names) if is_list and labels.ndim == 2 and len(names) == labels.shape[1] else None


def error_names(name):
    """What the error of a column may be called, in lower case."""
    return [pattern.format(name).lower() for pattern in _ERROR_NAMES]


class AnswersTables:
    """Mixin of networks whose answers can be had as a table."""

    def as_table(self, pred, pred_std=None):
        """Predicted labels as a table, with their names and units.

        Parameters
        ----------
        pred : array, shape (n_stars, n_labels)
            What `predict` gave; of Bayesian classifiers the classes, shape (n_stars,).
        pred_std : dict of such arrays, optional
            The uncertainties that it gave.

        Returns
        -------
        astropy.table.Table
            Of every label a column with its name (`targetname`; of classes ``class``), then its uncertainties:
            ``<label>_err`` is the total, ``<label>_err_model`` and the like its parts. Units are those of the table
            that the network was trained on (`target_units`), else those of labels that are known, such as ``teff``.

        Raises
        ------
        ValueError
            If `pred` is not of this shape.

        Examples
        --------
        >>> from astropy.table import Table
        >>> from astroNN.models import SimplePolyNN
        >>> stars = Table({"x": np.linspace(0, 1, 50)})
        >>> stars["parallax"] = 2 * stars["x"] + 1
        >>> stars["parallax"].unit = "mas"
        >>> net = SimplePolyNN()
        >>> net.max_epochs, net.verbose = 1, 0
        >>> history = net.fit(stars["x"], stars[["parallax"]])
        >>> table = net.as_table(net.predict(stars["x"]))
        >>> table.colnames, str(table["parallax"].unit), len(table)
        (['parallax'], 'mas', 50)
        """
        is_class = self.task == "classification" and np.ndim(pred) == 1
        if isinstance(pred, dict) or not (is_class or np.ndim(pred) == 2):
            what = f"a dictionary of {sorted(pred)}" if isinstance(pred, dict) else f"the shape {np.shape(pred)}"
            raise ValueError(f"as_table: `pred` must be an array of shape (n_stars, n_labels), got {what}.")
        columns = (-1, 1) if is_class else np.shape(pred)
        spreads = {part: np.reshape(spread, columns) for part, spread in (pred_std or {}).items()}
        pred = np.reshape(pred, columns)
        names = ["class"] if is_class else names_of_labels(self, pred)
        names = names or [f"label_{k}" for k in range(pred.shape[1])]
        has_units = self.target_units is not None and len(self.target_units) == len(names)
        units = self.target_units if has_units else [None] * len(names)
        if self.task == "regression":
            units = [unit or label_style(name).unit or None for name, unit in zip(names, units, strict=True)]
        return _joined(names, units, pred, spreads)


def _joined(names, units, pred, spreads):
    columns = {}
    for k, (name, unit) in enumerate(zip(names, map(_unit, units), strict=True)):
        columns[name] = Column(pred[:, k], unit=unit)
        for part, spread in spreads.items():
            suffix = "" if part == "total" else f"_{part}"
            columns[f"{name}_err{suffix}"] = Column(spread[:, k], unit=_unit_of_error(unit))
    return Table(columns)


def _columns(data):
    """Columns by name; None for what is no table."""
    if isinstance(data, np.ndarray) and data.dtype.names is not None:
        return {name: data[name] for name in data.dtype.names}
    if hasattr(data, "columns"):  # Table, DataFrame
        # Numbers are what pandas calls columns that were given no names.
        return {name: data[name] for name in data.columns} if all(isinstance(c, str) for c in data.columns) else None
    name = data.info.name if isinstance(data, u.Quantity) else getattr(data, "name", None)
    is_column = isinstance(data, Column | u.Quantity) or hasattr(data, "to_frame")  # the last: a Series
    return {name: data} if is_column and isinstance(name, str) else None


def _read(argument, names, columns):
    read = [column_values("fit", f"{argument}['{name}']", columns[name]) for name in names]
    if not read or not len(read[0][0]):
        raise ValueError(f"`{argument}` is a table without columns or rows: a label is a column, a star a row.")
    for name, (values, _) in zip(names, read, strict=True):
        if values.ndim != 1:
            raise ValueError(
                f"`{argument}`: the column '{name}' holds arrays of shape {values.shape[1:]}, but a label is one "
                "number a star. Split the column, or give a plain array."
            )
    return LabelTable(names, [unit for _, unit in read], np.stack([values for values, _ in read], axis=1))


def _error_column(name, known):
    wanted = error_names(name)
    found = [column for column in known if column.lower() in wanted]
    if len(found) != 1:
        raise ValueError(
            f"`labels_err` must have one column of errors for the label '{name}', called '{name}_err', "
            f"'{name}_error' or 'e_{name}'; it has {found or known}."
        )
    return found[0]


def _converted(argument, values, given, unit):
    if given is None or unit is None or _unit(given) == _unit(unit):
        return values
    return in_unit("fit", argument, values, _unit(given), _unit(unit))


def _unit(unit):
    """Unit by its name; words that astropy does not know are a unit that is only equal to itself."""
    return None if unit is None else u.Unit(unit, parse_strict="silent")


def _unit_of_error(unit):
    """Unit of the error of something: a difference of magnitudes has no zero point."""
    unit = _unit(unit)
    return getattr(unit, "function_unit", unit)
