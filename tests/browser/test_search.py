"""The node search finds the pack's nodes by the words that people look for. The order is the frontend's own."""

import re

import pytest
from got.tests.browser.page import SOON
from got.tests.browser.test_blueprints import EMPTY, open_search

RESULTS = "[data-testid=result-item]"


@pytest.fixture(scope="module")
def search(comfyui):
    """What the search lists for a word, from the top: the names, and whether a node is the pack's."""
    comfyui.load(EMPTY)
    open_search(comfyui)
    page = comfyui.page
    box = page.locator("[role=search] input[role=combobox]")

    def found(word):
        box.fill("GoT Guider")
        page.locator(RESULTS).filter(has_text="GoT Guider").first.wait_for(timeout=SOON)
        box.fill(word)
        page.wait_for_function(
            f"() => ![...document.querySelectorAll('{RESULTS}')].some((row) => row.textContent.includes('GoT Guider'))",
            timeout=SOON,
        )
        lines = [re.split(r"\s*\n\s*", row) for row in page.locator(RESULTS).all_inner_texts()]
        return [(line[0], "GoT" in line[1:]) for line in lines]

    yield found
    page.keyboard.press("Escape")


# The search lists nodes with the word in their name first, then those with such an alias. 'qwen' and 'inpaint' are in a
# dozen names of ComfyUI's own.
PLACES = {
    "layout": 1,
    "plan": 1,
    "region": 1,
    "draw boxes": 2,
    "bbox": 7,
    "qwen": 14,
    "inpaint": 14,
}


@pytest.mark.parametrize("word", PLACES)
def test_a_word_finds_a_node_of_ours_near_the_top(search, word):
    rows = search(word)
    ours = [place for place, (_, is_ours) in enumerate(rows, 1) if is_ours]
    assert ours and ours[0] <= PLACES[word], rows
