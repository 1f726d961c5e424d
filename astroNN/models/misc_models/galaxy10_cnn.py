"""The classifier of galaxy images."""

from astroNN.data import GALAXY10_CLASSES
from astroNN.models.misc_models.cifar10_cnn import Cifar10CNN

__all__ = ["Galaxy10CNN"]


class Galaxy10CNN(Cifar10CNN):
    """`Cifar10CNN` with the class names of Galaxy10.

    Examples
    --------
    >>> from astroNN.models import Galaxy10CNN
    >>> Galaxy10CNN().targetname[1]
    'Merging'
    """

    def __init__(self):
        super().__init__()
        self.targetname = list(GALAXY10_CLASSES)
