"""The layers of the APOGEE networks, as published (Leung & Bovy 2019, MNRAS 483, 3255)."""

import numpy as np
import pytest
from keras import layers

from astroNN.models import ApogeeBCNN, ApogeeCNN, BayesianCNNBase, CNNBase, NeuralNetBase, NeuralNetMaster
from astroNN.nn.layers import MCDropout

# 7,514 pixels. Two convolutions of 8 pixels: 8*1*2 + 2 and 8*2*4 + 4 numbers; 7514 // 4 * 4 = 7,512 values after
# pooling by 4; dense layers of 196 and 96 units.
BODY = (8 * 1 * 2 + 2) + (8 * 2 * 4 + 4) + (7512 * 196 + 196) + (196 * 96 + 96)
LABELS_25 = (
    "teff logg M alpha C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Fe Co Ni fakemag".split()
)  # fmt: skip


def built(network, n_pixels=7514, n_labels=22, seed=1):
    network._input_shape, network._labels_shape = {"input": (n_pixels, 1)}, {"output": n_labels}
    network.seed = seed
    network.compile()
    return network


@pytest.mark.parametrize(("n_labels", "total"), [(22, 1_493_680), (25, 1_493_971)])
def test_apogee_cnn_has_the_published_number_of_parameters(n_labels, total):
    assert BODY + 97 * n_labels == total
    assert built(ApogeeCNN(), n_labels=n_labels).keras_model.count_params() == total


@pytest.mark.parametrize(("n_labels", "total"), [(22, 1_495_814), (25, 1_496_396)])
def test_apogee_bcnn_has_the_published_number_of_parameters(n_labels, total):
    assert BODY + 2 * 97 * n_labels == total
    net = built(ApogeeBCNN(), n_labels=n_labels)
    assert net.keras_model.count_params() == total
    assert net.keras_model_predict.count_params() == total


def layer_types(model):
    return [type(layer).__name__ for layer in model.layers if not isinstance(layer, layers.InputLayer)]


def test_apogee_cnn_has_the_published_layers_in_order():
    model = built(ApogeeCNN()).keras_model
    assert layer_types(model) == (
        "Conv1D Activation Conv1D Activation MaxPooling1D Flatten "
        "Dropout Dense Activation Dropout Dense Activation Dense Activation".split()
    )
    assert [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)] == [0.1, 0.1]
    assert model.layers[-1].name == "output"
    assert model.layers[-1].activation.__name__ == "linear"
    assert {name: x.shape for name, x in model.input.items()} == {"input": (None, 7514, 1)}
    assert model.output_shape == (None, 22)


def test_apogee_bcnn_has_the_published_layers_in_order():
    model = built(ApogeeBCNN()).keras_model_predict
    kinds = layer_types(model)
    assert kinds == (
        "Conv1D Activation MCDropout Conv1D Activation MaxPooling1D Flatten MCDropout "
        "Dense Activation MCDropout Dense Activation Dense Dense".split()
    )
    assert [layer.rate for layer in model.layers if isinstance(layer, MCDropout)] == [0.3] * 3
    assert {name: x.shape for name, x in model.output.items()} == {
        "output": (None, 22),
        "variance_output": (None, 22),
    }
    heads = [model.get_layer(name) for name in ("output", "variance_output")]
    assert [head.activation.__name__ for head in heads] == ["linear", "linear"]
    # Both heads stand on the same layer, and no dropout comes after it.
    before = {head.input._keras_history.operation.name for head in heads}
    assert len(before) == 1
    assert model.get_layer(before.pop()).__class__ is layers.Activation


@pytest.mark.parametrize("network", [ApogeeCNN, ApogeeBCNN])
def test_shapes_paddings_activations_and_regularisers_are_those_of_the_paper(network):
    net = built(network())
    convolutions = [layer for layer in net.keras_model.layers if isinstance(layer, layers.Conv1D)]
    assert [tuple(layer.kernel.shape) for layer in convolutions] == [(8, 1, 2), (8, 2, 4)]
    assert [layer.padding for layer in convolutions] == ["same", "same"]
    dense = [layer for layer in net.keras_model.layers if isinstance(layer, layers.Dense)]
    assert [tuple(layer.kernel.shape) for layer in dense[:2]] == [(7512, 196), (196, 96)]
    assert {tuple(layer.kernel.shape) for layer in dense[2:]} == {(96, 22)}
    for layer in [*convolutions, *dense[:2]]:
        assert float(layer.kernel_regularizer.l2) == pytest.approx(net.l2)
    for head in dense[2:]:
        assert head.kernel_regularizer is None
    hidden = [layer for layer in net.keras_model.layers if isinstance(layer, layers.Activation)][:4]
    assert [layer.activation.__name__ for layer in hidden] == ["relu"] * 4


def test_kernels_start_with_the_published_spread():
    # 1.5 million draws: the standard deviation is known to 0.06%. He: sqrt(2 / 7512), truncated at two sigma and
    # rescaled to that spread.
    for network, spread in ((ApogeeCNN(), np.sqrt(2 / 7512)), (ApogeeBCNN(), 0.05)):
        dense = [layer for layer in built(network).keras_model.layers if isinstance(layer, layers.Dense)]
        assert dense[0].get_weights()[0].std() == pytest.approx(spread, rel=0.01)


CNN_DEFAULTS = {
    "lr": 0.005, "initializer": "he_normal", "l2": 1e-5, "dropout_rate": 0.1, "_model_type": "CNN",
    "name": "Convolutional Neural Network",
}  # fmt: skip
BCNN_DEFAULTS = {
    "lr": 0.0005, "l2": 5e-9, "dropout_rate": 0.3, "_model_type": "BCNN", "mc_num": 100, "length_scale": 3,
    "disable_dropout": False, "name": "Bayesian Convolutional Neural Network",
}  # fmt: skip
BOTH_DEFAULTS = {
    "activation": "relu", "num_filters": [2, 4], "filter_len": 8, "pool_length": 4, "num_hidden": [196, 96],
    "max_epochs": 100, "reduce_lr_epsilon": 5e-5, "reduce_lr_min": 1e-8, "reduce_lr_patience": 2,
    "input_norm_mode": 3, "labels_norm_mode": 2, "targetname": LABELS_25, "batch_size": 64, "val_size": 0.1,
    "beta_1": 0.9, "beta_2": 0.999, "optimizer_epsilon": 1e-7, "autosave": False, "verbose": 2, "task": "regression",
    "early_stopping": False, "keras_model": None, "history": None, "callbacks": None, "folder_name": None,
}  # fmt: skip


@pytest.mark.parametrize(("network", "own"), [(ApogeeCNN, CNN_DEFAULTS), (ApogeeBCNN, BCNN_DEFAULTS)])
def test_defaults_are_the_documented_ones(network, own):
    net = network()
    defaults = BOTH_DEFAULTS | own
    assert {name: getattr(net, name) for name in defaults} == defaults


def test_learning_rate_and_dropout_can_be_given():
    assert ApogeeCNN(lr=0.1).lr == 0.1
    net = ApogeeBCNN(lr=0.2, dropout_rate=0.05)
    assert (net.lr, net.dropout_rate) == (0.2, 0.05)


def test_two_networks_do_not_share_their_settings():
    first, second = ApogeeBCNN(), ApogeeBCNN()
    first.num_hidden[0] = 3
    first.targetname.pop()
    assert second.num_hidden == [196, 96]
    assert second.targetname == LABELS_25


def test_the_two_heads_of_equal_shape_start_different():
    model = built(ApogeeBCNN(), n_pixels=60).keras_model
    output, variance = (model.get_layer(name).get_weights()[0] for name in ("output", "variance_output"))
    assert output.shape == variance.shape
    assert np.abs(output - variance).max() > 0.05


def test_layers_of_equal_shape_start_different():
    net = ApogeeCNN()
    net.num_hidden = [7, 7]
    net.num_filters, net.filter_len, net.pool_length = [1, 1], 3, 2
    model = built(net, n_pixels=14).keras_model  # 14 / 2 = 7 values enter the first of two 7 x 7 layers
    kernels = [layer.get_weights()[0] for layer in model.layers if isinstance(layer, layers.Dense)][:2]
    assert kernels[0].shape == kernels[1].shape == (7, 7)
    assert not np.allclose(kernels[0], kernels[1])


@pytest.mark.parametrize("network", [ApogeeCNN, ApogeeBCNN])
def test_a_seed_repeats_the_initial_weights_and_another_gives_others(network):
    first, again, other = (built(network(), 60, 2, seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    kernels = [(a, b) for a, b in zip(first, other, strict=True) if a.ndim > 1]
    assert all(not np.allclose(a, b) for a, b in kernels)


def test_without_a_seed_two_networks_start_different_and_keep_the_seed_they_drew():
    first, second = (built(ApogeeCNN(), 60, 2, seed=None) for _ in range(2))
    assert first.seed != second.seed
    assert not np.allclose(first.get_weights()[0], second.get_weights()[0])
    repeated = built(ApogeeCNN(), 60, 2, seed=first.seed)
    assert (repeated.get_weights()[0] == first.get_weights()[0]).all()


def test_dropout_can_be_disabled():
    net = ApogeeBCNN()
    net.disable_dropout = True
    model = built(net, 60, 2).keras_model
    assert not any(layer.random_at_inference for layer in model.layers if isinstance(layer, MCDropout))


def test_every_weighted_layer_is_named_on_purpose():
    """Names that Keras gives count through the process; ours must be the same in every one."""
    for network in (ApogeeCNN, ApogeeBCNN):
        names = [
            [layer.name for layer in built(network(), 60, 2).keras_model.layers if layer.weights] for _ in range(2)
        ]
        assert names[0] == names[1]


def test_the_classes_stand_where_they_are_documented():
    assert issubclass(ApogeeCNN, CNNBase)
    assert issubclass(ApogeeBCNN, BayesianCNNBase)
    assert NeuralNetBase is NeuralNetMaster
    for base in (CNNBase, BayesianCNNBase):
        assert issubclass(base, NeuralNetMaster)
    with pytest.raises(TypeError, match="abstract"):
        NeuralNetMaster()


def test_a_network_prints_its_name_type_and_id():
    assert str(ApogeeBCNN()).splitlines() == [
        "Name: Bayesian Convolutional Neural Network",
        "Model Type: BCNN",
        "Model ID: ApogeeBCNN",
    ]


def test_an_unknown_task_is_refused():
    net = ApogeeCNN()
    net.task = "guessing"
    with pytest.raises(RuntimeError, match="guessing"):
        built(net)


def test_inverse_model_precision_is_the_published_number():
    from astroNN.models.base_bayesian_cnn import inverse_model_precision

    # 2 * 30067 * 5e-9 / (9 * 0.7), as it stands in the paper's own folder.
    assert inverse_model_precision(30067, 5e-9, 3, 0.3) == pytest.approx(4.7725e-5, rel=1e-4)
    assert inverse_model_precision(100, None, 3, 0.3) == 0.0


def test_asking_an_untrained_network_is_an_attribute_error():
    net = ApogeeBCNN()
    assert not net.has_model
    for ask in (net.get_weights, net.summary, net.save, net.jacobian, net.has_model_check):
        with pytest.raises(AttributeError, match="fit"):
            ask()
