"""Exponential moving average (EMA) of trained parameters. It is smoother than the newest weights, and is exported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class EMA:
    """The averages of parameters by name. decay 0 keeps none, so that the newest weights count.

    warmup (a, b): the decay of update n is at most (n + a) / (n + b), so that the first weights are soon forgotten.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float, warmup: tuple[int, int] = (1, 10)) -> None:
        self.parameters, self.decay, self.warmup, self.count = dict(parameters), decay, warmup, 0
        self.values = {name: p.detach().clone() for name, p in parameters.items()} if decay else {}

    @torch.no_grad()
    def update(self) -> None:
        """Average the parameters in."""
        self.count += 1
        if self.values:
            more, less = self.warmup
            weight = 1 - min(self.decay, (self.count + more) / (self.count + less))
            current = [self.parameters[name].detach() for name in self.values]
            torch._foreach_lerp_(list(self.values.values()), current, weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block the networks have the averages in place of the parameters."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, value in self.values.items():
            parameter = self.parameters[name]
            parameter.data, self.values[name] = value, parameter.data

    def state_dict(self) -> dict[str, int | dict[str, Tensor]]:
        return {"count": self.count, "values": self.values}

    def load_state_dict(self, state: dict) -> None:
        self.count = state["count"]
        for name, value in self.values.items():
            value.copy_(state["values"][name])
