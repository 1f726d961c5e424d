"""A training that ends with a network that has died says so."""

import warnings

import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN, DeepEnsemble

DEAD = "learnt nothing"
LAST_HIDDEN = 96


class Kill(keras.callbacks.Callback):
    """Moves the last hidden units so far below zero that no spectrum lifts one of them above it."""

    def on_epoch_end(self, epoch, logs=None):
        dense = [layer for layer in self.model.layers if isinstance(layer, keras.layers.Dense)]
        last = [layer for layer in dense if layer.units == LAST_HIDDEN][-1]
        last.bias.assign(np.full(LAST_HIDDEN, -1e6, dtype="float32"))


def network(kind, **settings):
    net = kind()
    net.seed, net.verbose, net.max_epochs, net.val_size = 3, 0, 1, 0.3
    for name, value in settings.items():
        setattr(net, name, value)
    return net


def warned(net, *data, **named):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        net.fit(*data, **named)
    return [warning for warning in caught if DEAD in str(warning.message)]


@pytest.fixture(scope="module")
def stars():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 64)).astype("float32")
    return x, x[:, :2].copy()


@pytest.mark.parametrize("kind", [ApogeeCNN, ApogeeBCNN])
def test_a_dead_network_is_told_of_where_fit_was_called(kind, stars):
    net = network(kind, callbacks=Kill())
    (warning,) = warned(net, *stars)
    assert warning.filename == __file__
    assert f"lower `lr` (now {net.lr})" in str(warning.message)
    pred = net.predict(stars[0])
    np.testing.assert_allclose(np.ptp(pred[0] if isinstance(pred, tuple) else pred, axis=0), 0.0, atol=1e-5)


def test_members_of_an_ensemble_and_old_names_point_to_the_caller_too(stars):
    ensemble = DeepEnsemble(network(ApogeeCNN, callbacks=Kill()), n_members=2)
    found = warned(ensemble, *stars)
    assert len(found) == 2 and {warning.filename for warning in found} == {__file__}
    net = network(ApogeeCNN, callbacks=Kill())
    with pytest.warns(UserWarning, match=DEAD) as caught:
        net.train(*stars)
    assert [warning.filename for warning in caught if DEAD in str(warning.message)] == [__file__]


@pytest.mark.parametrize("kind", [ApogeeCNN, ApogeeBCNN])
@pytest.mark.parametrize("val_size", [0.0, 0.3])
def test_a_network_that_lives_is_not(kind, val_size, stars):
    assert not warned(network(kind, val_size=val_size), *stars)


def test_labels_that_are_all_the_same_need_no_others(stars):
    x, y = stars
    y = np.ones_like(y)
    y[::3] = -9999.0
    assert not warned(network(ApogeeCNN, callbacks=Kill(), labels_norm_mode=0), x, y)


def test_to_look_at_a_network_changes_nothing_that_it_draws_later(stars, monkeypatch):
    looked, not_looked = network(ApogeeBCNN), network(ApogeeBCNN)
    looked.fit(*stars)
    monkeypatch.setattr("astroNN.models.training.run.warn_if_dead", lambda *args, **named: None)
    not_looked.fit(*stars)
    for net in (looked, not_looked):
        net.fit(*stars)  # goes on with the random numbers where the first has left them
    for one, other in zip(looked.get_weights(), not_looked.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_looks_at_spectra_in_a_file_as_well(stars, tmp_path):
    np.save(tmp_path / "spectra.npy", stars[0])
    spectra = np.load(tmp_path / "spectra.npy", mmap_mode="r")
    for val_size in (0.0, 0.3):
        assert len(warned(network(ApogeeCNN, callbacks=Kill(), val_size=val_size), spectra, stars[1])) == 1
        assert not warned(network(ApogeeCNN, val_size=val_size), spectra, stars[1])
