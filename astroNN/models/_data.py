"""What a user gives to `fit`, checked and put under names."""

import warnings
from dataclasses import dataclass, field

import numpy as np

from astroNN.models._checked_rows import CheckedRows, ErrorRows, as_mask_rows
from astroNN.models._label_files import table_of
from astroNN.models._label_tables import errors_of_labels, label_table, names_of_labels
from astroNN.shared import checks, label_checks
from astroNN.shared.blocks import row_blocks
from astroNN.shared.errors import RowCountError
from astroNN.shared.missing import missing_elements, rows_all_missing
from astroNN.shared.sources import Rows, as_sources

__all__ = ["Sample", "checked_inputs", "checked_sample", "empty_stars", "in_known_shape", "refuse_empty_stars",
           "remember_shapes"]  # fmt: skip


@dataclass
class Sample:
    """Arrays of a set of stars, in physical units, by name."""

    inputs: dict
    labels: dict
    masks: dict = field(default_factory=dict)
    inputs_err: dict = field(default_factory=dict)
    labels_err: np.ndarray | None = None
    sample_weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    #: names and units of the labels, where they came as a table
    label_names: list | None = None
    label_units: list | None = None

    @property
    def n_stars(self):
        """Number of rows."""
        return len(self.labels["output"])

    @property
    def is_outside(self):
        """Whether inputs are read from where they are."""
        return any(isinstance(array, Rows) for array in self.inputs.values())

    def close(self):
        """Close the files that were opened to read from them."""
        for array in (*self.inputs.values(), *self.masks.values(), *self.inputs_err.values()):
            if isinstance(array, Rows):
                array.close()

    def check_errors_outside(self, rows):
        """Raise if errors of the inputs that are still to be read can't be used; those in memory were looked at."""
        for array in self.inputs_err.values():
            if isinstance(array, ErrorRows):
                array.check(rows)

    def counting(self, rows):
        """Those of the rows whose weight is not 0: the others take part in nothing."""
        return rows if self.sample_weight is None else rows[self.sample_weight[rows] > 0]


def checked_inputs(net, input_data, mask=None):
    """Inputs and masks by name, in the shape of the network where it has one.

    Parameters
    ----------
    net : NeuralNetMaster
        Gives the shapes, if it is built.
    input_data : array or dict of arrays
        Spectra or images, or where they are read from (see `as_sources`). One spectrum of shape (n_pixels,) counts as
        one star if the network is built for that.
    mask : array or dict of arrays, optional
        True marks bad pixels.

    Returns
    -------
    inputs, masks : dicts of arrays

    Raises
    ------
    ValueError, TypeError, IndexError
        With the reason.
    """
    inputs = checks.as_named_arrays("input_data", as_sources("input_data", input_data), "input")
    if net.has_model:
        inputs = {name: _fit_to_shape(array, net._input_shape.get(name)) for name, array in inputs.items()}
        _check_names("input_data", "inputs", inputs, net._input_shape)
    checks.check_rows(**{f"input_data['{name}']": array for name, array in inputs.items()})
    in_files, mask = as_mask_rows(as_sources("mask", mask), inputs)
    masks = checks.as_masks(mask, inputs) | in_files
    for name, array in inputs.items():
        argument = f"input_data['{name}']" if len(inputs) > 1 else "input_data"
        if isinstance(array, Rows):
            inputs[name] = CheckedRows(argument, array, masks.get(name))
        else:
            checks.check_finite(argument, array)
        if net.has_model:
            checks.check_known_shape("input_data", name, _input_shape(array), net._input_shape[name])
    return inputs, masks


def checked_sample(net, input_data, labels, *, mask=None, inputs_err=None, labels_err=None, sample_weight=None,
                   groups=None, for_training=True):  # fmt: skip
    """Everything given to `fit`, checked.

    Returns
    -------
    Sample

    Raises
    ------
    ValueError, TypeError, IndexError
        With the reason, before any work has started.
    """
    inputs, masks = checked_inputs(net, input_data, mask)
    sample = Sample(inputs, {}, masks)
    try:
        _add_labels(sample, net, labels, for_training)
        sample.inputs_err = checked_inputs_err(inputs_err, inputs)
        _add_errors_and_weights(sample, net, labels_err, sample_weight, groups)
        if for_training:
            # A pass over files takes long: a normaliser that is still to be fitted reads them anyway.
            if not sample.is_outside or net._has_normalizers:
                refuse_empty_stars(sample)
            _refuse_unlabelled_stars(sample)
    except BaseException:
        sample.close()
        raise
    return sample


def _add_labels(sample, net, labels, for_training):
    inputs = sample.inputs
    labels, sample.label_names, sample.label_units = _without_table(net, labels)
    targets = {name: _as_labels(array) for name, array in checks.as_named_arrays("labels", labels, "output").items()}
    _check_label_names(net, targets)
    checks.check_rows(input_data=inputs["input"], **{_label(name): array for name, array in targets.items()})
    for name, array in targets.items():
        checks.check_finite(_label(name), array)
        label_checks.check_classes(_label(name), array, net.task)
        if for_training and net._needs_every_label:
            label_checks.check_label_columns(array, net.targetname)
    sample.labels = targets


def _add_errors_and_weights(sample, net, labels_err, sample_weight, groups):
    targets, names, units = sample.labels, sample.label_names, sample.label_units
    if labels_err is not None:
        labels_err = table_of("labels_err", _only("labels_err", labels_err, "output"))
        names = names or names_of_labels(net, targets["output"])
        from_table = None if names is None else errors_of_labels(labels_err, names, units or net.target_units)
        labels_err = labels_err if from_table is None else from_table
        sample.labels_err = checks.check_errors("labels_err", labels_err, targets["output"])
    if sample_weight is not None:
        sample.sample_weight = checks.as_weights(_only("sample_weight", sample_weight, "output"), sample.n_stars)
        if not sample.sample_weight.any():
            raise ValueError("`sample_weight` is 0 for every star: none is left to train on.")
    if groups is not None:
        sample.groups = checks.as_vector("groups", groups, sample.n_stars)


def checked_inputs_err(inputs_err, inputs):
    """Errors of the inputs by name; NaN where they are missing."""
    if inputs_err is None:
        return {}
    inputs_err = as_sources("inputs_err", inputs_err)
    named = inputs_err if isinstance(inputs_err, dict) else {"input": inputs_err}
    unknown = set(named) - set(inputs)
    if unknown:
        raise ValueError(f"`inputs_err` names {sorted(unknown)}, but the inputs are {sorted(inputs)}.")
    return {name: _errors_like(errors, inputs[name]) for name, errors in named.items()}


def _errors_like(errors, values):
    if not isinstance(errors, Rows):
        return checks.check_errors("inputs_err", errors, values)
    if errors.size != values.size or len(errors) != len(values):
        raise RowCountError(
            f"`inputs_err` must have the shape {tuple(values.shape)} of the values it belongs to, got {errors.shape}."
        )
    return ErrorRows("inputs_err", errors, values.shape)


def remember_shapes(net, sample):
    """Set the network's shapes from its first sample; afterwards check against them."""
    inputs = {name: _input_shape(array) for name, array in sample.inputs.items()}
    labels = {name: _label_shape(array) for name, array in sample.labels.items()}
    if not net.has_model:
        net._input_shape, net._labels_shape = inputs, labels
        net.input_names, net.output_names = list(inputs), list(labels)
        if sample.label_names is not None:
            net.targetname, net.target_units = sample.label_names, sample.label_units
        # The checks of a ready-made network say nothing about another `model` of a user's.
        if _is_ours(type(net).model) or not _is_ours(type(net)._check_shapes):
            net._check_shapes()
        _fit_names(net, labels["output"])
    _check_names("labels", "labels", labels, net._labels_shape)
    for name, shape in labels.items():
        if shape != net._labels_shape[name]:
            raise ValueError(
                f"`{_label(name)}`: this network was built for {net._labels_shape[name]} labels, got {shape}."
            )


def empty_stars(inputs, masks):
    """Which stars have no good pixel in ``"input"``; array of bool."""
    array, mask = inputs["input"], masks.get("input")
    if isinstance(array, CheckedRows):
        return array.empty()
    empty = np.zeros(len(array), dtype=bool)
    for rows in row_blocks(len(array), array.shape[1:]):
        empty[rows] = rows_all_missing(array[rows], None if mask is None else mask[rows])
    return empty


def refuse_empty_stars(sample):
    """Raise if stars have no good pixel; looks at all rows of files that were not looked at yet."""
    for array in sample.inputs.values():
        if isinstance(array, CheckedRows):
            array.empty()
    empty = np.flatnonzero(empty_stars(sample.inputs, sample.masks))
    if len(empty):
        raise ValueError(
            f"`input_data`: {len(empty)} of {sample.n_stars} stars have no good pixel (the first in row {empty[0]}): "
            "every pixel is NaN, magic or marked in `mask`. Leave these stars out of the training."
        )


def _refuse_unlabelled_stars(sample):
    unlabelled = np.isnan(sample.labels["output"])
    n_unlabelled = int(unlabelled.reshape(sample.n_stars, -1).all(axis=1).sum())
    if n_unlabelled == sample.n_stars:  # labels have been refused column by column; pixels may be missing in all
        raise ValueError("`input_recon_target`: every value of every star is missing; nothing can be reconstructed.")
    if n_unlabelled:
        warnings.warn(
            f"{n_unlabelled} of {sample.n_stars} stars have no valid label and do not contribute to training.",
            stacklevel=4,
        )


def _check_names(argument, what, given, known):
    if set(given) != set(known.keys()):
        raise ValueError(f"`{argument}` must have the {what} {sorted(known.keys())}, got {sorted(given)}.")


def _check_label_names(net, targets):
    if len(targets) > 1 and not net._takes_several_labels:
        raise ValueError(
            f"`labels` of {type(net).__name__} must be one array, or a dictionary with the key 'output' alone, got "
            f"{sorted(targets)}. Join the columns into one array; several outputs are for networks on `CNNBase`."
        )


def _only(argument, given, name):
    """What a dictionary holds under the only name that it may have; anything else as it is."""
    if not isinstance(given, dict):
        return given
    if set(given) != {name}:
        raise ValueError(f"`{argument}` as a dictionary must have the key '{name}' alone, got {sorted(given)}.")
    return given[name]


def _without_table(net, labels):
    """Labels as an array where they are a table; and its names and units, or None."""
    is_named = isinstance(labels, dict) and "output" in labels
    table = label_table(table_of("labels", labels["output"] if is_named else labels, net.targetname))
    if table is None:
        return labels, None, None
    known = names_of_labels(net, table.values) if net.has_model else None
    if known is not None:
        table = table.for_network(known, net.target_units)
    units = [None if unit is None else str(unit) for unit in table.units]
    return (labels | {"output": table.values}) if is_named else table.values, table.names, units


def _as_labels(array):
    """Labels in float32 with a row axis; NaN where they are missing (half precision would lose the magic number)."""
    array = np.asarray(array)
    array = np.where(missing_elements(array), np.float32(np.nan), array).astype("float32")
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _fit_names(net, n_labels):
    """Names for as many labels as there are: wrong names are worse than none."""
    names = net.targetname
    if not isinstance(names, list | tuple) or not isinstance(n_labels, int) or len(names) in (0, n_labels):
        return
    net.targetname = [f"label_{k}" for k in range(n_labels)]
    if list(names) != type(net)().targetname:
        warnings.warn(
            f"`targetname` has {len(names)} names for {n_labels} labels; the labels are called "
            f"{net.targetname[0]} to {net.targetname[-1]} instead.",
            stacklevel=5,
        )


def in_known_shape(argument, array, known):
    """Rows of one input in the form in which networks take them; raise if their shape is not the one known."""
    array = _fit_to_shape(array, known)
    checks.check_known_shape(argument, "input", _input_shape(array), known)
    return array


def _fit_to_shape(array, known):
    """A single star without its row axis gets one; image channels and one-dimensional columns are put in shape."""
    if known is None:
        return array
    shape, known = tuple(array.shape), tuple(known)
    has_channel = known[-1] == 1
    if shape == known or (has_channel and shape == known[:-1]):
        return np.asarray(array).reshape(1, *(known[:-1] if has_channel else known))
    # Those of a file stay there, with their axis.
    if has_channel and shape[1:] == known and isinstance(array, np.ndarray):
        return array.reshape(shape[:-1])
    return array


def _input_shape(array):
    """Shape of one star with a channel axis: (pixels, 1), (height, width, 1) or (height, width, channels)."""
    shape = tuple(int(n) for n in array.shape[1:])
    if len(shape) == 0:
        return (1, 1)
    has_channel = len(shape) == 3 or (len(shape) == 2 and shape[-1] == 1)
    return shape if has_channel else (*shape, 1)


def _label_shape(array):
    shape = tuple(int(n) for n in array.shape[1:])
    return shape[0] if len(shape) == 1 else shape


def _is_ours(method):
    return method.__module__.startswith("astroNN.")


def _label(name):
    return "labels" if name == "output" else f"labels['{name}']"
