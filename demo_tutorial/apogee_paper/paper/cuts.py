"""The cuts of Leung & Bovy 2019 on the catalogue allStar."""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["LOW_SNR", "PAPER", "Cuts"]


@dataclass(frozen=True)
class Cuts:
    """Ranges, of which either end may be None, and flags that must be zero."""

    snr: tuple = (200, None)
    teff: tuple = (4000, 5500)
    logg: tuple = (0, 4)
    fe_h: tuple = (-3, None)
    #: scatter of the velocities of the visits [km/s], which is large in binaries
    vscatter: tuple = (None, 1)
    flags: tuple = ("STARFLAG", "ASPCAPFLAG")

    def each(self, table):
        """What passes each cut alone.

        Parameters
        ----------
        table : mapping of str to array
            The columns of allStar.

        Returns
        -------
        dict of bool arrays
            By what is asked of a star. Missing values (-9999, NaN) pass no range, but those without a limit there.
        """
        passed = {}
        for column in ("SNR", "TEFF", "LOGG", "FE_H", "VSCATTER"):
            low, high = getattr(self, column.lower())
            values = np.asarray(table[column], dtype="float64")
            ends = ["" if low is None else f"{low} <= ", "" if high is None else f" <= {high}"]
            inside = (values >= (-9998 if low is None else low)) & (values <= (np.inf if high is None else high))
            passed[column.join(ends)] = inside
        for column in self.flags:
            passed[f"{column} = 0"] = np.asarray(table[column]).astype("int64") == 0
        return passed


PAPER = Cuts()
#: labels of such stars are less certain; the test is what the network adds to that
LOW_SNR = replace(PAPER, snr=(20, 100))
