"""Networks for APOGEE spectra."""

from astroNN.models.apogee_models.apogee_bcnn import ApogeeBCNN
from astroNN.models.apogee_models.apogee_cnn import ApogeeCNN

__all__ = ["ApogeeBCNN", "ApogeeCNN"]
