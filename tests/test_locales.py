"""The translations: each has a text for every text of the schemas. English has none: ComfyUI shows the schemas' own."""

import json
import re
from pathlib import Path

import pytest
from got.got_models.comfy.files import register_folder
from got.nodes import chain, edit, editor, guidance, loader, reasoning, regional, request, sampling
from got.nodes.types import CHANGE, DRAW, WRITE

LOCALES = Path(__file__).parent.parent / "locales"
MODULES = (loader, reasoning, request, chain, editor, guidance, sampling, regional, edit)
NODES = [node for module in MODULES for node in module.NODES]
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
    """Every text, in the order of the sorted keys."""
    return [
        text for _, value in sorted(tree.items()) for text in (texts(value) if isinstance(value, dict) else [value])
    ]


def english():
    """What nodeDefs.json would say in English."""
    register_folder()  # the loader's schema lists the models that are there
    return {node.define_schema().node_id: said_by(node) for node in NODES}


def test_there_are_translations_and_english_is_not_one():
    assert LANGUAGES and "en" not in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_text_for_each_of_the_schemas(language):
    assert keys(read(language, "nodeDefs")) == keys(english())
    assert all(text.strip() for text in texts(read(language, "nodeDefs")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_category_has_a_name(language):
    groups = {group for category in (WRITE, CHANGE, DRAW) for group in category.split("/")}
    assert groups == read(language, "main")["nodeCategories"].keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_has_a_text(language):
    web = LOCALES.parent / "web"
    source = "".join(path.read_text("utf-8") for path in [web / "got.js", *sorted((web / "comfy").rglob("*.mjs"))])
    ids = re.findall(r'"(ComfyUI-GoT\.\w+)"; // setting', source)
    assert ids and {name.replace(".", "_") for name in ids} == read(language, "settings").keys()
    assert all(text.strip() for text in texts(read(language, "settings")))


def numbers(text):
    return sorted(re.findall(r"\d+(?:\.\d+)?", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_tooltip_and_description_is_translated_with_its_numbers(language):
    for text, translated in zip(texts(english()), texts(read(language, "nodeDefs")), strict=True):
        assert text != translated or " " not in text or text.startswith("GoT "), text
        assert numbers(text) == numbers(translated), (text, translated)


NOT_OUR_WORDS = {
    "(?<!推理)链": "推理链 (chain)",
    "(?<![方界])框": "方框 (box), 边界框 (bounding box)",
    "图片|源图": "图像 (image), 原图 (source)",
    "规划(?!图像|新图像|一次|修改|多张|的图像)": "方案 (a plan; 规划 is to plan)",
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


DOCS = LOCALES.parent / "web" / "docs"


@pytest.mark.parametrize("node", NODES)
def test_every_node_has_a_help_page_in_every_language(node):
    """ComfyUI asks for NODE/LANGUAGE.md first and then for NODE.md, which is the English one."""
    name = node.define_schema().node_id
    english = (DOCS / f"{name}.md").read_text("utf-8")
    assert english.startswith(f"# {node.define_schema().display_name}\n")
    for language in LANGUAGES:
        page = (DOCS / name / f"{language}.md").read_text("utf-8")
        assert page.startswith(f"# {read(language, 'nodeDefs')[name]['display_name']}\n")
        assert page.count("\n## ") == english.count("\n## ") and page.count("```") == english.count("```")


def ids_of(inputs):
    for one in inputs:
        yield one.id
        for option in getattr(one, "options", None) or []:
            yield from ids_of(getattr(option, "inputs", []))


@pytest.mark.parametrize("node", NODES)
def test_a_help_page_explains_every_input_with_the_same_numbers(node):
    schema = node.define_schema()
    shown = {one.id: one.display_name or one.id for one in schema.inputs}
    english = (DOCS / f"{schema.node_id}.md").read_text("utf-8")
    for language in LANGUAGES:
        page = (DOCS / schema.node_id / f"{language}.md").read_text("utf-8")
        for name in ids_of(schema.inputs):
            assert f"**{shown.get(name, name)}**" in english and f"**{shown.get(name, name)}**" in page, name
        assert numbers(english) == numbers(page)


def test_no_help_page_is_of_a_node_that_is_not_there():
    names = {node.define_schema().node_id for node in NODES}
    pages = [*DOCS.glob("*.md"), *DOCS.glob("*/*.md")]
    assert {page.parent.name if page.parent != DOCS else page.stem for page in pages} == names
    assert {page.stem for page in DOCS.glob("*/*.md")} == set(LANGUAGES)
