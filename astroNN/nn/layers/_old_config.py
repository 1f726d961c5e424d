"""Settings of layers as versions 1.0 and 1.1 wrote them."""

__all__ = ["without_empty_key"]


def without_empty_key(config):
    """The settings without the key ``"None"``, which old versions wrote for layers they knew no setting of."""
    return {key: value for key, value in config.items() if key != "None"}
