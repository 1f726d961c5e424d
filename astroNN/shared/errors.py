"""Errors that tell more than a `ValueError`, yet are caught where the established interface raised another."""

__all__ = ["ConfigurationError", "FolderError", "RowCountError"]


class RowCountError(ValueError, IndexError):
    """Arrays that belong together have different numbers of rows."""


class ConfigurationError(ValueError, AttributeError):
    """A setting of the network can't be used."""


class FolderError(ValueError, OSError):
    """A saved folder is damaged or was written by something else."""
