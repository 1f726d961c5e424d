"""Step 6: how much do smaller training sets cost?

    python 6_small_training_sets.py --work run
    python 6_small_training_sets.py --work run --sizes 1000 3000 10000

Trains the Bayesian network on parts of the training set and judges each by the combined spectra of the test stars;
the whole set is the network of step 3. A size whose table is there, results/training_set_*.csv, is not trained
again.
"""

import numpy as np
from astropy.io import fits
from astropy.table import Table
from paper.archive import text
from paper.figures import save, scatter_by_size
from paper.results import Judged, judge, reference_labels, told
from paper.samples import Sample
from paper.settings import LABELS, Settings, script_arguments
from paper.training import recipe_for, train

from astroNN.demo.table import write_csv

LEAST = 50
SHOWN = ("teff", "logg", "Fe", "C", "Mg", "Al")


def part_of(sample, size, seed):
    """Some of the stars; smaller parts lie within larger ones."""
    order = np.random.default_rng([seed, 3]).permutation(len(sample.star))
    return sample.take(np.sort(order[:size]))


def judged_network(net, test, labels):
    """Predictions of a network for combined spectra of the test stars."""
    predicted, std = net.predict(test.spectra, test.spectra_err, mask=test.mask)
    columns = [LABELS.index(name) for name in net.targetname]
    n = len(predicted)
    return Judged(list(net.targetname), labels[:, columns], predicted, std["total"], np.zeros(n), np.zeros(n, int))


def main():
    parser = script_arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", help="stars; default: an eighth, a quarter, a half of them")
    parser.add_argument("--epochs", type=int, help="default: those of the recipe")
    parser.add_argument("--truth", help="table of exact labels, of a simulated archive")
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS, help="to print; default: all")
    arguments = parser.parse_args()
    settings = Settings.read(arguments.work)
    sample, test = (Sample.read(settings.spectra(name)) for name in ("training", "test"))
    n_all = len(sample.star)
    sizes = arguments.sizes or [size for size in (n_all // 8, n_all // 4, n_all // 2) if size >= LEAST]
    wrong = [size for size in sizes if not LEAST <= size < n_all]
    if wrong:
        parser.error(f"--sizes must be from {LEAST} to {n_all - 1}, one less than the training set, got {wrong[0]}.")
    whole = judge(settings, "bayesian", "test", arguments.truth)
    combined = np.flatnonzero(whole.visit == 0)
    stars = text(fits.getdata(settings.predictions("bayesian", "test"), 1)["APOGEE_ID"])
    labels = reference_labels(stars, arguments.truth, test.labels)[combined]
    test = test.take(combined)
    for size in sizes:
        path = settings.results(f"training_set_{size}.csv")
        if path.exists():
            print(f"{path} is there")
            continue
        net = train("bayesian", part_of(sample, size, settings.seed), settings.seed,
                    recipe_for("bayesian", size, arguments.epochs), verbose=0)  # fmt: skip
        told(f"trained on {size} stars", judged_network(net, test, labels), path, arguments.labels)
    write_csv(settings.results(f"training_set_{n_all}.csv"), whole.take(combined).scores())
    tables = {size: Table.read(settings.results(f"training_set_{size}.csv")) for size in (*sorted(sizes), n_all)}
    save(scatter_by_size(tables, SHOWN), settings.results("small_training_sets.png"))


if __name__ == "__main__":
    main()
