"""Normalisation of arrays with gaps, one statistic a feature or one for all, as the mode says."""

import math
import warnings

import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.nn.utilities._normalizer_data import (
    SINGLE,
    as_float,
    by_name,
    called,
    float_arrays,
    masks_by_name,
    numbers,
)
from astroNN.nn.utilities._normalizer_modes import MODES, ModeAttributes, logit, sigmoid
from astroNN.nn.utilities._statistics import check_no_infinities, for_features, masked_moments
from astroNN.shared.messages import tell
from astroNN.shared.missing import missing_elements

__all__ = ["Normalizer"]

_BYTES_IN_CACHE = 2**21


class Normalizer(ModeAttributes):
    r"""Normalise data with missing elements, and undo it.

    Missing elements (the magic number, NaN, masked by ``numpy.ma``) take no part in the statistics and come out as
    the magic number. Statistics are those of the population (division by n), summed in float64 and kept in float32.
    A feature without scatter, or with less than float32 can tell from none, is divided by 1. One that is missing in
    every row is centred on the mean of the data set. What is given is never changed in place; what comes back is
    float32, but in mode 3s float64.

    Parameters
    ----------
    mode : int, str or dict
        One mode for all data, or a dictionary name to mode.

        =======  ===========  ============  ===============================================
        mode     subtracts    divides by    use
        =======  ===========  ============  ===============================================
        0        nothing      1             data that are normalised already
        1        one mean     one std       all features alike
        2        mean         std           labels: each feature on its own
        3        mean         1             spectra: centring only
        3s       mean         1             then a sigmoid: 0 to 1, invertible while \|x\| < 36
        4        nothing      std           scaling only
        255      0            255           8-bit images
        =======  ===========  ============  ===============================================

        Boolean data always take mode 0.
    verbose : int, optional
        0 says nothing; otherwise statistics computed are reported. Default 2.

    Attributes
    ----------
    mean_labels, std_labels : dict of arrays, or array
        Statistics by name, or bare for a plain array.
    fill : dict of arrays
        By name, the training mean of every feature after normalisation: what a missing element becomes in
        `network_input`. 0 in the modes that centre every feature (2 and 3).
    featurewise_center, datasetwise_center, featurewise_stdalization, datasetwise_stdalization : dict of bool
        By name, what the modes do. Read-only.

    Examples
    --------
    >>> normalizer = Normalizer(mode=1, verbose=0)
    >>> data = np.array([[1.0, 2.0, 3.0], [9.0, 8.0, 7.0]])
    >>> normalised = normalizer.normalize(data)
    >>> float(normalizer.mean_labels), round(float(normalizer.std_labels), 4)
    (5.0, 3.1091)
    >>> bool(np.allclose(normalizer.denormalize(normalised), data))
    True
    """

    def __init__(self, mode=None, verbose=2):
        self.normalization_mode = dict(mode) if isinstance(mode, dict) else mode
        self.verbose = verbose
        self.reset()

    def reset(self):
        """Forget all statistics."""
        self.mean_labels, self.std_labels, self.fill = {}, {}, {}
        self._boolean = set()
        self._moments = {}
        self._is_dict = None

    def mode_checker(self, data):
        """Data as a dictionary of float arrays, and whether a dictionary was given; boolean data are noted.

        Parameters
        ----------
        data : array or dict of arrays
            A one-dimensional array counts as one feature.

        Returns
        -------
        tuple of (dict of arrays, bool)
            The data by name, and whether a dictionary was given.
        """
        self._boolean = self._boolean_names(by_name(data))
        return float_arrays(data), isinstance(data, dict)

    def normalize(self, data, calc=True, mask=None):
        """Normalised copy of the data.

        Parameters
        ----------
        data : array or dict of arrays, shape (n, ...)
            Magic number or NaN marks a missing element.
        calc : bool, optional
            Compute the statistics from these data (default), or use the stored ones.
        mask : array or dict of arrays of bool, optional
            True marks further elements as missing.

        Returns
        -------
        array or dict of arrays
            In float32 (float64 in mode 3s); missing elements are the magic number.

        Raises
        ------
        TypeError
            If the data are not real numbers.
        ValueError
            If a mode is unknown, the data have other features than the statistics (axes of length one don't matter),
            or statistics are computed from infinite values.
        """
        if calc:
            self.fit(data, mask)
        arrays = float_arrays(data)
        masks = masks_by_name(mask, arrays)
        normalised = {}
        for name, array in arrays.items():
            missing = missing_elements(array, masks.get(name))
            normalised[name] = self._finished(name, missing, self._forward(name, array))
        return normalised if isinstance(data, dict) else normalised[SINGLE]

    def denormalize(self, data):
        """Undo `normalize`.

        Parameters
        ----------
        data : array or dict of arrays
            Normalised.

        Returns
        -------
        array or dict of arrays
            In their own units and the dtypes of `normalize`; missing elements are the magic number.
        """
        restored = {
            name: self._finished(name, missing_elements(array), self._backward(name, array))
            for name, array in float_arrays(data).items()
        }
        return restored if isinstance(data, dict) else restored[SINGLE]

    def fit(self, arrays, masks=None, rows=None):
        """Compute and keep the statistics of data, in place of earlier ones.

        Parameters
        ----------
        arrays : array or dict of arrays, shape (n, ...)
            Anything that gives rows by an index array.
        masks : array or dict of arrays of bool, optional
            True marks an element as missing.
        rows : array of int, optional
            Use these rows only (the training part), in increasing order. Default: all.

        Raises
        ------
        ValueError
            If a mode is unknown, there is none for one of the arrays, or an array holds infinite values.
        """
        self.reset()
        self._add(arrays, masks, rows)
        for name in self._moments if self.verbose > 0 else ():
            mean, std = (by_name(table)[name] for table in (self.mean_labels, self.std_labels))
            tell(f"Normalised {called(name)} (mode {self._mode(name)}): {_report(mean, std)}")

    def partial_fit(self, arrays, masks=None, rows=None):
        """Add one chunk of the data to the statistics, for data that don't fit into memory.

        After the last chunk the statistics are those of `fit` on all chunks together, up to the rounding of float64.
        They can be used between chunks. Nothing is reported. A `fit`, or `reset`, starts anew; a chunk after a `fit`
        adds to it.

        Parameters
        ----------
        arrays : array or dict of arrays, shape (n, ...)
            The chunk. A feature may be missing in all of it, and a name, too.
        masks : array or dict of arrays of bool, optional
            True marks an element as missing.
        rows : array of int, optional
            Use these rows of the chunk only, in increasing order. Default: all.

        Returns
        -------
        Normalizer
            This one.

        Raises
        ------
        ValueError
            If a mode is unknown, a chunk holds infinite values or has other features than those before, arrays and
            dictionaries are mixed, or the statistics at hand were not computed from data but loaded. The statistics
            are left as they were.

        Examples
        --------
        >>> normalizer = Normalizer(mode=2, verbose=0)
        >>> for chunk in ([[1.0], [2.0]], [[-9999.0], [6.0]]):
        ...     normalizer = normalizer.partial_fit(np.array(chunk))
        >>> normalizer.mean_labels.tolist()
        [3.0]
        """
        is_dict = isinstance(arrays, dict)
        if self._is_dict is not None and is_dict != self._is_dict:
            raise ValueError(
                "Normalizer: chunks must be all arrays or all dictionaries of arrays; the ones before were "
                f"{'dictionaries' if self._is_dict else 'arrays'}. `reset()` starts anew."
            )
        if not self._moments and not (isinstance(self.mean_labels, dict) and not self.mean_labels):
            raise ValueError(
                "Normalizer: the statistics at hand were loaded or set, without the number of stars behind them; a "
                "chunk can't be added. `reset()` starts anew."
            )
        self._add(arrays, masks, rows)
        return self

    def _add(self, arrays, masks, rows):
        named = {name: numbers(name, array) for name, array in by_name(arrays).items()}
        boolean = self._boolean_names(named)
        masks = masks_by_name(masks, named)
        moments = dict(self._moments)
        for name, array in named.items():
            added = masked_moments(array, masks.get(name), rows)
            check_no_infinities(f"Normalizer: {called(name)}", added, array, masks.get(name), rows)
            known = moments.get(name, added)
            if known.count.shape != added.count.shape:
                raise ValueError(
                    f"Normalizer: the features of {called(name)} have the shape {added.count.shape} in this chunk, "
                    f"and had {known.count.shape} in those before. `reset()` starts anew."
                )
            moments[name] = known.merged(added) if name in moments else added
        self._moments, self._boolean, self._is_dict = moments, boolean, isinstance(arrays, dict)
        self._publish()

    def _publish(self):
        """Statistics, in the modes, from the moments; a plain array gets plain ones."""
        self.mean_labels, self.std_labels, self.fill = {}, {}, {}
        for name, moments in self._moments.items():
            centre, scale = MODES[self._mode(name)]
            self.mean_labels[name] = np.asarray(moments.mean(centre), dtype="float32")
            self.std_labels[name] = np.asarray(moments.std(scale), dtype="float32")
            self.fill[name] = self._fill_value(name, moments.mean("feature"), centre)
        if not self._is_dict:
            self.mean_labels, self.std_labels = self.mean_labels[SINGLE], self.std_labels[SINGLE]

    def network_input(self, name, array, mask=None):
        """Normalised rows for a network: missing elements become the training mean.

        Parameters
        ----------
        name : str
            Name of the input.
        array : array, shape (n, ...)
            Rows in physical units.
        mask : array of bool, optional
            True marks further elements as missing.

        Returns
        -------
        array of float32, same shape
            Without gaps.
        """
        array = as_float(name, array)
        fill = for_features(self.fill.get(name, np.float32(0.0)), array.shape[1:])
        mask = None if mask is None else np.asarray(mask).reshape(array.shape)
        normalised = np.empty(array.shape, dtype="float32")
        # A few rows at a time stay in the processor's cache through all steps.
        n_rows = max(1, _BYTES_IN_CACHE // (8 * max(1, math.prod(array.shape[1:]))))
        for start in range(0, len(array), n_rows):
            rows = slice(start, start + n_rows)
            missing = missing_elements(array[rows], None if mask is None else mask[rows])
            normalised[rows] = self._forward(name, array[rows])
            np.copyto(normalised[rows], fill, where=missing)
        return normalised

    def modes_as_text(self, names):
        """Modes as strings: what is stored in a folder.

        Parameters
        ----------
        names : iterable of str
            Of the data.

        Returns
        -------
        dict of str
            Name to mode.
        """
        return {name: self._mode(name) for name in names}

    def _forward(self, name, array):
        mean, std = self._stored(name, array.shape)
        scaled = array - mean
        if np.any(std != 1.0):
            scaled = np.divide(scaled, std, out=scaled)
        return sigmoid(scaled) if self._mode(name) == "3s" else scaled

    def _backward(self, name, array):
        mean, std = self._stored(name, array.shape)
        return (logit(array) if self._mode(name) == "3s" else array) * std + mean

    def _finished(self, name, missing, values):
        dtype = "float64" if self._mode(name) == "3s" else "float32"
        return np.where(missing, MAGIC_NUMBER, values).astype(dtype, copy=False)

    def _fill_value(self, name, feature_mean, centre):
        if centre == "feature" and self._mode(name) != "3s":
            return np.float32(0.0)
        return np.asarray(self._forward(name, feature_mean[None])[0], dtype="float32")

    def _stored(self, name, shape):
        """Mean and standard deviation for data of a shape; 0 and 1 for a name without statistics."""
        means, stds = by_name(self.mean_labels), by_name(self.std_labels)
        return for_features(means.get(name, 0.0), shape[1:]), for_features(stds.get(name, 1.0), shape[1:])

    def _names(self):
        """Names that have statistics."""
        return list(by_name(self.mean_labels))

    def _mode(self, name, required=False):
        modes = self.normalization_mode
        if required and isinstance(modes, dict) and name not in modes:
            raise ValueError(f"Normalizer: there is no mode for {called(name)}, only for {sorted(modes)}.")
        mode = modes.get(name, "0") if isinstance(modes, dict) else modes
        if str(mode) not in MODES:
            raise ValueError(f"Unknown Mode -> {mode!r} for {called(name)}; the modes are {', '.join(MODES)}.")
        return "0" if name in self._boolean else str(mode)

    def _boolean_names(self, arrays):
        """Names whose data are boolean, these arrays included; those that a mode would change are warned of."""
        boolean = self._boolean - set(arrays)
        for name, array in arrays.items():
            mode = self._mode(name, required=True)
            if np.asarray(array[:1]).dtype.kind == "b":
                if mode != "0" and name not in self._boolean:
                    warnings.warn(f"{called(name)} is boolean and is not normalised (mode 0).", stacklevel=4)
                boolean.add(name)
        return boolean


def _report(mean, std):
    def span(values):
        values = np.asarray(values, dtype="float64")
        if values.size == 1:
            return f"{values.item():.6g}"
        return f"{values.min():.6g} to {values.max():.6g} in {values.size} features"

    return f"mean {span(mean)}, std {span(std)}"
