"""The instruction for any language model: its form, its example, locks and wishes. And the node that gives it."""

import pytest
import torch
from got.got_models.chain.asking import FORMS, JSON, LANGUAGES, TASKS, TEXT, Asked, aspect_ratio, instruction
from got.got_models.chain.forms.reader import read_plan
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, plain_text, read_chain
from got.got_models.errors import GoTError
from got.nodes.request import GoTPlanRequest

PLAN = "A dog (1,2),(300,400) (brown) chases [a ball, with a {star}] (500,500),(600,600) (red) on grass."
EVERY = [(language, task, form) for language in LANGUAGES for task in TASKS for form in FORMS]
WIDE, LARGE = "wider than tall: 16 to 9", (1920, 1080)


def example_of(text):
    """The worked example's plan: the lines after the first of its paragraph."""
    paragraph = next(part for part in text.split("\n\n") if part.startswith(("Example", "示例")))
    return paragraph.split("\n", 1)[1]


@pytest.mark.parametrize(("language", "task", "form"), EVERY)
@pytest.mark.parametrize("earlier", [None, PLAN])
def test_an_instruction_has_no_brace_whatever_a_person_wrote(language, task, form, earlier):
    chain = earlier and read_chain(earlier, task, locked=(1,))
    text = instruction(Asked("{a|b} cup {", task, language, form, 3, 1024, 1024, chain, "{bigger}" if chain else ""))
    assert not set("{}") & set(text) and "(a|b) cup (" in text


@pytest.mark.parametrize(("language", "task", "form"), EVERY)
def test_the_worked_example_is_read_as_it_is_meant(language, task, form):
    regions = read_plan(example_of(instruction(Asked("a dog", task, language, form)))).regions
    expected = (
        [(140, 330, 380, 690)] if task == EDIT else [(0, 560, 999, 999), (140, 330, 380, 690), (560, 430, 780, 710)]
    )
    assert [tuple(region.box) for region in regions if region.color.word != "gray"] == expected
    words = {"en": "cup", "zh": "杯子"}[language]
    assert words in regions[0 if task == EDIT else -2].phrase
    assert all(":" not in region.phrase and "label" not in region.phrase for region in regions)


@pytest.mark.parametrize(("language", "task", "form"), EVERY)
def test_every_word_of_the_instruction_is_filled_in(language, task, form):
    text = instruction(Asked("a dog on grass", task, language, form, 5, *LARGE))
    assert "a dog on grass" in text and "5" in text and "16" in text
    assert text.index("a dog on grass") > text.index(example_of(text))


def test_the_example_of_the_text_form_is_the_chains_plain_form():
    example = example_of(instruction(Asked("a dog")))
    assert plain_text(read_chain(example).text) == example
    assert [region.phrase for region in read_chain(example).regions] == [
        *("A wooden table", "a gray wall", "A red cup", "a green pear")
    ]


def test_an_edit_is_asked_where_and_what():
    text = instruction(Asked("make the dog black", EDIT))
    assert "where it changes, and what changes there" in text and "The area to be edited" in text
    assert "Look at the attached image and plan this change: make the dog black" in text


def test_how_many_boxes():
    assert "exactly 1 box." in instruction(Asked("a dog", regions=1))
    assert "exactly 7 boxes." in instruction(Asked("a dog", regions=7))
    assert "exactly" not in instruction(Asked("a dog"))


@pytest.mark.parametrize(
    ("size", "ratio"),
    [((1024, 1024), (1, 1)), (LARGE, (16, 9)), ((1344, 768), (7, 4)), ((832, 1216), (11, 16)), ((640, 480), (4, 3)),
     ((1000, 990), (1, 1)), ((64, 8192), (1, 21)), ((8192, 64), (21, 1)), ((2560, 1080), (19, 8))],
)  # fmt: skip
def test_the_aspect_ratio_has_small_numbers(size, ratio):
    assert aspect_ratio(*size) == ratio


def test_the_shape_is_said_and_not_in_pixels():
    text = instruction(Asked("a dog", width=1920, height=1080))
    assert WIDE in text and "1920" not in text
    assert "taller than wide: 9 to 16" in instruction(Asked("a dog", width=1080, height=1920))
    assert "The image is square." in instruction(Asked("a dog", width=512, height=512))
    assert "The image is" not in instruction(Asked("a dog")).replace("The image is (0,0)", "")


# ------------------------------------------------------------------------------------------------- an earlier plan


def test_a_wish_comes_with_the_plan_and_with_what_is_locked():
    plan = PLAN.replace("{star}", "star")
    text = instruction(Asked("a dog", earlier=read_chain(plan, locked=(1,)), wish="make the dog bigger"))
    assert f"The plan so far:\n{plan}\n" in text
    assert "word for word, with their boxes and colors:\n[a ball, with a star] (500,500),(600,600) (red)\n" in text
    assert "leave the rest as it is: make the dog bigger" in text and "Answer with the whole plan" in text


def test_without_a_lock_nothing_is_to_be_kept_and_without_a_wish_all_else_may_change():
    assert "word for word" not in instruction(Asked("a dog", earlier=read_chain(PLAN), wish="bigger"))
    assert "everything else may change" in instruction(Asked("a dog", earlier=read_chain(PLAN, locked=(0,))))


def test_an_earlier_plan_needs_a_wish_or_a_lock():
    with pytest.raises(GoTError, match="nothing to keep"):
        instruction(Asked("a dog", earlier=read_chain(PLAN)))


@pytest.mark.parametrize("wrong", [{"task": "draw"}, {"language": "fr"}, {"form": "XML"}])
def test_an_unknown_choice_is_named_with_the_known_ones(wrong):
    with pytest.raises(GoTError, match=f"'{next(iter(wrong.values()))}' is not known.*: "):
        instruction(Asked("a dog", **wrong))


# -------------------------------------------------------------------------------------------------------- the node


def asked(prompt="a dog", task=TEXT_TO_IMAGE, form=TEXT, width=1024, height=1024, **more):
    return GoTPlanRequest.execute(prompt, task, "en", form, 0, width, height, **more).result


def test_the_node_passes_prompt_and_image_on():
    image = torch.zeros(1, 90, 160, 3)
    text, prompt, passed = asked(" make it blue ", EDIT, image=image)
    assert prompt == "make it blue" and passed is image and WIDE in text and "reference" not in text
    text, prompt, passed = asked()
    assert (prompt, passed) == ("a dog", None) and "The image is square" in text
    assert "The attached image is a reference" in asked(image=image)[0]
    assert "bbox_2d" in asked(form=JSON)[0]


def test_the_node_takes_task_prompt_and_image_from_an_earlier_chain():
    image = torch.zeros(1, 90, 160, 3)
    chain = read_chain("The dog (1,2),(300,400) (brown).", EDIT, "make the dog black", image)
    text, prompt, passed = asked("", earlier=chain, wish=" with a hat\n")
    assert "change the plan of this edit: make the dog black" in text and "as it is: with a hat\n" in text
    assert prompt == "make the dog black. with a hat" and passed is image


def test_the_node_refuses_an_empty_prompt_and_a_wish_without_a_chain():
    with pytest.raises(GoTError, match="prompt is empty"):
        asked("  ")
    with pytest.raises(GoTError, match="no earlier chain"):
        asked(wish="bigger")
