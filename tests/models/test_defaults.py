"""Defaults and signatures of every network, as the established interface documents them."""

import inspect

import keras
import pytest

import astroNN.models
from astroNN.models import BayesianCNNBase, CNNBase, ConvVAEBase

LABELS_25 = "teff logg M alpha C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Fe Co Ni fakemag".split()
LABELS_22 = "teff logg C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Fe Co Ni".split()

# What all networks share, before any data.
ALL = {
    "_implementation_version": None, "folder_name": None, "fullfilepath": None, "batch_size": 64, "autosave": False,
    "verbose": 2, "val_size": 0.1, "has_val": False, "val_num": None, "beta_1": 0.9, "beta_2": 0.999,
    "optimizer_epsilon": 1e-7, "keras_model": None, "keras_model_predict": None, "history": None, "metrics": None,
    "callbacks": None, "input_normalizer": None, "labels_normalizer": None, "input_mean": None, "input_std": None,
    "labels_mean": None, "labels_std": None, "input_names": None, "output_names": None, "_input_shape": None,
    "_labels_shape": None, "training_generator": None, "validation_generator": None, "num_train": None,
    "train_idx": None, "val_idx": None, "virtual_cvslogger": None, "early_stopping_min_delta": 1e-4,
    "early_stopping_patience": 4, "_last_layer_activation": None, "hyper_txt": None, "_output_loss": None,
}  # fmt: skip
BASES = {
    CNNBase: {
        "name": "Convolutional Neural Network", "_model_type": "CNN", "_model_identifier": None, "dropout_rate": 0.0,
        "input_norm_mode": 1, "labels_norm_mode": 2, "optimizer": None, "targetname": None, "initializer": None,
        "activation": None, "num_filters": None, "filter_len": None, "pool_length": None, "num_hidden": None,
        "reduce_lr_epsilon": None, "reduce_lr_min": None, "reduce_lr_patience": None, "l1": None, "l2": None,
        "maxnorm": None,
    },
    BayesianCNNBase: {
        "name": "Bayesian Convolutional Neural Network", "_model_type": "BCNN", "dropout_rate": 0.2,
        "length_scale": 3, "mc_num": 100, "disable_dropout": False, "aux_length": 0, "inv_model_precision": None,
        "input_norm_mode": 1, "labels_norm_mode": 2,
    },
    ConvVAEBase: {
        "name": "Convolutional Variational Autoencoder", "_model_type": "CVAE", "dropout_rate": 0.0,
        "latent_dim": None, "input_norm_mode": 255, "labels_norm_mode": 255, "keras_vae": None, "keras_encoder": None,
        "keras_decoder": None, "loss": None,
    },
}  # fmt: skip

SPECTRA = {"activation": "relu", "num_filters": [2, 4], "filter_len": 8, "pool_length": 4, "max_epochs": 100,
           "reduce_lr_epsilon": 5e-5, "reduce_lr_min": 1e-8, "reduce_lr_patience": 2, "input_norm_mode": 3,
           "labels_norm_mode": 2, "task": "regression"}  # fmt: skip
BAYESIAN = SPECTRA | {"l2": 5e-9, "dropout_rate": 0.3, "mc_num": 100, "length_scale": 3, "spread": 0.05}
IMAGES = {"lr": 0.005, "initializer": "he_normal", "activation": "relu", "num_filters": [8, 16],
          "filter_len": (3, 3), "pool_length": (4, 4), "num_hidden": [256, 128], "max_epochs": 30,
          "reduce_lr_min": 1e-8, "reduce_lr_patience": 1, "l2": 1e-4, "dropout_rate": 0.1, "task": "classification",
          "input_norm_mode": 255, "labels_norm_mode": 0}  # fmt: skip
# As Ghosh et al. 2020 document the network and its training.
GALAXIES = {"lr": 1e-4, "flavour": "keras", "momentum": 0.9, "nesterov": False, "optimizer": None,
            "activation": "relu", "num_filters": [96, 256, 384, 384, 256], "filter_len": [11, 5, 3, 3, 3],
            "pool_length": 3, "num_hidden": [4096, 4096], "max_epochs": 100, "l2": None, "dropout_rate": 0.5,
            "task": "classification", "reduce_lr_patience": None, "input_norm_mode": 0, "labels_norm_mode": 0,
            "targetname": ["disk-dominated", "indeterminate", "bulge-dominated"]}  # fmt: skip
#: another value that an argument takes, where a number is none
OTHER_VALUES = {"flavour": "tflearn"}

NETWORKS = {
    "ApogeeCNN": (CNNBase, "lr=0.005", SPECTRA | {
        "lr": 0.005, "initializer": "he_normal", "num_hidden": [196, 96], "l2": 1e-5, "dropout_rate": 0.1,
        "targetname": LABELS_25,
    }),
    "StarNet2017": (CNNBase, "", SPECTRA | {
        "name": "StarNet (arXiv:1709.09182)", "lr": 0.0007, "initializer": "he_normal", "num_filters": [4, 16],
        "num_hidden": [256, 128], "max_epochs": 30, "l2": 0.0, "reduce_lr_min": 8e-5,
        "targetname": ["teff", "logg", "Fe"],
    }),
    "ApogeeBCNN": (BayesianCNNBase, "lr=0.0005, dropout_rate=0.3", BAYESIAN | {
        "lr": 0.0005, "num_hidden": [196, 96], "targetname": LABELS_25,
    }),
    "ApogeeBCNNCensored": (BayesianCNNBase, "lr=0.0005, dropout_rate=0.3", BAYESIAN | {
        "lr": 0.0005, "num_hidden": [192, 96, 32, 16, 2], "max_epochs": 50, "maxnorm": 0.5, "targetname": LABELS_22,
    }),
    # Version 1 had the mode 2 of labels, which adds the mean parallax to every predicted luminosity.
    "ApogeeDR14GaiaDR2BCNN": (BayesianCNNBase, "lr=0.001, dropout_rate=0.3", BAYESIAN | {
        "lr": 0.001, "num_hidden": [162, 64, 32, 16], "targetname": ["Ks-band fakemag"], "labels_norm_mode": 4,
    }),
    "ApogeeBCNNaux": (BayesianCNNBase, "lr=0.001, dropout_rate=0.3", BAYESIAN | {
        "lr": 0.001, "num_hidden": [162, 64, 32, 16], "input_norm_mode": 2, "aux_length": 2, "targetname": ["Mass"],
    }),
    "ApogeeKeplerEchelle": (CNNBase, "lr=0.002", {
        "lr": 0.002, "initializer": "glorot_uniform", "activation": "tanh", "num_filters": [2, 4],
        "filter_len": [8, 8], "pool_length": 4, "num_hidden": [64, 32], "max_epochs": 40, "l2": 0.0,
        "dropout_rate": 0.1, "input_norm_mode": {"input": 255, "aux": 2}, "labels_norm_mode": 2, "targetname": [],
        "task": "regression",
    }),
    "ApogeeCVAE": (ConvVAEBase, "", {
        "batch_size": 64, "initializer": "he_normal", "activation": "relu", "num_filters": [2, 4], "filter_len": 8,
        "pool_length": 4, "num_hidden": [128, 64], "latent_dim": 2, "max_epochs": 100, "lr": 5e-4,
        "reduce_lr_epsilon": 5e-4, "reduce_lr_min": 1e-10, "reduce_lr_patience": 4, "epsilon_std": 1.0, "l1": 1e-5,
        "l2": 1e-5, "dropout_rate": 0.1, "input_norm_mode": "2", "labels_norm_mode": "2",
        "targetname": "Spectra Reconstruction", "task": "regression",
    }),
    "ApokascEncoderDecoder": (ConvVAEBase, "lr=0.0005, dropout_rate=0.0", {
        "batch_size": 128, "initializer": "glorot_uniform", "activation": "relu", "num_filters": [32, 64, 16, 16],
        "filter_len": [8, 32], "pool_length": 2, "num_hidden": [16, 16], "latent_dim": 5, "max_epochs": 100,
        "reduce_lr_epsilon": 5e-5, "reduce_lr_min": 1e-10, "reduce_lr_patience": 6, "l1": 1e-5, "l2": 1e-5,
        "input_norm_mode": "2", "labels_norm_mode": "0", "targetname": "PSD", "lr": 0.0005, "dropout_rate": 0.0,
    }),
    "Cifar10CNN": (CNNBase, "lr=0.005", IMAGES | {
        "targetname": "airplane automobile bird cat deer dog frog horse ship truck".split(),
    }),
    "Galaxy10CNN": (CNNBase, "", IMAGES),
    "MNIST_BCNN": (BayesianCNNBase, "lr=0.005", IMAGES | {
        "targetname": "Zero One Two Three Four Five Six Seven Eight Nine".split(), "mc_num": 100,
    }),
    "GaMorNet": (CNNBase, "lr=0.0001, flavour='keras'", GALAXIES),
    "GaMorNetBCNN": (BayesianCNNBase, "lr=0.0001, dropout_rate=0.5, flavour='keras'", GALAXIES | {"mc_num": 100}),
    "SimplePolyNN": (CNNBase, "lr=0.005, init_w=None, use_xbias=False", {
        "lr": 0.005, "max_epochs": 40, "num_hidden": 3, "input_norm_mode": 0, "labels_norm_mode": 0, "l2": None,
        "targetname": ["unbiased_parallax"], "task": "regression",
    }),
}  # fmt: skip

# Positional parameters in the documented order; keyword-only ones, and further ones behind, are of today.
COMPILE = "optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None"
BAYESIAN_DATA = "input_data, labels, inputs_err=None, labels_err=None"
METHODS = {
    CNNBase: {
        "compile": COMPILE, "recompile": "loss=None, weighted_metrics=None, loss_weights=None",
        "fit": "input_data, labels, sample_weight=None", "fit_on_batch": "input_data, labels, sample_weight=None",
        "predict": "input_data", "evaluate": "input_data, labels", "has_model_check": "",
        "save": "name=None, model_plot=False",
        "plot_model": "name='model.png', show_shapes=True, show_layer_names=True, rankdir='TB'",
        "plot_dense_stats": "", "get_weights": "", "summary": "", "get_config": "", "flush": "",
        "transfer_weights": "model, exclusion_output=False", "pre_training_checklist_master": "input_data, labels",
        "pre_testing_checklist_master": "input_data", "custom_train_step": "data", "custom_test_step": "data",
    },
    BayesianCNNBase: {
        "compile": COMPILE, "fit": f"{BAYESIAN_DATA}, sample_weight=None, experimental=False",
        "fit_on_batch": f"{BAYESIAN_DATA}, sample_weight=None",
        "predict": "input_data, inputs_err=None, batch_size=None", "predict_dataset": "file",
        "evaluate": f"{BAYESIAN_DATA}, batch_size=None",
    },
    ConvVAEBase: {
        "compile": COMPILE, "predict": "input_data", "predict_encoder": "input_data", "predict_decoder": "z",
    },
    astroNN.models.ApogeeCNN: {
        "aspcap_residue_plot": "test_predictions, test_labels, test_pred_error=None, test_labels_err=None",
        "jacobian_aspcap": "jacobian=None, dr=14",
    },
    astroNN.models.ApogeeBCNNCensored: {"specmask": None, "jacobian_aspcap": "jacobian=None, dr=14"},
    astroNN.models.ApogeeBCNNaux: {"specmask": "", "aux_mask": ""},
    astroNN.models.ApogeeDR14GaiaDR2BCNN: {"specmask": "", "magmask": "", "gaia_aux_mask": ""},
}  # fmt: skip
# Parameters whose default is another than in version 1.
NAMES_ONLY = {
    CNNBase: {
        # Without `mc_num` they are derivatives of the mean network, which does not change from call to call.
        "jacobian": "x mean_output mc_num denormalize", "hessian": "x mean_output mc_num denormalize",
        "hessian_diag": "x mean_output mc_num denormalize",
        # Keras 3 wants the ending .weights.h5.
        "save_weights": "filename overwrite", "get_layer": "name index",
    },
    ConvVAEBase: {
        # Without a target the inputs are reconstructed.
        "fit": "input_data input_recon_target sample_weight", "fit_on_batch": "input_data input_recon_target",
        "evaluate": "input_data labels", "jacobian_latent": "x mean_output mc_num denormalize",
    },
}  # fmt: skip


def own(base):
    """A user's class that sets nothing."""
    return type("Own", (base,), {"model": lambda self: None})()


def told(net, names):
    values = {name: getattr(net, name) for name in names if name != "spread"}
    if "spread" in names:
        assert isinstance(net.initializer, keras.initializers.RandomNormal)
        values["spread"] = net.initializer.stddev
    return values


def parameters(method):
    given = list(inspect.signature(method).parameters.values())
    return [parameter for parameter in given if parameter.name != "self"]


@pytest.mark.parametrize("base", BASES)
def test_a_network_of_ones_own_starts_with_the_documented_settings(base):
    wanted = ALL | BASES[base]
    assert told(own(base), wanted) == wanted


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_the_documented_settings(name):
    base, _, settings = NETWORKS[name]
    net = getattr(astroNN.models, name)()
    assert isinstance(net, base)
    kind = {key: BASES[base][key] for key in ("name", "_model_type")}
    wanted = ALL | kind | settings
    assert told(net, wanted) == wanted


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_made_with_the_documented_arguments(name):
    network, wanted = getattr(astroNN.models, name), NETWORKS[name][1]
    assert str(inspect.signature(network)) == f"({wanted})"
    for argument in inspect.signature(network).parameters:
        value = OTHER_VALUES.get(argument, 0.25)
        assert getattr(network(**{argument: value}), argument) == value


@pytest.mark.parametrize(("owner", "method"), [(owner, name) for owner in METHODS for name in METHODS[owner]])
def test_methods_take_the_documented_arguments_in_their_order(owner, method):
    wanted = METHODS[owner][method]
    if wanted is None:
        assert not hasattr(owner, method)
        return
    positional = [p for p in parameters(getattr(owner, method)) if p.kind is p.POSITIONAL_OR_KEYWORD]
    told_first = ", ".join(map(str, positional))
    assert told_first == wanted or told_first.startswith(f"{wanted}, ") or wanted == ""


@pytest.mark.parametrize(("owner", "method"), [(owner, name) for owner in NAMES_ONLY for name in NAMES_ONLY[owner]])
def test_methods_with_other_defaults_keep_names_and_order(owner, method):
    wanted = NAMES_ONLY[owner][method].split()
    assert [p.name for p in parameters(getattr(owner, method))][: len(wanted)] == wanted


@pytest.mark.parametrize("name", ["has_model", "input_shape", "output_shape", "uses_learning_phase"])
def test_properties_are_properties(name):
    assert isinstance(getattr(CNNBase, name), property)


def test_versions_are_texts():
    net = own(CNNBase)
    for name in ("_python_info", "_astronn_ver", "_keras_ver", "_tf_ver", "currentdir"):
        assert isinstance(getattr(net, name), str) and getattr(net, name)
    assert net._keras_ver == keras.__version__


def test_old_names_of_methods_are_there():
    old = {CNNBase: "train train_on_batch test", BayesianCNNBase: "train train_on_batch test",
           ConvVAEBase: "train train_on_batch test test_encoder"}  # fmt: skip
    for base, names in old.items():
        assert all(callable(getattr(base, name)) for name in names.split())
