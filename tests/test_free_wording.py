"""Free wording: a text is true of its scene, held-out constructions are never trained, and an edit's words are exact.

Run: python dev.py test tests/test_free_wording.py
"""

import re
from random import Random

import pytest
from got.got_models.files.manifest import TINY, World, read_manifest
from got.world import scenes, wording
from got.world.asked import Asked, Claim
from got.world.scenes import Object, Scene
from got.world.wording import constructions, orders
from got.world.wording.free import Speaker
from got.world.wording.vocabulary import THINGS, known_words

TABLES = {name: value for name, value in vars(constructions).items() if isinstance(value, constructions.Forms)}
TABLES |= {f"ORDERS {kind}": forms for kind, forms in constructions.ORDERS.items()}
PLAIN = {"{x}", "{i}", "{a_cs}", "one {cs}", "the {cs}"}  # no construction: the thing itself


def captions(held_out, count=40):
    return [wording.free_caption(Random(n), held_out, kind) for kind in wording.MAKERS for n in range(count)]


def instructions(held_out, count=60):
    for kind in scenes.EDITS:
        for seed in range(count):
            edit = scenes.random_edit(Random(seed), held_out, kind)
            yield edit, wording.free_instruction(edit, Random(seed), held_out)


@pytest.mark.parametrize("held_out", [False, True])
def test_a_text_is_true_of_its_scene_and_the_scene_is_tidy(held_out):
    for asked in captions(held_out):
        assert asked.satisfied([(obj.name, obj.box) for obj in asked.scene.objects]), asked
        boxes = [obj.box for obj in asked.scene.objects]
        for i, box in enumerate(boxes):
            assert scenes.apart(box, boxes[:i]) and min(box) >= scenes.MARGIN and max(box) <= 1000 - scenes.MARGIN
        assert not re.search(r"[{}=]|  ", asked.text), asked.text


def test_what_a_text_says_is_refused_where_it_does_not_hold():
    """Every claim and relation tells a right layout from the same objects in another one."""
    kinds = set()
    for asked in captions(False, 20):
        boxes = [obj.box for obj in asked.scene.objects]
        flipped = [(1000 - x1, 1000 - y1, 1000 - x0, 1000 - y0) for x0, y0, x1, y1 in boxes]
        same = [(200, 560, 560, 920)] * len(boxes)
        others = [list(zip([obj.name for obj in asked.scene.objects], wrong)) for wrong in (flipped, same)]
        if asked.scene.relations or asked.claims:
            assert not all(asked.satisfied(other) for other in others), asked
            kinds |= {claim.kind for claim in asked.claims}
    assert kinds == {"relation", "line", "between", "near", "place", "size"}


def test_a_plan_is_right_in_any_order_of_its_objects():
    red, blue = Object("square", "red", (350, 350, 650, 650)), "blue circle"
    left, right = (25, 350, 325, 650), (675, 350, 975, 650)
    scene = Scene("pink", (Object("circle", "blue", left), red, Object("circle", "blue", right)))
    asked = Asked(scene, "", "between", (Claim("between", (1, 0, 2)),))
    assert asked.satisfied([(red.name, red.box), (blue, right), (blue, left)])
    assert not asked.satisfied([(red.name, left), (blue, right), (blue, red.box)])
    assert not asked.satisfied([(red.name, red.box), (blue, right)])


@pytest.mark.parametrize("name", sorted(TABLES))
def test_no_construction_is_both_trained_and_held_out(name):
    forms = TABLES[name]
    assert not (set(forms.trained) & set(forms.held_out)) - PLAIN
    assert set(forms.held_out) - PLAIN


def test_every_held_out_text_has_a_held_out_construction():
    """Compared word by word: the same objects and words in a trained construction make another text."""
    trained = {asked.text.lower().strip(".!? ") for asked in captions(False, 80)}
    for asked in captions(True):
        assert asked.text.lower().strip(".!? ") not in trained
        assert all(not re.search(rf"\b{word}\b", asked.text) for word in wording.free.STRANGERS)


def test_free_training_never_uses_what_the_templates_hold_out():
    frames = tuple(f"{text.split('{')[0].strip()} a" for text in wording.FRAMES[-2:])
    places = [words for phrasings in wording.PLACES.values() for words in phrasings[-2:]]
    for asked in captions(False):
        text = asked.text.lower()
        assert not text.startswith(frames), text
        assert not any(re.search(rf"(?<!just ){words} (a|one|the)\b", text) for words in places), text
    for edit, text in instructions(False):
        subject = edit.anchor or edit.subject
        for held_out in wording.INSTRUCTIONS[edit.kind][-2:]:
            start = held_out.split("{")[0].strip()
            assert not start or not text.lower().startswith(f"{start} the {subject.name if subject else ''} "), text


def test_training_never_relates_a_held_out_combination():
    for asked in captions(False):
        for i, relation, _ in asked.scene.relations:
            obj = asked.scene.objects[i]
            assert not scenes.is_held_out(obj.color, obj.shape, relation), asked


@pytest.mark.parametrize("held_out", [False, True])
def test_words_for_an_object_fit_it_alone(held_out):
    named = 0
    for seed in range(300):
        scene = scenes.random_edit(Random(seed)).source
        for obj in scene.objects:
            text = orders.subject(Speaker(Random(seed), held_out), scene, obj)
            colors = [color for color in scenes.COLORS if re.search(rf"\b{color}\b", text)]
            shapes = [shape for shape in scenes.SHAPES if re.search(rf"\b{shape}\b", text)]
            if any(words in text for phrasings in wording.PLACES.values() for words in (*phrasings, "left", "right")):
                continue  # where it is counts too
            fits = [
                other
                for other in scene.objects
                if (not colors or other.color in colors) and (not shapes or other.shape in shapes)
            ]
            assert fits == [obj], (text, scene)
            named += 1
    assert named > 200


def test_the_outermost_shape_is_beyond_all_others():
    scene = Scene("pink", (Object("star", "red", (100, 100, 400, 400)), Object("star", "blue", (300, 500, 600, 800))))
    texts = {orders.subject(Speaker(Random(seed), False), scene, scene.objects[0]) for seed in range(80)}
    assert not any("left" in text for text in texts)  # they overlap from left to right
    assert any("the blue star" in text and text.startswith("the star") for text in texts)  # but one is above the other


@pytest.mark.parametrize("held_out", [False, True])
def test_an_instruction_has_what_the_edit_needs(held_out):
    for edit, text in instructions(held_out):
        assert not re.search(r"[{}=]|  ", text), text
        if edit.kind == "background":
            assert edit.target.background in text.lower()
        if edit.kind == "recolor":
            assert edit.result.color in text.lower()
        if edit.kind in ("add", "replace"):
            assert edit.result.color in text.lower() and edit.result.shape in text.lower()


def test_every_word_of_a_prompt_is_known_and_a_stranger_is_not():
    world, strangers = World("", " ".join(known_words())), set(wording.free.STRANGERS)
    for held_out in (False, True):
        texts = [asked.text for asked in captions(held_out)] + [text for _, text in instructions(held_out)]
        for seed in range(300):
            texts.append(wording.caption(scenes.random_scene(Random(seed)), Random(seed), held_out))
            texts.append(wording.instruction(scenes.random_edit(Random(seed)), Random(seed), held_out))
        assert {word for text in texts for word in world.unknown(text)} <= strangers
    assert not strangers & set(known_words())


def test_the_bundled_models_world_is_this_one():
    world = read_manifest(TINY).world
    assert (world.things, world.words.split()) == (THINGS, known_words())
