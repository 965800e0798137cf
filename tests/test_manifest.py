"""got.json: the values that are accepted and refused."""

import json
from dataclasses import replace

import folder_paths
import pytest
from got.got_models.comfy.files import model_names
from got.got_models.files.manifest import (
    MANIFEST,
    PROJECTORS,
    REASONER,
    UNET,
    VAE,
    FolderError,
    World,
    published_manifest,
    read_manifest,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / REASONER).mkdir()
    for name in (f"{REASONER}/config.json", PROJECTORS, UNET, VAE):
        (tmp_path / name).touch()
    write_manifest(tmp_path, published_manifest("Whole"))
    return tmp_path


def changed(folder, *path, to):
    content = json.loads((folder / MANIFEST).read_text())
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    (folder / MANIFEST).write_text(json.dumps(content))


def refusal(folder):
    with pytest.raises(FolderError, match=r"got\.json' cannot be read") as error:
        read_manifest(folder)
    assert len(str(error.value)) < 500
    return str(error.value)


def test_what_was_written_is_read(folder):
    assert read_manifest(folder) == published_manifest("Whole")


def test_a_world_is_written_read_and_optional(folder):
    small = replace(published_manifest("Small"), world=World("circles", "a circle draw red"))
    write_manifest(folder, small)
    assert read_manifest(folder) == small
    changed(folder, "world", to={"things": "circles", "words": ["a"]})
    refusal(folder)
    changed(folder, "world", to=None)
    assert read_manifest(folder).world is None


def test_a_world_names_the_words_that_it_lacks_once_and_in_order():
    world = World("circles", "a circle i'd draw red")
    assert world.unknown("Draw a RED circle, a cat and 2 cats; I\u2019d draw a cat!") == ["cat", "and", "cats"]
    assert world.unknown("") == world.unknown("12 (3,4)") == []
    assert world.unknown("a \u732b") == ["\u732b"]


@pytest.mark.parametrize("content", ["", "[]", "5", "null", "{}", "[" * 100_000, '{"format": 1, "defaults": []}'])
def test_what_is_no_manifest_is_refused(folder, content):
    (folder / MANIFEST).write_text(content)
    refusal(folder)


@pytest.mark.parametrize("value", [0, -1, 65, 2**70, 1.5, float("inf"), float("nan"), "64", None, [], True])
def test_a_number_that_nothing_can_be_made_with_is_refused(folder, value):
    for path in (("image_tokens",), ("reasoner_image_size", 0), ("defaults", "edit", "width")):
        before = (folder / MANIFEST).read_text()
        changed(folder, *path, to=value if value != 65 or path == ("image_tokens",) else 10_000)
        assert "is not a number from" in refusal(folder)
        (folder / MANIFEST).write_text(before)


@pytest.mark.parametrize("value", [-1, 1e9, float("inf"), float("nan"), "4", None, [], True])
def test_a_strength_that_is_none_is_refused(folder, value):
    changed(folder, "defaults", "text-to-image", "spatial", to=value)
    assert "is not a number from 0.0 to 100.0" in refusal(folder)


def test_a_newer_format_says_what_to_update(folder):
    changed(folder, "format", to=2)
    assert "update the pack" in refusal(folder)


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "got", ([str(tmp_path)], set()))
    return tmp_path


def test_folders_that_link_to_each_other_are_listed_once(models):
    """The listing at ComfyUI's start walked forever."""
    for name in "abcde":
        (models / name).mkdir()
        (models / name / MANIFEST).touch()
    for name in "abcde":
        for other in "abcde":
            (models / name / f"to_{other}").symlink_to(models / other, target_is_directory=True)
    found = model_names()
    assert {"a", "b", "a/to_b"} <= {*found} and "a/to_a" not in found and len(found) < 200


def test_a_folder_with_two_links_has_both_names(models, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "model").mkdir()
    (elsewhere / "model" / MANIFEST).touch()
    for name in ("one", "two"):
        (models / name).symlink_to(elsewhere, target_is_directory=True)
    assert {"one/model", "two/model"} <= {*model_names()}
