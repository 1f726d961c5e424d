"""Reading one part: spectra as a network takes them, and what is known of each."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from astroNN.apogee import ApogeeSpectrum, network_input
from astroNN.catalogue._arrays import BLOCK, SpectraFile, plain_column, raise_if_ours
from astroNN.datasets import read_spectrum

__all__ = ["IDENTIFIERS", "NO_INTEGER", "Reading", "Rows", "read_part"]

#: columns that are copied to the catalogue where inputs have them
IDENTIFIERS = (
    "APOGEE_ID", "LOCATION_ID", "FIELD", "TELESCOPE", "source_id", "SOURCE_ID", "obsid", "id", "ID", "RA", "DEC",
    "ra", "dec", "visit", "SNR", "snr",
)  # fmt: skip

#: stands in columns of integers where nothing is known
NO_INTEGER = -1


@dataclass(frozen=True)
class Reading:
    """How spectra are read."""

    #: shape of one star that the network takes
    shape: tuple
    #: names of data sets in HDF5 files
    spectra: str | None = None
    mask: str | None = "mask"
    errors: str | None = None
    #: columns to copy
    keep: tuple = IDENTIFIERS
    #: reads a file of one spectrum: flux, or (flux, error, mask)
    reader: Callable | None = None
    #: data release of the continuum of APOGEE's files
    dr: int = 14

    def missing(self, n_stars):
        """Spectra of which nothing is known; and their masks and errors, if these are read."""
        spectra = np.full((n_stars, *self.shape), np.nan, "float32")
        return spectra, None, spectra.copy() if self.errors else None


@dataclass
class Rows:
    """Spectra of one part."""

    spectra: np.ndarray
    mask: np.ndarray | None
    errors: np.ndarray | None
    #: where each comes from
    files: np.ndarray
    rows: np.ndarray
    #: which could not be read
    unread: np.ndarray
    #: what is known of each, by column
    facts: dict
    #: file and reason, of those that can't be read
    broken: list

    def __len__(self):
        return len(self.rows)


def read_part(part, reading):
    """Spectra of a part; what can't be read is a row of missing pixels.

    Parameters
    ----------
    part : Part
    reading : Reading

    Returns
    -------
    Rows

    Raises
    ------
    OSError
        If the fault is not the file's: too many are open, it may not be read, it has gone.
    ValueError
        If what is asked for is not in a file that can be read.
    """
    if part.kind == "fits":
        return _read_files(part, reading)
    try:
        with SpectraFile(part.paths[0], reading.spectra) as file:
            return _read_rows(part, file, reading)
    except OSError as error:
        raise_if_ours(error)
        return _unreadable(part, reading, error)


def _unreadable(part, reading, error):
    """One row for a file, or a part of one, that can't be read."""
    first = part.start if part.stop > part.start else -1
    names, unread = _names(part.names), np.array([True])
    return Rows(*reading.missing(1), names, np.array([first]), unread, {}, [_broken(part, error)])


def _broken(part, error):
    """A file's name as the user gave it, and what is wrong with it."""
    return part.names[0], str(error).removeprefix(f"{part.paths[0]}: ")


def _read_rows(part, file, reading):
    if part.stop > len(file) or part.start == part.stop:
        raise OSError(f"it has {len(file)} rows now, but had {part.stop} when the work began")
    blocks, broken = _whole_or_in_blocks(part, file, reading)
    spectra, masks, errors, facts, unread = zip(*blocks, strict=True)
    n_rows = part.stop - part.start
    return Rows(
        np.concatenate(spectra),
        _joined(masks, spectra, False),
        _joined(errors, spectra, np.nan),
        np.repeat(_names(part.names), n_rows),
        np.arange(part.start, part.stop),
        np.concatenate(unread),
        _joined_columns(facts) | _columns([_kept(part.facts[0], reading)] * n_rows),
        broken,
    )


def _whole_or_in_blocks(part, file, reading):
    """The rows at once; if they are damaged, 64 at a time, so that as few as may be are lost."""
    rows = slice(part.start, part.stop)
    try:
        return [_read_block(file, rows, reading)], []
    except OSError as error:
        raise_if_ours(error)
    blocks, broken = [], []
    for start in range(rows.start, rows.stop, BLOCK):
        block = slice(start, min(start + BLOCK, rows.stop))
        try:
            blocks.append(_read_block(file, block, reading))
        except OSError as error:
            raise_if_ours(error)
            n_lost = block.stop - block.start
            blocks.append((*reading.missing(n_lost), {"": n_lost}, np.ones(n_lost, bool)))
            broken.append(_broken(part, error))
    return blocks, broken


def _read_block(file, rows, reading):
    spectra, mask, errors = file.read(rows, reading.mask, reading.errors)
    n_rows = len(spectra)
    shape = (n_rows, *reading.shape)
    mask, errors = (None if one is None else one.reshape(shape) for one in (mask, errors))
    facts = file.facts(reading.keep, rows) | {"": n_rows}
    return spectra.reshape(shape), mask, _plausible(errors), facts, np.zeros(n_rows, bool)


def _plausible(errors):
    """Errors, of which those that can't be are unknown."""
    if errors is None:
        return None
    errors = errors.astype("float32")
    return np.where(np.isfinite(errors) & (errors >= 0), errors, np.nan).astype("float32")


def _joined(parts, like, filler):
    """Masks or errors of blocks, of which some may have none."""
    if all(part is None for part in parts):
        return None
    filled = [np.full(one.shape, filler) if part is None else part for part, one in zip(parts, like, strict=True)]
    return np.concatenate(filled)


def _joined_columns(blocks):
    """Columns of blocks, of which some may lack them; the number of rows stands under the empty name."""
    names = dict.fromkeys(name for block in blocks for name in block if name)
    return {
        name: _with_gaps([block.get(name) for block in blocks], [block[""] for block in blocks]) for name in names
    }


def _with_gaps(columns, lengths):
    kind = next(column.dtype.kind for column in columns if column is not None)
    filler = {"S": b"", "i": NO_INTEGER}.get(kind, np.nan)
    pairs = zip(columns, lengths, strict=True)
    return np.concatenate([np.full(n, filler) if column is None else column for column, n in pairs])


def _read_files(part, reading):
    arrays, facts, broken = [], [], []
    for path, name, known in zip(part.paths, part.names, part.facts, strict=True):
        try:
            flux, err, mask, found = _read_file(path, reading)
        except OSError as error:
            raise_if_ours(error)
            flux, err, mask, found = reading.missing(1)[0][0], None, None, {}
            broken.append((name, str(error)))
        arrays.append(_in_shape(flux, err, mask, reading.shape, name))
        facts.append(_kept(found | known, reading))
    spectra, mask, errors = (np.stack(values) for values in zip(*arrays, strict=True))
    lost = {name for name, _ in broken}
    unread = np.array([name in lost for name in part.names])
    return Rows(
        spectra,
        mask if reading.mask else None,
        _plausible(errors) if reading.errors else None,
        _names(part.names),
        np.where(unread, -1, 0),
        unread,
        _columns(facts),
        broken,
    )


def _in_shape(flux, err, mask, shape, name):
    """Flux, mask and error of one star, in the shape that the network takes."""
    given = [("spectrum", flux), ("error", err), ("mask", mask)]
    for what, values in given:
        if values is not None and np.size(values) != np.prod(shape):
            raise ValueError(
                f"predict_catalogue: the {what} read from {name!r} has the shape {np.shape(values)}, but the network "
                f"takes {shape}: it is on another grid."
            )
    flux = np.reshape(flux, shape).astype("float32")
    mask = np.zeros(shape, bool) if mask is None else np.reshape(mask, shape).astype(bool)
    err = np.full(shape, np.nan, "float32") if err is None else np.reshape(err, shape)
    return flux, mask, err


def _read_file(path, reading):
    """Flux, error, mask and facts of a file of one spectrum."""
    if reading.reader is not None:
        return *_read_by_user(path, reading.reader), {}
    spectrum = read_spectrum(path)
    if not isinstance(spectrum, ApogeeSpectrum):
        raise OSError(
            f"it is of {spectrum.kind}, whose normalisation is a choice: say it by `reader`, a function of a path"
        )
    try:
        return *_normalised(spectrum, reading.dr), _facts_of(spectrum)
    except ValueError as error:  # a visit without a velocity
        raise OSError(str(error)) from error


def _read_by_user(path, reader):
    try:
        read = reader(path)
    except Exception as error:  # whatever a user's function raises on a damaged file
        raise OSError(f"{type(error).__name__}: {error}") from error
    if not isinstance(read, tuple):
        return read, None, None
    if len(read) != 3:
        raise ValueError(
            f"predict_catalogue: `reader` must give the flux, or (flux, error, mask), got a tuple of {len(read)}."
        )
    return read


def _normalised(spectrum, dr):
    with warnings.catch_warnings():
        # A chip without a good pixel is in the mask.
        warnings.filterwarnings("ignore", message="apogee_continuum: of")
        return (values[0] for values in network_input(spectrum, dr=dr))


def _facts_of(spectrum):
    found = {"APOGEE_ID": spectrum.apogee_id, "SNR": np.nan if spectrum.snr is None else spectrum.snr}
    places = {"RA": "ra", "DEC": "dec"}
    return found | {name: spectrum.facts[key] for name, key in places.items() if key in spectrum.facts}


def _kept(facts, reading):
    return {name: value for name, value in facts.items() if name in reading.keep}


def _columns(facts):
    """Columns from what is known of each star."""
    columns = {}
    for name in dict.fromkeys(name for known in facts for name in known):
        values = [known[name] for known in facts if name in known]
        is_text = any(isinstance(value, str | bytes) for value in values)
        is_whole = all(isinstance(value, int | np.integer) for value in values)
        filler = "" if is_text else NO_INTEGER if is_whole else np.nan
        columns[name] = plain_column([known.get(name, filler) for known in facts])
    return columns


def _names(names):
    return np.array([os.fsencode(name) for name in names], dtype="S")
