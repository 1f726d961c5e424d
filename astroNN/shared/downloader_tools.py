"""Small tools for people's own downloads, under their established names."""

from tqdm import tqdm

from astroNN.shared.files import filehash

__all__ = ["TqdmUpTo", "filehash", "sha256_checksum"]


class TqdmUpTo(tqdm):
    """Progress bar whose `update_to` suits ``reporthook`` of `urllib.request.urlretrieve`.

    Parameters
    ----------
    *_, **__
        As of `tqdm.tqdm`.
    """

    def update_to(self, b=1, bsize=1, tsize=None):
        """Move the bar to a block.

        Parameters
        ----------
        b : int, optional
            Blocks that have come so far.
        bsize : int, optional
            Size of a block [bytes].
        tsize : int, optional
            Size of the whole [bytes]. Default: left as it is.
        """
        if tsize is not None:
            self.total = tsize
        self.update(b * bsize - self.n)


def sha256_checksum(filename, block_size=65536):
    """SHA-256 of a file in lower-case hexadecimal digits; see `filehash`.

    Parameters
    ----------
    filename : str or Path
        The file.
    block_size : int, optional
        Bytes read at a time, default 65536; changes no result.

    Returns
    -------
    str
        64 digits.
    """
    return filehash(filename, block_size, "sha256")
