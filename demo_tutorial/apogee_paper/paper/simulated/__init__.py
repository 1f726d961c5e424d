"""A small archive of simulated stars in the layout of SDSS, from `astroNN.datasets.simulate_apogee`."""
