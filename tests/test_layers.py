"""The layers hold: maths never imports ComfyUI, only got_models/comfy sees its insides, and no import points back."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMFY_API = {"comfy_api", "comfy_execution"}
COMFY_INTERNALS = {"comfy", "comfy_extras", "folder_paths", "server", "nodes", "latent_preview", "node_helpers"}
STANDARD_LIBRARY_ONLY = ["boxes", "chain", "colors", "editing", "errors", "folder"]
DEVELOPERS_ONLY = {"diffusers", "peft", "accelerate", "datasets", "pytest", "matplotlib", "torchvision"}

# From the bottom up: a module may import those above it in this list, of our own ones.
ORDER = [
    "errors",
    "colors",
    "chain",
    "boxes",
    "editing",
    "folder",
    "weights",
    "quantized",
    "guidance",
    "preview",
    "regional",
]
ORDER += [
    "regional",
    "prompt",
    "decoding",
    "several",
    "language",
    "recording",
    "writing",
    "reasoner",
    "loading",
    "forecast",
]
ORDER += ["conversion", "convert", "comfy"]


def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def core():
    """got_models without the adapter to ComfyUI."""
    return [path for path in sources("got_models") if "comfy" not in path.relative_to(ROOT / "got_models").parts[:1]]


def imports(path):
    """Top-level names of the packages that a module imports from elsewhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def own_imports(path):
    """The parts of the pack that a module imports, as paths below the root such as got_models/chain."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            names = [node.module] if node.module else [name.name for name in node.names]
            yield from ("/".join([*base, *name.split(".")]) for name in names)


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", core(), ids=name_of)
def test_got_models_never_imports_comfyui(path):
    assert not {*imports(path)} & (COMFY_API | COMFY_INTERNALS)


@pytest.mark.parametrize("path", sources("nodes"), ids=name_of)
def test_nodes_know_only_comfyuis_public_interface(path):
    assert not {*imports(path)} & COMFY_INTERNALS


@pytest.mark.parametrize("path", sources("got_models/comfy"), ids=name_of)
def test_the_adapter_does_not_know_how_nodes_look(path):
    assert "comfy_api" not in {*imports(path)}


@pytest.mark.parametrize("name", STANDARD_LIBRARY_ONLY)
def test_modules_on_text_need_only_the_standard_library(name):
    assert {*imports(ROOT / "got_models" / f"{name}.py")} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", [*sources("got_models"), *sources("nodes"), ROOT / "__init__.py"], ids=name_of)
def test_the_pack_needs_nothing_that_comfyui_lacks(path):
    assert not {*imports(path)} & DEVELOPERS_ONLY


@pytest.mark.parametrize("path", sources("got_models"), ids=name_of)
def test_imports_never_point_back(path):
    own = path.relative_to(ROOT / "got_models").with_suffix("").parts[0]
    for imported in own_imports(path):
        assert imported.startswith("got_models"), f"{imported} is not below got_models"
        other = imported.split("/")[1] if "/" in imported else own
        assert other == own or ORDER.index(other) < ORDER.index(own), f"{own} imports {other}"


@pytest.mark.parametrize("path", sources("nodes"), ids=name_of)
def test_nodes_import_only_what_does_the_work(path):
    assert all(imported.startswith(("got_models", "nodes")) for imported in own_imports(path))


@pytest.mark.parametrize("path", [*sources("got_models"), *sources("nodes")], ids=name_of)
def test_nothing_is_printed_and_no_error_goes_unnamed(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"bare except in line {node.lineno}"
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            assert getattr(node.exc.func, "id", "") != "Exception", f"unnamed error in line {node.lineno}"
        if isinstance(node, ast.Call) and path.name != "convert.py":
            assert getattr(node.func, "id", "") != "print", f"print in line {node.lineno}"
