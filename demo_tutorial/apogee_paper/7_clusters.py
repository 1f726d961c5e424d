"""Step 7: open and globular clusters against the benchmark of Meszaros et al. 2013.

    python 7_clusters.py --work run --clusters cluster_stars_meszaros2013.txt
    python 7_clusters.py --work run --clusters sas/simulated_clusters.txt --truth sas/simulated_truth.fits

All members of a cluster were born with nearly the same iron: the scatter of [Fe/H] within one tells how precise the
labels are. In globular clusters aluminium rises where magnesium falls, unlike in nearly all stars of the training: a
network that takes aluminium from the lines of other elements shows here.
"""

import numpy as np
from astropy.io import fits
from astropy.table import Table
from paper.archive import allstar_path, text
from paper.clusters import read_benchmark
from paper.figures import cluster_figure, save
from paper.results import predicted_labels, reference_labels
from paper.settings import LABELS, NETWORKS, Settings, script_arguments

from astroNN.demo.table import robust_scatter

METAL_POOR = -0.8  # [M/H] below which clusters are globular ones, with their odd magnesium and aluminium
NEEDED = ("teff", "logg", "Fe", "Mg", "Al")


def best_rows(settings, stars):
    """Row of each star in allStar, of several that with the highest signal to noise."""
    with fits.open(allstar_path(settings), memmap=True) as hdus:
        names, snr = text(hdus[1].data["APOGEE_ID"]), np.array(hdus[1].data["SNR"])
    wanted = np.flatnonzero(np.isin(names, stars))
    return {names[row]: row for row in wanted[np.argsort(snr[wanted])]}


def matched(settings, benchmark):
    """Members with a prediction of both networks: rows of the benchmark, with columns ``<network>_<label>``."""
    rows = best_rows(settings, benchmark["APOGEE_ID"])
    found = benchmark[[star in rows for star in benchmark["APOGEE_ID"]]]
    wanted = np.array([rows[star] for star in found["APOGEE_ID"]], int)
    good = np.ones(len(found), bool)
    for network in NETWORKS:
        names, predicted, _, table = predicted_labels(settings.predictions(network, "combined"))
        place = np.full(max([*wanted, *table["allstar_row"]], default=0) + 1, -1)
        place[table["allstar_row"]] = np.arange(len(table))
        for name in NEEDED:
            values = predicted[:, names.index(name)]
            found[f"{network}_{name}"] = np.where(place[wanted] >= 0, values[place[wanted]], np.nan)
            good &= np.isfinite(found[f"{network}_{name}"])
    return found[good]


def by_cluster(members, least=2):
    """A row for each cluster with at least so many members."""
    rows = []
    for name in dict.fromkeys(members["cluster"]):
        some = members[members["cluster"] == name]
        if len(some) < least:
            continue
        row = {"cluster": name, "members": len(some), "M_H": np.median(some["M_H_cal"])}
        for network in NETWORKS:
            row[f"{network}_teff"] = np.median(some[f"{network}_teff"] - some["teff_cal"])
            row[f"{network}_logg"] = np.median(some[f"{network}_logg"] - some["logg_cal"])
            row[f"{network}_Fe"] = np.median(some[f"{network}_Fe"])
            row[f"{network}_Fe_scatter"] = robust_scatter(some[f"{network}_Fe"])
        rows.append(row)
    return Table(rows)


def with_chemistry(members, truth):
    """Members of metal-poor clusters, with [Mg/Fe] and [Al/Fe] of each network, and of the truth."""
    poor = members[members["M_H_cal"] < METAL_POOR]
    if truth and len(poor):
        labels = reference_labels(poor["APOGEE_ID"], truth)
        for name in ("Fe", "Mg", "Al"):
            poor[f"true_{name}"] = labels[:, LABELS.index(name)]
    for kind in (*NETWORKS, "true"):
        for element in ("Mg", "Al"):
            if f"{kind}_{element}" in poor.colnames:
                poor[f"{kind}_{element}_Fe"] = poor[f"{kind}_{element}"] - poor[f"{kind}_Fe"]
    return poor


def main():
    parser = script_arguments(__doc__)
    parser.add_argument("--clusters", required=True, help="table of Meszaros et al. 2013")
    parser.add_argument("--truth", help="table of exact labels, of a simulated archive")
    arguments = parser.parse_args()
    settings = Settings.read(arguments.work)
    benchmark = read_benchmark(arguments.clusters)
    members = matched(settings, benchmark)
    print(f"{len(members)} of {len(benchmark)} stars of the benchmark have predictions")
    clusters = by_cluster(members)
    if not len(clusters):
        raise SystemExit("No cluster has two members with predictions here.")
    for name in clusters.colnames[2:]:
        clusters[name].format = ".0f" if name.endswith("teff") else ".3f"
    print("teff, logg: median of prediction - benchmark; Fe: median [Fe/H] and its scatter (1.4826 MAD)")
    clusters.pprint(max_lines=-1, max_width=-1, show_unit=False)
    clusters.write(settings.results("clusters.csv"), overwrite=True)
    poor = with_chemistry(members, arguments.truth)
    if "true_Al" in poor.colnames:
        for network in NETWORKS:
            error = poor[f"{network}_Al_Fe"] - poor["true_Al_Fe"]
            slope = np.polyfit(poor["true_Al_Fe"], poor[f"{network}_Al_Fe"], 1)[0]
            print(f"{network}: [Al/Fe] of metal-poor members is off by {np.median(error):+.3f} with a scatter of "
                  f"{robust_scatter(error):.3f}, and follows the truth with a slope of {slope:.2f}")  # fmt: skip
    save(cluster_figure(clusters, poor, NETWORKS), settings.results("clusters.png"))


if __name__ == "__main__":
    main()
