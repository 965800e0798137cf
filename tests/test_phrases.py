"""Which phrase a box belongs to: what a person would mark. The browser's tests share the cases."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from got.got_models.chain.edits import locked_text
from got.got_models.chain.grammar import canonical_text, got_r1_text, parse_regions, plain_text, read_chain
from got.got_models.chain.phrase_words import WORDS

CASES = json.loads((Path(__file__).parent / "phrases.json").read_text(encoding="utf-8"))
BOX = "□"  # in the cases' texts


def chain_of(text):
    """The chain of a case's text, with a box of its own in each place."""
    words, *rest = text.split(BOX)
    return read_chain(words + "".join(f"({n},{n}),({n + 50},{n + 60}){more}" for n, more in enumerate(rest)))


@pytest.mark.parametrize("case", CASES, ids=[case["text"] for case in CASES])
def test_the_phrase_is_the_one_that_a_person_would_mark(case):
    chain = chain_of(case["text"])
    assert [region.phrase for region in chain.regions] == case["phrases"]
    for text in (chain.text, plain_text(chain.text), got_r1_text(chain)):
        assert [region.phrase for region in parse_regions(canonical_text(text))] == case["phrases"]
    assert canonical_text(plain_text(chain.text)) == chain.text


def test_a_locked_region_keeps_its_phrase_in_what_the_model_continues():
    for case in CASES:
        chain = chain_of(case["text"])
        for number, phrase in enumerate(case["phrases"]):
            text = locked_text(replace(chain, locked=(number,)))
            assert [region.phrase for region in parse_regions(canonical_text(text))] == [phrase], text


def test_the_table_is_as_large_as_it_should_be():
    held_out = [case for case in CASES if case.get("held_out")]
    assert len(held_out) >= 20 and len(CASES) - len(held_out) >= 60
    assert len({case["text"] for case in CASES}) == len(CASES)


def test_the_browser_has_the_same_words():
    web = Path(__file__).parent.parent / "web" / "editor" / "model" / "chain"
    source = (web / "phrase_words.mjs").read_text(encoding="utf-8")
    found = {kind: words.split() for kind, words in re.findall(r"^  (\w+): `([^`]*)`", source, re.MULTILINE)}
    assert found == {kind: words.split() for kind, words in WORDS.items()}


def test_a_word_does_one_thing():
    words = [word for kind, words in WORDS.items() if kind not in ("image", "side", "plural") for word in words.split()]
    assert len(words) == len(set(words))


def test_brackets_anywhere_in_the_sentence_name_the_phrase():
    chain = read_chain("[The cat] lies on the red sofa (1,2),(3,4) (red)")
    assert plain_text(chain.text) == "[The cat] lies on the red sofa (1,2),(3,4) (red)"
    assert read_chain("[The cat] sleeps. The red sofa (1,2),(3,4)").regions[0].phrase == "The red sofa"
    assert read_chain("See [1] and a cup (1,2),(3,4)").text.startswith("See [1] and a cup <|box")
