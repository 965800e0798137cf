"""The rooms hold: an import never points back, and only got_models/comfy sees ComfyUI's internals."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMFY_API = {"comfy_api", "comfy_execution"}
COMFY_INTERNALS = {"comfy", "comfy_extras", "folder_paths", "server", "nodes", "latent_preview", "node_helpers"}
DEVELOPERS_ONLY = {"diffusers", "peft", "accelerate", "datasets", "pytest", "matplotlib", "torchvision"}

# What the modules of each room may import of our own, beside modules of the same room.
BELOW = {
    "got_models/errors": set(),
    "got_models/chain": {"got_models/errors"},
}
BELOW["got_models/files"] = BELOW["got_models/chain"] | {"got_models/chain"}
BELOW["got_models/guidance"] = BELOW["got_models/files"] | {"got_models/files"}
BELOW["got_models/reasoner"] = BELOW["got_models/guidance"] | {"got_models/guidance"}
BELOW["got_models/convert"] = BELOW["got_models/comfy"] = BELOW["got_models/reasoner"] | {"got_models/reasoner"}
SYSTEM = {"got_models/convert", "got_models/comfy"} | BELOW["got_models/comfy"]
BELOW["nodes"] = SYSTEM
BELOW["__init__"] = SYSTEM | {"nodes"}
BELOW["world"] = {"got_models/chain"}
BELOW["tools"] = SYSTEM
BELOW["training/joint"] = SYSTEM | {"world", "training"}
BELOW["training/tiny"] = SYSTEM | {"world", "training", "evaluation"}
BELOW["training"] = set()
BELOW["evaluation"] = SYSTEM | {"world", "tools"}

PACK = sorted([*(ROOT / "got_models").rglob("*.py"), *(ROOT / "nodes").rglob("*.py"), ROOT / "__init__.py"])
WEB = ROOT / "web"
SCRIPTS = sorted([*WEB.rglob("*.mjs"), *WEB.glob("*.js")])
ALL = sorted(path for room in {name.split("/")[0] for name in BELOW} for path in (ROOT / room).rglob("*.py"))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def module_of(path):
    """The module's place below the root, as a tuple; a package's own is its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts


MODULES = {module_of(path) for path in [*PACK, *ALL]}


def imports(path):
    """Top-level names of the packages that a module imports from elsewhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def own_imports(path):
    """The modules of the pack that a module imports, as tuples such as ("got_models", "chain", "grammar")."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = (*package[: len(package) - node.level + 1], *(node.module or "").split("."))
        elif node.module.split(".")[0] == "got":
            base = tuple(node.module.split(".")[1:])
        else:
            continue
        base = tuple(part for part in base if part)
        for name in node.names:
            yield (*base, name.name) if (*base, name.name) in MODULES else base


def room_of(module):
    """The room of a module: the longest of BELOW's names that it lies in."""
    name = "/".join(module)
    return max((room for room in BELOW if name == room or name.startswith(f"{room}/")), key=len, default=name)


def files(*rooms):
    return [path for path in sorted({*PACK, *ALL}) if room_of(module_of(path)) in rooms]


@pytest.mark.parametrize("path", sorted({*PACK, *ALL}), ids=name_of)
def test_an_import_never_points_back(path):
    room = room_of(module_of(path))
    for module in own_imports(path):
        other = room_of(module)
        assert other == room or other in BELOW[room], f"{name_of(path)} imports {'/'.join(module)}"


def test_there_is_no_import_circle():
    """Not even inside functions: every module can be understood after those that it imports."""
    found = {module_of(path): {*own_imports(path)} - {module_of(path)} for path in {*PACK, *ALL}}
    while leaves := [module for module, needed in found.items() if not needed & found.keys()]:
        for module in leaves:
            del found[module]
    assert not found, f"These modules import one another: {sorted('/'.join(module) for module in found)}"


def test_the_system_has_at_most_eight_entries():
    entries = {path.name for path in (ROOT / "got_models").iterdir()} - {"__init__.py", "__pycache__"}
    assert len(entries) <= 8, entries


def script_imports(path):
    """The modules of web/ that a script imports, without those that only its types name."""
    lines = re.findall(r'^(?:import|export)\b[^;]*? from "(\.[^"]+)";', path.read_text(encoding="utf-8"), re.MULTILINE)
    return {found for line in lines if (found := (path.parent / line).resolve()).is_relative_to(WEB)}


def test_scripts_never_import_in_a_circle():
    found = {path: script_imports(path) for path in SCRIPTS}
    assert sum(map(len, found.values())) > len(found)
    while leaves := [path for path, needed in found.items() if not needed & found.keys()]:
        for path in leaves:
            del found[path]
    assert not found, f"These scripts import one another: {sorted(map(name_of, found))}"


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_the_browser_half_points_from_comfyui_to_the_view_to_the_model(path):
    order = ["web/editor/model/", "web/editor/view/", "web/"]
    rank = next(i for i, room in enumerate(order) if name_of(path).startswith(room))
    assert [name_of(one) for one in script_imports(path) if not name_of(one).startswith(tuple(order[: rank + 1]))] == []


@pytest.mark.parametrize("room", ["web/editor", "web/comfy"])
def test_the_browser_half_has_at_most_eight_entries_at_each_level(room):
    folders = [ROOT / room, *(path for path in (ROOT / room).rglob("*") if path.is_dir())]
    assert {name_of(folder): count for folder in folders if (count := len([*folder.iterdir()])) > 8} == {}


@pytest.mark.parametrize("path", files("got_models", *(SYSTEM - {"got_models/comfy"})), ids=name_of)
def test_the_system_never_imports_comfyui(path):
    assert not {*imports(path)} & (COMFY_API | COMFY_INTERNALS)


@pytest.mark.parametrize("path", files("nodes"), ids=name_of)
def test_nodes_know_only_comfyuis_public_interface(path):
    assert not {*imports(path)} & COMFY_INTERNALS


@pytest.mark.parametrize("path", files("got_models/comfy"), ids=name_of)
def test_the_adapter_does_not_know_how_nodes_look(path):
    assert "comfy_api" not in {*imports(path)}


@pytest.mark.parametrize("path", files("got_models/errors", "got_models/chain"), ids=name_of)
def test_what_reads_text_needs_only_the_standard_library(path):
    allowed = {"PIL"} if path.name == "colors.py" else set()  # the table of CSS color names
    assert {*imports(path)} <= sys.stdlib_module_names | allowed


@pytest.mark.parametrize("path", PACK, ids=name_of)
def test_the_pack_needs_nothing_that_comfyui_lacks(path):
    assert not {*imports(path)} & DEVELOPERS_ONLY


@pytest.mark.parametrize("path", PACK, ids=name_of)
def test_nothing_is_printed_and_no_error_goes_unnamed(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"bare except in line {node.lineno}"
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            assert getattr(node.exc.func, "id", "") != "Exception", f"unnamed error in line {node.lineno}"
        if isinstance(node, ast.Call) and room_of(module_of(path)) != "got_models/convert":
            assert getattr(node.func, "id", "") != "print", f"print in line {node.lineno}"
