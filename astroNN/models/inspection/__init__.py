"""Looking inside a network: derivatives of its answers."""
