"""Texts can be read once and understood: sentences are short, words are plain, functions fit on a screen."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_SENTENCE = 35  # words
LONGEST_FUNCTION = 60  # lines
CODE = sorted(path for path in ROOT.rglob("*.py") if not path.relative_to(ROOT).as_posix().startswith("."))
SCRIPTS = sorted([*(ROOT / "web").rglob("*.js"), *(ROOT / "web").rglob("*.mjs")])
MESSAGES = ROOT / "web" / "editor" / "model" / "messages.mjs"
PAGES = sorted(page for page in ROOT.rglob("*.md") if page.stem != "zh" and ".github" not in page.parts)
USERS_CODE = [path for path in CODE if path.relative_to(ROOT).parts[0] in ("nodes", "got_models", "__init__.py")]

# Words that STYLE keeps out of what a user sees, with what to write instead.
BANNED = {
    r"\banew\b": "again",
    r"\bof anybody'?s?\b": "of other people",
    r"\bby itself\b": "automatically",
    r"\bas it goes\b": "while it runs",
    r"\bwhatever comes of\b": "whatever the result of",
    r"\btold\b": "shown, reported",
    r"\bstands? (?:in|for|behind|still|beside)\b": "is",
    r"\blies? (?:in|on|under|beside|behind|over)\b": "is",
    r"\bbehind\b": "after, below",
    r"\b[Cc]olour": "color",
    r"\bgrey\b": "gray",
    r"\b[Pp]ictures?\b": "image",
}
USERS_FIELDS = {"tooltip", "description", "display_name", "help"}


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def words_of(sentence):
    return re.findall(r"[^\W_][\w'’-]*", sentence)


def sentences(paragraph):
    """The sentences of a paragraph. Numbers and names keep their full stops."""
    return [part for part in re.split(r"(?<=[.!?])[\"')*_`]*\s+", paragraph) if part.strip()]


def too_long(paragraphs):
    return [
        f"{len(words)} words: {sentence[:120]}..."
        for paragraph in paragraphs
        for sentence in sentences(paragraph)
        if len(words := words_of(sentence)) > LONGEST_SENTENCE
    ]


# ------------------------------------------------------------------------------------------------ texts in Python


def text_of(node):
    """What a string in the source says; {} stands for what a format string fills in. None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return f"{text_of(node.left) or '{}'}{text_of(node.right) or '{}'}"
    return None


def texts_in(node):
    """The outermost strings inside a node."""
    if (text := text_of(node)) is not None:
        yield text
        return
    for child in ast.iter_child_nodes(node):
        yield from texts_in(child)


def users_texts(path):
    """Tooltips, descriptions, help texts and the messages of errors in a module."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.keyword) and node.arg in USERS_FIELDS:
            yield from texts_in(node.value)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            yield from texts_in(node.exc)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith(("Error", "error", "_notice")):
            yield from texts_in(node)


def docstrings(path):
    """The paragraphs of a module's docstrings, without indented examples and formulas."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node) or ""
            kept = "\n".join(line for line in text.splitlines() if not line.startswith(("    ", "|", "  ")))
            yield from re.split(r"\n\s*\n|\n(?=[-*] |\w[\w, ]*: )", kept)


def users_words(texts):
    """Texts without what is quoted code: `...`."""
    return [re.sub(r"`[^`]*`", "`", text) for text in texts]


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_sentences_in_code_are_short(path):
    texts = [part for text in users_texts(path) for part in re.split(r"\n\s*\n", text)]
    assert too_long([*texts, *docstrings(path)]) == []


@pytest.mark.parametrize("path", USERS_CODE, ids=name_of)
def test_words_in_messages_are_plain(path):
    assert banned(users_words(users_texts(path))) == []


def banned(texts):
    return [
        f"'{found[0]}' in '{text[:80]}': write {better}"
        for text in texts
        for word, better in BANNED.items()
        if (found := re.search(word, text))
    ]


# ------------------------------------------------------------------------------------------------ texts on pages


def paragraphs(page):
    """The paragraphs, list items and table cells of a Markdown page, without code, headings and link targets."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    text = re.sub(
        r"(?m)^(?: {4}|\t).*$", lambda line: line[0] if re.match(r"\s+(?:[-*]|\d+\.)\s", line[0]) else "", text
    )
    text = re.sub(r"<[^>]+>", " ", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text))
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s|\||#|>)|(?<=\|)\n|\|", text)
    return [re.sub(r"\s+", " ", block).strip() for block in blocks if not block.lstrip().startswith("#")]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_sentences_on_pages_are_short(page):
    assert too_long(paragraphs(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_words_on_pages_are_plain(page):
    assert banned(users_words(paragraphs(page))) == []


def english_messages():
    """What the browser half says in English."""
    source = MESSAGES.read_text(encoding="utf-8").split("const CHINESE")[0]
    return re.findall(r"\"((?:[^\"\\]|\\.)+)\"", source)


def test_messages_of_the_editor_are_short_and_plain():
    texts = english_messages()
    assert len(texts) > 50
    assert too_long(texts) + banned(texts) == []


# ------------------------------------------------------------------------------------------------ functions


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_python_functions_fit_on_a_screen(path):
    functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lengths = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


FUNCTION = re.compile(
    r"^(?P<indent>\s*)(?!.*\b(?:if|for|while|switch|catch|else)\b\s*[({])"
    r"(?:.*\bfunction\b.*\{|.*=> \{|(?:async |static |get |set )*#?\w+\(.*\) \{)$"
)


def script_functions(text):
    """First line and length of each function of a formatted script: it ends where its indentation comes back."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if found := FUNCTION.match(line):
            end = re.compile(rf"^{found['indent']}\}}")
            yield line.strip(), next(i for i, later in enumerate(lines[number:], 1) if end.match(later))


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_script_functions_fit_on_a_screen(path):
    functions = list(script_functions(path.read_text(encoding="utf-8")))
    assert functions or "function" not in path.read_text(encoding="utf-8")
    assert [function for function in functions if function[1] > LONGEST_FUNCTION] == []


# ------------------------------------------------------------------------------------------------ the checks themselves


def test_a_long_sentence_is_found():
    assert too_long(["word " * 36 + ".", "word " * 20 + ". " + "word " * 20 + "."]) == [f"36 words: {'word ' * 24}..."]


def test_a_banned_word_is_found():
    assert banned(["It is drawn anew."]) == ["'anew' in 'It is drawn anew.': write again"]
    assert banned(users_words(["`behind` is a key."])) == []


def test_a_long_function_of_a_script_is_found():
    body = "  step();\n" * 61
    text = f"function short() {{\n  step();\n}}\n\nexport function long(given) {{\n{body}}}\n"
    assert list(script_functions(text)) == [("function short() {", 3), ("export function long(given) {", 63)]
