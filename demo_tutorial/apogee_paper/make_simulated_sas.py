"""Make a small archive of simulated stars in the layout of SDSS: allStar, apStar and aspcapStar files.

    python make_simulated_sas.py sas                        # DR14, 600 stars of the field, 4 clusters: 0.3 GB
    python make_simulated_sas.py sas17 --dr 17 --stars 100

The folder must not exist. Beside the archive lie simulated_truth.fits (the exact labels) and simulated_clusters.txt
(the members of clusters, in the format of the table of Meszaros et al. 2013). What makes the data awkward in the
survey is there: bad pixels with garbage in them, flagged stars and binaries, labels that are missing, or wrong and
flagged, stars with a single visit or with rows in two fields, two files that are missing and one that is cut off.
"""

import argparse
from pathlib import Path

import numpy as np
from paper.simulated.spectra import apstar_hdus, aspcapstar_hdus, clean_spectra, observed
from paper.simulated.stars import simulated_stars
from paper.simulated.tables import allstar_hdus, cluster_lines, truth_table
from tqdm.auto import tqdm

from astroNN.apogee.archive import SPECTRA, archive_file
from astroNN.shared.files import atomic_folder

TRUTH, CLUSTER_TABLE = "simulated_truth.fits", "simulated_clusters.txt"
N_MISSING = 2  # files that are not there; the next one is cut off


def make_archive(root, n_stars=600, n_members=15, dr=14, seed=0, aspcap=True, verbose=True):
    """Write the archive, whole or not at all.

    Parameters
    ----------
    root : str or Path
        A new folder.
    n_stars, n_members : int
        Stars of the field, and of each cluster.
    dr : {14, 17}
    seed : int
    aspcap : bool
        Also write aspcapStar files.
    verbose : bool

    Raises
    ------
    FileExistsError
        If there is something of that name.
    """
    with atomic_folder(Path(root).expanduser()) as draft:
        stars = simulated_stars(n_stars, n_members, seed)
        if dr >= 16:
            south = stars.columns["LOCATION_ID"] == 4427
            stars.columns["TELESCOPE"][south] = b"lco25m"
        rng = np.random.default_rng([seed, 2])
        names = [_file_name("visit", dr, _place(stars, row)) for row in range(len(stars))]
        stars.columns["FILE"] = np.array(names, "S")
        allstar = allstar_hdus(stars, dr)
        path = draft.folder / archive_file("allstar", dr).path
        path.parent.mkdir(parents=True)
        allstar.writeto(path)
        truth_table(stars).write(draft.folder / TRUTH)
        lines = cluster_lines(stars, rng)
        (draft.folder / CLUSTER_TABLE).write_text("\n".join(lines) + "\n", encoding="ascii")
        _write_spectra(draft.folder, stars, allstar[1].data, dr, aspcap, rng, verbose)


def _write_spectra(root, stars, allstar, dr, aspcap, rng, verbose):
    clean = clean_spectra(stars)
    spoilt = np.flatnonzero(stars.cluster == "")[: N_MISSING + 1]
    for row in tqdm(range(len(stars)), desc="files", unit="star", disable=None if verbose else True):
        facts = {name: column[row] for name, column in stars.columns.items()} | {"PARAM": allstar["PARAM"][row]}
        arrays = observed(clean[row], stars.err_shape[row], stars.snr[row], facts["NVISITS"], rng)
        place = _place(stars, row)
        if row in spoilt[:N_MISSING]:
            continue
        path = _path(root, "visit", dr, place)
        apstar_hdus(facts, *arrays, dr).writeto(path)
        if row == spoilt[-1]:
            with open(path, "r+b") as stream:
                stream.truncate(path.stat().st_size // 2)
        if aspcap:
            flux, err, bits, _ = arrays
            aspcapstar_hdus(facts, flux[0], err[0], bits[0], clean[row]).writeto(_path(root, "combined", dr, place))


def _place(stars, row):
    """What the names of a star's files are made of."""
    place = {name.lower(): stars.columns[name][row].decode() for name in ("FIELD", "TELESCOPE")}
    place |= {"star": stars.columns["APOGEE_ID"][row].decode(), "location": stars.columns["LOCATION_ID"][row]}
    return place | {"prefix": "asStar" if place["telescope"] == "lco25m" else "apStar"}


def _file_name(kind, dr, place):
    return SPECTRA[kind, dr].file.format(**place)


def _path(root, kind, dr, place):
    folder = root / SPECTRA[kind, dr].folder.format(**place)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / _file_name(kind, dr, place)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder to make")
    parser.add_argument("--stars", type=int, default=600, help="of the field, at least 20; default: %(default)s")
    parser.add_argument("--members", type=int, default=15, help="of each cluster, at least 2; default: %(default)s")
    parser.add_argument("--dr", type=int, default=14, choices=(14, 17), help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--no-aspcap", action="store_true", help="no aspcapStar files, which the workflow does not need"
    )
    arguments = parser.parse_args()
    if arguments.stars < 20 or arguments.members < 2:
        parser.error("--stars must be at least 20, and --members at least 2.")
    try:
        make_archive(arguments.root, arguments.stars, arguments.members, arguments.dr, arguments.seed,
                     not arguments.no_aspcap)  # fmt: skip
    except FileExistsError as error:
        parser.error(f"root: {arguments.root} exists, and is left alone ({error}).")
    n_rows = arguments.stars + arguments.members * 4
    print(f"{n_rows} simulated stars of DR{arguments.dr} are in {arguments.root}; next: 1_choose_stars.py --sas ...")


if __name__ == "__main__":
    main()
