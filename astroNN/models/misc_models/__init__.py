"""Networks for images, and small ones to teach with."""

from astroNN.data import GALAXY10_CLASSES
from astroNN.models.misc_models.cifar10_cnn import Cifar10CNN
from astroNN.models.misc_models.galaxy10_cnn import Galaxy10CNN
from astroNN.models.misc_models.gamornet import GaMorNet, GaMorNetBCNN
from astroNN.models.misc_models.mnist_bcnn import MNIST_BCNN
from astroNN.models.misc_models.simple_poly_nn import SimplePolyNN

#: a spelling that stands in older documentation
SimplePloyNN = SimplePolyNN

__all__ = [
    "GALAXY10_CLASSES",
    "Cifar10CNN",
    "GaMorNet",
    "GaMorNetBCNN",
    "Galaxy10CNN",
    "MNIST_BCNN",
    "SimplePloyNN",
    "SimplePolyNN",
]
