"""`xmatch` of two large catalogues, against a bare query of scipy's k-d tree.

python benchmarks/xmatch.py                # a million stars each
python benchmarks/xmatch.py --stars 100000
"""

import argparse
import time

import numpy as np
from scipy.spatial import cKDTree

from astroNN.datasets import xmatch


def sky(n_stars, seed):
    """Stars all over the sky [degrees]."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 360.0, n_stars), np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, n_stars)))


def vectors(ra, dec):
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)


def bare(ra1, dec1, ra2, dec2, workers):
    """What anybody would write: nearest neighbours of unit vectors."""
    chords, idx2 = cKDTree(vectors(ra2, dec2)).query(vectors(ra1, dec1), workers=workers)
    idx1 = np.flatnonzero(chords < np.radians(2.0 / 3600.0))
    return idx1, idx2[idx1]


def clocked(function, *arguments, **settings):
    start = time.perf_counter()
    answer = function(*arguments, **settings)
    return time.perf_counter() - start, answer


def main():
    """Time both on the same catalogues; half of the second one are stars of the first, half an arcsec away."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=1_000_000, help="in each catalogue; default: 1,000,000")
    n_stars = parser.parse_args().stars
    (ra1, dec1), (ra2, dec2) = sky(n_stars, 0), sky(n_stars, 1)
    ra2[::2], dec2[::2] = ra1[::2], np.clip(dec1[::2] + 0.5 / 3600.0, -90.0, 90.0)
    catalogues = ra1, dec1, ra2, dec2
    seconds, (idx1, idx2, _) = clocked(xmatch, *catalogues)
    print(f"xmatch, two catalogues of {n_stars:,} stars: {seconds:.2f} s, {len(idx1):,} matches")
    for workers in (1, -1):
        bare_seconds, found = clocked(bare, *catalogues, workers)
        assert all(np.array_equal(a, b) for a, b in zip(found, (idx1, idx2), strict=True))
        threads = "one thread" if workers == 1 else "all cores"
        print(
            f"cKDTree alone, {threads}: {bare_seconds:.2f} s; xmatch takes {seconds / bare_seconds:.2f} times as long"
        )
    for mode in ("symmetric", "all"):
        print(f"mode={mode!r}: {clocked(xmatch, *catalogues, mode=mode)[0]:.2f} s")


if __name__ == "__main__":
    main()
