"""Matching two catalogues by place on the sky."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from astropy import units as u
from astropy.coordinates import Angle
from astropy.io import fits
from astropy.table import Column
from scipy.spatial import cKDTree

from astroNN.datasets._sky import as_epoch, as_proper_motion, move, unit_vectors
from astroNN.shared.callers import users_level
from astroNN.shared.checks import check_rows
from astroNN.shared.columns import as_degrees
from astroNN.shared.setting_checks import check_one_of

__all__ = ["xmatch", "xmatch_cat"]

MODES = ("nearest", "symmetric", "all")


def xmatch(
    ra1,
    dec1,
    ra2,
    dec2,
    epoch1=2000.0,
    epoch2=2000.0,
    pmra2=None,
    pmdec2=None,
    maxdist=2,
    mode="nearest",
):
    """Match two catalogues by their coordinates.

    Parameters
    ----------
    ra1, dec1 : array_like or Quantity, shape (n1,)
        Right ascension and declination of the first catalogue, ICRS [degrees], at `epoch1`.
    ra2, dec2 : array_like or Quantity, shape (n2,)
        Those of the second catalogue, at `epoch2`.
    epoch1 : float or Time, optional
        Year of the coordinates of the first catalogue. Default: 2000.
    epoch2 : float, array_like or Time, optional
        That of the second one; one for all, or one for each star. Default: 2000.
    pmra2, pmdec2 : array_like or Quantity, shape (n2,), optional
        Proper motions of the second catalogue [mas/yr], that in right ascension with the factor cos(dec). They bring
        its stars to `epoch1`, and are needed if the epochs differ. Missing ones count as 0.
    maxdist : float or Quantity, optional
        Pairs closer than this are matches [arcsec]. Default: 2.
    mode : {"nearest", "symmetric", "all"}, optional
        "nearest" (default) finds for every star of the first catalogue the nearest one of the second: several stars
        may have the same. "symmetric" keeps of these the pairs in which each is the nearest of the other: every
        star occurs once. "all" finds all pairs.

    Returns
    -------
    idx1, idx2 : array of int, shape (n_matches,)
        Rows in the first and second catalogue, in rising order of `idx1`, then (of "all") of the separation.
    sep : Angle, shape (n_matches,)
        Separations.

    Raises
    ------
    UnitConversionError
        If units are not angles.
    ValueError
        If columns have different lengths, declinations are beyond 90 degrees, `maxdist` is not positive, `epoch1` is
        more than one year, or epochs differ and proper motions are not given.

    See Also
    --------
    xmatch_cat : The same for files and tables.

    Notes
    -----
    Stars without coordinates (NaN, -9999., masked) match nothing. Separations are those of unit vectors, exact at
    the poles and across 0 h; the time that it takes grows as n log n.

    Examples
    --------
    >>> idx1, idx2, sep = xmatch(
    ...     ra1=[36.0, 68.0, 105.0, 23.0, 96.0, 96.0],
    ...     dec1=[72.0, 56.0, 54.0, 55.0, 88.0, 88.0],
    ...     ra2=[23.0, 56.0, 222.0, 96.0, 245.0, 68.0],
    ...     dec2=[36.0, 68.0, 82.0, 88.0, 26.0, 56.0],
    ... )
    >>> idx1, idx2
    (array([1, 4, 5]), array([5, 3, 3]))
    """
    check_one_of("mode", mode, MODES)
    ra1, dec1 = _coordinates(ra1, dec1, "1")
    ra2, dec2 = _coordinates(ra2, dec2, "2")
    bound = _bound(maxdist)
    there1, there2 = (np.flatnonzero(np.isfinite(ra + dec)) for ra, dec in ((ra1, dec1), (ra2, dec2)))
    first = unit_vectors(ra1[there1], dec1[there1])
    epoch1 = as_epoch("xmatch", "epoch1", epoch1, one=True)
    second = _at_epoch(ra2, dec2, pmra2, pmdec2, epoch1, epoch2, there2)
    idx1, idx2, sep = _matches(first, second, bound, mode)
    return there1[idx1], there2[idx2], Angle(np.degrees(sep), u.deg)


def xmatch_cat(
    cat1,
    cat2,
    maxdist=2.0,
    ra1="ra",
    dec1="dec",
    epoch1=2000.0,
    ra2="ra",
    dec2="dec",
    epoch2=2000.0,
    pmra2="pmra",
    pmdec2="pmdec",
    field=None,
    mode="nearest",
):
    """Match two catalogues that are files or tables.

    Parameters
    ----------
    cat1, cat2 : str, Path, Table, DataFrame, structured array or dict of arrays
        Catalogues. Of a FITS file the first table is read, of an HDF5 file (``.h5``, ``.hdf5``) the data sets; only
        the columns named here.
    maxdist : float or Quantity, optional
        Pairs closer than this are matches [arcsec]. Default: 2.
    ra1, dec1 : str, optional
        Names of the columns of coordinates, ICRS [degrees, or the unit that the column has]; upper or lower case is
        the same where this is clear. Default: "ra" and "dec".
    epoch1 : float or Time, optional
        Year of the coordinates. Default: 2000.
    ra2, dec2 : str, optional
        As `ra1` and `dec1`, in the second catalogue.
    epoch2 : float or Time, optional
        Year of its coordinates. Default: 2000.
    pmra2, pmdec2 : str, optional
        Names of the columns of proper motions in the second catalogue, read only if the epochs differ. Default:
        "pmra" and "pmdec".
    field : str, optional
        Name of a column of both catalogues: stars match only if they have the same value there, whatever the blanks
        around it. Default: all may.
    mode : {"nearest", "symmetric", "all"}, optional
        See `xmatch`.

    Returns
    -------
    idx1, idx2 : array of int, shape (n_matches,)
        Rows in the catalogues, in rising order of `idx1`.
    sep : Angle, shape (n_matches,)
        Separations.

    Raises
    ------
    KeyError
        If a column is not there.
    OSError
        If a file can't be read.
    UnitConversionError
        If units are not angles.
    ValueError
        As `xmatch`; or if a file is neither FITS nor HDF5.

    Warns
    -----
    UserWarning
        If the unit of a column of a FITS file is not known: it then counts as if it had none.

    Examples
    --------
    >>> idx1, idx2, sep = xmatch_cat({"ra": [1.0, 2.0], "dec": [3.0, 4.0]}, {"RA": [2.0], "DEC": [4.0]})
    >>> idx1, idx2
    (array([1]), array([0]))
    """
    epoch1 = as_epoch("xmatch_cat", "epoch1", epoch1, one=True)
    moves = np.any(epoch1 != as_epoch("xmatch_cat", "epoch2", epoch2))
    columns1 = _columns("cat1", cat1, [ra1, dec1, *([field] if field else [])])
    columns2 = _columns("cat2", cat2, [ra2, dec2, *([pmra2, pmdec2] if moves else []), *([field] if field else [])])
    groups = _same_fields(columns1[-1], columns2[-1]) if field else [(slice(None), slice(None))]
    found = []
    for rows1, rows2 in groups:
        part1, part2 = [column[rows1] for column in columns1[:2]], [column[rows2] for column in columns2]
        motions = part2[2:4] if moves else (None, None)
        idx1, idx2, sep = xmatch(*part1, *part2[:2], epoch1, epoch2, *motions, maxdist=maxdist, mode=mode)
        found.append((np.arange(len(columns1[0]))[rows1][idx1], np.arange(len(columns2[0]))[rows2][idx2], sep.deg))
    if not found:
        return np.array([], int), np.array([], int), Angle([], u.deg)
    idx1, idx2, sep = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((sep, idx1))
    return idx1[order], idx2[order], Angle(sep[order], u.deg)


def _coordinates(ra, dec, which):
    ra = as_degrees("xmatch", f"ra{which}", ra)
    dec = as_degrees("xmatch", f"dec{which}", dec, limit=90.0)
    check_rows(**{f"ra{which}": ra, f"dec{which}": dec})
    return ra, dec


def _bound(maxdist):
    """Largest separation [rad]."""
    angle = u.Quantity(maxdist, maxdist.unit if isinstance(maxdist, u.Quantity) else u.arcsec)
    bound = angle.to_value(u.rad)
    if bound.ndim or not 0 < bound < np.inf:
        raise ValueError(f"xmatch: `maxdist` must be a positive angle [arcsec], got {maxdist!r}.")
    return float(bound)


def _at_epoch(ra, dec, pmra, pmdec, epoch1, epoch2, rows):
    """Unit vectors of the second catalogue at the epoch of the first."""
    years = epoch1 - as_epoch("xmatch", "epoch2", epoch2)
    if years.ndim:
        check_rows(epoch2=years, ra2=ra)
        years = years[rows]
    if not np.any(years):
        return unit_vectors(ra[rows], dec[rows])
    if pmra is None or pmdec is None:
        raise ValueError(
            "xmatch: the epochs differ, and `pmra2` or `pmdec2` is not given. Give the proper motions [mas/yr] of "
            "the second catalogue, or equal epochs to leave its stars where they are."
        )
    motions = {name: as_proper_motion("xmatch", name, value) for name, value in (("pmra2", pmra), ("pmdec2", pmdec))}
    check_rows(**motions, ra2=ra)
    return move(ra[rows], dec[rows], *(motion[rows] for motion in motions.values()), years)


def _matches(first, second, bound, mode):
    """Rows, rows and separations [rad] of pairs closer than `bound`."""
    if not len(first) or not len(second):
        return np.array([], int), np.array([], int), np.array([])
    # The tree compares chords; a little more, since separations are compared once again below.
    chord = 2.0 * np.sin(min(bound, np.pi) / 2.0) * (1.0 + 1e-9)
    tree = cKDTree(second, balanced_tree=False, compact_nodes=False)
    if mode == "all":
        idx1, idx2, chords = _all_pairs(first, tree, chord)
    else:
        chords, idx2 = tree.query(first, distance_upper_bound=chord, workers=-1)
        idx1 = np.flatnonzero(np.isfinite(chords))
        idx2, chords = idx2[idx1], chords[idx1]
        if mode == "symmetric":
            _, nearest = cKDTree(first, balanced_tree=False, compact_nodes=False).query(second[idx2], workers=-1)
            mutual = nearest == idx1
            idx1, idx2, chords = idx1[mutual], idx2[mutual], chords[mutual]
    sep = 2.0 * np.arcsin(np.minimum(chords / 2.0, 1.0))
    close = sep < bound
    return idx1[close], idx2[close], sep[close]


def _all_pairs(first, tree, chord):
    found = cKDTree(first).sparse_distance_matrix(tree, chord, output_type="ndarray")
    found = found[np.lexsort((found["v"], found["i"]))]
    return found["i"].astype(int), found["j"].astype(int), found["v"]


def _same_fields(fields1, fields2):
    """Rows of both catalogues that have the same field, field by field."""
    by_field = [_rows_by_value(_stripped(np.asarray(fields))) for fields in (fields1, fields2)]
    return [(by_field[0][value], by_field[1][value]) for value in by_field[0] if value in by_field[1]]


def _rows_by_value(values):
    distinct, inverse = np.unique(values, return_inverse=True)
    rows = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
    return dict(zip(distinct.tolist(), rows, strict=True))


def _stripped(values):
    """Text, of which there are three kinds, without blanks around it; numbers as they are."""
    if values.dtype.kind == "O" and all(isinstance(value, str | bytes) for value in values):
        values = np.array([value.decode() if isinstance(value, bytes) else value for value in values], dtype=str)
    if values.dtype.kind == "S":
        values = np.char.decode(values)
    return np.char.strip(values) if values.dtype.kind == "U" else values


def _columns(argument, catalogue, names):
    """Columns of a file or table, by names that may differ in case."""
    if isinstance(catalogue, str | Path):
        return _columns_of_file(argument, Path(catalogue), names)
    if isinstance(catalogue, np.ndarray) and catalogue.dtype.names is not None:
        known = catalogue.dtype.names
    elif isinstance(catalogue, Mapping):
        known = tuple(catalogue)
    elif hasattr(catalogue, "columns"):  # Table or DataFrame
        known = tuple(catalogue.columns)
    else:
        raise TypeError(
            f"xmatch_cat: `{argument}` must be the path of a file, a table or a dictionary of columns, got "
            f"{type(catalogue).__name__}."
        )
    return [_indexable(catalogue[_known_name(argument, name, known)]) for name in names]


def _indexable(column):
    # A Series picks by label, a list not at all.
    return column if isinstance(column, np.ndarray) else np.asarray(column)


def _columns_of_file(argument, path, names):
    if path.suffix.lower() in (".h5", ".hdf5"):
        with h5py.File(path, "r") as file:
            return [file[_known_name(argument, name, tuple(file))][()] for name in names]
    try:
        with fits.open(path) as hdus:
            table = next((hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)), None)
            if table is None:
                raise ValueError(f"xmatch_cat: `{argument}`: there is no table in {path}.")
            known = [_known_name(argument, name, tuple(table.columns.names)) for name in names]
            columns = [np.array(table.data[name]) for name in known]
            units = [table.columns[name].unit for name in known]
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise OSError(
            f"xmatch_cat: `{argument}`: {path} can't be read as FITS ({error}). HDF5 files are known by their ending "
            ".h5 or .hdf5."
        ) from error
    return _with_units(argument, path, known, columns, units)


def _with_units(argument, path, names, columns, units):
    """Columns with the units that their file gives as text."""
    found = []
    for name, column, text in zip(names, columns, units, strict=True):
        try:
            unit = u.Unit(text) if text and text.strip() else None
        except ValueError:
            unit = None
            warnings.warn(
                f"xmatch_cat: `{argument}`: the unit {text!r} of the column {name} in {path} is not known. It is "
                "left out: angles count as degrees, proper motions as mas/yr.",
                stacklevel=users_level(),
            )
        found.append(column if unit is None else Column(column, unit=unit))
    return found


def _known_name(argument, name, known):
    if name in known:
        return name
    alike = [other for other in known if str(other).lower() == str(name).lower()]
    if len(alike) != 1:
        raise KeyError(f"xmatch_cat: `{argument}` has no column {name!r}; it has {', '.join(map(str, known))}.")
    return alike[0]
