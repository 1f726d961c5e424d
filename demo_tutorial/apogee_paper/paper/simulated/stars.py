"""The stars of the simulated archive: true labels, labels of the catalogue, noise, visits, fields, clusters."""

from dataclasses import dataclass, field

import numpy as np
from astropy.coordinates import SkyCoord

from astroNN.config import MAGIC_NUMBER
from astroNN.datasets.simulator import DEFAULT_LABELS, simulate_apogee

__all__ = ["ALL_LABELS", "CLUSTERS", "Cluster", "SimulatedStars", "simulated_stars"]

ALL_LABELS = ("M", "alpha", *DEFAULT_LABELS)
ELEMENTS = tuple(name for name in DEFAULT_LABELS if name not in ("teff", "logg"))

#: part of the field stars that is bright, and the signal to noise ratios of bright and faint stars
BRIGHT, BRIGHT_SNR, FAINT_SNR = 0.75, (205.0, 600.0), (30.0, 190.0)
MAX_VISITS = 3
#: parts of the labels that the catalogue lacks, and that have a wrong value and a flag which says so
MISSING, WRONG = 0.08, 0.05
MISSING_PARAMETER = 0.01  # Teff, log g, metallicities, which the survey nearly always has


@dataclass(frozen=True)
class Cluster:
    """A cluster: one [Fe/H] for all members."""

    name: str
    fe_h: float
    #: largest fraction of magnesium lost [dex]; twice as much aluminium is gained, as in globular clusters
    burnt: float
    location: int
    centre: tuple


#: made-up clusters, named so that nobody takes them for real ones
CLUSTERS = (
    Cluster("SimOC1", 0.20, 0.0, 4901, (150.0, 32.0)),
    Cluster("SimOC2", -0.05, 0.0, 4902, (95.0, 21.0)),
    Cluster("SimGC1", -1.05, 0.2, 4903, (210.0, 12.0)),
    Cluster("SimGC2", -1.50, 0.3, 4904, (255.0, 40.0)),
)
# Location, name of the field, its middle [degrees].
FIELDS = ((4424, "090+04", (290.0, 45.0)), (4425, "105-10", (340.0, 50.0)), (4426, "180+60", (175.0, 45.0)),
          (4427, "010+08", (262.0, -17.0)))  # fmt: skip


@dataclass
class SimulatedStars:
    """Stars, one a row; a star observed in two fields has two rows.

    Attributes
    ----------
    true, label, label_err : dict of arrays
        By the names in `ALL_LABELS`: exact labels, those of the survey with their errors in them, and the size of
        these errors; -9999 where missing.
    wrong : dict of bool arrays
        Where the survey's label is badly off, and flagged.
    snr : array
        Of the combined spectrum.
    err_shape : array, shape (n, 7514)
        Error of the normalised flux times `snr`.
    columns : dict of arrays
        Identifiers, places and the other columns of allStar that are no labels.
    cluster : array of str
        Name of the cluster, or an empty text.
    """

    true: dict
    label: dict
    label_err: dict
    snr: np.ndarray
    err_shape: np.ndarray
    cluster: np.ndarray
    wrong: dict = field(default_factory=dict)
    columns: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.snr)

    def take(self, rows):
        """Some of the rows, in this order."""
        parts = {name: {key: column[rows] for key, column in getattr(self, name).items()}
                 for name in ("true", "label", "label_err", "wrong", "columns")}  # fmt: skip
        return SimulatedStars(snr=self.snr[rows], err_shape=self.err_shape[rows], cluster=self.cluster[rows], **parts)


def simulated_stars(n_field, n_members, seed):
    """Stars of the field and members of clusters.

    Parameters
    ----------
    n_field : int
        Stars of the field; some are observed twice, in different fields.
    n_members : int
        Members of each cluster.
    seed : int

    Returns
    -------
    SimulatedStars
    """
    rng = np.random.default_rng([seed, 1])
    seeds = [int(number) for number in rng.integers(2**31, size=3)]
    n_bright = round(BRIGHT * n_field)
    parts = [_drawn(n_bright, BRIGHT_SNR, seeds[0]), _drawn(n_field - n_bright, FAINT_SNR, seeds[1])]
    pool = _drawn(150 * n_members, (100.0, 400.0), seeds[2])
    parts += [_members(pool, cluster, n_members, rng) for cluster in CLUSTERS]
    stars = _joined(parts)
    _spoil_labels(stars, rng)
    _add_places(stars, rng)
    _add_quality(stars, rng)
    twice = rng.choice(n_field, max(1, n_field // 100), replace=False)
    stars = stars.take(np.concatenate([np.arange(len(stars)), twice]))
    again = slice(len(stars) - len(twice), None)
    _place(
        stars, again, [(FIELDS[0], FIELDS[1])[k] for k in (stars.columns["LOCATION_ID"][again] == FIELDS[0][0]) * 1]
    )
    return stars


def _drawn(n_stars, snr, seed):
    survey = simulate_apogee(n_stars, labels=ALL_LABELS, snr=snr, bad_pixels=0.0, missing=0.0, seed=seed)
    columns = {kind: {name: survey.label(name, kind).astype("float64") for name in ALL_LABELS}
               for kind in ("labels", "labels_err", "labels_true")}  # fmt: skip
    return SimulatedStars(
        true=columns["labels_true"],
        label=columns["labels"],
        label_err=columns["labels_err"],
        snr=survey.snr.astype("float64"),
        err_shape=survey.spectra_err * survey.snr[:, None],
        cluster=np.full(n_stars, "", "U8"),
    )


def _members(pool, cluster, n_members, rng):
    """Stars of the pool with nearly the cluster's [Fe/H], given its [Fe/H] and one chemistry.

    Their temperatures and gravities are therefore those of giants of that metallicity.
    """
    nearest = np.argsort(np.abs(pool.true["Fe"] - cluster.fe_h))[: 2 * n_members]
    stars = pool.take(np.sort(rng.choice(nearest, n_members, replace=False)))
    errors = {name: stars.label[name] - stars.true[name] for name in ALL_LABELS}
    iron = stars.true["Fe"].copy()
    for name in ELEMENTS:
        ratio = stars.true[name] - iron
        # Mixing on the giant branch changes carbon and nitrogen from star to star; all else is the same in all.
        stars.true[name] = cluster.fe_h + (ratio if name in ("C", "N") else np.full(n_members, np.median(ratio)))
    stars.true["M"], stars.true["alpha"] = stars.true["Fe"].copy(), np.full(n_members, np.median(stars.true["alpha"]))
    burnt = rng.uniform(0.0, cluster.burnt, n_members)
    stars.true["Mg"], stars.true["Al"] = stars.true["Mg"] - burnt, stars.true["Al"] + 2.0 * burnt
    for name in ALL_LABELS:
        stars.label[name] = stars.true[name] + errors[name]
    stars.cluster[:] = cluster.name
    return stars


def _joined(parts):
    """Rows of all parts, one below the other."""
    dicts = {name: {key: np.concatenate([getattr(part, name)[key] for part in parts]) for key in ALL_LABELS}
             for name in ("true", "label", "label_err")}  # fmt: skip
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in ("snr", "err_shape", "cluster")
    }
    return SimulatedStars(**dicts, **arrays)


def _spoil_labels(stars, rng):
    """Some labels go missing, others are wrong by 20 of their errors: who ignores the flags learns nonsense."""
    for name in ALL_LABELS:
        is_element = name in ELEMENTS and name != "Fe"
        gone = rng.random(len(stars)) < (MISSING if is_element else MISSING_PARAMETER)
        stars.wrong[name] = ~gone & (rng.random(len(stars)) < (WRONG if is_element else MISSING_PARAMETER))
        off = rng.choice([-20.0, 20.0], len(stars)) * stars.label_err[name]
        label = stars.label[name] + np.where(stars.wrong[name], off, 0.0)
        stars.label[name] = np.where(gone, MAGIC_NUMBER, label)
        stars.label_err[name] = np.where(gone, MAGIC_NUMBER, stars.label_err[name])


def _add_places(stars, rng):
    n = len(stars)
    stars.columns |= {"LOCATION_ID": np.zeros(n, "i4"), "FIELD": np.zeros(n, "S16")}
    chosen = rng.integers(len(FIELDS), size=n)
    _place(stars, slice(None), [FIELDS[k] for k in chosen])
    centres = np.array([FIELDS[k][2] for k in chosen])
    for cluster in CLUSTERS:
        rows = np.flatnonzero(stars.cluster == cluster.name)
        _place(stars, rows, [(cluster.location, cluster.name, cluster.centre)] * len(rows))
        centres[rows] = cluster.centre
    reach = np.where(stars.cluster == "", 1.4, 0.2)[:, None]
    offset = rng.uniform(-1.0, 1.0, (n, 2)) * reach
    stars.columns["DEC"] = centres[:, 1] + offset[:, 1]
    stars.columns["RA"] = centres[:, 0] + offset[:, 0] / np.cos(np.radians(stars.columns["DEC"]))
    stars.columns["APOGEE_ID"] = _identifiers(stars.columns["RA"], stars.columns["DEC"])


def _place(stars, rows, fields):
    stars.columns["LOCATION_ID"][rows] = [location for location, *_ in fields]
    stars.columns["FIELD"][rows] = [name.encode() for _, name, _ in fields]


def _identifiers(ra, dec):
    """Names as those of 2MASS, from the coordinates: 2M, hours, minutes, seconds, then degrees."""
    places = SkyCoord(ra, dec, unit="deg")
    hours = places.ra.to_string("hour", sep="", precision=2, pad=True)
    degrees = places.dec.to_string("deg", sep="", precision=1, pad=True, alwayssign=True)
    names = np.array([f"2M{h}{d}".replace(".", "") for h, d in zip(hours, degrees, strict=True)], "S18")
    if len(np.unique(names)) < len(names):
        raise SystemExit("Two simulated stars have the same place on the sky; take another --seed.")
    return names


def _add_quality(stars, rng):
    """Magnitudes, visits, velocities, and flags, as often as in the survey or so; members of clusters have none."""
    n, field_star = len(stars), stars.cluster == ""
    h = (13.0 - 2.5 * np.log10(stars.snr / 100.0) + rng.normal(0.0, 0.3, n)).astype("f4")
    binary = field_star & (rng.random(n) < 0.05)
    starflag = np.where(field_star & (rng.random(n) < 0.05), rng.choice([1 << 3, 1 << 9, 1 << 17], n), 0)
    aspcapflag = np.where(field_star & (rng.random(n) < 0.05), rng.choice([1 << 8, 1 << 23], n), 0)
    stars.columns |= {
        "TELESCOPE": np.full(n, b"apo25m", "S8"),
        "J": h + np.float32(0.7),
        "H": h,
        "K": h - np.float32(0.15),
        "AK_TARG": rng.uniform(0.0, 0.4, n).astype("f4"),
        "SNR": stars.snr.astype("f4"),
        "NVISITS": rng.integers(1, MAX_VISITS + 1, n).astype("i4"),
        "VSCATTER": np.where(binary, rng.uniform(1.5, 20.0, n), rng.exponential(0.07, n)).astype("f4"),
        "STARFLAG": starflag.astype("i4"),
        "ASPCAPFLAG": aspcapflag.astype("i4"),
    }
    stars.columns["VSCATTER"][stars.columns["NVISITS"] == 1] = 0.0
