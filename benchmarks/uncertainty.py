"""Calibration of Monte Carlo dropout, an ensemble and a Flipout network on APOGEE-like giants with exact labels.

    python benchmarks/uncertainty.py                     # trains six networks: about an hour on two cores
    python benchmarks/uncertainty.py --save networks     # keeps them
    python benchmarks/uncertainty.py --load networks --figure report.png

Needs the folder of samples (by default ``../shared/data`` beside the repository), see ``apogee_labels.py``. Every
prediction is given twice: from the spectra alone, and with the errors of the pixels.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from apogee_labels import LABELS, read_sample

from astroNN.models import ApogeeBCNN, DeepEnsemble, load_folder
from astroNN.nn.calibration import calibration_report
from astroNN.nn.layers import DenseFlipout

COLUMNS = ("scatter", "sharpness", "within_1s", "within_2s", "ece", "nll", "crps")


class FlipoutBCNN(ApogeeBCNN):
    """`ApogeeBCNN` whose last two dense layers have distributions for weights; dropout acts in training only.

    The first dense layer keeps plain weights: a prior on its 1.5 million would outweigh some thousand stars.
    """

    def model(self):
        """Functional Keras model from ``input`` to ``output`` and ``variance_output``."""
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = self.convolution(2)(self.convolution(1)(spectra))
        x = keras.layers.Flatten()(keras.layers.MaxPooling1D(self.pool_length)(x))
        x = self.dense(1)(self.dropout()(x))
        x = self._flipout("hidden_2", self.num_hidden[1], self.activation)(self.dropout()(x))
        heads = {name: self._flipout(name, self._labels_shape["output"], "linear")(x) for name in self._heads}
        return keras.Model(inputs={"input": spectra}, outputs=heads)

    _heads = ("output", "variance_output")

    def _flipout(self, name, units, activation):
        def layer(x):
            prior_std = 2.0 / x.shape[-1] ** 0.5
            return DenseFlipout(units, activation, prior_std=prior_std, seed=self.next_seed(), name=name)(x)

        return layer


def trained(arguments):
    """Ensemble and Flipout network, trained with the same settings on the same stars, or read from a folder."""
    if arguments.load:
        return load_folder(arguments.load / "ensemble"), load_folder(arguments.load / "flipout", FlipoutBCNN)
    settings = {
        "max_epochs": arguments.epochs, "lr": arguments.lr, "reduce_lr_patience": arguments.patience,
        "targetname": list(LABELS), "seed": arguments.seed, "initializer": "he_normal", "verbose": arguments.verbose,
    }  # fmt: skip
    flipout = FlipoutBCNN()
    for name, value in settings.items():
        setattr(flipout, name, value)
    spectra, spectra_err, mask, labels, labels_err, _, _ = read_sample(arguments.data / "apogee_sample_train.h5")
    nets = {"ensemble": DeepEnsemble(ApogeeBCNN, n_members=arguments.members, **settings), "flipout": flipout}
    for name, net in nets.items():
        start = time.perf_counter()
        net.fit(spectra, labels, inputs_err=spectra_err, labels_err=labels_err, mask=mask)
        print(f"{name}: trained in {time.perf_counter() - start:.0f} s", flush=True)
        if arguments.save:
            net.save(arguments.save / name, if_exists="replace")
    return nets["ensemble"], nets["flipout"]


def print_report(title, report):
    """The columns of a report that say most, label by label."""
    print(f"\n{title}")
    print(" " * 8 + "".join(f"{name:>12}" for name in COLUMNS))
    for row in report.table:
        print(f"{row['label']:>8}" + "".join(f"{row[name]:12.4g}" for name in COLUMNS))
    print(f"{'mean':>8}" + " " * 24 + "".join(f"{np.mean(report.table[name]):12.4g}" for name in COLUMNS[2:6]))


def main():
    """Train or read the networks, and judge what they predict for the test sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[1] / "../shared/data")
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--patience", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", type=int, default=0)
    parser.add_argument("--save", type=Path, help="folder for the trained networks")
    parser.add_argument("--load", type=Path, help="folder with networks that `--save` wrote")
    parser.add_argument("--figure", type=Path, help="PNG file for the report of the ensemble")
    arguments = parser.parse_args()
    if not (arguments.data / "apogee_sample_test.h5").exists():
        parser.error(f"no samples in {arguments.data}; say where they are by --data")
    ensemble, flipout = trained(arguments)
    spectra, spectra_err, mask, _, _, exact, _ = read_sample(arguments.data / "apogee_sample_test.h5")
    nets = {
        "ApogeeBCNN": ensemble.members[0],
        f"ensemble of {len(ensemble)} ApogeeBCNN": ensemble,
        "Flipout": flipout,
    }
    for title, net in nets.items():
        net.verbose = 0
        for words, errors in (("spectra alone", None), ("with errors of the pixels", spectra_err)):
            start = time.perf_counter()
            pred, pred_std = net.predict(spectra, errors, mask=mask)
            seconds = time.perf_counter() - start
            report = calibration_report(pred, pred_std, exact, targetname=list(LABELS))
            print_report(f"{title}, {words} ({seconds:.0f} s)", report)
            if arguments.figure and net is ensemble and errors is not None:
                report.plot(arguments.figure)
        raw, raw_std = net.predict(spectra, mask=mask, calibrated=False)
        print_report(f"{title}, not calibrated", calibration_report(raw, raw_std, exact, targetname=list(LABELS)))


if __name__ == "__main__":
    main()
