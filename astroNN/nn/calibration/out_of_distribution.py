"""Spectra unlike any that a network was trained on, found by their pixels."""

import numpy as np

from astroNN.nn.calibration._pixel_components import BLOCK_STARS, fit_pixel_model
from astroNN.nn.calibration._pixel_model_file import read_fitted, write_fitted
from astroNN.nn.calibration._spectra_blocks import SpectraBlocks
from astroNN.shared.errors import FolderError
from astroNN.shared.setting_checks import check_at_least

__all__ = ["OutOfDistribution"]

_PARTS = ("pixels", "blocks", "components")
_FEWEST_STARS = 200
_OF_HELD_BACK_FOR_SCALES = 0.3
_HIGH = 0.95  # quantile of a part that gets the value 1


class OutOfDistribution:
    r"""Score that tells spectra of the training's kind from others, with a false-alarm rate that holds.

    The training spectra are described by a mean, a few principal components and noise in every pixel. A star is far
    from them in one of three ways: its pixels scatter about the best combination of components by more than the noise
    (``pixels``), they depart from it together over blocks of neighbours (``blocks``; a wrong continuum, or a line
    that no training star has), or its combination is unusual (``components``). Each distance is measured in units of
    its own spread among stars of the training's kind, and the score is the largest.

    Parameters
    ----------
    n_components : int, optional
        Principal components, default 20: more than a network has labels, fewer than a tenth of the stars.
    held_back : float, optional
        Fraction of the stars that the components are not made from. Three tenths of them set the units of the
        distances, the others the threshold. Default 0.25.
    block : int, optional
        Pixels in a block, default 50.
    max_stars : int, optional
        Of more stars so many are drawn at random. Default 20,000.
    seed : int, optional
        Of the draws and the first guess of the components. Default 0; the same seed gives the same result.

    Attributes
    ----------
    with_errors : bool
        Whether it was fitted with errors of the pixels.
    n_pixels : int
        Pixels of a spectrum.
    calibration_scores : array, shape (n,)
        Scores of the held-back stars, ascending.

    Notes
    -----
    The threshold is the conformal one: of n held-back stars and one new star of the same kind, each is equally likely
    to have the highest score, so that the rate of false alarms is :math:`\alpha` at most, whatever the distribution
    of the scores, averaged over choices of the held-back stars; for one choice it scatters by
    :math:`\sqrt{\alpha (1 - \alpha) / n}`.

    Give the errors of the pixels, where there are some, to `fit` and to everything else: a noisy spectrum of the
    known kind is then no outlier. Without them, the noise of the training spectra is what counts as usual.

    The stars of the training must be of the survey's kind, too. Against simulated spectra any observed one is an
    outlier, as far as the simulation is wrong.

    References
    ----------
    Tipping & Bishop 1999, JRSS B 61, 611 (the model); Roweis 1998, NIPS 10, 626 (missing pixels); Bates et al. 2023,
    Ann. Statist. 51, 149, arXiv:2104.08279 (conformal p-values of outliers).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> line = np.exp(-0.5 * ((np.arange(100) - 50) / 4) ** 2)
    >>> def stars(n):
    ...     return 1 - rng.uniform(0.2, 0.6, (n, 1)) * line + rng.normal(0, 0.02, (n, 100))
    >>> known = OutOfDistribution(n_components=3).fit(stars(1000))
    >>> shifted = np.roll(stars(5), 10, axis=1)
    >>> known.is_outlier(shifted)
    array([ True,  True,  True,  True,  True])
    >>> bool(known.is_outlier(stars(1000)).mean() < 0.1)  # 0.05 is asked for
    True
    """

    def __init__(self, n_components=20, held_back=0.25, block=50, max_stars=20_000, seed=0):
        for name, value, least in (("n_components", n_components, 1), ("block", block, 1), ("seed", seed, 0)):
            check_at_least(f"OutOfDistribution: `{name}`", value, least)
        check_at_least("OutOfDistribution: `max_stars`", max_stars, _FEWEST_STARS)
        if isinstance(held_back, bool) or not isinstance(held_back, int | float) or not 0.1 <= held_back <= 0.9:
            raise ValueError(f"OutOfDistribution: `held_back` must be a fraction from 0.1 to 0.9, got {held_back!r}.")
        self.n_components, self.held_back, self.block = n_components, held_back, block
        self.max_stars, self.seed = max_stars, seed
        self.with_errors = self.calibration_scores = self._model = self._centre = self._width = None

    def fit(self, spectra, spectra_err=None, mask=None):
        """Learn what spectra of the training look like.

        Parameters
        ----------
        spectra : array, shape (n_stars, n_pixels)
            At least 200 stars, on one grid of wavelengths, normalised as for the network. NaN and the magic number
            mark missing pixels. Anything that gives rows by their numbers (an HDF5 data set, say) is read in blocks.
        spectra_err : array, shape of `spectra`, optional
            Standard deviations of the pixels; a pixel whose error is missing is missing.
        mask : array of bool, shape of `spectra`, optional
            True marks a bad pixel.

        Returns
        -------
        OutOfDistribution
            Itself.

        Raises
        ------
        ValueError
            If there are fewer than 200 stars, or too few for the components; if shapes differ, values are infinite,
            or errors negative.
        """
        blocks = SpectraBlocks(spectra, spectra_err, mask)
        training, for_scales, for_threshold = self._split(len(blocks), blocks.n_pixels)
        model = fit_pixel_model(blocks.read, training, self.n_components, self.block, self.seed)
        distances = _distances(model, blocks, for_scales)
        distances = distances[~np.isnan(distances).any(axis=1)]
        if not len(distances):
            raise ValueError("OutOfDistribution: no star has enough good pixels; look at `mask` and `spectra`.")
        centre = np.median(distances, axis=0)
        width = np.maximum(np.quantile(distances, _HIGH, axis=0) - centre, 1e-6)
        scores = _largest((_distances(model, blocks, for_threshold) - centre) / width)
        self._set(model, centre, width, np.sort(scores[~np.isnan(scores)]), blocks.has_errors)
        return self

    def score(self, spectra, spectra_err=None, mask=None):
        """How far spectra are from those of the training.

        Parameters
        ----------
        spectra, spectra_err, mask : array, shape (n_stars, n_pixels)
            As in `fit`; errors are needed if `fit` had them, and not allowed otherwise.

        Returns
        -------
        array, shape (n_stars,)
            0 for a usual star; 1 for one in twenty, by each of the three distances. NaN for a star with good pixels
            in less than a tenth of the grid.

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError
            For spectra that can't be used.
        """
        return _largest(self._parts(spectra, spectra_err, mask))

    def distances(self, spectra, spectra_err=None, mask=None):
        """The three distances of which the score is the largest, in its units: in what way spectra are unusual.

        Parameters
        ----------
        spectra, spectra_err, mask : array, shape (n_stars, n_pixels)
            As in `score`.

        Returns
        -------
        dict of arrays, shape (n_stars,)
            ``"pixels"``, ``"blocks"`` and ``"components"``.
        """
        return dict(zip(_PARTS, self._parts(spectra, spectra_err, mask).T, strict=True))

    def threshold(self, false_alarm=0.05):
        """Score that stars of the training's kind exceed no more often than asked.

        Parameters
        ----------
        false_alarm : float, optional
            Rate of false alarms, default 0.05.

        Returns
        -------
        float
            In the units of `score`.

        Raises
        ------
        ValueError
            If it is no rate, or so small that the held-back stars can't tell: below 1 / (their number + 1).
        """
        scores = self._fitted().calibration_scores
        is_number = isinstance(false_alarm, int | float | np.number) and not isinstance(false_alarm, bool)
        if not is_number or not 0 < false_alarm < 1:
            raise ValueError(f"OutOfDistribution: `false_alarm` must be between 0 and 1, got {false_alarm!r}.")
        # Less a rounding error: 0.95 * 20 must not become the 20th star.
        rank = int(np.ceil((len(scores) + 1) * (1 - false_alarm) - 1e-9))
        if rank > len(scores):
            raise ValueError(
                f"OutOfDistribution: {len(scores)} held-back stars can't set a threshold for `false_alarm` "
                f"{false_alarm:g}; the smallest is {1 / (len(scores) + 1):.2g}. Fit on more stars or raise "
                "`held_back`."
            )
        return float(scores[max(rank, 1) - 1])

    def p_value(self, score):
        """Probability of so high a score for a star of the training's kind.

        Parameters
        ----------
        score : array, shape (n_stars,)
            From `score`.

        Returns
        -------
        array, shape (n_stars,)
            At least 1 / (number of held-back stars + 1); NaN for a score that is NaN.
        """
        scores, score = self._fitted().calibration_scores, np.asarray(score, dtype=float)
        above = len(scores) - np.searchsorted(scores, score, side="left")
        return np.where(np.isnan(score), np.nan, (1 + above) / (len(scores) + 1))

    def is_outlier(self, spectra, spectra_err=None, mask=None, *, false_alarm=0.05):
        """Which spectra are not of the training's kind.

        Parameters
        ----------
        spectra, spectra_err, mask : array, shape (n_stars, n_pixels)
            As in `score`.
        false_alarm : float, optional
            Rate at which spectra of the training's kind are flagged, default 0.05.

        Returns
        -------
        array of bool, shape (n_stars,)
            True also for a star with too few good pixels to tell.
        """
        threshold = self.threshold(false_alarm)
        return ~(self.score(spectra, spectra_err, mask) <= threshold)

    def save(self, path):
        """Write what was fitted to a file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            An existing file is replaced. The arrays are stored in numpy's ``.npz`` format.
        """
        fitted = self._fitted()
        settings = {name: getattr(fitted, name) for name in _SETTINGS}
        write_fitted(
            path,
            fitted._model,
            fitted._centre,
            fitted._width,
            fitted.calibration_scores,
            fitted.with_errors,
            settings,
        )

    @classmethod
    def load(cls, path):
        """Read what `save` wrote; nothing in the file is executed.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        OutOfDistribution
            Fitted, with the same scores.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FolderError
            (a ValueError and an OSError) If the file is damaged, or holds something else.
        """
        model, centre, width, scores, with_errors, settings = read_fitted(path)
        try:
            read = cls(**settings)
        except ValueError as error:
            raise FolderError(f"{path} is damaged: {error}") from error
        read._set(model, centre, width, scores, with_errors)
        return read

    @property
    def n_pixels(self):
        """Number of pixels of a spectrum, once fitted."""
        return len(self._fitted()._model.mean)

    def _set(self, model, centre, width, scores, with_errors):
        self._model, self._centre, self._width = model, centre, width
        self.calibration_scores, self.with_errors = scores, with_errors

    def _fitted(self):
        if self._model is None:
            raise RuntimeError("OutOfDistribution: call `fit` on the training spectra first.")
        return self

    def _split(self, n_stars, n_pixels):
        """Rows for the components, the scales and the threshold, each ascending."""
        if n_stars < _FEWEST_STARS:
            raise ValueError(
                f"OutOfDistribution: `spectra` has {n_stars} stars; at least {_FEWEST_STARS} are needed to say "
                "what is usual."
            )
        chosen = np.random.default_rng(self.seed).permutation(n_stars)[: self.max_stars]
        n_held = round(self.held_back * len(chosen))
        most = min((len(chosen) - n_held) // 4, n_pixels // 2)
        if self.n_components > most:
            raise ValueError(
                f"OutOfDistribution: `n_components` can be {most} at most with {len(chosen) - n_held} stars to learn "
                f"from and {n_pixels} pixels, got {self.n_components}."
            )
        n_scales = round(_OF_HELD_BACK_FOR_SCALES * n_held)
        return [np.sort(rows) for rows in np.split(chosen, [len(chosen) - n_held, len(chosen) - n_held + n_scales])][
            :3
        ]

    def _parts(self, spectra, spectra_err, mask):
        self._fitted()
        blocks = SpectraBlocks(spectra, spectra_err, mask)
        if blocks.n_pixels != self.n_pixels:
            raise ValueError(
                f"OutOfDistribution: `spectra` has {blocks.n_pixels} pixels, but it was fitted on {self.n_pixels}."
            )
        if blocks.has_errors != self.with_errors:
            raise ValueError(
                "OutOfDistribution: it was fitted with errors of the pixels: give `spectra_err`."
                if self.with_errors
                else "OutOfDistribution: it was fitted without errors of the pixels and can't use `spectra_err`; fit "
                "it anew with them."
            )
        return (_distances(self._model, blocks, np.arange(len(blocks))) - self._centre) / self._width


_SETTINGS = ("n_components", "held_back", "block", "max_stars", "seed")


def _distances(model, blocks, rows):
    starts = range(0, len(rows), BLOCK_STARS)
    parts = [model.distances(*blocks.read(rows[start : start + BLOCK_STARS])) for start in starts]
    return np.concatenate(parts)


def _largest(distances):
    """NaN where they are."""
    return distances.max(axis=1)
