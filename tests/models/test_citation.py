"""What is to be cited for each network, against CITATION.cff, the docstrings and the documentation."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import astroNN
from astroNN import models
from astroNN.models import DeepEnsemble
from astroNN.shared.references import ALWAYS, REFERENCES, bibtex

pytestmark = pytest.mark.one_backend

ROOT = Path(__file__).parents[2]
BAYESIAN = {"gal2016", "kendall2017"}
#: by hand, from the papers: what a network is cited with besides astroNN and Leung & Bovy 2019
CITED = {
    "ApogeeCNN": set(),
    "ApogeeBCNN": BAYESIAN,
    "ApogeeBCNNCensored": {"garcia2016"} | BAYESIAN,
    "ApogeeBCNNaux": BAYESIAN,
    "ApogeeDR14GaiaDR2BCNN": {"leung2019b"} | BAYESIAN,
    "ApogeeKeplerEchelle": set(),
    "ApogeeCVAE": {"kingma2014"},
    "ApokascEncoderDecoder": {"leung2023", "kingma2014"},
    "StarNet2017": {"fabbro2018"},
    "GaMorNet": {"ghosh2020"},
    "GaMorNetBCNN": {"ghosh2020"} | BAYESIAN,
    "MNIST_BCNN": BAYESIAN,
    "Cifar10CNN": set(),
    "Galaxy10CNN": set(),
    "SimplePolyNN": set(),
}
#: written down a second time, against slips
DOIS = {
    "leung2019a": "10.1093/mnras/sty3217",
    "leung2019b": "10.1093/mnras/stz2245",
    "leung2023": "10.1093/mnras/stad1272",
    "fabbro2018": "10.1093/mnras/stx3298",
    "garcia2016": "10.3847/0004-6256/151/6/144",
    "ghosh2020": "10.3847/1538-4357/ab8a47",
}
BASES = {"CNNBase", "BayesianCNNBase", "ConvVAEBase", "NeuralNetMaster", "DeepEnsemble"}


def entries(text):
    """Entries of BibTeX by name, each a dictionary of fields; raises for text that is not well-formed."""
    found, place = {}, 0
    for head in re.finditer(r"@(\w+)\{(\w+),\n", text):
        assert text[place : head.start()].strip() == "", "there is text between the entries"
        depth, end = 1, head.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        fields = dict(re.findall(r"^  (\w+) += \{(.*)\},$", text[head.end() : end - 1], re.MULTILINE))
        assert len(fields) == text[head.end() : end - 1].strip().count("\n") + 1, "a line is no field"
        assert all(value.count("{") == value.count("}") for value in fields.values())
        found[head[2]] = fields | {"kind": head[1]}
        place = end
    assert text[place:].strip() == ""
    return found


@pytest.mark.parametrize("name", CITED)
def test_each_network_cites_the_papers_it_comes_from(name):
    found = entries(getattr(models, name)().citation())
    assert set(found) == set(ALWAYS) | CITED[name]
    assert list(found)[:2] == list(ALWAYS)


def test_no_ready_made_network_is_forgotten():
    kinds = {getattr(models, name) for name in models.__all__}
    kinds = {kind.__name__ for kind in kinds if isinstance(kind, type) and hasattr(kind, "citation")}
    assert kinds - BASES == set(CITED)


@pytest.mark.parametrize("name", CITED)
def test_the_papers_are_those_of_the_docstrings(name):
    kind = getattr(models, name)
    documented = ""
    for base in kind.__mro__:
        documented += " ".join((vars(base).get("__doc__") or "").partition("References\n")[2].split()) + " "
    places = re.findall(r"MNRAS \d+, \d+|ApJ \d+, \d+|AJ \d+, \d+|arXiv:\d+\.\d+", documented)
    cited = (REFERENCES[key] for key in kind()._cited())
    known = " ".join(f"{paper.short} arXiv:{paper.fields.get('eprint')}" for paper in cited)
    for place in places:
        assert place in known, f"{name}: the docstring names {place}, `citation` does not"


def test_an_ensemble_cites_its_members_and_the_paper_of_ensembles():
    found = entries(DeepEnsemble(models.StarNet2017, n_members=2).citation())
    assert list(found) == [*ALWAYS, "fabbro2018", "lakshminarayanan2017"]


def test_a_class_of_your_own_cites_what_it_is_derived_from():
    class Mine(models.StarNet2017):
        pass

    assert Mine().citation() == models.StarNet2017().citation()


def test_every_entry_is_complete_and_no_paper_stands_twice():
    found = entries(bibtex(REFERENCES))
    assert list(found) == list(REFERENCES)
    for key, fields in found.items():
        needed = {
            "article": {"journal", "volume", "pages", "doi"},
            "inproceedings": {"booktitle", "eprint"},
            "misc": {"note"},
        }
        assert {"author", "title"} | needed[fields["kind"]] <= set(fields), key
        if key != "astronn":
            assert fields["year"] in REFERENCES[key].short
            assert key.startswith(fields["author"].split(",")[0].split("{")[0].lower()[:5])
            assert fields["archivePrefix"] == "arXiv" and re.fullmatch(r"\d{4}\.\d{4,5}", fields["eprint"])
        if "doi" in fields:
            volume_and_page = f"{fields['volume']}, {fields['pages'].split('--')[0]}"
            assert REFERENCES[key].short.endswith(volume_and_page)
    for field in ("doi", "eprint", "title"):
        values = [fields[field] for fields in found.values() if field in fields]
        assert len(set(values)) == len(values), field


def test_no_identifier_was_mistyped():
    found = entries(bibtex(REFERENCES))
    assert {key: fields["doi"] for key, fields in found.items() if "doi" in fields} == DOIS


def test_all_is_plain_ascii_that_old_bibtex_reads():
    assert bibtex(REFERENCES).isascii()


# The files of the repository ------------------------------------------------------------------------------------


def of_cff(pattern, text):
    """What the first match of a pattern captures, without quotes."""
    return re.search(pattern, text, re.MULTILINE)[1].strip('"')


@pytest.fixture(scope="module")
def cff():
    file = ROOT / "CITATION.cff"
    if not file.is_file():
        pytest.skip("CITATION.cff is not here: the tests were copied out of the repository")
    return file.read_text(encoding="utf-8")


def test_the_software_is_cited_as_in_citation_cff(cff):
    software = entries(astroNN.citation())["astronn"]
    assert software["title"] == "{" + of_cff("^title: (.*)", cff) + "}"
    assert software["author"] == "{" + of_cff("^  - name: (.*)", cff) + "}"
    assert f"version {of_cff('^version: (.*)', cff)}, licence {of_cff('^license: (.*)', cff)}" in software["note"]
    assert of_cff("^version: (.*)", cff) == astroNN.__version__


def test_the_paper_is_cited_as_in_citation_cff(cff):
    paper = entries(astroNN.citation())["leung2019a"]
    reference = cff.partition("references:")[2]
    families = re.findall(r'family-names: "(.*)"', reference)
    given = re.findall(r'given-names: "(.*)"', reference)
    assert paper["author"] == " and ".join(f"{a}, {b}" for a, b in zip(families, given, strict=True))
    assert paper["title"] == "{" + of_cff("^    title: (.*)", reference) + "}"
    for field, key in (("journal",) * 2, ("volume",) * 2, ("number", "issue"), ("year",) * 2, ("doi",) * 2):
        assert paper[field] == of_cff(f"^    {key}: (.*)", reference), field
    assert paper["pages"] == f"{of_cff('^    start: (.*)', reference)}--{of_cff('^    end: (.*)', reference)}"


def test_the_documentation_names_every_paper():
    page = ROOT / "docs/source/citing.rst"
    if not page.is_file():
        pytest.skip("the documentation is not here")
    text = " ".join(page.read_text(encoding="utf-8").split())
    for key in set(REFERENCES) - set(ALWAYS):
        assert REFERENCES[key].short in text, key


def test_citing_loads_no_heavy_module():
    code = "import astroNN, sys; astroNN.citation(); print({'keras', 'numpy', 'astropy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
