"""Checks of what is typed into nodes, made when a run is queued: before any model loads.

ComfyUI calls validate_inputs with the value of each named input, and with None where it is linked: such a value is not
known yet. It shows the answer once for every input that is named, so a node names as few as the check needs. A dynamic
combo is passed on even where it is not named: it is a keyword that is not used.
"""

from collections.abc import Callable
from itertools import product

from comfy_api.latest import io

from ..got_models.chain.forms.plan import ORDERS, UNITS, Settings
from ..got_models.chain.forms.reader import beginning, understand
from ..got_models.chain.forms.scaling import SettingError
from ..got_models.chain.grammar import ChainError
from ..got_models.errors import GoTError
from ..got_models.reasoner.prompt import checked_prompt

LONGEST_PLAN = 5_000  # characters of a plan that is read before the run
SIDES = (1024, 16384)  # pixels that a plan in pixels may count


def answer_of(check: Callable, *values) -> bool | str:
    """What validate_inputs answers: the sentence of the GoTError that a check raises, or True. None is not checked."""
    if None in values:
        return True
    try:
        check(*values)
    except GoTError as error:
        return str(error)
    return True


def check_linked(node: type[io.ComfyNode], **values: object) -> None:
    """Raise GoTError if a value is None, or a number outside the range of its input.

    ComfyUI checks only what is typed, and no NaN. A node that selects one of several inputs may give None.
    """
    inputs = {known.id: known for known in node.define_schema().inputs}
    for name, value in values.items():
        if value is None:
            raise GoTError(
                f"The input '{name}' is empty: the node that is linked to it gives nothing. Check that node, or "
                f"connect another one."
            )
        least, most = getattr(inputs[name], "min", None), getattr(inputs[name], "max", None)
        if least is not None and not least <= value <= most:
            raise GoTError(
                f"The input '{name}' is {value:g}, and it must be from {least:g} to {most:g}. Set it in this range, or "
                f"check the node that is linked to it."
            )


def check_prompt(task: str, *prompts: str | None) -> bool | str:
    """The answer on one or several prompts: each must hold words."""
    return next((answer for text in prompts if (answer := answer_of(checked_prompt, text, task)) is not True), True)


def check_plan(text: str) -> None:
    """Raise ChainError if a plan cannot be read, whatever the order, the units and the size of its numbers are."""
    if len(text) > LONGEST_PLAN:
        return  # it is read when the node runs
    try:
        understand(text, Settings())
    except SettingError:
        return  # the settings, or the size of a linked image, may help
    except ChainError as error:
        if not any(
            _can_read(text, Settings(order, units, side, side)) for order, units, side in product(ORDERS, UNITS, SIDES)
        ):
            raise ChainError(f"{error} The text begins: {beginning(text)}") from error


def _can_read(text: str, settings: Settings) -> bool:
    try:
        understand(text, settings)
    except ChainError:
        return False
    return True
