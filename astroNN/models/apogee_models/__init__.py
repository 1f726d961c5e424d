"""Networks for APOGEE spectra."""

from astroNN.models.apogee_models.apogee_bcnn import ApogeeBCNN
from astroNN.models.apogee_models.apogee_bcnn_aux import ApogeeBCNNaux
from astroNN.models.apogee_models.apogee_bcnn_censored import ApogeeBCNNCensored
from astroNN.models.apogee_models.apogee_cnn import ApogeeCNN
from astroNN.models.apogee_models.apogee_cvae import ApogeeCVAE
from astroNN.models.apogee_models.apogee_gaia_bcnn import ApogeeDR14GaiaDR2BCNN
from astroNN.models.apogee_models.apogee_kepler_echelle import ApogeeKeplerEchelle
from astroNN.models.apogee_models.apokasc_encoder_decoder import ApokascEncoderDecoder
from astroNN.models.apogee_models.starnet2017 import StarNet2017

#: the spelling of version 1.1
ApogeeKplerEchelle = ApogeeKeplerEchelle

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
    "StarNet2017",
]
