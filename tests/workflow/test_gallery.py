"""A tier's gallery shows each figure with its caption and the claims that rest on it, and one figure of all claims."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from matplotlib.patches import Rectangle

import draw_gallery
from benign import plots, studies
from benign.pipeline import tables
from benign.pipeline.pages import gallery
from support import ROOT

DEFAULT = ROOT / "results" / "default"


@pytest.fixture(scope="module")
def claims() -> dict[str, list[dict[str, Any]]]:
    """Those of the default tier's kept run, by study."""
    found = {study: DEFAULT / study / "claims.json" for study in studies.NAMES}
    return {study: json.loads(file.read_text())["claims"] for study, file in found.items() if file.exists()}


@pytest.fixture(scope="module")
def captions(claims: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, str]]:
    return {study: {name: f"Of {name}: α* < 1." for name in studies.find(study).figures} for study in claims}


def test_each_figure_is_shown_with_its_caption_and_each_claim_below_its_own_figure(
    claims: dict[str, list[dict[str, Any]]], captions: dict[str, dict[str, str]]
) -> None:
    page = gallery.page("default", claims, captions)
    for study, figures in captions.items():
        for name in figures:
            section = page.split(f'<a id="{study}-{name}"></a>')[1].split("\n#")[0]
            kind = "gif" if name in studies.find(study).films else "png"
            assert f"![{name}]({study}/{name}.{kind})" in section
            assert f"Of {gallery_text(name)}: α\\* \\< 1." in section
            own = [claim for claim in claims[study] if claim["figure"] == name]
            assert section.count("\n- **") == len(own)
            for claim in own:
                place = f"../../results/default/claims.md#{study}-{claim['id']}"
                assert f"- **{claim['verdict']}**: [{claim['id']}]({place})" in section
                assert f'<a id="{study}-{claim["id"]}"></a>' in (DEFAULT / "claims.md").read_text()
            assert ("No claim rests on it." in section) == (not own)


def gallery_text(name: str) -> str:
    return name.replace("_", "\\_")


def test_the_bars_are_the_counts_of_the_claims_end_to_end(claims: dict[str, list[dict[str, Any]]]) -> None:
    numbers = gallery.claims_figure(claims).numbers
    counted = Counter((c["kind"], c["study"], c["verdict"]) for every in claims.values() for c in every)
    for row in numbers.to_dict("records"):
        assert row["high"] - row["low"] == counted.pop((row["panel"], row["quantity"], row["series"]), 0)
    assert not counted
    for _, bars in numbers.groupby(["panel", "quantity"]):
        assert bars["low"].tolist() == [0, *bars["high"].tolist()[:-1]]


def test_the_drawn_bars_are_the_numbers_and_each_verdict_is_in_the_legend_once(
    claims: dict[str, list[dict[str, Any]]],
) -> None:
    numbers = gallery.claims_figure(claims).numbers
    figure = gallery.draw_claims(numbers)
    for axes, kind in zip(figure.axes, numbers["panel"].unique(), strict=True):
        drawn = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches if isinstance(bar, Rectangle)]
        ends = numbers.loc[numbers["panel"] == kind, ["low", "high"]]
        assert sorted(drawn) == sorted(map(tuple, ends.to_numpy().tolist()))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(numbers["series"].unique())


def test_the_command_writes_page_and_figure_and_refuses_claims_of_another_tier(
    tmp_path: Path, claims: dict[str, list[dict[str, Any]]], captions: dict[str, dict[str, str]]
) -> None:
    files = {study: tmp_path / study / "captions.json" for study in claims}
    for study, file in files.items():
        tables.write_json(file, captions[study])
    options = ["--claims", *(str(DEFAULT / study / "claims.json") for study in claims)]
    options += ["--captions", *map(str, files.values()), "--output"]
    assert draw_gallery.main([*options, str(tmp_path / "out"), "--tier", "default"]) == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        *("README.md", "claims.csv", "claims.pdf", "claims.png")
    ]
    assert (tmp_path / "out" / "README.md").read_text() == gallery.page("default", claims, captions)
    assert list(tables.read_frame(tmp_path / "out" / "claims.csv").columns) == plots.COLUMNS
    assert draw_gallery.main([*options, str(tmp_path / "none"), "--tier", "paper"]) != 0
    assert not (tmp_path / "none").exists()
