"""Training on several devices and machines, by the engine that the backend has for it."""

from astroNN.models.training.distribution.agreement import check_workers_agree, refused_together
from astroNN.models.training.distribution.connection import connect_workers, engine_for

__all__ = ["check_workers_agree", "connect_workers", "engine_for", "refused_together"]
