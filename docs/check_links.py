"""Check the links of the built documentation that stay within it, without the internet.

Every ``href``, ``src`` and ``srcset`` of every page must lead to a file that is there, and every ``#anchor`` to an
element of that page. With ``--sources`` the relative links of the texts beside the documentation are checked as well:
README, CONTRIBUTING and the like, and the cells of the notebooks.

Build into an empty folder: where it has built before, Sphinx leaves old listings of sources (``_modules``).

Usage: python docs/check_links.py HTML [--sources ROOT]
"""

import argparse
import json
import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Targets of links: [text](target), and in reStructuredText `text <target>`_, .. image:: and .. figure:: target,
# and their :target:.
MARKDOWN_LINK = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\))?)\)")
RST_LINK = re.compile(
    r"`[^`<]*<([^<>\s]+)>`__?"
    r"|^\s*\.\. (?:\|\w+\| )?(?:image|figure|include|literalinclude):: (\S+)"
    r"|^\s+:target: (\S+)",
    re.M,
)
RST_CODE = re.compile(r"``[^`]+``")
MARKDOWN_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
# Not ours: caches, environments and what builds have left.
SKIPPED = {".git", ".venv", "venv", "build", "dist", ".pytest_cache", ".ruff_cache", "generated"}
TEXTS = {".md", ".rst", ".ipynb"}


class Page(HTMLParser):
    """Links and anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src", "data") and value:
                self.links.add(value)
            elif name == "srcset" and value:
                self.links.update(part.split()[0] for part in value.split(",") if part.split())
            elif name in ("id", "name") and value and tag != "meta":
                self.anchors.add(value)


@cache
def read_page(path):
    return Page(path.read_text(encoding="utf-8"))


def dead_links(html):
    """Dead links of the pages below a folder, as (page, link, what is wrong)."""
    html = Path(html).resolve()
    pages = sorted(html.rglob("*.html"))
    if not pages:
        raise ValueError(f"{html} holds no HTML: build the documentation into it first.")
    read_page.cache_clear()
    dead = []
    for page in pages:
        # Sphinx copies downloads as they are.
        if "_static" in page.relative_to(html).parts or "_downloads" in page.relative_to(html).parts:
            continue
        for link in sorted(read_page(page).links):
            wrong = _wrong(html, page, link)
            if wrong:
                dead.append((page.relative_to(html).as_posix(), link, wrong))
    return dead


def _wrong(html, page, link):
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
    if target.is_dir():
        target /= "index.html"
    if html not in target.parents:
        return "leads out of the documentation"
    if not target.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if not anchor or target.suffix != ".html" or _is_made_by_script(anchor):
        return None
    if page.relative_to(html).parts[0] == "_modules":
        # From a source Sphinx leads to the page of a name, yet by a module that the page may not name.
        return None
    return None if anchor in read_page(target).anchors else "no such anchor"


def _is_made_by_script(anchor):
    # The top of a page, which browsers know by themselves, and text fragments.
    return anchor == "top" or anchor.startswith(":~:")


def dead_links_of_sources(root):
    """Dead relative links of README, CONTRIBUTING, notebooks and other texts below a folder."""
    root = Path(root).resolve()
    dead = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.suffix not in TEXTS or SKIPPED & set(inside.parts) or not path.is_file():
            continue
        # Sphinx reads these, and their links are checked in the HTML.
        if inside.parts[:2] == ("docs", "source"):
            continue
        for link in sorted(_links(path)):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            if not (path.parent / unquote(parts.path)).exists():
                dead.append((inside.as_posix(), link, "no such file"))
    return dead


def _links(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".rst":
        text = RST_CODE.sub("", text)
        return {target for pair in RST_LINK.findall(text) for target in pair if target}
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return set(MARKDOWN_LINK.findall(MARKDOWN_CODE.sub("", text)))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("html", help="folder that sphinx-build has written")
    parser.add_argument("--sources", metavar="ROOT", help="check the texts below this folder, too")
    options = parser.parse_args(arguments)
    try:
        dead = dead_links(options.html)
    except ValueError as error:
        print(f"check_links: {error}", file=sys.stderr)
        return 2
    if options.sources:
        dead += dead_links_of_sources(options.sources)
    for page, link, wrong in dead:
        print(f"{page}: {link}: {wrong}")
    if dead:
        print(f"{len(dead)} dead links", file=sys.stderr)
        return 1
    print("no dead links")
    return 0


if __name__ == "__main__":
    sys.exit(main())
