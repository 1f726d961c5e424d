"""Whether GaMorNet learns its classes, and saves images by transfer learning. All here trains for minutes."""

import keras
import numpy as np
import pytest

from astroNN.datasets.galaxies import GALAXY_SURVEYS, simulate_galaxies
from astroNN.gamornet import classify, load_weights
from astroNN.models import GaMorNet

pytestmark = pytest.mark.slow

SURVEY = GALAXY_SURVEYS["CANDELS"].replace(shape=(43, 43))
OTHER = SURVEY.replace(psf=2.0 * SURVEY.psf, sky=9.0 * SURVEY.sky)
DISK, INDETERMINATE, BULGE = range(3)


def trained(net, galaxies, rate, epochs):
    n_steps = epochs * int(len(galaxies.images) * (1.0 - net.val_size) / net.batch_size)
    net.optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, n_steps))
    net.max_epochs, net.verbose, net.seed = epochs, 0, 1
    net.fit(galaxies.images, galaxies.labels)
    return net


@pytest.fixture(scope="module")
def net():
    return trained(GaMorNet(), simulate_galaxies(3000, SURVEY, seed=1), 1e-4, epochs=10)


def test_disks_and_bulges_are_told_apart_by_the_documented_thresholds(net):
    galaxies = simulate_galaxies(1000, SURVEY, seed=2)
    called = classify(net.predict(galaxies.images), survey="CANDELS", flavour="keras")
    truth = galaxies.labels.argmax(axis=1)
    clear = (called != INDETERMINATE) & (truth != INDETERMINATE)
    assert (called == truth)[clear].mean() > 0.9
    assert clear.mean() > 0.7


def test_few_images_do_when_weights_of_other_images_are_the_start(net):
    sample, unseen = simulate_galaxies(300, OTHER, seed=3), simulate_galaxies(1000, OTHER, seed=4)
    moved = GaMorNet().build((43, 43, 1))
    load_weights(moved, net)
    accuracy = []
    for candidate in (moved, GaMorNet()):
        probabilities = trained(candidate, sample, 5e-5, epochs=20).predict(unseen.images)
        accuracy.append(np.mean(probabilities.argmax(axis=1) == unseen.labels.argmax(axis=1)))
    assert accuracy[0] > accuracy[1] + 0.02
