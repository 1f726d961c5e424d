"""Networks: ready-made ones, bases for your own, and the loading of saved ones."""

from astroNN.models.apogee_models import ApogeeBCNN, ApogeeCNN
from astroNN.models.base_bayesian_cnn import BayesianCNNBase
from astroNN.models.base_cnn import CNNBase
from astroNN.models.base_master_nn import NeuralNetBase, NeuralNetMaster
from astroNN.models.persistence.loading import load_folder

__all__ = [
    "ApogeeBCNN",
    "ApogeeCNN",
    "BayesianCNNBase",
    "CNNBase",
    "NeuralNetBase",
    "NeuralNetMaster",
    "load_folder",
]
