"""Simulated images of galaxies: `simulate_galaxies`."""

import numbers
from dataclasses import dataclass

import numpy as np
from astropy.table import Column, Table

from astroNN.datasets.galaxies.labels import morphology_labels
from astroNN.datasets.galaxies.noise import observe
from astroNN.datasets.galaxies.population import PARAMETERS, THICKNESS, galaxy_parameters
from astroNN.datasets.galaxies.rendering import Profiles, Renderer
from astroNN.datasets.galaxies.survey import MOST_ELECTRONS, GalaxySurvey, as_survey

__all__ = ["SimulatedGalaxies", "simulate_galaxies"]

_USUAL_NUMBER = 1000


@dataclass(frozen=True)
class SimulatedGalaxies:
    """What `simulate_galaxies` returns.

    Attributes
    ----------
    images : float32 array, shape (n_galaxies, rows, columns, 1)
        Counts. Rows are counted upwards: draw them with ``origin="lower"``.
    labels : float32 array, shape (n_galaxies, 3)
        A single 1 a row, in the order disk, indeterminate, bulge; see `morphology_labels`.
    truth : astropy.table.Table
        The parameters of every galaxy: all that `simulate_galaxies` can be given, and ``counts`` (in all),
        ``disk_magnitude`` and ``bulge_magnitude`` (infinite without a disk or a bulge). Columns have units and
        descriptions.
    survey : GalaxySurvey
        The settings of the observation.
    """

    images: np.ndarray
    labels: np.ndarray
    truth: Table
    survey: GalaxySurvey

    def __len__(self):
        return len(self.images)


def simulate_galaxies(
    n_galaxies=None,
    survey="CANDELS",
    seed=0,
    noise=True,
    *,
    bulge_to_total=None,
    magnitude=None,
    disk_radius=None,
    bulge_radius=None,
    disk_axis_ratio=None,
    bulge_axis_ratio=None,
    disk_position_angle=None,
    bulge_position_angle=None,
    disk_index=None,
    bulge_index=None,
    x_offset=None,
    y_offset=None,
):
    """Simulate images of galaxies made of a bulge and a disk.

    Two elliptical Sersic profiles with a common centre, behind a PSF, integrated over pixels, with the noise of
    photons and of the detector. The flux is that of the profile out to infinity, of which an image holds what falls
    on it. There are no spiral arms, bars, dust, neighbours or defects, and the noise of neighbouring pixels is
    independent, which in drizzled images it is not.

    Parameters
    ----------
    n_galaxies : int, optional
        How many, by default as many as the longest array given has elements, or 1000. The first galaxies of a larger
        set with the same seed are those of a smaller one.
    survey : "SDSS", "CANDELS" or GalaxySurvey
        Shape of the images, PSF, noise, and ranges of magnitude and radii. "SDSS": 167 x 167 pixels, as in its g
        band; "CANDELS": 83 x 83, as in its H band.
    seed : int
        Same arguments and seed, same images.
    noise : bool
        False gives expected counts of the galaxies, without sky and noise.
    bulge_to_total : float or array, shape (n_galaxies,), optional
        Flux of the bulge over that of both; one number for all galaxies or one for each, as of all that follows.
        Default: drawn from 0 to 1.
    magnitude : float or array, optional
        Of both together, out to infinity. Default: drawn from the range of the survey.
    disk_radius, bulge_radius : float or array, optional
        Half-light radii along the major axis [pixels]. Default: their logarithms drawn from the ranges of the survey.
    disk_axis_ratio, bulge_axis_ratio : float or array, optional
        Minor over major axis, from 0.1 to 1. Default: disks have thickness 0.2 and are seen from all sides; bulges
        are drawn from 0.6 to 1.
    disk_position_angle, bulge_position_angle : float or array, optional
        Of the major axis, from up towards left [degrees]. Default: drawn from 0 to 180; of the bulge within 15 of
        that of the disk.
    disk_index, bulge_index : float or array, optional
        Sersic indices, from 0.3 to 8. Default: 1, an exponential disk; of bulges drawn from 3 to 5.
    x_offset, y_offset : float or array, optional
        Of the centre from the middle of the image, to the right and up [pixels]. Default: drawn from -0.5 to 0.5.

    Returns
    -------
    SimulatedGalaxies
        ``images``, ``labels`` (one-hot) and ``truth`` (a table).

    Raises
    ------
    ValueError
        For a survey that is not known, or a parameter of another shape or out of its range.
    TypeError
        If `noise` is not True or False.

    See Also
    --------
    GalaxySurvey : Other PSFs, noise and shapes.
    morphology_labels : Labels of galaxies whose bulge-to-total ratio is known.

    Notes
    -----
    All that is drawn is uniform in its range. The ranges are plausible, not measured; in particular, radii do not
    depend on magnitudes, nor bulges on disks. For other ranges of magnitude and radii give a survey with them; for
    other distributions, the numbers themselves.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112 (classes by the bulge-to-total ratio, and training on such images).

    Examples
    --------
    >>> galaxies = simulate_galaxies(5, survey="CANDELS", bulge_to_total=[0.0, 0.2, 0.5, 0.8, 1.0], seed=1)
    >>> galaxies.images.shape
    (5, 83, 83, 1)
    >>> galaxies.labels.argmax(axis=1)
    array([0, 0, 1, 2, 2])
    """
    given = dict(locals())
    given = {name: given[name] for name in PARAMETERS}
    if n_galaxies is None:
        n_galaxies = max((len(values) for values in given.values() if np.ndim(values) == 1), default=_USUAL_NUMBER)
    for name, value, least in (("n_galaxies", n_galaxies, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise ValueError(f"simulate_galaxies: `{name}` must be an integer of at least {least}, got {value!r}.")
    if not isinstance(noise, bool | np.bool_):
        raise TypeError(
            f"simulate_galaxies: `noise` must be True or False, got {noise!r}; see GalaxySurvey for more."
        )
    survey = as_survey(survey)
    truth = _truth(galaxy_parameters(n_galaxies, survey, given, seed), survey)

    components = [_profiles(truth, "disk"), _profiles(truth, "bulge")]
    thinnest = min(profiles.axis_ratio.min() for profiles in components)
    # One of two values, so that all sets of the usual galaxies are drawn in one and the same way.
    thinnest = THICKNESS if thinnest >= THICKNESS else PARAMETERS["disk_axis_ratio"].lowest
    render = Renderer(survey.shape, survey.point_spread, thinnest)
    images = render(components, truth["y_offset"].data, truth["x_offset"].data)
    if noise:
        observe(images, survey, seed)
    labels = morphology_labels(truth["bulge_to_total"].data)
    return SimulatedGalaxies(images[..., None], labels, truth, survey)


def _truth(parameters, survey):
    """Table of parameters, with what follows from them."""
    truth = Table()
    for name, values in parameters.items():
        truth[name] = _column(values, PARAMETERS[name].unit, PARAMETERS[name].meaning)
    counts = survey.counts(parameters["magnitude"])
    most = np.argmax(counts)
    if counts[most] * survey.gain > MOST_ELECTRONS:
        raise ValueError(
            f"simulate_galaxies: `magnitude` {parameters['magnitude'][most]:g} of galaxy {most} is too bright: at "
            f"the zero point {survey.zero_point:g} it is {counts[most]:.1e} counts."
        )
    share = parameters["bulge_to_total"]
    truth["counts"] = _column(counts, "ct", "of bulge and disk together, out to infinity")
    for name, part in (("disk", 1.0 - share), ("bulge", share)):
        magnitude = survey.magnitude_of(part * counts)
        truth[f"{name}_magnitude"] = _column(magnitude, "mag", f"of the {name}, out to infinity")
    return truth


def _column(values, unit, meaning):
    return Column(values, unit=unit or None, description=meaning, format=".3f")  # as it is printed


def _profiles(truth, name):
    share = truth["bulge_to_total"].data
    return Profiles(
        flux=truth["counts"].data * (share if name == "bulge" else 1.0 - share),
        index=truth[f"{name}_index"].data,
        radius=truth[f"{name}_radius"].data,
        axis_ratio=truth[f"{name}_axis_ratio"].data,
        position_angle=truth[f"{name}_position_angle"].data,
    )
