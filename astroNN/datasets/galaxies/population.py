"""The parameters of galaxies: which there are, what they may be, and how those that are not given are drawn.

Plausible ranges, chosen for this simulator: not those of a catalogue, and not those of the images that the published
networks were trained on.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["PARAMETERS", "Parameter", "galaxy_parameters"]

_STREAM = 0  # of random numbers; see `noise` for the other
THICKNESS = 0.2  # of a disk seen edge-on: its shortest over its longest axis
_RESERVED = 32  # random numbers a galaxy, so that parameters can be added without changing the others


@dataclass(frozen=True)
class Parameter:
    """What a parameter is: its limits, its unit and its meaning.

    Attributes
    ----------
    lowest, highest : float
        Limits; infinite where there is none.
    unit : str
        Empty for a pure number.
    meaning : str
        Description of the column of the table.
    """

    lowest: float
    highest: float
    unit: str
    meaning: str

    @property
    def allowed(self):
        """The limits in words."""
        if np.isinf(self.highest):
            return "finite numbers" if np.isinf(self.lowest) else f"finite and at least {self.lowest:g}"
        return f"from {self.lowest:g} to {self.highest:g}"


#: In the order of the random numbers: new ones come last
PARAMETERS = {
    "bulge_to_total": Parameter(0.0, 1.0, "", "flux of the bulge over that of bulge and disk"),
    "magnitude": Parameter(-np.inf, np.inf, "mag", "of bulge and disk together, out to infinity"),
    "disk_radius": Parameter(1e-3, np.inf, "pix", "half-light radius of the disk along its major axis"),
    "bulge_radius": Parameter(1e-3, np.inf, "pix", "half-light radius of the bulge along its major axis"),
    "disk_axis_ratio": Parameter(0.1, 1.0, "", "minor over major axis of the disk"),
    "bulge_axis_ratio": Parameter(0.1, 1.0, "", "minor over major axis of the bulge"),
    "disk_position_angle": Parameter(-np.inf, np.inf, "deg", "major axis of the disk, from up towards left"),
    "bulge_position_angle": Parameter(-np.inf, np.inf, "deg", "major axis of the bulge, from up towards left"),
    "disk_index": Parameter(0.3, 8.0, "", "Sersic index of the disk"),
    "bulge_index": Parameter(0.3, 8.0, "", "Sersic index of the bulge"),
    "x_offset": Parameter(-np.inf, np.inf, "pix", "of the centre from the middle of the image, to the right"),
    "y_offset": Parameter(-np.inf, np.inf, "pix", "of the centre from the middle of the image, upwards"),
}


def galaxy_parameters(n_galaxies, survey, given, seed):
    """Parameters of galaxies, drawn where they are not given.

    Parameters
    ----------
    n_galaxies : int
        How many.
    survey : GalaxySurvey
        Ranges of magnitudes and radii.
    given : dict
        Number or array of shape (n_galaxies,) by name of the parameter; None: to be drawn. A parameter drawn does not
        depend on the others given, but for the position angle of the bulge, which follows that of the disk.
    seed : int
        Same seed, same galaxies; the first of many are those of a few.

    Returns
    -------
    dict of float64 arrays, shape (n_galaxies,)
        All of `PARAMETERS`, in their order.
    """
    draws = np.random.default_rng([seed, _STREAM]).random((n_galaxies, _RESERVED)).T
    uniform = dict(zip(PARAMETERS, draws[: len(PARAMETERS)], strict=True))
    parameters = {}
    for name in PARAMETERS:
        if given[name] is None:
            parameters[name] = _drawn(name, uniform[name], survey, parameters)
        else:
            parameters[name] = _checked(name, given[name], n_galaxies, survey)
    return parameters


def _drawn(name, uniform, survey, earlier):
    match name:
        case "bulge_to_total":
            return uniform.copy()
        case "magnitude":
            return _between(survey.magnitude, uniform)
        case "disk_radius" | "bulge_radius":
            return np.exp(_between(np.log(getattr(survey, name)), uniform))
        case "disk_axis_ratio":  # a spheroid seen from all sides: the cosine of its inclination is uniform
            return np.hypot(uniform, THICKNESS * np.sqrt(1.0 - uniform**2))
        case "bulge_axis_ratio":
            return _between((0.6, 1.0), uniform)
        case "disk_position_angle":
            return 180.0 * uniform
        case "bulge_position_angle":
            return earlier["disk_position_angle"] + _between((-15.0, 15.0), uniform)
        case "disk_index":
            return np.ones_like(uniform)
        case "bulge_index":
            return _between((3.0, 5.0), uniform)
        case "x_offset" | "y_offset":
            return uniform - 0.5
    raise AssertionError(f"no distribution for {name}")


def _between(limits, uniform):
    return limits[0] + (limits[1] - limits[0]) * uniform


def _checked(name, value, n_galaxies, survey):
    array = np.asarray(value)
    if array.dtype.kind not in "buif" or array.shape not in ((), (n_galaxies,)):
        raise ValueError(
            f"simulate_galaxies: `{name}` must be a number, or an array of shape ({n_galaxies},) with one for each "
            f"galaxy; got shape {array.shape} of {array.dtype}."
        )
    array = np.array(np.broadcast_to(array, n_galaxies), dtype=np.float64)
    parameter = PARAMETERS[name]
    if name in ("x_offset", "y_offset"):
        half = 0.5 * survey.shape[name == "x_offset"]
        parameter = Parameter(-half, half, "", "")  # the middle of a galaxy is on its image
    wrong = np.flatnonzero(~(np.isfinite(array) & (array >= parameter.lowest) & (array <= parameter.highest)))
    if len(wrong):
        raise ValueError(
            f"simulate_galaxies: `{name}` must be {parameter.allowed}, got {array[wrong[0]]:g} for galaxy {wrong[0]}."
        )
    return array
