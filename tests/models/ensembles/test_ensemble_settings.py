"""Settings of ensembles reach all members; what can't be is refused."""

import pytest

from astroNN.models import (
    ApogeeBCNN,
    BayesianCNNBase,
    CNNBase,
    ConvVAEBase,
    DeepEnsemble,
)

from ...helpers.ensembles import Heads, Line

pytestmark = pytest.mark.one_backend


def test_settings_are_attributes_of_all_members(tools):
    template = tools.small(ApogeeBCNN(dropout_rate=0.15), targetname=["teff"])
    ensemble = DeepEnsemble(template, n_members=2, max_epochs=7)
    assert (ensemble.dropout_rate, ensemble.max_epochs, ensemble.seed) == (0.15, 7, 5)
    assert template.max_epochs == 2
    ensemble.targetname.append("logg")
    assert template.targetname == ["teff"]
    ensemble.mc_num = 12
    assert ensemble.template.mc_num == 12
    assert "mc_num" in dir(ensemble)


def test_a_trained_network_lends_its_settings_only(data):
    net = Line()
    net.max_epochs = 1
    net.fit(*data)
    ensemble = DeepEnsemble(net, n_members=2)
    assert not ensemble.template.has_model
    assert ensemble.template.history is ensemble.template.input_normalizer is None
    assert ensemble.batch_size == 200
    assert net.has_model


@pytest.mark.parametrize("number", [1, 0, -3, 2.0, "5", None, True, 1001])
def test_a_number_of_members_that_can_not_be(number):
    with pytest.raises(ValueError, match="n_members"):
        DeepEnsemble(Heads, n_members=number)


@pytest.mark.parametrize("network", [None, "ApogeeBCNN", dict, BayesianCNNBase, CNNBase, ConvVAEBase, 3])
def test_what_is_no_class_of_networks(network):
    with pytest.raises(TypeError, match="`network` must be a class of networks"):
        DeepEnsemble(network)


class WithOptions(Heads):
    def __init__(self, width):
        super().__init__()
        self.width = width


def test_a_class_that_needs_arguments_is_given_as_an_instance():
    with pytest.raises(TypeError, match=r"Give an instance: DeepEnsemble\(WithOptions"):
        DeepEnsemble(WithOptions)
    assert DeepEnsemble(WithOptions(9)).width == 9


def test_a_misspelt_setting_is_an_error():
    with pytest.raises(ValueError, match="no setting 'max_epoch'. Did you mean 'max_epochs'?"):
        DeepEnsemble(Heads, max_epoch=3)
    ensemble = DeepEnsemble(Heads)
    with pytest.raises(AttributeError, match="drop_rate"):
        ensemble.drop_rate = 0.1
    for name in ("members", "n_members", "keras_model", "val_idx"):
        with pytest.raises(ValueError, match=name):
            setattr(ensemble, name, None)
    with pytest.raises(AttributeError, match="no attribute 'keras_model'"):
        _ = ensemble.keras_model


def test_checkpoints_are_for_single_networks():
    with pytest.raises(ValueError, match="autosave=True"):
        DeepEnsemble(Heads, checkpoint="run")
    net = Heads()
    net.checkpoint = "run"
    with pytest.raises(ValueError, match="autosave=True"):
        DeepEnsemble(net)


def test_an_untrained_ensemble_says_so(data):
    ensemble = DeepEnsemble(Heads)
    for use in (ensemble.predict, ensemble.jacobian, ensemble.evaluate):
        with pytest.raises(AttributeError, match="0 of 5 members are trained"):
            use(data[0])
    with pytest.raises(AttributeError, match="call `fit` first"):
        ensemble.save("nothing")
    assert len(ensemble) == 0
    assert list(ensemble) == []
    assert ensemble


def test_bad_data_are_refused_before_any_member_is_trained(data):
    ensemble = DeepEnsemble(Line, n_members=2)
    with pytest.raises(ValueError, match="row"):
        ensemble.fit(data[0], data[1][:-1])
    with pytest.raises(ValueError, match="labels"):
        ensemble.fit(data[0])
    assert len(ensemble) == 0
    ensemble.max_epochs = 1
    ensemble.fit(*data)
    with pytest.raises(ValueError, match="built for"):
        ensemble.predict(data[0][:, :3])


def test_without_validation_stars_the_spreads_are_not_calibrated(data):
    ensemble = DeepEnsemble(Line, n_members=2, val_size=0, max_epochs=1)
    with pytest.warns(UserWarning, match="validation stars"):
        ensemble.fit(*data)
    assert ensemble.calibration is None
