"""How a survey sees galaxies: its pixels, its PSF, its noise, and the galaxies it is pointed at."""

from dataclasses import dataclass, replace

import numpy as np

from astroNN.datasets.galaxies.psf import GaussianPsf, ImagePsf, MoffatPsf

__all__ = ["GALAXY_SURVEYS", "MOST_ELECTRONS", "GalaxySurvey", "as_survey"]

#: in a pixel, of which numpy can draw random numbers of Poisson's distribution
MOST_ELECTRONS = 1e18

_NARROWEST_PSF = 1.0  # pixel


@dataclass(frozen=True, eq=False)  # arrays have no single answer to whether they are equal
class GalaxySurvey:
    """Settings of an observation, and the ranges from which galaxies are drawn.

    Those of "SDSS" and "CANDELS" are in `GALAXY_SURVEYS`; `replace` makes others from them.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of an image.
    psf : float or array, shape (rows, columns)
        Full width at half maximum of the point spread function [pixels], at least 1; or an image of a star in the
        middle of the array, of any flux, without background. It holds the smear of a pixel, as images of stars do.
    zero_point : float
        Magnitude of a source of one count.
    sky : float
        Counts of the sky in a pixel.
    gain : float
        Electrons per count.
    read_noise : float
        Standard deviation of the noise that does not come from light [electrons in a pixel].
    magnitude, disk_radius, bulge_radius : (float, float)
        Ranges from which `simulate_galaxies` draws: total magnitude; half-light radii along the major axis [pixels].
    moffat_beta : float, optional
        Exponent of a Moffat profile of the width `psf`, above 1; 2.5 to 4 for the atmosphere. Default: a Gaussian.
    psf_oversampling : int
        Points a pixel of an image of the PSF, along each axis. Default 1.
    sky_subtracted : bool
        Whether the mean of the sky is taken off the images; its noise stays. Default True.

    Raises
    ------
    TypeError
        If a setting is not of the kind above.
    ValueError
        If it is out of its range.

    Examples
    --------
    A night of worse seeing:

    >>> blurred = GALAXY_SURVEYS["SDSS"].replace(psf=5.0)
    >>> blurred.shape, blurred.psf
    ((167, 167), 5.0)
    """

    shape: tuple
    psf: float | np.ndarray
    zero_point: float
    sky: float
    gain: float
    read_noise: float
    magnitude: tuple
    disk_radius: tuple
    bulge_radius: tuple
    moffat_beta: float | None = None
    psf_oversampling: int = 1
    sky_subtracted: bool = True

    def __post_init__(self):
        object.__setattr__(self, "shape", _shape(self.shape))
        _check_psf(self)
        if np.ndim(self.psf) == 2:
            image = np.array(self.psf, dtype=np.float64)
            image.setflags(write=False)
            object.__setattr__(self, "psf", image)
        for name, lowest in (("zero_point", -np.inf), ("sky", 0.0), ("gain", 0.0), ("read_noise", 0.0)):
            value = _number(name, getattr(self, name))
            if value < lowest or (name == "gain" and value == 0):
                wanted = "positive" if name == "gain" else "0 or positive"
                raise ValueError(f"GalaxySurvey: `{name}` must be {wanted}, got {value!r}.")
        if self.sky * self.gain > MOST_ELECTRONS:
            raise ValueError(
                f"GalaxySurvey: `sky` {self.sky:g} with `gain` {self.gain:g} is {self.sky * self.gain:.1e} electrons "
                f"in a pixel, of which noise can't be drawn: at most {MOST_ELECTRONS:.0e}."
            )
        for name in ("magnitude", "disk_radius", "bulge_radius"):
            object.__setattr__(self, name, _range(name, getattr(self, name), positive=name != "magnitude"))
        if not isinstance(self.sky_subtracted, bool | np.bool_):
            raise TypeError(f"GalaxySurvey: `sky_subtracted` must be True or False, got {self.sky_subtracted!r}.")

    def replace(self, **changes):
        """A survey with other settings; those that are not named stay.

        Parameters
        ----------
        **changes
            Settings by their names.

        Returns
        -------
        GalaxySurvey
            A new one.

        Raises
        ------
        TypeError
            If there is no setting of a name.
        ValueError
            If a value is out of its range.
        """
        unknown = sorted(set(changes) - set(self.__dataclass_fields__))
        if unknown:
            raise TypeError(
                f"GalaxySurvey has no setting {', '.join(unknown)}; it has {', '.join(self.__dataclass_fields__)}."
            )
        return replace(self, **changes)

    def counts(self, magnitude):
        """Counts of a source of a magnitude: 1 at `zero_point`.

        Parameters
        ----------
        magnitude : float or array_like
            Of the whole source.

        Returns
        -------
        float or float64 array, shape of `magnitude`
            Counts of the whole source.
        """
        return 10.0 ** (0.4 * (self.zero_point - np.asarray(magnitude, dtype=np.float64)))

    def magnitude_of(self, counts):
        """Magnitude of a source of so many counts; infinite of 0.

        Parameters
        ----------
        counts : float or array
            Counts of the whole source.

        Returns
        -------
        float or float64 array, shape of `counts`
            Magnitudes.
        """
        with np.errstate(divide="ignore"):
            return self.zero_point - 2.5 * np.log10(counts)

    @property
    def point_spread(self):
        """The PSF in the form that the drawing of images uses."""
        if np.ndim(self.psf) == 2:
            return ImagePsf(self.psf, int(self.psf_oversampling))
        if self.moffat_beta is None:
            return GaussianPsf(float(self.psf))
        return MoffatPsf(float(self.psf), float(self.moffat_beta))


def as_survey(survey):
    """The settings that a name stands for, or the settings given.

    Parameters
    ----------
    survey : str or GalaxySurvey
        A key of `GALAXY_SURVEYS`, or settings of one's own.

    Returns
    -------
    GalaxySurvey
        The settings themselves.

    Raises
    ------
    ValueError
        For any other name or thing.
    """
    if isinstance(survey, GalaxySurvey):
        return survey
    if isinstance(survey, str) and survey in GALAXY_SURVEYS:
        return GALAXY_SURVEYS[survey]
    raise ValueError(
        f"simulate_galaxies: `survey` must be one of {', '.join(map(repr, GALAXY_SURVEYS))}, or a GalaxySurvey with "
        f"settings of your own; got {survey!r}."
    )


def _shape(shape):
    sizes = tuple(np.atleast_1d(np.asarray(shape, dtype=object)))
    if len(sizes) != 2 or not all(isinstance(n, int | np.integer) and n >= 1 for n in sizes):
        raise ValueError(f"GalaxySurvey: `shape` must be two integers (rows, columns) of at least 1, got {shape!r}.")
    return int(sizes[0]), int(sizes[1])


def _check_psf(survey):
    oversampling, beta = survey.psf_oversampling, survey.moffat_beta
    if not isinstance(oversampling, int | np.integer) or isinstance(oversampling, bool) or oversampling < 1:
        raise ValueError(f"GalaxySurvey: `psf_oversampling` must be an integer of at least 1, got {oversampling!r}.")
    if beta is not None and _number("moffat_beta", beta) <= 1:
        raise ValueError(f"GalaxySurvey: `moffat_beta` must be above 1, or the PSF has no finite flux; got {beta!r}.")
    if np.ndim(survey.psf) == 0:
        if _number("psf", survey.psf) < _NARROWEST_PSF:
            raise ValueError(
                f"GalaxySurvey: `psf` is a full width at half maximum in pixels, at least {_NARROWEST_PSF:g}, got "
                f"{survey.psf!r}. A width in arcsec must be divided by the size of a pixel."
            )
        if oversampling > 1:
            raise ValueError("GalaxySurvey: `psf_oversampling` is for images of the PSF, but `psf` is a width.")
        return
    image = np.asarray(survey.psf)
    if image.ndim != 2 or image.dtype.kind not in "buif":
        raise ValueError(
            f"GalaxySurvey: an image as `psf` must be numbers of shape (rows, columns), got shape {image.shape} of "
            f"{image.dtype}."
        )
    if beta is not None:
        raise ValueError("GalaxySurvey: `moffat_beta` is for a `psf` given by its width, but it is an image.")
    if not np.isfinite(image).all() or image.sum() <= 0:
        raise ValueError("GalaxySurvey: an image as `psf` must be finite everywhere, with a positive sum.")


def _number(name, value):
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise TypeError(f"GalaxySurvey: `{name}` must be a finite number, got {value!r}.")
    return float(value)


def _range(name, limits, positive):
    wrong = ValueError(
        f"GalaxySurvey: `{name}` must be a pair (lowest, highest) of finite{' positive' * positive} numbers, got "
        f"{limits!r}."
    )
    try:
        lowest, highest = (float(limit) for limit in limits)
    except (TypeError, ValueError):
        raise wrong from None
    if not -np.inf < lowest <= highest < np.inf or (positive and lowest <= 0):
        raise wrong
    return lowest, highest


# Rounded, typical values, which calibrate nothing. Counts of SDSS are those of its raw frames of 54 s (0.396 arcsec a
# pixel, seeing 1.4 arcsec); those of CANDELS are electrons per second on pixels of 0.06 arcsec, 3200 s in all, as in
# its wide fields. Radii are those of galaxies of 1 to 10 kpc at redshifts of about 0.05 and 1.
#: Settings by the names of surveys: g band of SDSS, F160W band of CANDELS
GALAXY_SURVEYS = {
    "SDSS": GalaxySurvey(
        shape=(167, 167),
        psf=3.5,
        moffat_beta=3.5,
        zero_point=28.5,
        sky=75.0,
        gain=4.0,
        read_noise=5.0,
        magnitude=(14.5, 17.5),
        disk_radius=(6.0, 20.0),
        bulge_radius=(2.0, 12.0),
    ),
    "CANDELS": GalaxySurvey(
        shape=(83, 83),
        psf=3.0,
        moffat_beta=3.0,
        zero_point=25.95,
        sky=0.15,
        gain=3200.0,
        read_noise=11.0,
        magnitude=(19.0, 22.5),
        disk_radius=(4.0, 12.0),
        bulge_radius=(1.0, 6.0),
    ),
}
