"""From a request or chain to the token ids that the language model was trained on.

The chat template of the model's own tokenizer gives the frame. What people type is always read as ordinary text: a
special token typed into a caption or a chain stays text. Only the markers of well-formed boxes become tokens.

Source of the two prompts and of the token order: the released GoT inference code.
"""

import re
from functools import cached_property
from typing import Any

from ..chain.colors import COLORS
from ..chain.grammar import BOX_END, BOX_START, EDIT, TEXT_TO_IMAGE, Chain, well_formed
from ..chain.phrases import without_tags
from ..chain.request import Request
from ..errors import GoTError

PROMPTS = {
    TEXT_TO_IMAGE: "Follow the caption to generate an image through a chain of thought process: {}",
    EDIT: "Follow the instruction to edit the given image through a chain of thought process: {}",
}
IMAGE_START, IMAGE_END, IMAGE_PAD = "<|im_gen_start|>", "<|im_gen_end|>", "<|image_pad|>"
NEW_TOKENS = (IMAGE_START, IMAGE_END, *(f"<|im_gen_{number:04}|>" for number in range(64)))
STOP_TOKENS = (IMAGE_START, "<|vision_start|>", "<|endoftext|>", "<|im_end|>")
_BOX_MARKER = re.compile(f"({re.escape(BOX_START)}|{re.escape(BOX_END)})")
_OPENS = re.compile(r"\s*,?\s*\(")
_BOX_CHARACTERS = re.compile(r"[0-9(),]+")
_SLOT = re.compile("([\ue000-\uf8ff])")  # private-use characters mark where prompts and answers go in the template
_FIRST_SLOT = 0xE000


class Vocabulary:
    """The ids of GoT's tokens in one tokenizer, looked up by name.

    Raises GoTError if the tokenizer lacks one of them.
    """

    def __init__(self, tokenizer: Any, image_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.special = {token.content: number for number, token in tokenizer.added_tokens_decoder.items()}
        self.image_start, self.image_end, self.image_pad = map(self.id_of, (IMAGE_START, IMAGE_END, IMAGE_PAD))
        # What follows a finished chain: the start token and the image tokens, whose hidden states guide the UNet.
        self.image_ids = [self.image_start, *(self.id_of(token) for token in NEW_TOKENS[2 : 2 + image_tokens])]
        self.stops = {self.id_of(token) for token in STOP_TOKENS}
        self.box_start, self.box_end = self.id_of(BOX_START), self.id_of(BOX_END)
        self._special_pattern = re.compile("(" + "|".join(map(re.escape, self.special)) + ")")

    @cached_property
    def box_texts(self) -> dict[int, str]:
        """The tokens that can be inside a box, by id."""
        return {number: text for number, text in self._texts if _BOX_CHARACTERS.fullmatch(text)}

    @cached_property
    def color_texts(self) -> dict[int, str]:
        """The tokens that can be in a color's brackets, by id: parts of color words, perhaps with what follows."""
        parts = {word[i:j] for word in COLORS for i in range(len(word)) for j in range(i, len(word) + 1)}
        return {number: text for number, text in self._texts if text.partition(")")[0].strip().lower() in parts}

    @cached_property
    def opening(self) -> list[int]:
        """The tokens that open a bracket, perhaps after a comma."""
        return [number for number, text in self._texts if _OPENS.match(text)]

    @cached_property
    def _texts(self) -> list[tuple[int, str]]:
        """Every ordinary token as text; a byte-level tokenizer writes a space as U+0120."""
        vocabulary, special = self.tokenizer.get_vocab(), set(self.special.values())
        return [(number, text.replace("\u0120", " ")) for text, number in vocabulary.items() if number not in special]

    def token_text(self, number: int) -> str:
        """The text of one token; empty for an id that has none (embeddings may have spare rows)."""
        return (self.tokenizer.convert_ids_to_tokens(number) or "").replace("\u0120", " ")

    def id_of(self, token: str) -> int:
        """The id of a special token. GoTError if the tokenizer does not have it."""
        if token not in self.special:
            raise GoTError(
                f"The language model's tokenizer has no token '{token}', so this is not a GoT reasoner. "
                f"Convert the released checkpoint again with `python dev.py convert`."
            )
        return self.special[token]

    def decode(self, ids: list[int]) -> str:
        """The text of a chain's ids; a character that is incomplete at the end is left out."""
        text = self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text.rstrip("\ufffd")

    def text_ids(self, text: str) -> list[int]:
        """Ids of text in which no special token is recognized."""
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids if text else []

    def chain_ids(self, text: str) -> list[int]:
        """Ids of a chain in GoT's form: the box markers are tokens, all else is text, and objects have no tags."""
        ids = []
        for piece in _BOX_MARKER.split(without_tags(text)):
            ids += [self.special[piece]] if piece in (BOX_START, BOX_END) else self.text_ids(piece)
        return ids

    def prompt_ids(self, turn: Request | Chain, image_lengths: list[int]) -> list[int]:
        """Ids of everything before the turn's own text: earlier turns, then this turn's image and prompt.

        image_lengths: image tokens of each turn's source image, in order; empty for text-to-image.
        """
        turns, lengths = turns_of(turn), iter(image_lengths)
        contents: list[str | list[int]] = []  # of the template's slots: of each turn the prompt and the answer's ids
        for part in turns:
            contents += [PROMPTS[part.task].format(part.prompt), self._answer_ids(part)]
        rendered = self.tokenizer.apply_chat_template(_messages(turns), tokenize=False, add_generation_prompt=True)
        ids, text = [], ""  # text is tokenized as a whole: a token may span a prompt and the frame around it
        for piece in self._pieces(rendered):
            if _SLOT.fullmatch(piece):
                content = contents[ord(piece) - _FIRST_SLOT]
            elif piece in self.special:
                content = [self.special[piece]] * (next(lengths) if piece == IMAGE_PAD else 1)
            else:
                content = piece
            if isinstance(content, str):
                text += content
            else:
                ids += [*self.text_ids(text), *content]
                text = ""
        return ids + self.text_ids(text)

    def _pieces(self, rendered: str) -> list[str]:
        return [piece for part in _SLOT.split(rendered) for piece in self._special_pattern.split(part) if piece]

    def _answer_ids(self, turn: Request | Chain) -> list[int]:
        return [*self.chain_ids(turn.text), *self.image_ids, self.image_end]


def turns_of(turn: Request | Chain) -> list[Request | Chain]:
    """A request or chain, after the chains of the turns before it, oldest first."""
    return [*(turns_of(turn.earlier) if turn.earlier else []), turn]


def _messages(turns: list[Request | Chain]) -> list[dict]:
    """Chat messages with a slot character in place of every text that a person or the model wrote."""
    messages = []
    for number, turn in enumerate(turns):
        image = [] if turn.source is None else [{"type": "image"}]
        prompt, answer = ({"type": "text", "text": chr(_FIRST_SLOT + 2 * number + part)} for part in range(2))
        messages.append({"role": "user", "content": [*image, prompt]})
        messages.append({"role": "assistant", "content": [answer]})
    return messages[:-1]


def checked_prompt(text: str, task: str) -> str:
    """The caption or instruction, well formed and without white space around it. GoTError if it is empty."""
    text = well_formed(text).strip()
    if not text:
        what, example = {
            TEXT_TO_IMAGE: ("prompt", "a red circle left of a blue square"),
            EDIT: ("instruction", "make the red circle blue"),
        }[task]
        raise GoTError(f"The {what} is empty. Write what you want, for example: {example}.")
    return text
