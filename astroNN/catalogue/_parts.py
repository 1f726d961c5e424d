"""The parts in which a catalogue is made: rows of one file, or several files of one spectrum each."""

import hashlib
import json
import os
import warnings
from dataclasses import asdict, dataclass, field, replace

from astroNN.catalogue._arrays import SpectraFile, raise_if_ours
from astroNN.shared.blocks import row_blocks

__all__ = ["Part", "parts_of", "stat_of"]

#: files of one spectrum that are read and predicted together; a multiple of the 64 stars that share masks
FILES_TOGETHER = 256


@dataclass(frozen=True)
class Part:
    """What is read, predicted and written at once; it depends on nothing outside itself."""

    kind: str
    #: where the files are, and as the user named them
    paths: tuple
    names: tuple
    #: rows of the one file; of files of one spectrum their numbers among all such. Equal if a file can't be read
    start: int
    stop: int
    #: for each file what a table of paths says of it, by column
    facts: tuple = field(default_factory=tuple)
    number: int = 0
    #: file of what comes of it
    target: str = ""

    @property
    def n_stars(self):
        return self.stop - self.start

    def fingerprint(self, stat_of):
        """Checksum of what the part is, with what a function tells of each of its files."""
        facts = [{name: str(value) for name, value in of_file.items()} for of_file in self.facts]
        known = [asdict(self) | {"facts": facts}, [stat_of(path) for path in self.paths]]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def parts_of(files, reading):
    """Cut files into parts.

    Parameters
    ----------
    files : list of InputFile
    reading : Reading

    Returns
    -------
    list of Part

    Raises
    ------
    ValueError
        If a file has no such data sets as are to be read, or spectra of another shape than the network takes. (A
        file that can't be read is a part, of which the catalogue will tell.)
    """
    cut, n_single = [], 0
    for file in files:
        if file.kind != "fits":
            cut += _rows_of(file, reading)
            continue
        last = cut[-1] if cut and cut[-1].kind == "fits" else None
        if last is None or len(last.paths) == FILES_TOGETHER:
            n_single = -(-n_single // FILES_TOGETHER) * FILES_TOGETHER
            last = Part("fits", (), (), n_single, n_single)
            cut.append(last)
        n_single += 1
        cut[-1] = replace(
            last,
            paths=(*last.paths, file.path),
            names=(*last.names, file.name),
            stop=n_single,
            facts=(*last.facts, file.facts),
        )
    if not cut:
        raise ValueError("predict_catalogue: there is no star in the files of `inputs`.")
    return [replace(part, number=number) for number, part in enumerate(cut)]


def _rows_of(file, reading):
    try:
        with SpectraFile(file.path, reading.spectra) as rows:
            rows.check(reading.shape, reading.mask, reading.errors)
            blocks = list(row_blocks(len(rows), reading.shape))
    except OSError as error:
        raise_if_ours(error)
        blocks = [slice(0, 0)]
    if not blocks:
        warnings.warn(f"predict_catalogue: there is no star in {file.name!r}; it is left out.", stacklevel=4)
    return [Part(file.kind, (file.path,), (file.name,), rows.start, rows.stop, (file.facts,)) for rows in blocks]


def stat_of(path):
    """Size and time of a file; of a store of zarr those of all files in it, as a checksum."""
    if os.path.isdir(path):
        within = sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
        return hashlib.sha256(json.dumps([(name, stat_of(name)) for name in within]).encode()).hexdigest()
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns
