"""Equivariant networks, residual pathways beside them, and plain perceptrons; several trained side by side.

Finzi, Benton, Wilson, NeurIPS 2021 (arXiv 2112.01388) [S: the authors' code, on the library emlp]. A block is a linear
map, plus .1 times a bilinear one, and a gate for every tensor. In an *equivariant* network ("emlp") the linear maps
are projected to the equivariant ones; a *residual pathway* network ("rpp") adds to each of them, to its bias and to the
gates an unconstrained one that starts at a thousandth of it; a perceptron ("mlp") has unconstrained ones and swish.

Every parameter has a leading axis B, a network for each index: inputs are (B, N, in), outputs (B, N, out).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import silu

from benign.nets.representations import SCALAR, SIDE, Kind, Representation, Symmetry, invariants, uniform

Model = Literal["emlp", "rpp", "mlp"]
Parameters = dict[str, Tensor]
RESIDUAL = 1e-3  # the unconstrained path's start, of the equivariant one's
BILINEAR = 0.1
PLAIN, BASIC, EQUIVARIANT = "plain", "basic", "equivariant"  # paths of a perceptron, and of the others


@dataclasses.dataclass(frozen=True)
class Architecture:
    """model; symmetry: the group that it is built for; source, target: representations; width: channels of `layers`"""

    model: Model
    symmetry: Symmetry
    source: Representation
    target: Representation
    width: int
    layers: int = 3

    @functools.cached_property
    def hidden(self) -> Representation:
        """What a hidden layer holds after its gates."""
        return uniform(self.width, self.symmetry)

    @functools.cached_property
    def gated(self) -> Representation:
        """The same before its gates: with one scalar more for every tensor."""
        gates = sum(copies for kind, copies in self.hidden.parts if kind != SCALAR)
        return Representation(tuple((kind, copies + gates * (kind == SCALAR)) for kind, copies in self.hidden.parts))

    @functools.cached_property
    def maps(self) -> tuple[tuple[Representation, Representation], ...]:
        """(from, to) of each linear map; a perceptron's are of these sizes without gates."""
        after = self.hidden if self.model == "mlp" else self.gated
        sources = (self.source, *(self.hidden,) * self.layers)
        return tuple(zip(sources, (*(after,) * self.layers, self.target), strict=True))


# ---------------------------------------------------------------- equivariant maps


class Projector:
    """Projects weights (B, out, in) to the equivariant ones: orthogonally, so to the nearest."""

    def __init__(self, target: Representation, source: Representation, symmetry: Symmetry) -> None:
        places = np.arange(target.size * source.size).reshape(target.size, source.size)
        rows, columns = target.slices(), source.slices()
        self.shape = places.shape
        of: dict[Kind, list[np.ndarray]] = {}
        for (to, m), (kind, n) in itertools.product(target.parts, source.parts):
            block = places[rows[to], columns[kind]].reshape(m, to.size, n, kind.size).transpose(0, 2, 1, 3)
            axes = _map_axes(to, kind)
            entries = block.reshape(m * n, *(SIDE,) * (to.rank + kind.rank)).transpose(0, *(1 + a for a in axes))
            of.setdefault(to.maps(kind, symmetry), []).append(entries.reshape(m * n, -1))
        self.parts = []
        kept = []
        for maps, blocks in of.items():
            basis = invariants(maps, symmetry)
            if basis.shape[1]:
                index = np.concatenate(blocks)  # (maps of this kind, its size)
                self.parts.append((index.shape, torch.from_numpy(basis).float()))
                kept.append(index.ravel())
        self.order = torch.from_numpy(np.concatenate(kept)) if kept else torch.empty(0, dtype=torch.int64)
        # Where each weight stands among those kept; what has no equivariant map is 0, which stands at the end.
        back = np.full(places.size, len(self.order))
        back[self.order.numpy()] = np.arange(len(self.order))
        self.back = torch.from_numpy(back)

    def to(self, device: torch.device) -> Projector:
        self.order, self.back = self.order.to(device), self.back.to(device)
        self.parts = [(shape, basis.to(device)) for shape, basis in self.parts]
        return self

    def __call__(self, weights: Tensor) -> Tensor:
        """The nearest equivariant weights (B, out, in)."""
        return _Projected.apply(weights, self)

    def nearest(self, weights: Tensor) -> Tensor:
        """The same, without a gradient."""
        flat, found, at = weights.flatten(1)[:, self.order], [], 0
        for (count, size), basis in self.parts:
            block = flat[:, at : at + count * size].reshape(-1, count, size)
            found.append(((block @ basis) @ basis.T).flatten(1))
            at += count * size
        whole = torch.cat([*found, weights.new_zeros(len(weights), 1)], 1)
        return whole[:, self.back].view(-1, *self.shape)


class _Projected(torch.autograd.Function):
    """An orthogonal projection's gradient is the projected gradient."""

    @staticmethod
    def forward(context: Any, weights: Tensor, projector: Projector) -> Tensor:  # type: ignore[override]
        context.projector = projector
        return projector.nearest(weights)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return context.projector.nearest(gradient), None


def _map_axes(to: Kind, source: Kind) -> list[int]:
    """The order that brings the axes (to.p, to.q, source.p, source.q) of a map to those of `to.maps(source)`.

    Indices of the first sort come first: the target's p and the source's q, which a map takes with the other sort.
    """
    ends = np.cumsum([0, to.p, to.q, source.p, source.q])
    to_p, to_q, from_p, from_q = (list(range(*ends[i : i + 2])) for i in range(4))
    return [*to_p, *from_q, *to_q, *from_p]


@functools.cache
def projector(target: Representation, source: Representation, symmetry: Symmetry, device: str) -> Projector:
    """Made once for each pair."""
    return Projector(target, source, symmetry).to(torch.device(device))


# ---------------------------------------------------------------- the bilinear map


@dataclasses.dataclass(frozen=True)
class Product:
    """One way to make `to` of two tensors: as `by`, at most its size many copies, maps `source` to `to`."""

    to: Kind
    source: Kind
    by: Kind
    shape: tuple[int, int, int]  # copies of to, of source and of by: of its parameters


@functools.cache
def products(rep: Representation, symmetry: Symmetry) -> tuple[Product, ...]:
    """All products of a representation's tensors with each other, but for those by scalars."""
    counts = dict(rep.parts)
    return tuple(
        Product(to, source, by, (counts[to], counts[source], min(counts[by], by.size)))
        for to, source in itertools.product(counts, counts)
        if (by := to.maps(source, symmetry)) in counts and by != SCALAR
    )


def bilinear(weights: list[Tensor], rep: Representation, symmetry: Symmetry, x: Tensor) -> Tensor:
    """x (B, N, rep) to the sum of its products, with weights (B, copies of to, of source, of by)."""
    b, n, _ = x.shape
    slices = rep.slices()
    tensors = {kind: x[..., part].reshape(b, n, -1, kind.size) for kind, part in slices.items()}
    sums: dict[Kind, Tensor] = {}
    for product, w in zip(products(rep, symmetry), weights, strict=True):
        to, source, copies = product.to, product.source, product.shape[2]
        by = tensors[product.by][:, :, :copies].reshape(b, n, copies, *(SIDE,) * product.by.rank)
        axes = (3 + int(a) for a in np.argsort(_map_axes(to, source)))
        by = by.permute(0, 1, 2, *axes).reshape(b, n, copies, to.size, source.size)
        if to.size < source.size:  # contract first, so that the larger array is the smaller
            pairs = torch.einsum("bncde,bnje->bndjc", by, tensors[source]).flatten(3)  # (b, n, to, source·by)
            made = (pairs.flatten(1, 2) @ w.flatten(2).mT).view(b, n, to.size, -1).mT
        else:
            mixed = torch.einsum("bnje,bijc->bnice", tensors[source], w)
            made = torch.einsum("bnice,bncde->bnid", mixed, by)
        sums[to] = sums[to] + made if to in sums else made
    nothing = {kind: tensors[kind] * 0 for kind, _ in rep.parts if kind not in sums}
    return torch.cat([(sums | nothing)[kind].flatten(2) for kind, _ in rep.parts], -1)


# ---------------------------------------------------------------- parameters and networks


def initial(architecture: Architecture, rng: np.random.Generator) -> Parameters:
    """One network's start, B = 1, as in the authors' libraries: orthogonal maps, biases uniform, products N(0, 1)."""
    drawn: dict[str, np.ndarray] = {}
    for layer, (source, target) in enumerate(architecture.maps):
        if architecture.model == "mlp":
            scale = (2 / (source.size + target.size)) ** 0.5
            drawn[f"{layer}.{PLAIN}.weight"] = scale * rng.standard_normal((target.size, source.size))
            drawn[f"{layer}.{PLAIN}.bias"] = np.zeros(target.size)
            continue
        drawn[f"{layer}.{EQUIVARIANT}.weight"] = _orthogonal(target.size, source.size, rng)
        drawn[f"{layer}.{EQUIVARIANT}.bias"] = rng.random(target.size) / target.size**0.5
        last = layer == architecture.layers
        for i, product in enumerate(() if last else products(target, architecture.symmetry)):
            drawn[f"{layer}.{EQUIVARIANT}.product{i}"] = rng.standard_normal(product.shape)
        if architecture.model == "rpp":
            for name in ("weight", "bias"):
                drawn[f"{layer}.{BASIC}.{name}"] = RESIDUAL * drawn[f"{layer}.{EQUIVARIANT}.{name}"]
            if not last:
                drawn[f"{layer}.{BASIC}.gate"] = np.full(architecture.width, RESIDUAL)
    return {name: torch.from_numpy(values).float()[None] for name, values in drawn.items()}


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Orthonormal rows, or columns, whichever are fewer."""
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer as it is applied: weight (B, out, in), bias (B, 1, out), products, gate (B, 1, width) or None."""

    weight: Tensor
    bias: Tensor
    products: list[Tensor]
    gate: Tensor | None


def assembled(architecture: Architecture, parameters: Parameters) -> list[Layer]:
    """The layers: equivariant paths projected, residual paths added. Once for many inputs."""
    scalar, layers = Representation(((SCALAR, 1),)), []
    for layer, (source, target) in enumerate(architecture.maps):
        path = PLAIN if architecture.model == "mlp" else EQUIVARIANT
        weight, bias = parameters[f"{layer}.{path}.weight"], parameters[f"{layer}.{path}.bias"]
        if path == EQUIVARIANT:
            onto = functools.partial(projector, symmetry=architecture.symmetry, device=weight.device.type)
            weight, bias = onto(target, source)(weight), onto(target, scalar)(bias[..., None])[..., 0]
        if architecture.model == "rpp":
            weight, bias = (one + parameters[f"{layer}.{BASIC}.{n}"] for one, n in ((weight, "weight"), (bias, "bias")))
        made = [values for name, values in parameters.items() if name.startswith(f"{layer}.{path}.product")]
        gate = parameters.get(f"{layer}.{BASIC}.gate")
        layers.append(Layer(weight, bias[:, None], made, None if gate is None else gate[:, None]))
    return layers


def outputs(architecture: Architecture, layers: list[Layer], x: Tensor) -> Tensor:
    """x (B, N, in) to (B, N, out)."""
    for layer in layers[:-1]:
        x = torch.baddbmm(layer.bias, x, layer.weight.mT)
        if architecture.model == "mlp":
            x = silu(x)
            continue
        x = x + BILINEAR * bilinear(layer.products, architecture.gated, architecture.symmetry, x)
        values, gates = _gates(architecture, x)
        x = torch.sigmoid(gates) * values
        if layer.gate is not None:
            x = x + layer.gate * silu(values)
    return torch.baddbmm(layers[-1].bias, x, layers[-1].weight.mT)


def _gates(architecture: Architecture, x: Tensor) -> tuple[Tensor, Tensor]:
    """What passes the gates (B, N, width), and for each channel its gate: a tensor's is one scalar, a scalar itself."""
    scalars, extra = (rep.copies(SCALAR) for rep in (architecture.hidden, architecture.gated))
    tensors = [(kind.size, copies) for kind, copies in architecture.hidden.parts if kind != SCALAR]
    each = x[..., scalars:extra].split([copies for _, copies in tensors], -1) if tensors else ()
    spread = [
        gate[..., None].expand(*gate.shape, size).flatten(2) for gate, (size, _) in zip(each, tensors, strict=True)
    ]
    plain = x[..., :scalars]
    return torch.cat([plain, x[..., extra:]], -1), torch.cat([plain, *spread], -1)


def penalty(parameters: Parameters, basic: float, equivariant: float, everything: bool) -> Tensor:
    """Each network's weighted squared lengths, summed over networks, whose gradients do not mix.

    basic: on the residual path; equivariant: on all other parameters
    everything: also of biases and products; else of linear maps and gates alone
    """
    total = torch.zeros(())
    for name, values in parameters.items():
        factor = basic if f".{BASIC}." in name else equivariant
        if factor and (everything or name.endswith(("weight", "gate"))):
            total = total + factor * values.square().sum()
    return total
