"""Put a built documentation beside those of other versions, and list all of them for the menu of versions.

The site is a folder with a folder for each version, ``2.0.0/``, ``2.1.0rc1/``, ``latest/`` (the main branch), made by
this script and never deleted by it; the folder of the version that is published takes the place of an earlier build
of the same version. Beside them are written ``switcher.json``, which the pages of all versions read; ``stable/``,
whose pages lead to the same pages of the newest release (before the first one, of what there is); and a front page
that leads to ``stable/``. All are written whole or not at all: a site is good at any moment.

Usage: python docs/publish.py HTML SITE VERSION [--url ADDRESS]
"""

import argparse
import json
import os
import shutil
import sys
from html import escape
from pathlib import Path, PurePosixPath

from packaging.version import InvalidVersion, Version

from astroNN.shared.files import atomic_file, atomic_folder, recover_folder

LATEST = "latest"
STABLE = "stable"
REDIRECT = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>astroNN documentation</title>
<meta http-equiv="refresh" content="0; url={target}">
<link rel="canonical" href="{target}">
</head>
<body><p>The page is at <a href="{target}">{target}</a>.</p></body>
</html>
"""


def publish(html, site, version, url="/"):
    """Publish the build `html` as `version` in the folder `site`; the versions that are there now."""
    html, site = Path(html), Path(site)
    if version != LATEST:
        _checked(version)
    if not (html / "index.html").is_file():
        raise ValueError(f"{html} holds no index.html: build the documentation into it first.")
    _finish_interrupted(site)
    with atomic_folder(site / version, if_exists="replace") as draft:
        shutil.copytree(
            html, draft.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo*")
        )
    versions = published(site)
    _write(site / "switcher.json", json.dumps(switcher(versions, url), indent=1) + "\n")
    _redirect_stable(site, stable_of(versions))
    _write(site / "index.html", REDIRECT.format(target=f"{STABLE}/index.html"))
    # GitHub Pages would leave folders out that begin with an underscore.
    _write(site / ".nojekyll", "")
    return versions


def published(site):
    """Names of the version folders in `site`: the main branch, then versions from the newest to the oldest."""
    names = [folder.name for folder in Path(site).iterdir() if (folder / "index.html").is_file()]
    versions = sorted((name for name in names if _is_version(name)), key=Version, reverse=True)
    return [LATEST] * (LATEST in names) + versions


def switcher(versions, url="/"):
    """Entries of ``switcher.json``, as the theme reads them."""
    stable = stable_of(versions)
    entries = []
    for version in versions:
        entry = {"name": _called(version, stable), "version": version, "url": f"{url.rstrip('/')}/{version}/"}
        if version == stable and not _is_before_release(version):
            # The theme warns on the pages of all other versions.
            entry["preferred"] = True
        entries.append(entry)
    return entries


def stable_of(versions):
    """Version to read first: the newest release; without one the newest before a release, or the main branch."""
    releases = [version for version in versions if not _is_before_release(version)]
    return (releases or [version for version in versions if version != LATEST] or [LATEST])[0]


def _called(version, stable):
    if version == LATEST:
        return "latest (main branch)"
    if _is_before_release(version):
        return f"{version} (pre-release)"
    return f"{version} (stable)" if version == stable else version


def _is_before_release(version):
    return version == LATEST or Version(version).is_prerelease


def _is_version(name):
    try:
        Version(name)
    except InvalidVersion:
        return False
    return True


def _checked(version):
    if not _is_version(version) or str(Version(version)) != version:
        raise ValueError(
            f"VERSION must be {LATEST!r} or a version in its normal form, such as 2.0.0 or 2.1.0rc1 (no `v`), "
            f"got {version!r}."
        )


def _finish_interrupted(site):
    """Bring back folders that a kill left under the name of an old one, and clear unfinished copies away."""
    site.mkdir(parents=True, exist_ok=True)
    for folder in site.glob(".*.previous"):
        recover_folder(site / folder.name.removeprefix(".").removesuffix(".previous"))
    for rest in [path for pattern in (".*.previous", ".*.part", ".*.part.*") for path in site.glob(pattern)]:
        shutil.rmtree(rest) if rest.is_dir() else rest.unlink()


def _redirect_stable(site, version):
    """Make ``stable/``: for each page of `version` one that leads to it, so that links to single pages hold."""
    with atomic_folder(site / STABLE, if_exists="replace") as draft:
        for page in sorted((site / version).rglob("*.html")):
            name = PurePosixPath(page.relative_to(site / version).as_posix())
            target = "../" * len(name.parts) + f"{version}/{name}"
            (draft.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (draft.folder / name).write_text(REDIRECT.format(target=escape(target)), encoding="utf-8")


def _write(path, text):
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("html", help="folder that sphinx-build has written")
    parser.add_argument("site", help="folder of all versions; made if it is not there")
    parser.add_argument("version", help=f"version in its normal form, or {LATEST!r} for the main branch")
    parser.add_argument(
        "--url",
        default=os.environ.get("ASTRONN_DOCS_URL") or "/",
        help="address of the site; default: the environment variable ASTRONN_DOCS_URL, else the root of the server",
    )
    options = parser.parse_args(arguments)
    try:
        versions = publish(options.html, options.site, options.version, options.url)
    except (ValueError, OSError) as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1
    print(f"{options.version} published; the site has {', '.join(versions)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
