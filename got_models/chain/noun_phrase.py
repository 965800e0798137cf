"""The noun phrase at the end of some words: what a box after them belongs to.

The rules, where □ is the box and [ ] the phrase:

    complements     [A fisherman with a hat and a coat] □  they belong to the noun, and so does what "and" adds
                    [a bowl of apples and pears] □         to them after with, in, of or a participle
    objects         a dog and [a cat] □                    another article begins another object
                    a cup on a table and [a lamp] □
                    a bowl of apples and [a spoon] □       after "of": unless an article came before "and" too
    relatives       [a man who wears a hat] □              without a comma they belong to the noun
                    [The cat], which sleeps □              what a comma adds is left out
    verbs           A cat sits on [a mat] □                the last object, without the subject
                    [The cat] is sleeping □                but the subject if no other object comes
                    [The dog] is on the left □             or only a side of the image
    adverbials      In the background [a mountain] □       of two nouns without a link the second one
    images          An image of [a cat] □
    several boxes   [a cat and a dog] □ □                  all that the boxes show
    numbers         [a Porsche 911] □                      after a noun they are a part of its name

A word that is in no list is a noun or an adjective. Linear in the number of words. The browser has the same in
noun_phrase.mjs; tests/phrases.json holds both to it.
"""

import re
from typing import NamedTuple

from .phrase_words import IMAGES, KINDS, PLURALS, SIDES

# A comma within a number or a word ends nothing. No two neighboring parts of a pattern take the same characters.
_TOKEN = re.compile(r"[，、]|,(?!\S)|[^\s,，、]+(?:,+[^\s,，、]+)*|,")
_EDGES = "\"'“”‘’()[]{}<>*_#.!?~`:;"
_MARKS = re.compile(r"[!-/:-@\[-`{-~–—•·。，、：；！？…]+")  # a token of these alone separates like a comma
_MARKER = re.compile(r"[(\[]?\w{1,2}[)\]]")  # of a list: 1) [x]
_DIGITS = re.compile(r"\d+")


class Token(NamedTuple):
    """A word or a mark, [start, stop) of a text. word: in small letters, without marks around it.

    kind: a key of phrase_words.WORDS, or "comma" for what separates. An unknown word is a noun or a participle.
    """

    start: int
    stop: int
    kind: str
    word: str


def noun_phrase(words: str, start: int, stop: int, after_box: bool, several: bool) -> tuple[int, int]:
    """[start, stop) of the phrase in the words from `start` to `stop`, which belong to one sentence and hold a word.

    after_box: a box comes right before them. several: more than one box comes after them.
    """
    tokens: list[Token] = []
    for match in _TOKEN.finditer(words, start, stop):
        text = match[0]
        word = text.lower() if text.isalpha() else text.strip(_EDGES).lower()
        kind = "" if text.isalpha() else _kind_of_marks(text, word, tokens)
        tokens.append(Token(match.start(), match.end(), kind or KINDS.get(word) or _kind_of_unknown(word), word))
    first, last = _Reader(_with_names(tokens), after_box, several).read()
    return tokens[first].start, tokens[last].stop


def _with_names(tokens: list[Token]) -> list[Token]:
    """The tokens, in which digits that only a noun comes before are a part of its name: `Room 101`, but `3 cats`."""
    kinds = ["", *(token.kind for token in tokens), ""]
    names = {
        number
        for number, token in enumerate(tokens)
        if _DIGITS.fullmatch(token.word)
        and kinds[number] == "noun"
        and kinds[number + 2] not in ("noun", "adjective", "participle")
    }
    return [token._replace(kind="noun") if number in names else token for number, token in enumerate(tokens)]


def _kind_of_marks(text: str, word: str, before: list[Token]) -> str:
    """The kind of a token that is a mark, a marker of a list or a number; "" for others."""
    is_marker = _MARKER.fullmatch(text) and (not before or before[-1].kind == "comma")
    if is_marker or (_MARKS.fullmatch(text) and text != "&"):
        return "comma"
    return "determiner" if _DIGITS.fullmatch(word) else ""


def _kind_of_unknown(word: str) -> str:
    return "participle" if len(word) > 4 and word.endswith(("ing", "ed")) else "noun"


class _Reader:
    """Goes through the tokens once. Numbers are indices of tokens; None stands for none."""

    def __init__(self, tokens: list[Token], after_box: bool, several: bool):
        self.tokens, self.after_box, self.several = tokens, after_box, several
        self.reset()

    def reset(self) -> None:
        self.first = self.end = None  # of the phrase so far; end: it is complete, and what follows only adds to it
        self.subject = None  # (first, last) of the phrase before the verb
        self.verb = ""  # its kind
        self.there = False  # "there is"
        self.waiting = False  # a preposition waits for its noun
        self.skipped = None  # the first word after the verb that says something of the subject
        self.outer = None  # the phrase that the list of its complements may continue
        self.is_list = False
        self.begin(None)

    def begin(self, first: int | None) -> None:
        """A phrase begins, or none."""
        self.is_place = first is not None and self.waiting  # it began after a preposition
        self.is_adverbial = self.is_place and not self.verb
        self.first, self.end, self.waiting = first, None, False
        self.link, self.link_article = "", False  # the last preposition in the phrase; whether an article follows it
        self.adjectives = -1 if first is None else first - 1  # the last token so far if all were adjectives
        self.relative, self.inner = "", None  # "open": a relative clause waits for its verb; the object in it

    def read(self) -> tuple[int, int]:
        """The numbers of the first and the last token of the phrase."""
        for number, token in enumerate(self.tokens):
            if token.kind in _HANDLERS:
                _HANDLERS[token.kind](self, number, token)
            is_first = number == self.first and token.kind == "determiner"
            if is_first or (self.adjectives == number - 1 and token.kind in ("adjective", "participle", "comma")):
                self.adjectives = number
        return self._trimmed(*self._found())

    # ------------------------------------------------------------------------------------------- one kind of word each

    def _boundary(self, number: int, token: Token) -> None:
        self.reset()

    def _there(self, number: int, token: Token) -> None:
        if self.kind(number + 1) == "be":
            self.reset()
            self.there = True

    def _determiner(self, number: int, token: Token) -> None:
        before = self.kind(number - 1)
        after_comma = before == "comma" or (before == "and" and self.kind(number - 2) == "comma")
        if self.first is None:
            return self.begin(number)
        if self.end is not None:
            return self._restart(number) if after_comma else None
        if self.relative == "open":
            self.inner = number
        if before in ("preposition", "with", "determiner", "participle", "relative") or self.is_verb(number - 1):
            self.link_article = True
        elif before == "place" or (before == "noun" and self.relative):
            pass
        elif before == "and":
            self._continue_list(number, after_comma)
        elif before == "comma" and (self.link == "with" or self.several):
            outer = self.outer if self.outer is not None else self.first
            self._restart(number)
            self.outer = outer
        else:
            self._restart(number)

    def _continue_list(self, number: int, after_comma: bool) -> None:
        """An article after "and"."""
        is_parallel = self.link == "with" or (self.link in ("of", "in") and self.link_article)
        if self.outer is not None:
            self.first, self.outer, self.is_place, self.is_adverbial = self.outer, None, False, False
        elif after_comma or not (is_parallel or self.several):
            self._restart(number)

    def _preposition(self, number: int, token: Token) -> None:
        if self.first is None:
            self.waiting = True
        elif self.end is not None:
            pass
        elif self.kind(number - 1) == "comma" and self.first < number - 1:
            self.begin(None) if self.is_place else self._complete(number)
            self.waiting = self.first is None
        elif token.word == "of" and self._is_image(number):
            self.begin(None)
            self.waiting = True
        else:
            self.link = "with" if token.kind == "with" else token.word
            self.link_article = False

    def _place(self, number: int, token: Token) -> None:
        if self.kind(number + 1) == "preposition" and self.kind(number - 1) != "determiner":
            return self._preposition(number, token)
        self._noun(number, token)

    def _verb(self, number: int, token: Token) -> None:
        if not self.is_verb(number):
            return self._noun(number, token)
        if self.relative == "open" and self.end is None:
            self.relative = "closed"
            return
        if self.end is not None and self.kind(number - 1) != "comma":
            return  # it is in what only adds to the phrase
        if self.first is not None:
            last = self.end if self.end is not None else number - 1
            self.subject = None if self.is_adverbial else (self.first, last)
        self.verb = "does" if token.kind in ("have", "does") else "is"
        self.begin(None)
        self.outer, self.is_list, self.skipped = None, False, None

    def _relative(self, number: int, token: Token) -> None:
        if self.first is None:
            if token.word == "that" and not self.subject:
                self.begin(number)
        elif self.kind(number - 1) == "comma":
            self._complete(number)
        elif self.end is None:
            is_verb = self.kind(number + 1) in ("noun", "participle") and token.word not in ("where", "when", "whose")
            self.relative = "closed" if is_verb else "open"

    def _noun(self, number: int, token: Token) -> None:
        before = self.kind(number - 1)
        if self.first is None:
            return self._first_noun(number, token)
        if self.end is not None:
            return
        if before == "comma":
            self._after_comma(number, token)
        elif before == "and" and self.is_list:
            if self.outer is not None:
                self.first, self.outer = self.outer, None
            else:
                self._restart(number)

    def _first_noun(self, number: int, token: Token) -> None:
        if self._is_action(number, token):
            self.verb, self.skipped = "does", number
        elif self.verb and self._is_adverb(number):
            pass
        elif not self.verb or self.verb == "does" or self.waiting or self.there:
            self.begin(number)
        elif self.skipped is None:
            self.skipped = number

    def _is_action(self, number: int, token: Token) -> bool:
        """Whether the word says what the object of the box before does: □ sitting on a lawn, □ is eating pears."""
        follows, is_ing = self.kind(number + 1), token.kind == "participle" and token.word.endswith("ing")
        if self.verb == "is" and is_ing:
            return follows in ("noun", "adjective") and not self._is_adverb(number + 1)
        if not self.after_box or self.verb or not follows:
            return False
        leads = follows in ("preposition", "with", "determiner", "place")
        if number == 0:
            return leads or token.word.endswith("ing")
        return number == 1 and is_ing and self.kind(0) == "comma" and (leads or self._is_adverb(2))

    def _after_comma(self, number: int, token: Token) -> None:
        if self.is_adverbial:
            return self._restart(number)
        if self.adjectives == number - 1 > self.first:
            return  # an old, weathered fisherman
        follows = self.kind(number + 1)
        then = self.kind(number + 2) if follows == "comma" else follows
        is_one_word = self.kind(self.first) == "determiner" and number - 1 == self.first + 2
        if is_one_word and then in ("noun", "adjective", "participle"):
            self.adjectives = number - 1  # a sleek, silver ship
            return
        only_adds = token.kind == "participle" and follows not in ("noun", "adjective")
        only_adds |= token.kind == "adjective" and follows in ("", "comma", "and", "preposition", "with")
        if only_adds:
            return self._complete(number)
        outer = self.outer if self.outer is not None else self.first
        keeps = self.link == "with" or self.several
        self._restart(number)
        self.outer, self.is_list = outer if keeps else None, True

    # --------------------------------------------------------------------------------------------------------- helpers

    def kind(self, number: int) -> str:
        """The kind of a token; "" before the first and after the last one."""
        return self.tokens[number].kind if 0 <= number < len(self.tokens) else ""

    def is_verb(self, number: int) -> bool:
        """Whether a word that may be a verb is one here."""
        kind, before, after = self.kind(number), self.kind(number - 1), self.kind(number + 1)
        if kind not in _VERBS:
            return False
        if kind in ("be", "have"):
            return before not in ("preposition", "with")
        if before in ("determiner", "preposition", "with", "adjective", "place"):
            return False
        leads = after in ("preposition", "with", "determiner", "place", "there", "relative")
        has_object = after not in ("", "comma", "and")
        if self.first is None or before in ("comma", "relative"):
            return leads or has_object
        if kind == "do":
            word = self.tokens[number - 1].word
            is_plural = word in PLURALS or word.endswith("s") or self.relative == "open"
            return is_plural and (leads or after == "" or (has_object and self._is_adverb(number + 1)))
        if kind == "does":
            return has_object
        return leads or self._is_adverb(number + 1) or (kind == "rests" and not has_object)

    def _is_adverb(self, number: int) -> bool:
        return number < len(self.tokens) and self.tokens[number].word.endswith("ly")

    def _restart(self, number: int) -> None:
        self.waiting = False
        self.begin(number)
        self.outer = None

    def _complete(self, number: int) -> None:
        """What comes from here on only adds to the phrase."""
        self.end = number - 1

    def _is_image(self, number: int) -> bool:
        """Whether the phrase before "of" is "an image", at the beginning of the text."""
        is_start = not self.after_box and self.subject is None and not self.is_adverbial
        return is_start and not self.link and self.tokens[number - 1].word in IMAGES

    def _found(self) -> tuple[int, int]:
        last = len(self.tokens) - 1
        if self.relative == "open" and self.inner is not None:
            self.first = self.inner
        if self.first is not None:
            end = self.end if self.end is not None else last
            if self.subject and self._is_side(self.first):
                return self.subject
            if not self.subject and self.is_adverbial:
                return self._without_side(self.first), end
            return self.first, end
        if self.subject:
            return self.subject
        if self.skipped is not None:
            return self.skipped, last
        first = next((n for n, token in enumerate(self.tokens) if token.kind not in ("comma", "and")), 0)
        return first, last

    def _noun_end(self, first: int) -> int:
        """Where the noun that begins at `first` ends, without its complements."""
        stop = first
        while stop < len(self.tokens) and self.kind(stop) not in ("preposition", "with", "comma", "relative"):
            stop += 1
        return stop

    def _is_side(self, first: int) -> bool:
        """Whether the phrase is a side of the image: the upper left corner, the left side of the image."""
        return self.tokens[self._noun_end(first) - 1].word in SIDES

    def _without_side(self, first: int) -> int:
        """The beginning of the phrase after "the left of", if it is not the image."""
        stop = self._noun_end(first)
        if self.tokens[stop - 1].word not in SIDES or stop + 1 >= len(self.tokens) or self.tokens[stop].word != "of":
            return first
        return first if self.tokens[-1].word in IMAGES else stop + 1

    def _trimmed(self, first: int, last: int) -> tuple[int, int]:
        """Without the words at the end that only link the phrase to its box. The first word stays."""
        while last > first and self.kind(last) in ("preposition", "be", "comma", "and", "there", "with"):
            last -= 1
        return first, last


_VERBS = ("be", "have", "does", "rests", "moves", "do")
_HANDLERS = (
    {
        "boundary": _Reader._boundary,
        "there": _Reader._there,
        "determiner": _Reader._determiner,
        "preposition": _Reader._preposition,
        "with": _Reader._preposition,
        "place": _Reader._place,
        "relative": _Reader._relative,
    }
    | dict.fromkeys(_VERBS, _Reader._verb)
    | dict.fromkeys(("noun", "adjective", "participle"), _Reader._noun)
)
