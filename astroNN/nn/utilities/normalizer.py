"""Normalisation of arrays with gaps, one statistic a feature or one for all, as the mode says."""

import warnings

import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.nn.utilities._statistics import masked_moments, missing_elements
from astroNN.shared.messages import tell

__all__ = ["Normalizer"]

# What is subtracted and what is divided by: "dataset" (one number), "feature" (axis 0), or a constant.
MODES = {
    "0": (0.0, 1.0),
    "1": ("dataset", "dataset"),
    "2": ("feature", "feature"),
    "3": ("feature", 1.0),
    "3s": ("feature", 1.0),
    "4": (0.0, "feature"),
    "255": (0.0, 255.0),
}

_SINGLE = "array"  # the name under which a plain array is kept inside


class Normalizer:
    r"""Normalise data with missing elements, and undo it.

    Missing elements (the magic number or NaN) take no part in the statistics and come out as the magic number.
    Statistics are those of the population (division by n). A feature without scatter is divided by 1.

    Parameters
    ----------
    mode : int, str or dict
        One mode for all data, or a dictionary name to mode:

        =======  ===========  ============  ===============================================
        mode     subtracts    divides by    use
        =======  ===========  ============  ===============================================
        0        nothing      1             data that are normalised already
        1        one mean     one std       all features alike
        2        mean         std           labels: each feature on its own
        3        mean         1             spectra: centring only
        3s       mean         1             then a sigmoid; float64, exact to \|x\| < 36
        4        nothing      std           scaling only
        255      0            255           8-bit images
        =======  ===========  ============  ===============================================

    verbose : int, optional
        0 says nothing; otherwise statistics computed are reported. Default 2.

    Attributes
    ----------
    mean_labels, std_labels : dict of arrays, or array
        Statistics by name, or bare for a plain array.
    fill : dict of arrays
        By name, the training mean of every feature after normalisation: what a missing element becomes in
        `network_input`. Only modes that don't centre every feature need it; 0 otherwise.

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
        self.normalization_mode = mode
        self.verbose = verbose
        self.mean_labels = {}
        self.std_labels = {}
        self.fill = {}

    def mode_checker(self, data):
        """Data as a dictionary of float arrays, and whether a dictionary was given.

        Parameters
        ----------
        data : array or dict of arrays
            A one-dimensional array counts as one feature.

        Returns
        -------
        dict, bool

        Raises
        ------
        ValueError
            If a mode is unknown.
        """
        is_dict = isinstance(data, dict)
        arrays = data if is_dict else {_SINGLE: data}
        for name, array in arrays.items():
            if np.asarray(array).dtype == bool and self._mode(name) != "0":
                warnings.warn(f"Data `{name}` is boolean and is not normalised (mode 0).", stacklevel=3)
                self._modes_by_name([*arrays])[name] = "0"
        return {name: _as_float(array) for name, array in arrays.items()}, is_dict

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
            float32 (float64 in mode 3s); missing elements are the magic number.
        """
        arrays, is_dict = self.mode_checker(data)
        masks = (mask if is_dict else {_SINGLE: mask}) or {}
        if calc:
            self.fit(arrays, masks)
            self._to_user_form(is_dict)
        normalised = {}
        for name, array in arrays.items():
            missing = missing_elements(array, masks.get(name))
            normalised[name] = np.where(missing, np.float32(MAGIC_NUMBER), self._forward(name, array))
        return normalised if is_dict else normalised[_SINGLE]

    def denormalize(self, data):
        """Data in their own units again; missing elements are the magic number."""
        is_dict = isinstance(data, dict)
        arrays = {name: _as_float(array) for name, array in (data if is_dict else {_SINGLE: data}).items()}
        restored = {
            name: np.where(missing_elements(array), np.float32(MAGIC_NUMBER), self._backward(name, array))
            for name, array in arrays.items()
        }
        return restored if is_dict else restored[_SINGLE]

    def fit(self, arrays, masks=None, rows=None):
        """Compute and keep the statistics of a dictionary of arrays.

        Parameters
        ----------
        arrays : dict of arrays, shape (n, ...)
            Anything that gives rows by an index array.
        masks : dict of arrays of bool, optional
            True marks an element as missing.
        rows : array of int, optional
            Use these rows only (the training part). Default: all.
        """
        self.mean_labels, self.std_labels = self._by_name(self.mean_labels), self._by_name(self.std_labels)
        for name, array in arrays.items():
            centre, scale = MODES[self._mode(name)]
            moments = masked_moments(array, (masks or {}).get(name), rows)
            mean, std = moments.mean(centre), moments.std(scale)
            self.mean_labels[name] = np.asarray(mean, dtype="float32")
            self.std_labels[name] = np.asarray(np.where(std == 0, 1.0, std), dtype="float32")
            self.fill[name] = self._fill_value(name, moments.mean("feature"), centre)
            if self.verbose > 0:
                tell(f"Normalised `{name}` (mode {self._mode(name)}): {_report(mean, std)}")

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
        """
        array = _as_float(array)
        missing = missing_elements(array, mask)
        fill = self.fill.get(name, np.float32(0.0))
        return np.where(missing, fill, self._forward(name, array)).astype("float32")

    def _forward(self, name, array):
        mean, std = self._stored(name)
        scaled = (array - mean) / std
        return _sigmoid(scaled) if self._mode(name) == "3s" else scaled

    def _backward(self, name, array):
        mean, std = self._stored(name)
        if self._mode(name) == "3s":
            # The magic number lies outside (0, 1); it is masked by the caller, so any valid stand-in will do.
            array = _logit(np.where((array > 0) & (array < 1), array, 0.5))
        return array * std + mean

    def _fill_value(self, name, feature_mean, centre):
        if centre == "feature" and self._mode(name) != "3s":
            return np.float32(0.0)
        return np.asarray(self._forward(name, np.asarray(feature_mean, "float32")), dtype="float32")

    def _stored(self, name):
        means, stds = self._by_name(self.mean_labels), self._by_name(self.std_labels)
        return means.get(name, np.float32(0.0)), stds.get(name, np.float32(1.0))

    def _by_name(self, statistics):
        return statistics if isinstance(statistics, dict) else {_SINGLE: statistics}

    def _to_user_form(self, is_dict):
        """A plain array gets plain statistics back."""
        if not is_dict:
            self.mean_labels = self._by_name(self.mean_labels)[_SINGLE]
            self.std_labels = self._by_name(self.std_labels)[_SINGLE]

    def _mode(self, name):
        modes = self.normalization_mode
        mode = modes.get(name, "0") if isinstance(modes, dict) else modes
        if str(mode) not in MODES:
            raise ValueError(f"Unknown Mode -> {mode!r} for `{name}`; the modes are {', '.join(MODES)}.")
        return str(mode)

    def _modes_by_name(self, names):
        """Make the modes a dictionary, so that one name's mode can differ."""
        if not isinstance(self.normalization_mode, dict):
            self.normalization_mode = dict.fromkeys(names, str(self.normalization_mode))
        return self.normalization_mode

    def modes_as_text(self, names):
        """Modes by name, as strings: what is stored in a folder."""
        return {name: self._mode(name) for name in names}


def _as_float(array):
    array = np.asarray(array)
    if array.dtype.kind != "f" or array.dtype.itemsize != 4:
        array = array.astype("float32") if array.dtype != np.float64 else array
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.clip(np.asarray(x, "float64"), -700, 700)))


def _logit(p):
    p = np.asarray(p, "float64")
    return np.log(p) - np.log1p(-p)


def _report(mean, std):
    def span(values):
        values = np.asarray(values, dtype="float64")
        if values.size == 1:
            return f"{values.item():.6g}"
        return f"{values.min():.6g} to {values.max():.6g} in {values.size} features"

    return f"mean {span(mean)}, std {span(std)}"
