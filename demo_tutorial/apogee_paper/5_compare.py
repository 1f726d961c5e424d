"""Step 5: compare predictions with the labels of the survey at high and low signal to noise.

    python 5_compare.py --work run
    python 5_compare.py --work run --truth sas/simulated_truth.fits      # simulated stars: with their exact labels

A visit is compared with the label of its star's combined spectrum, which is far better than anything that the visit
itself could give: so one sees what noise does. Tables go to results/*.csv, figures to results/*.png.
"""

from paper.figures import predicted_vs_reference, save, scatter_by_snr
from paper.results import judge, told
from paper.settings import LABELS, NETWORKS, Settings, script_arguments

BORDER = 100  # signal to noise ratio between good and poor visits
SHOWN = ("teff", "logg", "Fe", "C", "Mg", "Al")


def samples(settings, network, truth):
    """The samples by their names, and all of their spectra."""
    test = judge(settings, network, "test", truth)
    found = {
        "test_combined": ("test stars, combined spectra", test.take(test.visit == 0)),
        "visits_good": (f"visits with a signal to noise of at least {BORDER}", _visits(test, test.snr >= BORDER)),
        "visits_poor": (f"visits below {BORDER}", _visits(test, test.snr < BORDER)),
    }
    everything = test
    if settings.predictions(network, "low_snr").exists():
        low = judge(settings, network, "low_snr", truth)
        found["low_snr"] = ("stars with a signal to noise of 20 to 100", low)
        everything = test.joined(low)
    return found, everything


def _visits(test, chosen):
    return test.take((test.visit > 0) & chosen)


def main():
    parser = script_arguments(__doc__)
    parser.add_argument("--truth", help="table of exact labels, of a simulated archive")
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS, help="to print; default: all")
    arguments = parser.parse_args()
    settings = Settings.read(arguments.work)
    reference = "true" if arguments.truth else "survey"
    print("Bias and scatter (1.4826 MAD) of prediction - " + ("truth" if arguments.truth else "label of the survey"))
    all_spectra = {}
    for network in NETWORKS:
        found, all_spectra[network] = samples(settings, network, arguments.truth)
        for name, (title, judged) in found.items():
            if len(judged.snr) >= 5:
                told(f"{network}, {title}", judged, settings.results(f"{network}_{name}.csv"), arguments.labels)
        figure = predicted_vs_reference(found["test_combined"][1], SHOWN, reference)
        save(figure, settings.results(f"{network}_test_combined.png"))
    save(scatter_by_snr(all_spectra, SHOWN), settings.results("scatter_by_snr.png"))


if __name__ == "__main__":
    main()
