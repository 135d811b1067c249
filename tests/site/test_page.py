"""The page of a tier says what its claims, figures and tables say, in one file of a size that a mail can carry."""

from __future__ import annotations

import copy
import gzip
import html
import json
import re
from base64 import b64decode
from pathlib import Path

import pytest

import make_site
from benign.pipeline import tables
from benign.pipeline.console import UserError
from benign.pipeline.site import drawings, page, pictures
from benign.pipeline.site.explorer import BRACKETS, CELLS, NAMES
from benign.studies.adversarial_training.figures.story import SETTING
from support import ROOT

RESULTS, FIGURES = ROOT / "results" / "paper", ROOT / "figures" / "paper"
CLAIMS = tables.read_json(RESULTS / "claims.json")["claims"]
CRITERIA = [criterion for claim in CLAIMS for criterion in claim["criteria"]]


@pytest.fixture(scope="module")
def text(site: Path) -> str:
    return site.read_text(encoding="utf-8")


def kept(*studies: str) -> page.Sources:
    """What the paper tier keeps of some studies, as if run on data that it had downloaded."""
    every = page.read("paper", RESULTS, FIGURES)
    run = copy.copy(every.run)
    object.__setattr__(run, "claims", [claim for claim in run.claims if claim["study"] in studies])
    object.__setattr__(run, "studies", {name: run.studies[name] for name in studies})
    captions = {name: every.captions[name] for name in studies}
    named = {name: value for name, value in every.provenance["config"].items() if not name.endswith("_root")}
    return page.Sources(run, {**every.provenance, "config": named}, captions, every.results, every.figures)


def test_the_page_is_one_file_below_8_mb_that_points_at_nothing_outside(text: str) -> None:
    assert len(text.encode()) < 8_000_000
    addresses = re.findall(r"""(?:src|href|action|srcset|poster)\s*=\s*["']([^"']*)""", text)
    assert {address.split(":")[0] for address in addresses if address[0] != "#"} == {"data"}
    anchors = {address[1:] for address in addresses if address[0] == "#"}
    assert anchors - set(re.findall(r'\sid="([^"]+)"', text)) == set()


def test_a_film_plays_unless_the_reader_asks_for_less_motion(text: str) -> None:
    films = [
        file for study in page.read("paper", RESULTS, FIGURES).captions for file in (FIGURES / study).glob("*.gif")
    ]
    assert films
    for film in films:
        figure = text.split(f'id="figure-{film.parent.name}-{film.stem}"')[1].split("</figure>")[0]
        (plays,) = re.findall(r'<source srcset="([^"]*)" media="\(prefers-reduced-motion: no-preference\)">', figure)
        assert b64decode(plays.split(",")[1]) == film.read_bytes()
    assert text.count("<source ") == len(films)


def test_every_claim_stands_there_once_with_all_that_it_says(text: str) -> None:
    plain = html.unescape(text.split('<section id="claims">')[1].split('<section id="gallery">')[0])
    for claim in CLAIMS:
        start = f'<details class="claim card" id="{claim["study"]}-{claim["id"]}"'
        assert plain.count(start) == 1
        own = plain.split(start)[1].split("</details>")[0]
        said = [claim[name] for name in ("statement", "source", "scope", "why", "expected", "tolerance", "thresholds")]
        assert [words for words in said if words not in own] == []
        assert own.count('<svg class="estimate"') == sum(each["value"] is not None for each in claim["criteria"])
        assert f"snakemake --cores 2 {claim['study']} --configfile config/paper.yaml" in own


def test_every_figure_stands_there_with_its_numbers_to_the_byte(text: str) -> None:
    links = dict(re.findall(r'download="([^"]+)\.csv\.gz" href="data:application/gzip;base64,([^"]+)"', text))
    names = {f"{file.parent.name}-{file.stem}": file for file in FIGURES.glob("*/*.csv")}
    assert links.keys() == names.keys()
    for name, packed in links.items():
        assert gzip.decompress(b64decode(packed)) == names[name].read_bytes()
        assert text.count(f'id="figure-{name}"') == 1


def test_each_estimate_is_drawn_inside_its_limits_just_where_it_was_judged_to_be() -> None:
    """Places are rounded to a tenth, numbers to four digits: together less than a thousandth of the drawing."""
    seen = set()
    for criterion in (each for each in CRITERIA if each["value"] is not None):
        drawn = drawings.against_limits(criterion)
        assert drawn is not None
        (low, high), (least, most) = drawn["interval"], drawn["allowed"]
        assert low <= drawn["value"][0] <= high
        inside, outside = least <= low + 0.3 and high <= most + 0.3, high < least - 0.3 or low > most + 0.3
        possible = {"replicated"} if inside else {"not replicated"} if outside else {"undecided"}
        on_the_line = min(abs(one - other) for one in (low, high) for other in (least, most)) <= 0.6
        assert criterion["verdict"] in possible or drawn["refuted"] or on_the_line, criterion
        assert not drawn["refuted"] or (criterion["verdict"] == "not replicated" and (not outside or on_the_line))
        seen.add((criterion["verdict"], drawn["refuted"]))
    assert seen == {("replicated", False), ("undecided", False), ("not replicated", False), ("not replicated", True)}


def test_an_interval_without_an_end_reaches_the_drawing_s_edge() -> None:
    open_ended = {"value": 1.0, "low": None, "high": None, "at_least": None, "at_most": 2.0, "verdict": "undecided"}
    drawn = drawings.against_limits(open_ended)
    assert drawn is not None
    assert drawn["interval"] == [0, drawings.WIDTH]
    assert drawn["allowed"][0] == 0
    assert drawn["value"][0] < drawn["allowed"][1] < drawings.WIDTH
    assert drawings.against_limits({**open_ended, "value": None}) is None


def test_the_setting_shows_every_mark_of_the_story_figure_s_schematic_panel() -> None:
    numbers = tables.read_frame(FIGURES / "adversarial_training" / "story.csv")
    panel = numbers[numbers["panel"] == SETTING]
    drawn = drawings.setting(numbers)
    assert drawn is not None
    marks, lines = panel[panel["kind"] == "run"], panel[panel["kind"] == "theory"]
    assert {*drawings.CLASSES} | {*drawings.PATHS} == {*panel["series"]}
    assert sorted((x, y) for _, x, y in drawn["points"]) == sorted(
        (round(100 * x), round(-100 * y)) for x, y in zip(marks["x"], marks["mean"], strict=True)
    )
    assert len(drawn["paths"]) == lines["series"].nunique()
    assert dict(drawn["paths"])["ball"].count("M") == 2
    assert drawings.setting(numbers[numbers["panel"] != SETTING]) is None


def test_the_story_s_numbers_are_those_of_the_claims() -> None:
    sources = kept("adversarial_training")
    (claim,) = [each for each in sources.run.claims if each["id"] == "robust_error_near_floor"]
    claim["criteria"][0] |= {"value": 0.4321, "low": 0.4, "high": 0.5}
    claim["verdict"] = "not replicated"
    sentence = page.page(sources).split('<ol class="sentences">')[1].split("</li>")[1]
    assert "<b>0.432</b> [0.4, 0.5]" in sentence
    assert '<span class="verdict not-replicated">' in sentence


def test_a_tier_without_the_flagship_has_a_page_that_says_what_it_lacks() -> None:
    made = page.page(kept("linear_classifier"))
    assert made.count("rests on claims that this tier has not judged") == 5
    data = json.loads(gzip.decompress(b64decode(made.split('id="explorer-data">')[1].split("<")[0])))
    assert (data["cells"], data["brackets"]) == ({}, {})


def test_the_explorer_gets_every_network_on_clusters_and_every_bracket(text: str) -> None:
    data = json.loads(gzip.decompress(b64decode(text.split('id="explorer-data">')[1].split("<")[0])))
    for name, study, columns in (
        ("cells", "adversarial_training", CELLS),
        ("brackets", "certified_brackets", BRACKETS),
    ):
        table = tables.read(RESULTS / study / "table.csv").query("data == 'clusters' and status == 'ok'")
        assert list(data[name]) == [NAMES.get(column, column) for column in columns]
        assert {len(column) for column in data[name].values()} == {len(table)}
        assert data[name]["beta"] == pytest.approx(table["flip_rate"].tolist(), rel=1e-4)


def test_the_same_results_make_the_same_bytes() -> None:
    assert page.page(kept("certified_brackets")) == page.page(kept("certified_brackets"))


def test_pictures_shrink_until_they_fit_and_say_so_where_they_never_do() -> None:
    files = sorted(FIGURES.glob("certified_brackets/*.png"))
    wide = pictures.embedded(files)
    assert {picture.width for picture in wide.values()} <= {pictures.WIDTHS[0], 650}
    narrow = pictures.embedded(files, sum(len(picture.uri) for picture in wide.values()) - 1)
    assert max(picture.width for picture in narrow.values()) < pictures.WIDTHS[0]
    with pytest.raises(UserError, match="more than the 1,000 of a page"):
        pictures.embedded(files, 1000)


def test_a_page_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST", 1_000_000)
    with pytest.raises(UserError, match=r"the page of tier paper takes .* more than 1,000,000"):
        page.page(kept("certified_brackets"))


def test_claims_of_another_tier_and_missing_ones_are_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "index.html"
    options = ["--results", str(RESULTS), "--figures", str(FIGURES), "--output", str(output)]
    assert make_site.main(["--tier", "default", *options]) == 2
    assert "has the claims of tier paper, not default" in capsys.readouterr().err
    assert make_site.main(["--tier", "smoke", "--results", str(tmp_path), "--output", str(output)]) == 2
    assert f"{tmp_path / 'claims.json'} does not exist" in capsys.readouterr().err
    assert not output.exists()
