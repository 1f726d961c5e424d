"""What ``astronn train --example`` prints."""

__all__ = ["EXAMPLE"]

EXAMPLE = """\
# Settings of a training: astronn train FILE
# Names of files belong to the folder in which the command is given, as on every command line.

network = "ApogeeBCNN"      # a class of astroNN.models
out = "run"                 # the folder that the trained network is saved in

[data]
file = "train.h5"           # HDF5, as H5Compiler and SimulatedSurvey.to_h5 write it
labels = ["teff", "logg", "Fe"]  # data sets of one number a star; -9999 and NaN are missing
labels_err = true           # their errors: teff_err, ... (Bayesian networks)
# table = "labels.fits"     # labels (and errors) are columns of this table, row by row those of the spectra
# spectra = "spectra"       # data set of the spectra
# mask = "mask"             # data set of bad pixels; by default "mask" where there is one. false: none
# spectra_err = "spectra_err"  # errors of the pixels, for the calibration (Bayesian networks)
# groups = "star"           # rows with one number stay on one side of the validation split
# sample_weight = "weight"  # multiplies the loss of each star; 0 leaves it out

[settings]                  # any setting of the network; what is not here has its default
max_epochs = 60
seed = 1                    # repeats the training
# lr = 0.0005
# batch_size = 64
# val_size = 0.1
# keep_best = true
# checkpoint_epochs = 1     # how often a training that is killed can go on from

# [ensemble]                # several networks instead of one
# n_members = 5
"""
