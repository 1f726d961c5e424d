"""The demo: from simulated spectra to labels with uncertainties, with a table and figures to judge them by."""
