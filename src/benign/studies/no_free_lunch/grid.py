"""What is run: every DAG on four nodes, its kernels, and its training on images.

Chen, Huang, Wang, AutoML 2023 [S: paper and code]: width 256, SGD with batches of 128 at a constant rate (.001 on
CIFAR-10, .005 on Tiny-ImageNet), no augmentation, momentum or weight decay; kernels and curvature over 3 draws.
Expressivity is the training loss at the end, convergence the epochs to 50 % training accuracy, generalisation test
less training loss. [ours]: fewer and smaller images, far fewer steps than their 3,000 epochs, weights that all DAGs
of a seed start from, and the rates among which a DAG's own is chosen. Sibling: arXiv 2205.05662.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Literal

from benign.nets.dag import FORM, depth, edges, effective, every, paths, spread
from benign.study import Cell as BaseCell
from benign.study import CellError, Shorthand, Study, column, field
from benign.study import Row as BaseRow

TRAINED = ("trained", "siblings")


class Cell(BaseCell):
    """One DAG: its kernels on some images, or one training."""

    shapes = (("width", "width"), ("n", "n"), ("n", "width"), ("test_points", "width"))
    experiment: Literal["kernels", "trained", "siblings"]
    data: Literal["mnist", "cifar10"] = field("the images")
    side: int = field("pixels of an image's side", at_least=1)
    dag: str = field("operations of the edges, node by node: 0 zero, 1 skip, 2 linear; or two such, with a hyphen")
    width: int = field("neurons of stem and of each linear edge", at_least=1)
    n: int = field("images: of the kernels, or for training", at_least=2)
    batch: int = field("images of a minibatch", default=128, at_least=1)
    rate: float = field("learning rate", default=0.005, above=0)
    epochs: int = field("passes over the training images", default=1, at_least=1)
    test_points: int = field("test images, 0 for all", default=0, at_least=0)
    pruned_first: float = field("share of weights cut from the linear edges", default=0.0, at_least=0, below=1)
    pruned_second: float = field("the same of a second DAG", default=0.0, at_least=0, below=1)
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        if not FORM.fullmatch(self.dag):
            return [("dag", False, "written as 2_02_002 is, or two such joined by a hyphen")]
        trained, two = self.experiment in TRAINED, "-" in self.dag
        return [
            ("dag", not trained or bool(edges(self.dag)), "one with a path from the first to the last node"),
            ("dag", trained or not two, "one DAG, for its kernels"),
            ("pruned_second", two or self.pruned_second == 0, "0 without a second DAG"),
        ]

    def irrelevant(self) -> dict[str, Any]:
        if self.experiment in TRAINED:
            return {}
        names = ("batch", "rate", "epochs", "test_points", "pruned_first", "pruned_second")
        return {name: self._defaults()[name] for name in names}

    @functools.cached_property
    def group(self) -> str:
        """Cells with the same kernels' images and weights, or with the same training but for edges on no path."""
        if self.experiment in TRAINED:
            return self.replace(experiment="trained", dag=effective(self.dag)).key
        return self.replace(dag=every()[0]).key

    @property
    def pruned(self) -> tuple[float, float]:
        """The share of each DAG's weights that is cut."""
        return self.pruned_first, self.pruned_second


class Dags(Shorthand):
    """Many DAGs at once."""

    dags: int | None = field(
        "that many DAGs of the 541 with a linear edge on a path, spread over all (depth, P); 729: all there are",
        default=None,
        at_least=1,
        at_most=729,
    )

    @staticmethod
    def exclusive() -> Iterable[tuple[str, str]]:
        return [("dag", "dags")]

    @staticmethod
    def resolve(point: dict[str, Any]) -> Iterable[dict[str, Any]]:
        if "dags" not in point:
            return [point]
        wanted, rest = point["dags"], {name: value for name, value in point.items() if name != "dags"}
        if len(spread()) < wanted < len(every()):
            raise CellError(f"dags={wanted} is impossible: give at most {len(spread())}, or {len(every())} for all")
        chosen = every() if wanted == len(every()) else spread()[:wanted]
        return [{**rest, "dag": text} for text in chosen]


class Row(BaseRow):
    """Kernels are of inputs of unit norm, in units in which a linear edge keeps a node's norm on average."""

    paths: int | None = column("P: paths from the first to the last node")
    depth: float | None = column("linear edges on a path, mean over the paths")
    nngp: float | None = column("least eigenvalue of the last node's kernel at infinite width")
    nngp_bound: float | None = column("the paper's upper bound on it")
    tangent: float | None = column("least eigenvalue of the tangent kernel of edges and readout at infinite width")
    tangent_bound: float | None = column("the paper's upper bound on it, Thm 4.6")
    tangent_whole: float | None = column("the same with the stem's weights, as the authors' code has it")
    tangent_published: float | None = column("the same with as many inputs per neuron as on Tiny-ImageNet, 12,288/256")
    nngp_simulated: float | None = column("least eigenvalue of the last node's kernel at the cell's width")
    tangent_simulated: float | None = column("least eigenvalue of the tangent kernel of edges and readout there")
    tangent_whole_simulated: float | None = column("the same with the stem's weights")
    jacobian: float | None = column("norm of the output's derivative by node 0 at the cell's width, mean over inputs")
    jacobian_claimed: float | None = column("its expectation by the paper's Thm 4.1")
    jacobian_limit: float | None = column("its limit at infinite width")
    train_loss: float | None = column("mean cross-entropy over the training images at the end")
    test_loss: float | None = column("the same over test images")
    train_error: float | None = column("misclassified share of the training images at the end")
    test_error: float | None = column("the same of test images")
    epochs_to_half: float | None = column("epochs to 50 % training accuracy, linear between steps")
    reached: bool | None = column("whether it was reached; if not, epochs_to_half is the last epoch")
    tested: int | None = column("test images")


def shape(dag: str) -> dict[str, Any]:
    """P and depth of a DAG, as rows have them."""
    return {"paths": paths(dag), "depth": depth(dag)}


STUDY = Study(
    __package__,
    title="Chen, Huang, Wang, No Free Lunch in Neural Architectures?, AutoML 2023: 729 DAGs in theory and trained.",
    cell=Cell,
    row=Row,
    figures=("trade_off", "ranks", "correlations", "bounds", "siblings"),
    shorthand=Dags,
    start={"experiment": "trained", "dag": "2_02_002"},
    theory={
        "nngp_simulated": ("nngp", "nngp_bound"),
        "tangent_simulated": ("tangent", "tangent_bound"),
        "jacobian": ("jacobian_claimed", "jacobian_limit"),
    },
)
