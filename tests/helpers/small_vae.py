"""An autoencoder that is trained in a moment."""

from astroNN.models import ApogeeCVAE


class SmallVAE(ApogeeCVAE):
    """Small, and without compilation."""

    def __init__(self):
        super().__init__()
        self.num_hidden, self.max_epochs, self.verbose, self.seed, self.batch_size = [8, 6], 1, 0, 1, 256

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        for model in (self.keras_model, self.keras_encoder, self.keras_decoder):
            model.run_eagerly = True
