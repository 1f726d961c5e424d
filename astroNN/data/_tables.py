"""Where the packaged tables lie."""

from importlib import resources

__all__ = ["data_description", "datapath"]


def datapath():
    """Folder of the tables that come with the package.

    Returns
    -------
    str
        Absolute path.

    Examples
    --------
    >>> import os
    >>> os.path.exists(os.path.join(datapath(), "apogee_masks.csv"))
    True
    """
    return str(resources.files("astroNN.data"))


def data_description():
    """First header line of every packaged table.

    Returns
    -------
    dict of str to str
        File name to what it holds, in alphabetical order.

    Examples
    --------
    >>> data_description()["apogee_masks.csv"].startswith("Pixel ranges")
    True
    """
    tables = (entry for entry in resources.files("astroNN.data").iterdir() if entry.name.endswith(".csv"))
    described = {}
    for table in sorted(tables, key=lambda entry: entry.name):
        with table.open(encoding="utf-8") as lines:
            described[table.name] = next(lines, "").lstrip("# ").strip()
    return described
