"""The folder of a demo: what lies where, and whether it may be written; imports nothing heavy."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DemoFolder", "FolderRefused"]

_NETWORK_MARK = "astroNN_model_parameter.json"


class FolderRefused(OSError):
    """The output folder can't be used; the message says why and how to mend it."""


@dataclass(frozen=True)
class DemoFolder:
    """Where the demo writes.

    Attributes
    ----------
    root : Path
        The output folder; holds ``network/``, ``figures/`` and ``results.csv``.
    """

    root: Path

    @property
    def network(self):
        """Folder of the saved network."""
        return self.root / "network"

    @property
    def results(self):
        """The table as a csv file."""
        return self.root / "results.csv"

    @property
    def figures(self):
        """Folder of the figures."""
        return self.root / "figures"

    def prepare(self, force=False):
        """Check that the demo may write here, and make the folder.

        Parameters
        ----------
        force : bool, optional
            Replace the results of an earlier demo. Other files in the folder are never touched.

        Raises
        ------
        FolderRefused
            If the folder holds something and `force` is False, if it holds a ``network`` that is none, or if
            it can't be written.
        """
        self._refuse_what_is_not_ours(force)
        try:
            self.figures.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root), tempfile.TemporaryFile(dir=self.figures):
                pass  # a folder on a full or read-only disk may exist and still not take a file
        except OSError as error:
            raise FolderRefused(
                f"can't write into {self.root}: {error.strerror or error}. Choose another folder with --out."
            ) from error

    def _refuse_what_is_not_ours(self, force):
        try:
            # Empty folders are what an interrupted demo leaves; they hold nothing to lose.
            occupied = any(not path.is_dir() for path in self.root.rglob("*"))
        except OSError as error:
            raise FolderRefused(
                f"can't read {self.root}: {error.strerror or error}. Choose another folder with --out."
            ) from error
        if occupied and not force:
            raise FolderRefused(
                f"{self.root} exists and is not empty; nothing was written. "
                "Choose another folder with --out, or replace the results in this one with --force."
            )
        if self.network.exists() and not (self.network / _NETWORK_MARK).is_file():
            raise FolderRefused(
                f"{self.network} exists and is not a saved network (it has no {_NETWORK_MARK}); even with --force "
                "the demo replaces its own results only. Choose another folder with --out."
            )

    def clear_results(self, figure_names):
        """Remove table and figures of an earlier demo, so that they never stand beside a newer network.

        Parameters
        ----------
        figure_names : iterable of str
            Files in the folder of the figures.
        """
        for path in (self.results, *(self.figures / name for name in figure_names)):
            path.unlink(missing_ok=True)
