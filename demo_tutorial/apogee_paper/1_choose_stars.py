"""Step 1: choose stars from allStar by the cuts of Leung & Bovy 2019.

    python 1_choose_stars.py --work run --sas /path/to/sas --dr 14 --clusters cluster_stars_meszaros2013.txt

Writes the settings of the run, and lists of stars in the layout of allStar: training, test (a part of the stars that
pass the cuts, kept out of the training) and low_snr. Members of the clusters of the benchmark are in none of them.
"""

import io

import numpy as np
from astropy.io import fits
from paper.archive import allstar_path, text
from paper.clusters import read_benchmark
from paper.cuts import LOW_SNR, PAPER
from paper.settings import begun, mirror_and_release, script_arguments

from astroNN.shared.files import atomic_file


def split(stars, fraction, seed):
    """Which rows are for testing: all rows of a star, or none.

    Parameters
    ----------
    stars : array of str
    fraction : float
        Of the stars.
    seed : int
    """
    names = np.unique(stars)
    chosen = np.random.default_rng(seed).permutation(len(names))[: round(fraction * len(names))]
    return np.isin(stars, names[chosen])


def choose(allstar, members, fraction, seed):
    """Rows of the lists.

    Parameters
    ----------
    allstar : FITS record
    members : set of str
        Stars that take no part.
    fraction : float
        Of the stars that pass the cuts, for the test.
    seed : int

    Returns
    -------
    dict of int arrays
    """
    stars = text(allstar["APOGEE_ID"])
    free = ~np.isin(stars, sorted(members))
    print(f"{len(stars):>8} rows in allStar")
    print(f"{free.sum():>8} no member of a cluster of the benchmark")
    left = free.copy()
    for cut, passed in PAPER.each(allstar).items():
        left &= passed
        print(f"{left.sum():>8} {cut}")
    high = np.flatnonzero(left)
    is_test = split(stars[high], fraction, seed)
    low = free & np.all(list(LOW_SNR.each(allstar).values()), axis=0)
    return {"training": high[~is_test], "test": high[is_test], "low_snr": np.flatnonzero(low)}


def write_lists(path, rows, settings):
    """Write each list in the layout of allStar, which `H5Compiler` reads; leave one that is there as it should be."""
    settings.stars("").parent.mkdir(parents=True, exist_ok=True)
    with fits.open(path, memmap=True) as hdus:
        for name, some in rows.items():
            chosen = fits.BinTableHDU(hdus[1].data[some], name="ALLSTAR")
            written = io.BytesIO()
            fits.HDUList([hdus[0].copy(), chosen, hdus[2].copy(), hdus[3].copy()]).writeto(written)
            out = settings.stars(name)
            # The next steps do their work anew if a list is newer than what they made of it.
            if not out.exists() or out.read_bytes() != written.getvalue():
                with atomic_file(out) as temporary:
                    temporary.write_bytes(written.getvalue())
            print(f"{len(some):>8} stars in {out}")


def main():
    parser = script_arguments(__doc__)
    mirror_and_release(parser)
    parser.add_argument("--clusters", help="table of Meszaros et al. 2013; its stars are kept for step 7")
    parser.add_argument("--test-fraction", type=float, default=0.1, help="of the stars; default: %(default)s")
    parser.add_argument("--fetch", action="store_true", help="fetch allStar from SDSS if it is not there")
    arguments = parser.parse_args()
    if not 0 < arguments.test_fraction < 1:
        parser.error(f"--test-fraction must be between 0 and 1, got {arguments.test_fraction}.")
    settings = begun(arguments)
    path = allstar_path(settings, arguments.fetch)
    members = set(read_benchmark(arguments.clusters)["APOGEE_ID"]) if arguments.clusters else set()
    with fits.open(path, memmap=True) as hdus:
        rows = choose(hdus[1].data, members, arguments.test_fraction, settings.seed)
    empty = [name for name in ("training", "test") if not len(rows[name])]
    if empty:
        raise SystemExit(f"No star is left for {empty[0]}; is {path} the right catalogue?")
    write_lists(path, rows, settings)


if __name__ == "__main__":
    main()
