"""Errors that tell more than a `ValueError`, yet are caught where the established interface raised another."""

__all__ = [
    "ChecksumError",
    "ConfigurationError",
    "DownloadError",
    "FitsFileError",
    "FolderError",
    "NotOnServerError",
    "RowCountError",
]


class RowCountError(ValueError, IndexError):
    """Arrays that belong together have different numbers of rows."""


class ConfigurationError(ValueError, AttributeError):
    """A setting of the network can't be used."""


class FolderError(ValueError, OSError):
    """A saved folder is damaged or was written by something else."""


class FitsFileError(OSError, ValueError):
    """A FITS file is damaged, or does not hold what is asked of it."""


class DownloadError(ConnectionError):
    """A file could not be fetched.

    Parameters
    ----------
    message : str
        What happened, and what to do.
    status : int, optional
        HTTP status that the server answered with. Default: None, for no answer.
    """

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class NotOnServerError(DownloadError, FileNotFoundError):
    """The server has no such file.

    Parameters
    ----------
    message : str
        What happened, and what to do.
    status : int, optional
        HTTP status that the server answered with. Default: None, for no answer.
    """


class ChecksumError(DownloadError, ValueError):
    """What the server sent is not the file that was asked for.

    Parameters
    ----------
    message : str
        What happened, and what to do.
    status : int, optional
        HTTP status that the server answered with. Default: None, for no answer.
    """
