"""The classifier of galaxy images."""

from astroNN.models.misc_models.cifar10_cnn import Cifar10CNN

__all__ = ["GALAXY10_CLASSES", "Galaxy10CNN"]

#: Classes of the Galaxy10 DECaLS images, in the order of their labels.
GALAXY10_CLASSES = [
    "Disturbed",
    "Merging",
    "Round Smooth",
    "In-between Round Smooth",
    "Cigar Shaped Smooth",
    "Barred Spiral",
    "Unbarred Tight Spiral",
    "Unbarred Loose Spiral",
    "Edge-on without Bulge",
    "Edge-on with Bulge",
]


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
