"""Parts of a file that is being compiled: finished ones survive whatever happens to the process."""

import json
import os

import h5py
import numpy as np

from astroNN.shared.errors import ConfigurationError
from astroNN.shared.files import atomic_file, discard
from astroNN.shared.parts import PartsFolder

__all__ = ["CompiledParts"]


class CompiledParts(PartsFolder):
    """The parts that are finished, and what was noted of them; see `PartsFolder`."""

    def __init__(self, path, settings, restart):
        super().__init__(path, settings, restart, "H5Compiler")
        self.notes, self._new_notes = _no_notes(), _no_notes()
        self.done = 0

    def _open(self):
        super()._open()
        for path in self._files():
            self.done = int(path.stem)
            self._add(json.loads(path.with_suffix(".json").read_text()))

    def _files(self):
        # Notes are written first: a part without them is not one of ours.
        found = sorted(self.folder.glob("[0-9]*.npz"))
        return [path for path in found if path.with_suffix(".json").exists()]

    def _add(self, notes):
        for kind, new in notes.items():
            self.notes[kind] += new

    def note(self, kind, what):
        """Keep in mind what is not in the file."""
        self._new_notes[kind].append(what)

    def write(self, columns, done):
        """Write the rows of the stars up to `done`."""
        path = self.folder / f"{done:010d}.npz"
        with atomic_file(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(self._new_notes))
        with atomic_file(path) as temporary:
            np.savez(temporary, **columns)
        self._add(self._new_notes)
        self._new_notes, self.done = _no_notes(), done

    def assemble(self):
        """Write the file from its parts, delete them, and return the number of spectra."""
        files = self._files()
        lengths = [_n_rows(path) for path in files]
        if not sum(lengths):
            # What is missing may be put there: the next call shall look again.
            discard(self.folder)
            raise ConfigurationError(
                f"H5Compiler: there is no spectrum to compile: {len(self.notes['without_file'])} stars have no file "
                f"in {self.settings['folder']}, {len(self.notes['broken'])} files could not be read."
            )
        # In the folder, and under a fixed name: the next call overwrites what a kill leaves behind.
        whole = self.folder / f"whole{self.path.suffix}"
        with h5py.File(whole, "w") as file:
            _join(file, files, lengths)
            file.attrs["settings"] = json.dumps(self.settings)
            file.attrs["broken_files"] = json.dumps(self.notes["broken"])
        with atomic_file(self.path) as temporary:
            os.replace(whole, temporary)
        discard(self.folder)
        return sum(lengths)


def _no_notes():
    return {"without_file": [], "broken": []}


def _join(file, paths, lengths):
    """Copy the columns of parts, one behind the other."""
    start = 0
    for path, length in zip(paths, lengths, strict=True):
        if not length:
            continue
        with np.load(path) as part:
            for name in part.files:
                values = part[name]
                if name not in file:
                    dtype = h5py.string_dtype("ascii") if values.dtype.kind == "S" else values.dtype
                    file.create_dataset(name, (sum(lengths), *values.shape[1:]), dtype)
                file[name][start : start + length] = values
        start += length


def _n_rows(path):
    with np.load(path) as part:
        return len(part["visit"]) if "visit" in part.files else 0
