"""The factors by which predicted spreads are multiplied: one a label, or one that follows the spread itself."""

from dataclasses import dataclass

import numpy as np

from astroNN.nn.calibration._arrays import as_numbers, total_of

__all__ = ["SpreadCalibration"]


@dataclass(frozen=True, eq=False)
class SpreadCalibration:
    r"""Factors by which a network's predicted spreads are to be multiplied.

    The factor of label j is a constant :math:`f_j`, or varies with the predicted total spread :math:`\sigma`,

    .. math:: \ln f_j(\sigma) = \ln f_j + \gamma_j \ln \frac{\sigma'}{\sigma_j^\mathrm{pivot}} , \qquad
              \sigma' = \min(\max(\sigma, \sigma_j^\mathrm{lowest}), \sigma_j^\mathrm{highest}) .

    Beyond the range of spreads that the stars of the calibration had, it stays what it is at the end of the range.

    Parameters
    ----------
    factor : array, shape (n_labels,)
        Positive, no unit; at the pivot, if the factor varies.
    factor_err : array, shape (n_labels,)
        Standard deviations of the factors.
    n_stars : array of int, shape (n_labels,)
        Number of stars that had the label.
    slope : array, shape (n_labels,), optional
        :math:`\gamma_j`, from -1 to 1. Default: constant factors. This and the next four come together or not at all.
    slope_err : array, shape (n_labels,), optional
        Standard deviations of the slopes.
    pivot, lowest, highest : array, shape (n_labels,), optional
        Spreads in the units of the labels, positive and in the order lowest, pivot, highest.

    Raises
    ------
    ValueError
        If lengths or values can't be those of a calibration.

    Examples
    --------
    >>> calibration = SpreadCalibration(factor=[0.5], factor_err=[0.05], n_stars=[400])
    >>> float(calibration.apply({"total": np.array([[30.0]])})["total"][0, 0])
    15.0
    >>> SpreadCalibration.from_dict(calibration.to_dict()).factor
    array([0.5])
    >>> varying = SpreadCalibration(
    ...     [0.5], [0.05], [400], slope=[-0.5], slope_err=[0.1], pivot=[20.0], lowest=[10.0], highest=[80.0]
    ... )
    >>> varying.factor_at(np.array([[20.0], [80.0], [1000.0]]))
    array([[0.5 ],
           [0.25],
           [0.25]])
    """

    factor: np.ndarray
    factor_err: np.ndarray
    n_stars: np.ndarray
    slope: np.ndarray | None = None
    slope_err: np.ndarray | None = None
    pivot: np.ndarray | None = None
    lowest: np.ndarray | None = None
    highest: np.ndarray | None = None

    def __post_init__(self):
        given = [name for name in _VARYING if getattr(self, name) is not None]
        if given and len(given) < len(_VARYING):
            raise ValueError(f"calibration: a factor that varies needs {', '.join(_VARYING)}; got only {given}.")
        for name in (*_CONSTANT, *given):
            values = as_numbers(name, getattr(self, name), signed=name == "slope")
            if values.shape != np.shape(self.factor):
                raise ValueError(
                    f"calibration: `{name}` has {values.size} values, but `factor` has {np.size(self.factor)}."
                )
            if name == "n_stars" and (values > _MOST_STARS).any():
                raise ValueError(f"calibration: `n_stars` can't be {values.max():g}.")
            object.__setattr__(self, name, values.astype(int if name == "n_stars" else float))
        if (self.factor <= 0).any():
            raise ValueError(f"calibration: `factor` must be positive, got {self.factor.tolist()}.")
        if given:
            self._check_varying()

    def _check_varying(self):
        if (np.abs(self.slope) > 1).any():
            # Below -1 a star with a larger predicted spread would get a smaller one.
            raise ValueError(f"calibration: `slope` must lie from -1 to 1, got {self.slope.tolist()}.")
        if not ((self.lowest > 0) & (self.lowest <= self.pivot) & (self.pivot <= self.highest)).all():
            raise ValueError(
                "calibration: spreads must be positive and in the order lowest <= pivot <= highest, got "
                f"{self.lowest.tolist()}, {self.pivot.tolist()}, {self.highest.tolist()}."
            )
        with np.errstate(over="ignore"):
            ends = np.array([self.factor_at(self.lowest[None]), self.factor_at(self.highest[None])]).astype("float32")
        if not (np.isfinite(ends) & (ends > 0)).all():
            raise ValueError(
                "calibration: the factors at `lowest` and `highest` are zero or infinite: the range of spreads, from "
                f"{self.lowest.tolist()} to {self.highest.tolist()}, can't be right."
            )

    def __str__(self):
        """Few labels in full, many as a range."""
        slopes = ""
        if self.varies:
            slopes = f"; slopes with the spread {', '.join(f'{slope:.2f}' for slope in self.slope)}"
            if self.slope.size > 6:
                slopes = f"; slopes with the spread from {self.slope.min():.2f} to {self.slope.max():.2f}"
        if self.factor.size <= 6:
            pairs = zip(self.factor, self.factor_err, strict=True)
            return ", ".join(f"{factor:.2f} +- {err:.2f}" for factor, err in pairs) + slopes
        return (
            f"{self.factor.size} factors from {self.factor.min():.2f} to {self.factor.max():.2f}, "
            f"uncertain by {np.median(self.factor_err):.2f}{slopes}"
        )

    @property
    def varies(self):
        """Whether the factor depends on the predicted spread."""
        return self.slope is not None

    def factor_at(self, spread):
        """Factor for predicted total spreads.

        Parameters
        ----------
        spread : array, shape (n_stars, n_labels)
            Standard deviations, not calibrated, in the units of the labels.

        Returns
        -------
        array of float64, shape (n_stars, n_labels)
            NaN where a factor that varies is asked for a spread that is NaN.

        Raises
        ------
        ValueError
            If the last axis has another number of labels.
        """
        spread = np.asarray(spread, dtype=float)
        self._check_labels("spread", spread)
        if not self.varies:
            return np.broadcast_to(self.factor, spread.shape)
        return self.factor * (np.clip(spread, self.lowest, self.highest) / self.pivot) ** self.slope

    def apply(self, pred_std):
        """Multiply spreads by the factors, all components alike: ``total`` stays the root of the sum of squares.

        Parameters
        ----------
        pred_std : dict of arrays, shape (n_stars, n_labels)
            Such as ``predict(..., calibrated=False)`` gives it; a factor that varies needs ``"total"``. Not changed.

        Returns
        -------
        dict of arrays, in the dtype of the given ones
            By the same names; integers become float64.

        Raises
        ------
        ValueError
            If an array has another number of labels, or ``"total"`` is needed and missing.
        """
        for name, spread in pred_std.items():
            self._check_labels(f"pred_std['{name}']", np.asarray(spread))
        factor = self.factor_at(total_of(pred_std)) if self.varies else self.factor
        spreads = {name: np.asarray(spread) for name, spread in pred_std.items()}
        spreads = {name: s if s.dtype.kind == "f" else s.astype(float) for name, s in spreads.items()}
        return {name: spread * factor.astype(spread.dtype) for name, spread in spreads.items()}

    def _check_labels(self, name, spread):
        if spread.ndim == 0 or spread.shape[-1] != self.factor.size:
            raise ValueError(
                f"calibration: `{name}` has shape {spread.shape}, but there are factors for "
                f"{self.factor.size} labels, which must be its last axis."
            )

    def to_dict(self):
        """Lists of plain numbers, for JSON.

        Returns
        -------
        dict of lists
            What `from_dict` reads; constant factors have no entries for what varies.
        """
        return {name: getattr(self, name).tolist() for name in (*_CONSTANT, *(_VARYING if self.varies else ()))}

    @classmethod
    def from_dict(cls, stored):
        """Read what `to_dict` gave.

        Parameters
        ----------
        stored : dict
            May come from a stranger: nothing in it is trusted.

        Returns
        -------
        SpreadCalibration
            The same as the one that was stored.

        Raises
        ------
        ValueError
            If keys, lengths or values are not those of a calibration.
        """
        if not isinstance(stored, dict) or set(stored) not in (set(_CONSTANT), {*_CONSTANT, *_VARYING}):
            found = sorted(map(str, stored)) if isinstance(stored, dict) else type(stored).__name__
            raise ValueError(
                f"calibration: needs a dictionary with the keys {sorted(_CONSTANT)}, and for factors that vary also "
                f"{sorted(_VARYING)}; got {found}."
            )
        for name, values in stored.items():
            if values is None:
                raise ValueError(f"calibration: `{name}` must be a list of numbers, got null.")
        return cls(**stored)


_MOST_STARS = 2**53  # the integers that float64 holds without rounding
_CONSTANT = ("factor", "factor_err", "n_stars")
_VARYING = ("slope", "slope_err", "pivot", "lowest", "highest")
