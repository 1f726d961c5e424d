"""GaMorNet on simulated galaxies: how often it is right, and what transfer learning saves.

    python benchmarks/galaxies.py                                        # 10,000 galaxies: 20 minutes on two cores
    python benchmarks/galaxies.py --galaxies 3000 --epochs 3             # half of that
    python benchmarks/galaxies.py --save network                         # keep the network
    python benchmarks/galaxies.py --load network --figure docs/source/_static/galaxies_threshold_curve.png
    python benchmarks/galaxies.py --load network --transfer 100 300 1000 # the curve of transfer learning

Trained on images like those of CANDELS (83x83 pixels) of disks with bulges, and tested on others with the documented
thresholds. An epoch has every image in its eight orientations, and the learning rate falls to zero. Transfer learning
goes on with images of another PSF (twice as wide) and three times the noise of the sky, and is compared with training
from scratch on the same images.
"""

import argparse
import time

import keras
import numpy as np

from astroNN.datasets.galaxies import GALAXY_SURVEYS, simulate_galaxies
from astroNN.gamornet import classify, load_weights, threshold_curve
from astroNN.models import GaMorNet, load_folder

CANDELS = GALAXY_SURVEYS["CANDELS"]
OTHER = CANDELS.replace(psf=2.0 * CANDELS.psf, sky=9.0 * CANDELS.sky)
DISK, INDETERMINATE, BULGE = range(3)


def new_network(rate, epochs, verbose):
    net = GaMorNet(lr=rate)
    net.optimizer, net.max_epochs, net.verbose, net.seed = "adam", epochs, verbose, 1
    return net


class Falling(keras.callbacks.Callback):
    """The learning rate falls to zero like a cosine, batch by batch."""

    def __init__(self, rate):
        super().__init__()
        self.rate, self.done = rate, 0

    def on_train_batch_begin(self, batch, logs=None):
        all_batches = self.params["epochs"] * self.params["steps"]
        self.model.optimizer.learning_rate = self.rate * (0.5 + 0.5 * np.cos(np.pi * self.done / all_batches))
        self.done += 1


def in_all_orientations(images):
    """A galaxy turned or seen in a mirror is a galaxy of the same kind."""
    return np.concatenate([np.rot90(seen, k, axes=(1, 2)) for seen in (images, images[:, :, ::-1]) for k in range(4)])


def train(net, galaxies):
    net.callbacks = [Falling(net.lr)]
    began = time.perf_counter()
    net.fit(in_all_orientations(galaxies.images), np.tile(galaxies.labels, (8, 1)))
    return time.perf_counter() - began


def quality(net, galaxies):
    """Fraction right of those called disk or bulge, counting truly indeterminate ones as wrong and not at all."""
    net.verbose = 0
    called = classify(net.predict(galaxies.images), survey="CANDELS", flavour="keras")
    truth = galaxies.labels.argmax(axis=1)
    clear = called != INDETERMINATE
    right = clear & (called == truth)

    def fraction(among):
        return right.sum(where=among) / max(1, among.sum())

    return {
        "right": fraction(clear),
        "right, of true disks and bulges": fraction(clear & (truth != INDETERMINATE)),
        "disks right": fraction(called == DISK),
        "bulges right": fraction(called == BULGE),
        "indeterminate": 1.0 - clear.mean(),
    }


def report(net, galaxies):
    for name, value in quality(net, galaxies).items():
        print(f"  {name:34s} {100 * value:5.1f}%")


def transfer(net, numbers, epochs, unseen):
    """Accuracy on the other images against the number to train on: from these weights, and from scratch."""
    print(f"other PSF and noise; before any training on them: {100 * quality(net, unseen)['right']:.1f}% right")
    print(f"{'images':>7s} {'transfer':>22s} {'from scratch':>22s}")
    for n in numbers:
        sample = simulate_galaxies(n, OTHER, seed=3)
        # An epoch of few images is short: they take more of them.
        n_epochs = int(np.clip(epochs * 1000 / n, epochs, 8 * epochs))
        moved, fresh = new_network(5e-5, n_epochs, 0).build("CANDELS"), new_network(1e-4, n_epochs, 0)
        load_weights(moved, net)
        cells = []
        for candidate in (moved, fresh):
            train(candidate, sample)
            found = quality(candidate, unseen)
            cells.append(f"{100 * found['right']:5.1f}%, {100 * found['indeterminate']:3.0f}% indet.")
        print(f"{n:7d} {cells[0]:>22s} {cells[1]:>22s}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--galaxies", type=int, default=10_000, help="to train on")
    parser.add_argument("--epochs", type=int, default=2, help="each has eight orientations of every galaxy")
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate")
    parser.add_argument("--save", help="folder for the network")
    parser.add_argument("--load", help="folder of a network: no training")
    parser.add_argument("--figure", help="file for the curve of thresholds")
    parser.add_argument("--transfer", type=int, nargs="+", metavar="N", help="numbers of images to go on with")
    parser.add_argument("--transfer-epochs", type=int, default=2, help="over 1,000 images or more")
    parser.add_argument("--unseen", type=int, default=3000, help="galaxies to test on")
    args = parser.parse_args()

    unseen = simulate_galaxies(args.unseen, CANDELS, seed=2)
    if args.load:
        net = load_folder(args.load)
    else:
        net = new_network(args.rate, args.epochs, verbose=2)
        seconds = train(net, simulate_galaxies(args.galaxies, CANDELS, seed=1))
        print(f"trained on {args.galaxies} galaxies for {args.epochs} epochs in {seconds:.0f} s")
        if args.save:
            print(f"saved to {net.save(args.save)}")
    print(f"{args.unseen} unseen galaxies, documented thresholds of CANDELS:")
    report(net, unseen)
    probabilities, half = net.predict(unseen.images), args.unseen // 2
    chosen_on = threshold_curve(probabilities[:half], unseen.labels[:half])
    if (chosen_on.accuracy >= 0.95).any():
        threshold = chosen_on.thresholds[np.argmax(chosen_on.accuracy >= 0.95)]
        found = threshold_curve(probabilities[half:], unseen.labels[half:], [threshold])
        print(
            f"  threshold {threshold:.2f}, with which 95% of one half are right: of the other half "
            f"{found.accuracy[0]:.1%}, and {found.completeness[0]:.0%} are called"
        )
    if args.figure:
        threshold_curve(probabilities, unseen.labels).plot(args.figure)
    if args.transfer:
        transfer(net, args.transfer, args.transfer_epochs, simulate_galaxies(args.unseen, OTHER, seed=4))


if __name__ == "__main__":
    main()
