"""How networks are trained: losses with label errors, splits, callbacks."""
