"""A moving average of what is trained: smoother than the newest weights, and what is exported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of parameters. decay: 0 keeps nothing, so that the newest weights count."""

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.parameters, self.decay, self.count = dict(parameters), decay, 0
        self.values = {name: p.detach().clone() for name, p in parameters.items()} if decay else {}

    @torch.no_grad()
    def update(self) -> None:
        """Take the parameters in. The first ones weigh more, so that what the run began with is soon forgotten."""
        self.count += 1
        if self.values:
            weight = 1 - min(self.decay, (1 + self.count) / (10 + self.count))
            mine = list(self.values.values())
            torch._foreach_lerp_(mine, [self.parameters[name].detach() for name in self.values], weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The networks with the averages in place of the parameters."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, value in self.values.items():
            parameter = self.parameters[name]
            parameter.data, self.values[name] = value, parameter.data

    def state_dict(self) -> dict[str, Tensor]:
        return self.values

    def load_state_dict(self, values: dict[str, Tensor], count: int) -> None:
        self.count = count
        for name, value in self.values.items():
            value.copy_(values[name])
