"""From a request or chain to the token ids that the language model reads.

The model's dialect gives the chat. What people type is always read as ordinary text: a special token typed into a
caption or a chain stays text. Only the markers of well-formed boxes become tokens.

Source of the token order: the released GoT inference code.
"""

import re
from functools import cached_property
from typing import Any

from ..chain.colors import COLORS
from ..chain.grammar import BOX_END, BOX_START, EDIT, TEXT_TO_IMAGE, Chain, well_formed
from ..chain.phrases import without_tags
from ..chain.request import Request
from ..errors import GoTError
from .dialects import IMAGE_START, SLOT, Dialect, GotDialect, slot_number

IMAGE_END, IMAGE_PAD = "<|im_gen_end|>", "<|image_pad|>"
NEW_TOKENS = (IMAGE_START, IMAGE_END, *(f"<|im_gen_{number:04}|>" for number in range(64)))
_BOX_MARKER = re.compile(f"({re.escape(BOX_START)}|{re.escape(BOX_END)})")
_OPENS = re.compile(r"\s*,?\s*\(")
_BOX_CHARACTERS = re.compile(r"[0-9(),]+")


class Vocabulary:
    """The ids of the tokens that a dialect needs in one tokenizer, looked up by name.

    image_tokens: 0 for a model that only plans. Raises GoTError if the tokenizer lacks one of the tokens.
    """

    def __init__(self, tokenizer: Any, image_tokens: int, dialect: Dialect | None = None) -> None:
        self.tokenizer, self.dialect = tokenizer, dialect or GotDialect()
        self.special = {token.content: number for number, token in tokenizer.added_tokens_decoder.items()}
        self.image_pad, self.image_ids, self.after_answer = self.id_of(IMAGE_PAD), [], []
        if image_tokens:
            self.image_start, self.image_end = self.id_of(IMAGE_START), self.id_of(IMAGE_END)
            # What follows a finished chain: the start token and the image tokens, whose hidden states guide the UNet.
            self.image_ids = [self.image_start, *(self.id_of(token) for token in NEW_TOKENS[2 : 2 + image_tokens])]
            self.after_answer = [*self.image_ids, self.image_end]
        self.stops = {self.id_of(token) for token in self.dialect.stops}
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
                f"The language model's tokenizer has no token '{token}', so it is not complete. {self.dialect.remedy}"
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
            contents += [self.dialect.prompt(part), [*self.answer_ids(part.text, part), *self.after_answer]]
        ids, text = [], ""  # text is tokenized as a whole: a token may span a prompt and the frame around it
        for piece in self._pieces(self.dialect.chat(turns)):
            if SLOT.fullmatch(piece):
                content = contents[slot_number(piece)]
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

    def answer_ids(self, text: str, turn: Request | Chain) -> list[int]:
        """Ids of a chain's text, or a part of it, as the model itself would write it in the answer to a turn."""
        return self.chain_ids(self.dialect.spell(text, turn))

    def is_answer(self, ids: list[int], text: str, turn: Request | Chain) -> bool:
        """Whether ids are exactly a chain's text. The model, unlike a person, may write special tokens in it."""
        if ids == self.answer_ids(text, turn):
            return True
        return ids == self.tokenizer(self.dialect.spell(text, turn), add_special_tokens=False).input_ids

    def _pieces(self, chat: str) -> list[str]:
        return [piece for part in SLOT.split(chat) for piece in self._special_pattern.split(part) if piece]


def turns_of(turn: Request | Chain) -> list[Request | Chain]:
    """A request or chain, after the chains of the turns before it, oldest first."""
    return [*(turns_of(turn.earlier) if turn.earlier else []), turn]


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
