"""Dialects: how a model is asked for a chain, and in which form and numbers it writes its boxes.

    GotDialect      a model trained on chains: the two prompts of its training, boxes between tokens on the chain's grid
    PlannerDialect  a plain Qwen2.5-VL: the instruction of GoT Plan Request, boxes in the plain form; in an edit they
                    count pixels of the image as the model sees it

Works on texts. Source of GoT's prompts: the released inference code; of the frame of a chat: Qwen2.5-VL's template; of
the image sizes: its README and `smart_resize`.
"""

import math
import re
from typing import Any, NamedTuple, Protocol

from ..chain.asking import CHINESE, ENGLISH, Asked, instruction
from ..chain.forms.plan import PIXELS, THOUSANDTHS
from ..chain.forms.reader import read_plan
from ..chain.grammar import EDIT, GRID, TEXT_TO_IMAGE, Chain, ChainError, plain_text, without_unfinished_box
from ..chain.phrases import without_tags
from ..chain.request import Request, with_wish
from ..errors import GoTError
from .looking import LOOK

PROMPTS = {
    TEXT_TO_IMAGE: "Follow the caption to generate an image through a chain of thought process: {}",
    EDIT: "Follow the instruction to edit the given image through a chain of thought process: {}",
    LOOK: "{}",
}
IMAGE_START = "<|im_gen_start|>"
SLOT = re.compile("([\ue000-\uf8ff])")  # private-use characters mark where prompts and answers go in a chat
_FIRST_SLOT = 0xE000


class Coordinates(NamedTuple):
    """The numbers in which a model writes boxes.

    width, height: how many span the image. right, bottom: the greatest that it may write.
    """

    width: int = GRID
    height: int = GRID
    right: int = GRID - 1
    bottom: int = GRID - 1

    def on_grid(self, number: int, axis: int) -> int:
        """A number on the chain's 0..999 grid. axis: 0 for x, 1 for y."""
        return min(GRID - 1, round(number * GRID / self[axis]))

    def from_grid(self, number: int, axis: int) -> int:
        """A number of the chain's grid in these coordinates."""
        return round(number * self[axis] / GRID)


ON_GRID = Coordinates()


class Dialect(Protocol):
    """How one model is asked and how it answers. A turn is a Request or a Chain.

    stops: the tokens that end an answer. plain_boxes: boxes are written without tokens around them.
    remedy: what to do if the tokenizer lacks a token.
    """

    stops: tuple[str, ...]
    plain_boxes: bool
    remedy: str

    def image_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels at which the model sees a source image."""

    def coordinates(self, turn: Request | Chain) -> Coordinates:
        """The numbers of the boxes in a turn's answer."""

    def asked(self, request: Request) -> Request:
        """The request as the model is asked it: with its wish in its prompt, if the model knows no wishes."""

    def prompt(self, turn: Request | Chain) -> str:
        """The text of the user's part of a turn."""

    def chat(self, turns: list[Request | Chain]) -> str:
        """The chat with the model's special tokens, and a slot in place of each prompt and answer."""

    def spell(self, text: str, turn: Request | Chain) -> str:
        """A text in GoT's form as the model itself would write it in the answer to a turn."""

    def show(self, text: str, turn: Request | Chain) -> str:
        """The text that the model has written so far, on the chain's grid, for a person to see."""

    def read(self, text: str, turn: Request | Chain, constrained: bool) -> tuple[str, bool]:
        """An answer, without its given beginning, in GoT's form or the plain one, and whether it was cut off.

        constrained: it was written under the grammar constraint. ChainError if it cannot be read.
        """


class GotDialect:
    """The dialect of a model that was trained on chains. size: (width, height) at which it sees every source image."""

    stops = (IMAGE_START, "<|vision_start|>", "<|endoftext|>", "<|im_end|>")
    plain_boxes = False
    remedy = "Convert the released checkpoint again with `python dev.py convert`."

    def __init__(self, size: tuple[int, int] = (448, 448)) -> None:
        self.size = size

    def image_size(self, width: int, height: int) -> tuple[int, int]:
        return self.size

    def coordinates(self, turn: Request | Chain) -> Coordinates:
        return ON_GRID

    def asked(self, request: Request) -> Request:
        return with_wish(request)

    def prompt(self, turn: Request | Chain) -> str:
        return PROMPTS[turn.task].format(turn.prompt)

    def chat(self, turns: list[Request | Chain]) -> str:
        return qwen_chat(turns)

    def spell(self, text: str, turn: Request | Chain) -> str:
        return without_tags(text)

    def show(self, text: str, turn: Request | Chain) -> str:
        return text

    def read(self, text: str, turn: Request | Chain, constrained: bool) -> tuple[str, bool]:
        return text, False


_SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
_PATCH = 28  # pixels of an image token, each way
_FEWEST, _MOST = 256 * _PATCH**2, 1280 * _PATCH**2  # pixels of a seen image; the README's range for speed and memory
_LONGEST = 200  # times its other side; Qwen2.5-VL takes no longer image
_CHINESE = re.compile("[\u4e00-\u9fff]")
_WHOLE_BOX = re.compile(r"\((\d{1,9}),(\d{1,9})\),\((\d{1,9}),(\d{1,9})\)")
# A box that is not finished at the end of a text; the second half of a finished one does not count.
_OPEN_BOX = re.compile(r"(?<!\),)\(\d{1,9}(?:,\d{0,9})?(?:\)(?:,(?:\((?:\d{1,9}(?:,\d{0,9})?)?)?)?)?$")


def qwen_chat(turns: list[Request | Chain]) -> str:
    """The chat by Qwen2.5-VL's template, with slots. A template in a model's folder is a program, so none is run."""
    text = _SYSTEM
    for number, turn in enumerate(turns):
        (prompt, answer), image = _slots(number), "" if turn.source is None else _IMAGE
        text += f"<|im_start|>user\n{image}{prompt}<|im_end|>\n<|im_start|>assistant\n"
        text += "" if turn is turns[-1] else f"{answer}<|im_end|>\n"
    return text


class PlannerDialect:
    """The dialect of a plain Qwen2.5-VL. It writes thousandths, or for an edit pixels of the image as it sees it."""

    stops = ("<|im_end|>", "<|endoftext|>")
    plain_boxes = True
    remedy = "Get the whole folder of Qwen2.5-VL-3B-Instruct or Qwen2.5-VL-7B-Instruct again."

    def image_size(self, width: int, height: int) -> tuple[int, int]:
        """The size at the image's aspect, in multiples of 28, from 200,704 to 1,003,520 pixels: `smart_resize`.

        GoTError if the image is longer than 200 times its other side.
        """
        if max(width, height) > _LONGEST * min(width, height):
            raise GoTError(
                f"The image is {width}x{height} pixels. One side is more than {_LONGEST} times the other, which "
                f"Qwen2.5-VL cannot see. Crop the image first."
            )
        sides = [max(_PATCH, round(side / _PATCH) * _PATCH) for side in (width, height)]
        if math.prod(sides) > _MOST:
            scale = math.sqrt(width * height / _MOST)
            sides = [max(_PATCH, math.floor(side / scale / _PATCH) * _PATCH) for side in (width, height)]
        elif math.prod(sides) < _FEWEST:
            scale = math.sqrt(_FEWEST / (width * height))
            sides = [math.ceil(side * scale / _PATCH) * _PATCH for side in (width, height)]
        return sides[0], sides[1]

    def coordinates(self, turn: Request | Chain) -> Coordinates:
        size = self._seen(turn) or (GRID, GRID)
        return Coordinates(*size, *size)

    def asked(self, request: Request) -> Request:
        return request

    def prompt(self, turn: Request | Chain) -> str:
        language = CHINESE if _CHINESE.search(turn.prompt) else ENGLISH
        asked = Asked(turn.prompt, turn.task, language, pixels=self._seen(turn))
        if isinstance(turn, Request):
            asked = asked._replace(earlier=turn.plan, wish=turn.wish)
        return _converted(instruction(asked), self.coordinates(turn).from_grid)

    def chat(self, turns: list[Request | Chain]) -> str:
        return qwen_chat(turns)

    def spell(self, text: str, turn: Request | Chain) -> str:
        return _converted(plain_text(without_tags(text)), self.coordinates(turn).from_grid)

    def show(self, text: str, turn: Request | Chain) -> str:
        """A box that is not finished yet is left out, for a part of it cannot be converted."""
        return _converted(_without_open_box(text), self.coordinates(turn).on_grid)

    def read(self, text: str, turn: Request | Chain, constrained: bool) -> tuple[str, bool]:
        """A constrained answer is in our form, unless more boxes are found in it in another one, such as JSON."""
        ours = len(_WHOLE_BOX.findall(text)) if constrained else 0
        text = _without_open_box(text) if constrained else text
        size = self._seen(turn) or (0, 0)
        try:
            plan = read_plan(text, units=PIXELS if any(size) else THOUSANDTHS, width=size[0], height=size[1])
        except ChainError:
            if not ours:
                raise
            return self.show(text, turn), False
        if ours and len(plan.regions) <= ours:
            return self.show(text, turn), False
        lead = text[: len(text) - len(text.lstrip())]
        return lead + plan.text, plan.cut

    def _seen(self, turn: Request | Chain) -> tuple[int, int] | None:
        """The size of the turn's source as the model sees it; None without a source."""
        return None if turn.source is None else self.image_size(turn.source.shape[2], turn.source.shape[1])


def _without_open_box(text: str) -> str:
    text = without_unfinished_box(text)
    unfinished = _OPEN_BOX.search(text)
    return text[: unfinished.start()].rstrip() if unfinished else text


def _converted(text: str, convert: Any) -> str:
    """A text with the numbers of its whole boxes converted. convert: Coordinates' on_grid or from_grid."""

    def corners(match: re.Match) -> str:
        x0, y0, x1, y1 = (convert(int(number), at % 2) for at, number in enumerate(match.groups()))
        return f"({x0},{y0}),({x1},{y1})"

    return _WHOLE_BOX.sub(corners, text)


def _slots(number: int) -> tuple[str, str]:
    """The characters that mark a turn's prompt and answer in a chat. number: of the turn, from 0."""
    return chr(_FIRST_SLOT + 2 * number), chr(_FIRST_SLOT + 2 * number + 1)


def slot_number(character: str) -> int:
    """The place of a slot's content: of each turn first the prompt, then the answer."""
    return ord(character) - _FIRST_SLOT
