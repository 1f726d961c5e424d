"""Tables as files of FITS, in memory."""

import io

from astropy.table import Table

__all__ = ["fits_bytes"]


def fits_bytes(**columns):
    """A file of one table."""
    written = io.BytesIO()
    Table(columns).write(written, format="fits")
    return written.getvalue()
