"""The plan of a conversion, tensor by tensor: names, shapes, and the source of the values.

Every key of the sources is checked here. WeightsError names keys that are unknown or missing and shapes that differ.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..files.weights import WeightsError
from .checkpoint import Checkpoint, listed

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Lora:
    """A low-rank change of a weight: scale * B @ A. a, b: the keys of A (r, in) and B (out, r)."""

    checkpoint: Checkpoint
    a: str
    b: str
    scale: float

    @property
    def shape(self) -> tuple[int, ...] | None:
        """(out, in) of B @ A; None if the two shapes do not match."""
        (rank, width), (out, columns) = self.checkpoint.shapes[self.a], self.checkpoint.shapes[self.b]
        return (out, width) if rank == columns else None

    def delta(self) -> Tensor:
        return self.scale * (self.checkpoint[self.b].float() @ self.checkpoint[self.a].float())


@dataclass(frozen=True)
class TensorPlan:
    """A tensor to write: `key` of `source`, with its LoRA merged if there is one. fp8: it is stored in fp8."""

    name: str
    source: Checkpoint
    key: str
    lora: Lora | None = None
    fp8: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shapes[self.key]

    def make(self, dtype: torch.dtype) -> Tensor:
        """The tensor. A LoRA is merged in float32 and rounded once."""
        tensor = self.source[self.key]
        return (tensor if self.lora is None else tensor.float() + self.lora.delta()).to(dtype)


def plan_component(what: str, source: Checkpoint, keys: Mapping[str, str], expected: Shapes) -> list[TensorPlan]:
    """The plan of a component that is copied unchanged. keys: name -> key in the source. expected: its shapes."""
    refuse_unknown(what, keys, expected)
    refuse_missing(what, keys, expected)
    plans = [TensorPlan(name, source, key) for name, key in keys.items()]
    check_shapes(what, plans, expected)
    return plans


def refuse_unknown(what: str, names: Iterable[str], expected: Shapes) -> None:
    if unknown := sorted(set(names) - set(expected)):
        raise WeightsError(
            f"{what} has {len(unknown)} unknown tensors: {listed(unknown)}. Give the checkpoint of this model."
        )


def refuse_missing(what: str, names: Iterable[str], expected: Shapes) -> None:
    if missing := sorted(set(expected) - set(names)):
        raise WeightsError(
            f"{what} is incomplete: {len(missing)} tensors are missing: {listed(missing)}. Get the whole checkpoint."
        )


def check_shapes(what: str, plans: Iterable[TensorPlan], expected: Shapes) -> None:
    for plan in plans:
        if plan.shape != tuple(expected[plan.name]):
            raise WeightsError(
                f"{what} does not fit the base model: '{plan.name}' has the shape {plan.shape}, "
                f"the base model's has {tuple(expected[plan.name])}. Use the base model that it was trained from."
            )
        if plan.lora and plan.lora.shape != plan.shape:
            raise WeightsError(
                f"{what} is damaged: the LoRA of '{plan.name}' has the shape {plan.lora.shape}, "
                f"its weight has {plan.shape}. Get the checkpoint again."
            )
