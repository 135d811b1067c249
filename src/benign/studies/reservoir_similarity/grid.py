"""What is run: pairs of images, the relation between which a readout learns from few pairs of some classes, and is
asked on pairs of other classes.

Krishnagopal, Aloimonos, Girvan, Complexity 2018. [abstract]: read. [S]: their full text and code, as rendered in notes;
[3P]: an independent replication; where they differ or leave something open, both readings are fields of a cell. What is
[ours] is said where it is done.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import create_model

from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Study, column, field

TURNS = ("rotated", "zoomed", "blurred")
FIVE = ("same", *TURNS, "different")
RESERVOIRS, LINEAR, NETWORKS = ("differential", "joint"), ("pixels", "pairs"), ("siamese", "convolutional")
# Fields that some models have and others do not; for those they are set to their defaults.
FIELDS = {
    "differential": ("difference", "radius", "nodes", "readout", "penalty"),
    "joint": ("radius", "nodes", "readout", "penalty"),
    "pixels": ("difference", "penalty"),
    "pairs": ("penalty",),
    "siamese": ("width", "steps", "batch", "rate"),
    "convolutional": ("width", "steps", "batch", "rate"),
}


class Cell(BaseCell):
    """One model, trained on pairs of some classes and tested on pairs of these and of the others."""

    shapes = (
        ("nodes", "nodes"),
        *((count, other) for count in ("pairs", "test_pairs") for other in ("nodes", "width")),
        *((count, "side", "side") for count in ("pairs", "test_pairs")),
        ("width", "width", "side", "side"),
    )
    experiment: str = "single"
    data: Literal["mnist", "cifar10"] = field("images; colours are averaged", default="mnist")
    side: int = field("pixels of an image's side; its columns are the reservoir's time", default=28, at_least=12)
    split: Literal["published", "random"] = field(
        "training sees the first six classes of ten, or a random half", default="published"
    )
    task: Literal["five", "rotation", "same_or_different", "combinations", "composed"] = field(
        "the relations to be told apart", default="five"
    )
    pairing: Literal["two_images", "one_image"] = field(
        "what a pair of one class is made of: two images of it, or one image twice", default="two_images"
    )
    noise: Literal["peak", "pixels", "none"] = field(
        'of "same" pairs: 20 % of white on each pixel, or on 20 % of the pixels', default="peak"
    )
    noisy: Literal["same", "both"] = field('whether "different" pairs get the noise too', default="same")
    model: Literal["differential", "joint", "pixels", "pairs", "siamese", "convolutional"] = field(
        "a reservoir's states of either image subtracted, a reservoir that sees both; linear on subtracted or on all "
        "pixels; networks"
    )
    difference: Literal["signed", "absolute"] = field("of states or pixels", default="signed")
    radius: Literal["eigenvalue", "square_root"] = field(
        "W_res is .5 over its largest eigenvalue, or over the root of it", default="eigenvalue"
    )
    nodes: int = field("of the reservoir", default=1000, at_least=2)
    readout: Literal["columns", "trajectory"] = field(
        "one regression for the states at all columns, its outputs averaged, or one on these states side by side",
        default="columns",
    )
    penalty: float = field("of the ridge regression", default=1e-8, above=0)
    pairs: int = field("training pairs of each relation", default=50, at_least=1)
    test_pairs: int = field("test pairs of each relation, for seen and for unseen classes", at_least=1)
    width: int = field("channels of a network's first layer; the second has twice as many", default=16, at_least=1)
    steps: int = field("of Adam, for networks", default=600, at_least=1)
    batch: int = field("pairs of a mini-batch", default=50, at_least=1)
    rate: float = field("learning rate of Adam", default=0.002, above=0)
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        linear = self.model not in NETWORKS
        return [
            ("side", self.side % 4 == 0, "a multiple of 4: the middle half is enlarged, 2 x 2 pixels are a block"),
            ("model", linear or self.task != "composed", "a reservoir or linear for task=composed: one output a class"),
        ]

    def irrelevant(self) -> dict[str, Any]:
        some = {name for names in FIELDS.values() for name in names} - set(FIELDS[self.model])
        if self.task not in ("five", "same_or_different"):
            some |= {"noise", "noisy"}
        elif self.noise == "none":
            some.add("noisy")
        return {name: self._defaults()[name] for name in some}

    @functools.cached_property
    def group(self) -> str:
        """Cells that read the same states."""
        return self.replace(experiment="single", difference="signed", readout="columns", penalty=1e-8).key


class Measured(BaseRow):
    """What came out; shares are of pairs whose relation is told rightly."""

    train_accuracy: float | None = column("share right of the training pairs")
    seen_accuracy: float | None = column("share right of fresh pairs of the training classes")
    unseen_accuracy: float | None = column("share right of pairs of the other classes")
    spectral_radius: float | None = column("largest |eigenvalue| of W_res")
    echo: float | None = column(
        "distance of two trajectories of the reservoir after an image's last column, over that of their starts"
    )
    tested: int | None = column("test pairs of seen, and of unseen classes")


def confusion(relation: str, answer: str) -> str:
    """The column with the share of a relation's pairs that get an answer."""
    return f"{relation}_as_{answer}"


_CONFUSED: dict[str, Any] = {
    confusion(one, other): (float | None, column(f'share of unseen "{one}" pairs that are taken for "{other}"'))
    for one in FIVE
    for other in FIVE
}
Row = create_model("Row", __base__=Measured, **_CONFUSED)

STUDY = Study(
    __package__,
    title="Krishnagopal, Aloimonos, Girvan, Similarity learning: a reservoir computing approach, Complexity 2018.",
    cell=Cell,
    row=Row,
    figures=("readings", "confusion", "nodes", "pairs", "penalties", "noise", "tasks"),
    start={"model": "differential", "test_pairs": 100},
)
