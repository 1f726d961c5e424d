"""The modes of the normaliser: what each subtracts and divides by, and the attributes that tell it by name."""

import numpy as np

__all__ = ["MODES", "ModeAttributes", "logit", "sigmoid"]

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


class ModeAttributes:
    """Read-only attributes of a `Normalizer` that say what its modes do, by name of the data.

    They follow `normalization_mode`; a single mode holds for all names that have statistics.
    """

    @property
    def featurewise_center(self):
        """By name, whether every feature has a mean of its own subtracted."""
        return self._modes_that(lambda centre, scale: centre == "feature")

    @property
    def datasetwise_center(self):
        """By name, whether one mean is subtracted from all features."""
        return self._modes_that(lambda centre, scale: centre == "dataset")

    @property
    def featurewise_stdalization(self):
        """By name, whether every feature is divided by a standard deviation of its own."""
        return self._modes_that(lambda centre, scale: scale == "feature")

    @property
    def datasetwise_stdalization(self):
        """By name, whether all features are divided by one standard deviation."""
        return self._modes_that(lambda centre, scale: scale == "dataset")

    @property
    def _custom_norm_func(self):
        """The sigmoid if any mode is 3s, else None."""
        return sigmoid if self._has_sigmoid() else None

    @property
    def _custom_denorm_func(self):
        """The inverse of `_custom_norm_func`, or None."""
        return logit if self._has_sigmoid() else None

    def _modes_that(self, is_so):
        modes = self.normalization_mode
        names = modes if isinstance(modes, dict) else self._names()
        return {name: is_so(*MODES[self._mode(name)]) for name in names}

    def _has_sigmoid(self):
        modes = self.normalization_mode
        return any(str(mode) == "3s" for mode in (modes.values() if isinstance(modes, dict) else [modes]))


def sigmoid(x):
    """Sigmoid in float64, for any size of the argument."""
    return 1.0 / (1.0 + np.exp(-np.clip(np.asarray(x, "float64"), -700, 700)))


def logit(p):
    """Inverse of `sigmoid`, finite for every argument."""
    # The numbers nearest to 0 and 1 in place of what lies outside, such as the magic number (the caller's concern).
    p = np.clip(np.asarray(p, "float64"), np.finfo("float64").tiny, 1 - 2.0**-53)
    return np.log(p) - np.log1p(-p)
