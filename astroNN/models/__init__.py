"""Networks: ready-made ones, bases for your own, and the loading of saved ones."""

from astroNN.models import _gpus  # noqa: F401 -- before all that imports Keras
from astroNN.models._convert import convert_custom_objects
from astroNN.models._old_paths import offer_modules_named_as_classes
from astroNN.models.apogee_models import (
    ApogeeBCNN,
    ApogeeBCNNaux,
    ApogeeBCNNCensored,
    ApogeeCNN,
    ApogeeCVAE,
    ApogeeDR14GaiaDR2BCNN,
    ApogeeKeplerEchelle,
    ApogeeKplerEchelle,
    ApokascEncoderDecoder,
    StarNet2017,
)
from astroNN.models.base_bayesian_cnn import BayesianCNNBase
from astroNN.models.base_cnn import CNNBase
from astroNN.models.base_master_nn import NeuralNetBase, NeuralNetMaster
from astroNN.models.base_vae import ConvVAEBase
from astroNN.models.deep_ensemble import DeepEnsemble
from astroNN.models.misc_models import (
    MNIST_BCNN,
    Cifar10CNN,
    Galaxy10CNN,
    GaMorNet,
    GaMorNetBCNN,
    SimplePloyNN,
    SimplePolyNN,
)
from astroNN.models.persistence.loading import load_folder
from astroNN.models.training.distribution import connect_workers

__all__ = [
    "ApogeeBCNN",
    "ApogeeBCNNCensored",
    "ApogeeBCNNaux",
    "ApogeeCNN",
    "ApogeeCVAE",
    "ApogeeDR14GaiaDR2BCNN",
    "ApogeeKeplerEchelle",
    "ApogeeKplerEchelle",
    "ApokascEncoderDecoder",
    "BayesianCNNBase",
    "CNNBase",
    "Cifar10CNN",
    "ConvVAEBase",
    "DeepEnsemble",
    "GaMorNet",
    "GaMorNetBCNN",
    "Galaxy10CNN",
    "MNIST_BCNN",
    "NeuralNetBase",
    "NeuralNetMaster",
    "SimplePloyNN",
    "SimplePolyNN",
    "StarNet2017",
    "connect_workers",
    "convert_custom_objects",
    "load_folder",
]

offer_modules_named_as_classes(__name__, BayesianCNNBase, CNNBase, ConvVAEBase)
