"""Trained ensembles, which the tests of this folder share."""

import numpy as np
import pytest

from astroNN.models import DeepEnsemble

from ...helpers.ensembles import Heads, Line, simulated


@pytest.fixture(scope="module")
def data():
    return simulated(0)


@pytest.fixture(scope="module")
def trained(data):
    """Three trained `Heads`; don't train them on."""
    ensemble = DeepEnsemble(Heads, n_members=3)
    ensemble.fit(*data, inputs_err=np.full_like(data[0], 0.1))
    return ensemble


@pytest.fixture(scope="module")
def hardly_trained(data):
    """As `trained`, after one epoch: for what does not depend on how good they are."""
    ensemble = DeepEnsemble(Heads, n_members=3, max_epochs=1)
    ensemble.fit(*data, inputs_err=np.full_like(data[0], 0.1))
    return ensemble


@pytest.fixture(scope="module")
def plain(data):
    """Three trained `Line`; don't train them on."""
    ensemble = DeepEnsemble(Line, n_members=3)
    ensemble.fit(*data)
    return ensemble


@pytest.fixture(scope="module")
def saved(plain, tmp_path_factory):
    """The folder of `plain`; don't change it."""
    return plain.save(tmp_path_factory.mktemp("ensembles") / "run")
