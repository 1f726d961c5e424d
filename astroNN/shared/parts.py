"""Long jobs whose finished parts survive whatever happens to the process."""

import json
import os
from pathlib import Path

import filelock

from astroNN.shared.errors import ConfigurationError
from astroNN.shared.files import atomic_file, discard

__all__ = ["PartsFolder"]


class PartsFolder:
    """Folder beside a file that is being made, for its finished parts; it is ours as long as we hold its lock.

    Use it as a context. A later job on the same file finds the parts, and goes on if its settings are the same.

    Parameters
    ----------
    path : Path
        The file that is being made. Its parts are in ``.<name>.parts``.
    settings : dict
        What the parts depend on; plain enough for JSON.
    restart : bool
        Throw away what an earlier job has left.
    caller : str
        For errors.

    Attributes
    ----------
    folder : Path
        Where the parts are.
    """

    def __init__(self, path, settings, restart, caller):
        self.path, self.restart, self.caller = path, restart, caller
        self.settings = json.loads(json.dumps(settings))
        self.folder = path.with_name(f".{path.name}.parts")
        self.lock = filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=0)

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.lock.acquire()
        except filelock.Timeout:
            raise ConfigurationError(f"{self.caller}: another process is at work on {self.path}.") from None
        try:
            self._open()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *error):
        self._release()

    def _release(self):
        # On a disk without locks filelock makes a soft one, whose file goes when it is released.
        if os.name != "nt" and not isinstance(self.lock, filelock.SoftFileLock):
            Path(self.lock.lock_file).unlink(missing_ok=True)
        self.lock.release()

    def _open(self):
        told = self.folder / "settings.json"
        # Parts without settings belong to nobody knows what.
        if self.restart or not told.exists():
            discard(self.folder)
        self.folder.mkdir(exist_ok=True)
        if told.exists():
            self._compare(json.loads(told.read_text()))
        else:
            with atomic_file(told) as temporary:
                temporary.write_text(json.dumps(self.settings))

    def _compare(self, earlier):
        if earlier == self.settings:
            return
        differ = [name for name in self.settings if earlier.get(name) != self.settings[name]]
        raise ConfigurationError(
            f"{self.caller}: {self.folder} holds parts that an earlier call made with other settings "
            f"({', '.join(differ)}). Say restart=True (in a command --restart) to throw them away, or set what it "
            "had."
        )
