"""Every documented import path resolves, in fresh processes and in any order, to one and the same object."""

import json
import random
import subprocess
import sys

import pytest

import astroNN.models

# Module: names, room by room. A new room adds its paths here.
PATHS = {
    "astroNN": "__version__ version",
    "astroNN.config": """
        config_path magic_num_reader multiprocessing_flag_reader envvar_warning_flag_reader custom_model_path_reader
        cpu_gpu_reader MAGIC_NUMBER MULTIPROCESS_FLAG ENVVAR_WARN_FLAG CUSTOM_MODEL_PATH _astroNN_MODEL_NAME
        astroNN_CACHE_DIR""",
    # Networks
    "astroNN.models": """
        load_folder ApogeeCNN StarNet2017 ApogeeBCNN ApogeeBCNNCensored ApogeeDR14GaiaDR2BCNN ApogeeBCNNaux ApogeeCVAE
        ApokascEncoderDecoder ApogeeKplerEchelle ApogeeKeplerEchelle Cifar10CNN MNIST_BCNN Galaxy10CNN SimplePolyNN
        SimplePloyNN GaMorNet GaMorNetBCNN convert_custom_objects CNNBase BayesianCNNBase ConvVAEBase NeuralNetMaster
        NeuralNetBase""",
    "astroNN.models.apogee_models": """
        ApogeeCNN StarNet2017 ApogeeBCNN ApogeeBCNNCensored ApogeeDR14GaiaDR2BCNN ApogeeBCNNaux ApogeeCVAE
        ApokascEncoderDecoder ApogeeKplerEchelle ApogeeKeplerEchelle""",
    "astroNN.models.misc_models": """
        Cifar10CNN MNIST_BCNN Galaxy10CNN GaMorNet GaMorNetBCNN SimplePolyNN SimplePloyNN""",
    "astroNN.models.base_cnn": "CNNBase CNNDataGenerator CNNPredDataGenerator",
    "astroNN.models.base_bayesian_cnn": "BayesianCNNBase BayesianCNNDataGenerator BayesianCNNPredDataGenerator",
    "astroNN.models.base_vae": "ConvVAEBase CVAEDataGenerator CVAEPredDataGenerator",
    "astroNN.models.base_master_nn": "NeuralNetMaster",
    "astroNN.models.nn_base": "NeuralNetBase",
    "astroNN.models.CNNBase": "CNNBase",
    # Building blocks
    "astroNN.nn": "nn_obj_lookup reduce_var intpow_avx2 magic_correction_term",
    "astroNN.nn.losses": """
        magic_num_check magic_correction_term weighted_loss median mean_squared_error mse mean_absolute_error mae
        mean_error me mean_absolute_percentage_error mape median_absolute_percentage_error mean_percentage_error mpe
        median_percentage_error mean_squared_logarithmic_error msle mean_squared_reconstruction_error zeros_loss
        median_error median_absolute_deviation mad mad_std robust_mse mse_lin_wrapper mse_var_wrapper mse_lin mse_var
        categorical_crossentropy binary_crossentropy nll robust_categorical_crossentropy robust_binary_crossentropy
        bayesian_categorical_crossentropy_wrapper bayesian_categorical_crossentropy_var_wrapper
        bayesian_binary_crossentropy_wrapper bayesian_binary_crossentropy_var_wrapper categorical_accuracy
        binary_accuracy binary_accuracy_from_logits losses_lookup""",
    "astroNN.nn.metrics": """
        binary_accuracy binary_accuracy_from_logits categorical_accuracy mean_absolute_error
        mean_absolute_percentage_error mean_error mean_percentage_error mean_squared_error
        mean_squared_logarithmic_error median_absolute_deviation median_error mad_std median mse mae mape msle me mpe
        mad""",
    "astroNN.nn.layers": """
        KLDivergenceLayer VAESampling MCDropout MCSpatialDropout1D MCSpatialDropout2D MCGaussianDropout
        MCConcreteDropout MCBatchNorm ErrorProp FastMCInference FastMCInferenceV2_internal FastMCInferenceMeanVar
        FastMCRepeat StopGrad BoolMask PolyFit TensorInput ChannelResponseNormalization
        SpatialResponseNormalization""",
    "astroNN.nn.callbacks": "VirutalCSVLogger VirtualCSVLogger ErrorOnNaN",
    "astroNN.nn.numpy": """
        mask_magicnum sigmoid sigmoid_inv relu l1 l2 mean_absolute_error median_absolute_error
        mean_absolute_percentage_error median_absolute_percentage_error kl_divergence mape_core mae_core""",
    "astroNN.nn.utilities": "Normalizer normalizer generator",
    "astroNN.nn.utilities.normalizer": "Normalizer",
    "astroNN.nn.utilities.generator": "GeneratorMaster GeneratorBase",
    # Survey tools
    "astroNN.apogee": """
        apogee_default_dr apogee_env aspcap_mask bitmask_boolean bitmask_decompositor chips_pix_info chips_split
        continuum apogee_continuum gap_delete wavelength_solution allstar apogee_astronn apogee_astroNN allstar_cannon
        allvisit apogee_distances apogee_rc apogee_vac_rc combined_spectra visit_spectra""",
    "astroNN.apogee.apogee_shared": "apogeeid_digit apogee_default_dr apogee_env",
    "astroNN.apogee.plotting": "ASPCAP_plots plot_spectra",
    "astroNN.apogee.chips": "chips_pix_info chips_split gap_delete wavelength_solution",
    "astroNN.gaia": """
        gaia_default_dr gaia_env mag_to_fakemag mag_to_absmag absmag_to_pc fakemag_to_absmag absmag_to_fakemag
        fakemag_to_pc fakemag_to_parallax fakemag_to_mag fakemag_to_logsol absmag_to_logsol logsol_to_fakemag
        logsol_to_absmag extinction_correction solar_absmag_bands default_parallax_unit tgas tgas_load gaia_source
        anderson_2017_parallax gaiadr2_parallax""",
    "astroNN.lamost": "wavelength_solution pseudo_continuum lamost_default_dr lamost_env load_allstar_dr5",
    "astroNN.lamost.chips": "smooth_spec wavelength_solution pseudo_continuum",
    "astroNN.datasets": """
        load_apogee_distances load_apogee_rc load_apokasc load_galaxy10 load_galaxy10sdss H5Loader H5Compiler xmatch
        xmatch_cat read_spectrum simulate_galaxies morphology_labels GalaxySurvey GALAXY_SURVEYS""",
    "astroNN.datasets.galaxy10": "load_data galaxy10cls_lookup galaxy10_confusion Galaxy10Class _filename",
    "astroNN.datasets.galaxy10sdss": "load_data galaxy10cls_lookup galaxy10_confusion Galaxy10Class",
    "astroNN.datasets.xmatch": "xmatch xmatch_cat",
    "astroNN.gamornet": "load_weights classify threshold_curve Thresholds class_names",
    "astroNN.gamornet.keras_module": """
        gamornet_predict_keras gamornet_train_keras gamornet_tl_keras gamornet_build_model_keras
        gamornet_load_model_keras get_model_from_link_keras check_input_shape_validity check_imgs_validity
        check_labels_validity check_bools_validity LocalResponseNormalization""",
    "astroNN.gamornet.tflearn_module": "gamornet_predict_tflearn gamornet_train_tflearn gamornet_tl_tflearn",
    "astroNN.neuralode": "odeint",
    "astroNN.neuralode.odeint": "odeint",
    "astroNN.neuralode.dop853": "dop853",
    "astroNN.neuralode.runge_kutta": "rk4",
    # Shared tools
    "astroNN.shared": "pylab_style",
    "astroNN.shared.matplotlib": "pylab_style",
    "astroNN.shared.nn_tools": "cpu_fallback gpu_memory_manage gpu_availability folder_runnum",
    "astroNN.shared.warnings": "deprecated deprecated_copy_signature",
    "astroNN.shared.downloader_tools": "TqdmUpTo filehash sha256_checksum",
    "astroNN.shared.dict_tools": "dict_np_to_dict_list dict_list_to_dict_np list_to_dict to_iterable",
    "astroNN.shared.logging": "log debug info warn error fatal",
    "astroNN.data": "datapath data_description",
}
SAME = [
    ("astroNN.models.NeuralNetMaster", "astroNN.models.NeuralNetBase"),
    ("astroNN.models.NeuralNetMaster", "astroNN.models.nn_base.NeuralNetBase"),
    ("astroNN.models.CNNBase", "astroNN.models.base_cnn.CNNBase"),
    ("astroNN.models.ApogeeKplerEchelle", "astroNN.models.ApogeeKeplerEchelle"),
    ("astroNN.models.SimplePloyNN", "astroNN.models.misc_models.SimplePolyNN"),
    ("astroNN.nn.callbacks.VirutalCSVLogger", "astroNN.nn.callbacks.VirtualCSVLogger"),
]

RESOLVE = """
import importlib, inspect, json, sys
failed = []
for module, name in json.load(sys.stdin):
    try:
        scope = {}
        exec(f"from {module} import {name} as found", scope)
        if getattr(importlib.import_module(module), name) is not scope["found"]:
            failed.append(f"{module}.{name} is two things")
    except Exception as error:
        failed.append(f"{module}.{name}: {type(error).__name__}: {error}")
import astroNN.models
if not inspect.isclass(astroNN.models.CNNBase):
    failed.append("the module CNNBase hides the class")
print(json.dumps(failed))
"""


def unresolved(pairs):
    """Import the pairs (module, name) one after another in a fresh process; what went wrong."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", RESOLVE], input=json.dumps(pairs), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def in_order(seed, first):
    """All paths, shuffled, those of one module in front."""
    pairs = [(module, name) for module, names in PATHS.items() for name in names.split()]
    random.Random(seed).shuffle(pairs)
    return sorted(pairs, key=lambda pair: pair[0] != first)


MISSING = ("astroNN.config", "version")


@pytest.fixture(scope="module")
def failures():
    """What went wrong in one order, with a path at its end that is none: a process takes long to load a backend."""
    return unresolved([*in_order(0, "astroNN.models.CNNBase"), MISSING])


def test_every_documented_path_resolves_in_a_fresh_process(failures):
    assert [failure for failure in failures if not failure.startswith(".".join(MISSING))] == []


def test_the_check_itself_finds_what_is_missing(failures):
    (failure,) = failures
    assert failure.startswith("astroNN.config.version: ImportError")


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "first"), [(1, "astroNN.models.nn_base"), (2, "astroNN.datasets.xmatch")])
def test_every_documented_path_resolves_in_a_fresh_process_in_any_order(seed, first):
    assert unresolved(in_order(seed, first)) == []


@pytest.mark.parametrize(("first", "second"), SAME)
def test_two_names_of_one_thing_are_the_same_object(first, second):
    found = []
    for path in (first, second):
        module, name = path.rsplit(".", 1)
        found.append(getattr(sys.modules.get(module) or __import__(module, fromlist=[name]), name))
    assert found[0] is found[1]


@pytest.mark.parametrize("base", ["CNNBase", "BayesianCNNBase", "ConvVAEBase"])
def test_a_module_named_as_a_class_does_not_hide_it(base):
    scope = {}
    exec(f"import astroNN.models.{base}\nfrom astroNN.models.{base} import {base} as inner", scope)
    exec(f"from astroNN.models import {base} as outer\nfrom astroNN.models.{base} import *", scope)
    assert scope["inner"] is scope["outer"] is scope[base] is getattr(astroNN.models, base)
    assert isinstance(scope["outer"], type)


def test_a_star_import_brings_every_public_name_and_only_these():
    scope = {}
    exec("from astroNN.models import *", scope)
    public = set(scope) - {"__builtins__"}
    assert public == set(astroNN.models.__all__)
    assert public <= set(dir(astroNN.models))
    assert set(PATHS["astroNN.models"].split()) <= public


def test_nested_configurations_are_copied():
    stored = {"layers": [{"units": 3}, (1, 2)], "loss": "mse"}
    copied = astroNN.models.convert_custom_objects(stored)
    assert copied == stored
    copied["layers"][0]["units"] = 4
    assert stored["layers"][0]["units"] == 3
    assert astroNN.models.convert_custom_objects("relu") == "relu"
