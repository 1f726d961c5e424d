"""The unit of work: one part, read, predicted and written; any engine that maps a function can run it."""

import functools
import json
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astroNN.catalogue._answering import Answering, answers, read_detector
from astroNN.catalogue._reading import Reading, read_part
from astroNN.models import load_folder
from astroNN.models.persistence.schema import PARAMETER_FILE
from astroNN.shared.errors import FolderError
from astroNN.shared.files import atomic_file, filehash
from astroNN.shared.messages import silent

__all__ = ["Work", "loaded_network", "note_of", "read_columns"]

_loading = threading.Lock()


@dataclass(frozen=True)
class Work:
    """What is done with each part; it can be pickled, and called with a `Part` in any process.

    Calling it again does nothing if the part is there already. The numbers depend on the part alone.
    """

    #: of the network, and the checksum of its parameters
    folder: str
    sha256: str
    reading: Reading
    answering: Answering
    outliers: str | None = None
    custom_models: tuple = ()

    def __call__(self, part):
        """Read, predict and write a part; returns its number."""
        if not Path(part.target).exists():
            self.write(part, self.answer(part, self.read(part)))
        return part.number

    def read(self, part):
        """Spectra of a part."""
        return read_part(part, self.reading)

    def answer(self, part, rows):
        """Columns, and what is noted of them."""
        net = loaded_network(self.folder, self.sha256, self.custom_models)
        detector = None if self.outliers is None else _detector(self.outliers, self.reading.shape)
        columns, units = answers(net, detector, rows, part.start, self.answering)
        note = {"n_rows": len(rows), "units": units, "broken": rows.broken}
        note["types"] = {name: values.dtype.str for name, values in columns.items()}
        return columns, note

    def write(self, part, answer):
        """Write the columns of a part, whole or not at all."""
        columns, note = answer
        with atomic_file(part.target) as temporary:
            # By number: names of columns may hold what names of files may not.
            numbered = {str(number): column for number, column in enumerate(columns.values())}
            np.savez(temporary, note=json.dumps(note), **numbered)


def loaded_network(folder, sha256, custom_models):
    """The network of a folder, loaded once a process.

    Raises
    ------
    FolderError
        If the folder is another one by now.
    """
    with _loading:
        return _loaded(folder, sha256, custom_models)


@functools.lru_cache(maxsize=1)
def _loaded(folder, sha256, custom_models):
    path = Path(folder) / PARAMETER_FILE
    if filehash(path) != sha256:
        raise FolderError(f"predict_catalogue: {path} has changed since the work began.")
    with silent():
        net = load_folder(folder, custom_models=custom_models)
    for one in getattr(net, "members", [net]):
        one.verbose = 0
        # Every process must draw the same numbers.
        one.seed = 0 if one.seed is None else one.seed
    return net


_detector = functools.lru_cache(maxsize=1)(read_detector)


def note_of(path):
    """What is noted of a finished part."""
    with np.load(path) as part:
        return json.loads(str(part["note"]))


def read_columns(path):
    """Columns of a finished part."""
    with np.load(path) as part:
        names = json.loads(str(part["note"]))["types"]
        return {name: part[str(k)] for k, name in enumerate(names)}
