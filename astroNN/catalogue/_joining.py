"""From finished parts to the catalogue."""

import json
import os
from dataclasses import dataclass, field

import numpy as np

from astroNN.catalogue._answering import FLAGS
from astroNN.catalogue._formats import written
from astroNN.catalogue._reading import NO_INTEGER
from astroNN.catalogue._work import note_of, read_columns
from astroNN.shared.files import atomic_file

__all__ = ["Joined", "is_joined", "join_parts", "summed_up"]

_ROWS_AT_ONCE = 100_000
_NUMBER_AS_TEXT = 24


@dataclass
class Joined:
    """What all parts have together."""

    #: type of every column
    types: dict = field(default_factory=dict)
    units: dict = field(default_factory=dict)
    n_rows: int = 0
    #: files that could not be read, and why
    broken: list = field(default_factory=list)

    def add(self, note):
        """Take in what is noted of one more part."""
        self.n_rows += note["n_rows"]
        self.units |= note["units"]
        self.broken += [tuple(one) for one in note["broken"]]
        for name, text in note["types"].items():
            kind = np.dtype(text)
            self.types[name] = _holding(self.types.get(name, kind), kind)

    def in_order(self, first):
        """The same with its columns in the order of the first part, new ones behind file and row."""
        order = list(first["types"])
        order[2:2] = [name for name in self.types if name not in order]
        self.types = {name: self.types[name] for name in order}
        return self


def summed_up(paths):
    """What parts have together, from their notes.

    Parameters
    ----------
    paths : list of Path
        Of all parts, in order.

    Returns
    -------
    Joined
    """
    joined, first = Joined(), note_of(paths[0])
    for path in paths:
        joined.add(note_of(path))
    return joined.in_order(first)


def join_parts(paths, joined, target, folder, meta):
    """Write the catalogue, whole or not at all, from its parts.

    Parameters
    ----------
    paths : list of Path
        Of all parts, in order.
    joined : Joined
    target : Path
        An existing file is replaced.
    folder : Path
        Of the parts: there it is written, under a name that the next call overwrites after a kill.
    meta : dict
        Where the catalogue comes from.

    Returns
    -------
    dict of int
        How many rows have each flag.
    """
    flags = dict.fromkeys(FLAGS, 0)
    whole = folder / f"whole{target.suffix}"
    with written(whole, target, joined.types, joined.units, meta, joined.n_rows) as write:
        for rows in _blocks(paths, joined.types):
            for name, bit in FLAGS.items():
                flags[name] += int(np.count_nonzero(rows["flag"] & bit))
            write(rows)
    with open(whole, "rb") as stream:
        os.fsync(stream.fileno())
    with atomic_file(folder / "joined.json") as temporary:
        temporary.write_text(json.dumps({"stat": _stat(whole), "flags": flags}))
    os.replace(whole, target)
    return flags


def is_joined(target, folder):
    """Flags of a catalogue that is finished but for the folder of its parts; None if it is not."""
    told = folder / "joined.json"
    if not (told.exists() and target.exists()):
        return None
    known = json.loads(told.read_text())
    return known["flags"] if known["stat"] == _stat(target) else None


def _stat(path):
    stat = os.stat(path)
    return [stat.st_size, stat.st_mtime_ns]


def _holding(one, other):
    """A type that holds both."""
    if "S" in (one.kind, other.kind):
        return np.dtype(f"S{max(kind.itemsize if kind.kind == 'S' else _NUMBER_AS_TEXT for kind in (one, other))}")
    return np.result_type(one, other)


def _blocks(paths, types):
    """Rows of all parts, many at a time, as structured arrays."""
    waiting, n_waiting = [], 0
    for path in paths:
        waiting.append(_structured(read_columns(path), types))
        n_waiting += len(waiting[-1])
        if n_waiting >= _ROWS_AT_ONCE:
            yield np.concatenate(waiting)
            waiting, n_waiting = [], 0
    if waiting:
        yield np.concatenate(waiting)


def _structured(columns, types):
    rows = np.zeros(len(columns["row"]), np.dtype(list(types.items())))
    for name, dtype in types.items():
        if name in columns:
            rows[name] = columns[name].astype(dtype)
        elif dtype.kind != "S":
            rows[name] = NO_INTEGER if dtype.kind == "i" else np.nan
    return rows
