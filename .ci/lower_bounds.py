"""Print the lowest version of every dependency that pyproject.toml allows, as a requirements file."""

import re
import sys
import tomllib


def lowest(requirement):
    """``name>=1.2`` to ``name==1.2``."""
    pinned = re.sub(r"\s*>=\s*", "==", requirement)
    if "==" not in pinned:
        raise SystemExit(f"{requirement!r} has no lower bound; give one, as in 'name>=1.2'.")
    return pinned


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as stream:
        project = tomllib.load(stream)["project"]
    sys.stdout.writelines(
        lowest(line) + "\n" for line in project["dependencies"] + project["optional-dependencies"]["test"]
    )
