"""A simulated survey: `simulate_apogee`, the data that are always at hand."""

import numbers
from dataclasses import dataclass

import h5py
import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.datasets.simulator.atmosphere import ELEMENTS
from astroNN.datasets.simulator.grid import N_PIXELS, wavelength_grid
from astroNN.datasets.simulator.noise import BAD_RUN, SKY_SHIFT, add_noise
from astroNN.datasets.simulator.population import (
    LABEL_NAMES,
    NORMAL_DRAWS,
    UNIFORM_DRAWS,
    draw_stars,
    label_errors,
)
from astroNN.datasets.simulator.synthesis import RESOLUTION, spectra_from_labels
from astroNN.shared.files import atomic_file
from astroNN.shared.setting_checks import check_one_of

__all__ = ["DEFAULT_LABELS", "SimulatedSurvey", "simulate_apogee", "synthesize_giants"]

#: labels of a simulated catalogue, unless others are asked for
DEFAULT_LABELS = tuple(name for name in LABEL_NAMES if name not in ("M", "alpha"))
BLOCK = 256  # stars whose noise is drawn together
_LABEL_STREAM, _PIXEL_STREAM, _GAP_STREAM = 0, 1, 2  # a stream of random numbers for each purpose


@dataclass(frozen=True)
class SimulatedSurvey:
    """What `simulate_apogee` returns.

    Attributes
    ----------
    spectra, spectra_err : float32 arrays, shape (n_stars, 7514)
        Continuum-normalised flux and its error; bad pixels are 1 in both.
    mask : bool array, shape (n_stars, 7514)
        True = bad pixel.
    labels, labels_err : float32 arrays, shape (n_stars, n_labels)
        Catalogue labels with their errors in them, and the size of these errors; -9999 in both where missing.
    labels_true : float32 array, shape (n_stars, n_labels)
        The labels that the spectra were made with.
    label_names : tuple of str
        Of the columns of the labels.
    snr : float32 array, shape (n_stars,)
        Signal-to-noise ratio per pixel.
    wavelength : float64 array, shape (7514,)
        Vacuum [Angstrom].
    """

    spectra: np.ndarray
    spectra_err: np.ndarray
    mask: np.ndarray
    labels: np.ndarray
    labels_err: np.ndarray
    labels_true: np.ndarray
    label_names: tuple
    snr: np.ndarray
    wavelength: np.ndarray

    def __len__(self):
        return len(self.spectra)

    def label(self, name, kind="labels"):
        """One column of `labels`, `labels_err` or `labels_true`.

        Parameters
        ----------
        name : str
            One of `label_names`.
        kind : {"labels", "labels_err", "labels_true"}
            Which of the arrays. Default: "labels".

        Returns
        -------
        float32 array, shape (n_stars,)
            A view, in the unit of the label.

        Raises
        ------
        KeyError
            If there is no such label.
        ConfigurationError
            If `kind` is another.
        """
        check_one_of("kind", kind, ("labels", "labels_err", "labels_true"))
        if name not in self.label_names:
            raise KeyError(f"There is no label {name!r} in this survey; it has {', '.join(self.label_names)}.")
        return getattr(self, kind)[:, self.label_names.index(name)]

    def to_h5(self, path):
        """Write the survey to an HDF5 file that `H5Loader` reads.

        Parameters
        ----------
        path : str or Path
            An existing file is replaced, by the finished new one.
        """
        with atomic_file(path) as temporary, h5py.File(temporary, "w") as f:
            for name in ("spectra", "spectra_err", "mask"):
                data = getattr(self, name)
                rows = max(1, min(64, len(self)))
                f.create_dataset(name, data=data, chunks=(rows, N_PIXELS), compression="gzip", compression_opts=1)
            for name in self.label_names:
                f[name] = self.label(name)
                f[name + "_err"] = self.label(name, "labels_err")
                f[name + "_true"] = self.label(name, "labels_true")
            f["SNR"] = self.snr
            f["in_flag"] = np.zeros(len(self), np.uint8)  # all are combined spectra
            f["wavelength"] = self.wavelength
            f.attrs["label_names"] = list(self.label_names)
            f.attrs["missing_value"] = MAGIC_NUMBER
            f.attrs["description"] = "simulated APOGEE red giants (astroNN.datasets.simulate_apogee)"


def simulate_apogee(
    n_stars=1000,
    labels=DEFAULT_LABELS,
    snr=(50.0, 300.0),
    missing=0.1,
    bad_pixels=0.05,
    label_noise=1.0,
    seed=0,
    abundances=None,
):
    """Simulate APOGEE spectra of red giants with their catalogue labels.

    A compact physical model: one atmospheric layer with Saha and dissociation equilibrium, H- opacity, some
    300 atomic lines, Brackett lines, computed line lists of CO, OH and CN, a curve of growth, the
    instrument's resolution. Made for teaching and testing. It is **not** a synthesis code: no model
    atmosphere, no non-LTE, rounded line data tuned to one mean spectrum. Do not measure stars with it.

    Parameters
    ----------
    n_stars : int
        How many; the first stars of a larger survey with the same seed are those of a smaller one.
    labels : sequence of str
        Which labels the catalogue holds, in this order: "teff" [K], "logg" [log10 cm/s2], "M" ([M/H], equal to
        [Fe/H] here), "alpha" ([alpha/M]), and [X/H] as "C", "N", "O", "Na", "Mg", "Al", "Si", "P", "S", "K", "Ca",
        "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu". Default: all but "M" and "alpha". The spectra don't
        depend on this choice.
    snr : float or (float, float)
        Signal-to-noise ratio per pixel of all stars, or a range in which its logarithm is uniform.
    missing : float
        Fraction of the catalogue labels that is missing, in [0, 1).
    bad_pixels : float
        Fraction of bad pixels, in [0, 1).
    label_noise : float
        Scales the errors of the labels; 0 gives exact labels with zero errors.
    seed : int
        Same arguments and seed, same arrays.
    abundances : callable, optional
        Gives stars other abundances than those of the disc: called with a dictionary of all labels, each an array of
        shape (n_stars,), it returns a dictionary of the [X/H] that take their place, by the symbols of the elements.
        "M" follows "Fe"; "alpha" and all else stays as it was.

    Returns
    -------
    SimulatedSurvey
        Spectra and labels with their errors, mask, and the true labels.

    Raises
    ------
    ValueError
        For an unknown label, or a number outside its range; for abundances of an unknown element, of another shape or
        not finite.

    See Also
    --------
    synthesize_giants : Noiseless spectra of chosen labels.
    line_identifications : Which element makes which line.

    Examples
    --------
    >>> survey = simulate_apogee(20, labels=("teff", "logg", "Fe"), seed=1)
    >>> survey.spectra.shape, survey.labels.shape
    ((20, 7514), (20, 3))

    Stars whose aluminium follows their magnesium:

    >>> bound = simulate_apogee(20, seed=1, abundances=lambda stars: {"Al": stars["Mg"] + 0.1})
    >>> bool(np.allclose(bound.label("Al", "labels_true") - bound.label("Mg", "labels_true"), 0.1, atol=1e-5))
    True
    """
    labels, snr_range = _checked(n_stars, labels, snr, missing, bad_pixels, label_noise, seed)
    rng = [np.random.default_rng([seed, _LABEL_STREAM, star]) for star in range(n_stars)]
    uniform = np.stack([r.random(UNIFORM_DRAWS + 2) for r in rng])
    normal = np.stack([r.standard_normal(NORMAL_DRAWS) for r in rng])
    stars = _with_abundances(draw_stars(uniform[:, :UNIFORM_DRAWS], normal), abundances)
    star_snr = np.exp(np.interp(uniform[:, -2], [0.0, 1.0], np.log(snr_range)))
    shift = np.floor(uniform[:, -1] * (2 * SKY_SHIFT + 1)).astype(int) - SKY_SHIFT

    spectra = spectra_from_labels(stars["teff"], stars["logg"], {el: stars[el] for el in ELEMENTS})
    spectra_err, mask = np.empty_like(spectra), np.empty(spectra.shape, bool)
    for start in range(0, n_stars, BLOCK):
        block = slice(start, min(start + BLOCK, n_stars))
        rng = [np.random.default_rng([seed, _PIXEL_STREAM, star]) for star in range(block.start, block.stop)]
        pixel_normal = np.stack([r.standard_normal(N_PIXELS, dtype=np.float32) for r in rng])
        pixel_bad = np.stack([r.random(N_PIXELS + BAD_RUN - 1, dtype=np.float32) for r in rng])
        arrays = add_noise(spectra[block], star_snr[block], shift[block], pixel_normal, pixel_bad, bad_pixels)
        spectra[block], spectra_err[block], mask[block] = arrays

    truth = np.stack([stars[name] for name in labels], axis=1)
    errors = label_noise * label_errors(labels, stars, star_snr)
    observed, errors = _catalogue(labels, truth, errors, missing, seed)
    return SimulatedSurvey(
        spectra=spectra,
        spectra_err=spectra_err,
        mask=mask,
        labels=observed.astype(np.float32),
        labels_err=errors.astype(np.float32),
        labels_true=truth.astype(np.float32),
        label_names=labels,
        snr=star_snr.astype(np.float32),
        wavelength=wavelength_grid(),
    )


def synthesize_giants(teff, logg, Fe=0.0, resolution=RESOLUTION, **abundances):
    """Noiseless spectra of chosen red giants.

    Parameters
    ----------
    teff, logg : float or array
        [K] and log10 [cm/s2]; broadcast with the abundances. Sensible for 3,500 to 5,500 K and 0 to 4.
    Fe : float or array
        [Fe/H].
    resolution : float
        Wavelength over the full width at half maximum of the line spread function; APOGEE: 22,500.
    **abundances : float or array
        [X/H] of other elements by their symbols; [Fe/H] where not given.

    Returns
    -------
    float32 array, shape (n, 7514)
        Flux over the continuum, without noise.

    Raises
    ------
    ValueError
        For an unknown element, or values that are not finite.

    Examples
    --------
    >>> synthesize_giants(4500.0, 2.0, Mg=[-0.3, 0.0, 0.3]).shape
    (3, 7514)
    """
    unknown = sorted(set(abundances) - set(ELEMENTS))
    if unknown:
        raise ValueError(f"synthesize_giants: unknown elements {unknown}; there are {', '.join(ELEMENTS)}.")
    abundances = {el: abundances.get(el, Fe) for el in ELEMENTS} | {"Fe": Fe}
    values = np.broadcast_arrays(teff, logg, *abundances.values())
    values = [np.atleast_1d(np.asarray(value, dtype=np.float64)) for value in values]
    if not all(np.isfinite(value).all() for value in values):
        raise ValueError("synthesize_giants: `teff`, `logg` and abundances must be finite numbers.")
    return spectra_from_labels(values[0], values[1], dict(zip(abundances, values[2:], strict=True)), resolution)


def _with_abundances(stars, abundances):
    """The stars, some of their abundances replaced; the function of the user gets copies."""
    if abundances is None:
        return stars
    if not callable(abundances):
        raise TypeError(
            f"simulate_apogee: `abundances` must be a function of a dictionary of labels, got {abundances!r}."
        )
    chosen = abundances({name: values.copy() for name, values in stars.items()})
    if not isinstance(chosen, dict):
        raise TypeError(f"simulate_apogee: `abundances` must return a dictionary, got {type(chosen).__name__}.")
    unknown = sorted(set(chosen) - set(ELEMENTS), key=str)
    if unknown:
        raise ValueError(f"simulate_apogee: `abundances` returned {unknown}; the elements are {', '.join(ELEMENTS)}.")
    for el, values in chosen.items():
        values = np.asarray(values, dtype=np.float64)
        if values.shape not in ((), stars[el].shape) or not np.isfinite(values).all():
            raise ValueError(
                f"simulate_apogee: `abundances` must return finite [{el}/H], one a star ({len(stars[el])}) or one "
                f"all, got shape {values.shape}."
            )
        stars[el] = np.broadcast_to(values, stars[el].shape).copy()
    stars["M"] = stars["Fe"]
    return stars


def _catalogue(names, truth, errors, missing, seed):
    """Labels with errors and gaps. The random numbers of a label don't depend on the other labels chosen."""
    observed, errors = truth.copy(), errors.copy()
    columns = [LABEL_NAMES.index(name) for name in names]
    for star in range(len(truth)):
        rng = np.random.default_rng([seed, _GAP_STREAM, star])
        noise, gap = rng.standard_normal(len(LABEL_NAMES)), rng.random(len(LABEL_NAMES))
        observed[star] += errors[star] * noise[columns]
        gone = gap[columns] < missing
        observed[star, gone], errors[star, gone] = MAGIC_NUMBER, MAGIC_NUMBER
    return observed, errors


def _checked(n_stars, labels, snr, missing, bad_pixels, label_noise, seed):
    """Arguments of `simulate_apogee`, in the form it uses."""
    for name, value, least in (("n_stars", n_stars, 1), ("seed", seed, 0)):
        if not isinstance(value, numbers.Integral) or value < least:
            raise ValueError(f"simulate_apogee: `{name}` must be an integer of at least {least}, got {value!r}.")
    labels = (labels,) if isinstance(labels, str) else tuple(labels)
    unknown = [name for name in labels if name not in LABEL_NAMES]
    if unknown or not labels or len(set(labels)) < len(labels):
        raise ValueError(
            f"simulate_apogee: `labels` must be some of {', '.join(LABEL_NAMES)}, each once; got {labels!r}."
        )
    snr_range = (snr, snr) if np.isscalar(snr) else tuple(snr)
    if len(snr_range) != 2 or not 0 < snr_range[0] <= snr_range[1] < np.inf:
        raise ValueError(f"simulate_apogee: `snr` must be positive, or a pair (lowest, highest); got {snr!r}.")
    for name, value in (("missing", missing), ("bad_pixels", bad_pixels)):
        if not 0 <= value < 1:
            raise ValueError(f"simulate_apogee: `{name}` is a fraction, 0 <= {name} < 1; got {value!r}.")
    if not 0 <= label_noise < np.inf:
        raise ValueError(f"simulate_apogee: `label_noise` must be 0 or positive; got {label_noise!r}.")
    return labels, snr_range
