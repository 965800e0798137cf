"""The translations: English says what the schemas say, and every language has the same entries."""

import json
import re
from pathlib import Path

import pytest
from got.got_models.comfy.files import register_folder
from got.nodes import chain, editor, guidance, loader, reasoning, regional, sampling
from got.nodes.types import CATEGORY

LOCALES = Path(__file__).parent.parent / "locales"
NODES = [node for module in (loader, reasoning, chain, editor, guidance, sampling, regional) for node in module.NODES]
LANGUAGES = sorted(folder.name for folder in LOCALES.iterdir())


def entry(name, tooltip):
    return {"name": name} | ({"tooltip": tooltip} if tooltip else {})


def inputs_of(inputs, prefix=""):
    """Entries by the key that the browser looks up: a dynamic combo's inputs are combo_input."""
    found = {}
    for one in inputs:
        found.setdefault(prefix + one.id, entry(one.display_name or one.id, one.tooltip))
        for option in getattr(one, "options", None) or []:
            for key, value in inputs_of(getattr(option, "inputs", []), f"{prefix}{one.id}_").items():
                found.setdefault(key, value)
    return found


def said_by(node):
    """What a node's schema says, in the form of nodeDefs.json."""
    schema = node.define_schema()
    outputs = {
        str(number): entry(output.display_name or output.io_type, output.tooltip)
        for number, output in enumerate(schema.outputs)
    }
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": inputs_of(schema.inputs),
        "outputs": outputs,
    }


def read(language, name):
    return json.loads((LOCALES / language / f"{name}.json").read_text(encoding="utf-8"))


def keys(tree):
    return {key: keys(value) for key, value in tree.items()} if isinstance(tree, dict) else None


def texts(tree):
    return [text for value in tree.values() for text in (texts(value) if isinstance(value, dict) else [value])]


def test_english_is_what_the_schemas_say():
    register_folder()  # the loader's schema lists the models that are there
    assert read("en", "nodeDefs") == {node.define_schema().node_id: said_by(node) for node in NODES}


@pytest.mark.parametrize("name", ["nodeDefs", "main"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_entries(language, name):
    assert keys(read(language, name)) == keys(read("en", name))
    assert all(text.strip() for text in texts(read(language, name)))


def test_the_category_has_a_name():
    assert CATEGORY in read("en", "main")["nodeCategories"]


def test_every_tooltip_and_description_is_translated():
    english, chinese = (texts(read(language, "nodeDefs")) for language in ("en", "zh"))
    same = [text for text, other in zip(english, chinese, strict=True) if text == other and " " in text]
    assert [text for text in same if not text.startswith("GoT ")] == []


NOT_OUR_WORDS = {
    "(?<!推理)链": "推理链 (chain)",
    "(?<![方界])框": "方框 (box), 边界框 (bounding box)",
    "图片|源图": "图像 (picture), 原图 (source)",
    "规划(?!画面|一次|多张|的图像)": "方案 (a plan; 规划 is to plan)",
    "你": "您 (you)",
    "编辑(?!器|推理链)": "修改 (edit)",
    "[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]": "full-width punctuation",
}


def test_nodes_editor_and_help_use_the_same_chinese_words():
    web = LOCALES.parent / "web"
    chinese = (web / "editor" / "model" / "messages.mjs").read_text("utf-8").split("const CHINESE")[1]
    pages = [page.read_text("utf-8") for page in sorted((web / "docs").glob("*/zh.md"))]
    for text in [*texts(read("zh", "nodeDefs")), chinese, *pages]:
        for wrong, right in NOT_OUR_WORDS.items():
            found = re.search(f".{{0,12}}(?:{wrong}).{{0,12}}", text)
            assert found is None, f"'{found[0]}' is not in our words: {right}"


def test_the_help_page_for_any_language_is_the_english_one():
    """ComfyUI asks for a page by language first, and for the one without a language where there is none."""
    docs = LOCALES.parent / "web" / "docs"
    for page in docs.glob("*.md"):
        assert page.read_text("utf-8") == (docs / page.stem / "en.md").read_text("utf-8"), page.name
