"""The project's files agree: versions in one place, links that lead somewhere, images that the registry takes."""

import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PAGES = sorted(  # without the help pages, whose links ComfyUI resolves in its own way
    page for page in ROOT.rglob("*.md") if not page.relative_to(ROOT).as_posix().startswith((".", "web/"))
)


def value_of(key):
    return re.search(rf'^{key} = "(.*)"', PROJECT, re.MULTILINE)[1]


def anchor(heading):
    """How GitHub names a heading in a link."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def broken_links(page):
    """Relative links of a page that lead to no file, or to no heading of it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name) if name else page
        headings = re.findall(r"(?m)^#+ (.*)", file.read_text(encoding="utf-8")) if heading and file.is_file() else []
        if not file.exists() or (heading and heading not in map(anchor, headings)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_exist(page):
    """A file is named by its path from the root, or by its name alone, as in the README's tree."""
    text = page.read_text(encoding="utf-8").replace("ComfyUI/custom_nodes/ComfyUI-GoT/", "")
    named = set(re.findall(r"(?<![\w/.*-])(?:[\w-]+/)*[\w-]+\.(?:py|mjs|js|toml)\b", text))
    assert [name for name in sorted(named) if not any(ROOT.rglob(name))] == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[a](#a-heading) [b](#b) [c](missing.md) [d](page.md#a-heading) [e](https://x.org/y)")
    assert list(broken_links(page)) == ["#b", "missing.md"]


def test_the_changelog_has_the_version():
    released = re.findall(r"(?m)^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text("utf-8"))
    assert released[0] == value_of("version")


def test_hooks_and_tests_use_one_ruff():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.search(r"ruff-pre-commit\s+rev: v(\S+)", hooks)[1] == re.search(r'"ruff==(\S+)"', PROJECT)[1]


def test_icon_and_banner_are_what_the_registry_takes():
    files = [ROOT / value_of(key).partition("/main/")[2] for key in ("Icon", "Banner")]
    icon, banner = (Image.open(file).size for file in files)
    assert icon[0] == icon[1] <= 400
    assert banner[0] * 9 == banner[1] * 21
    assert sum(file.stat().st_size for file in files) < 300_000


def test_every_action_is_pinned():
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    used = [use for file in workflows for use in re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8"))]
    others = [use for use in used if not use.startswith("./")]
    assert others and all(re.search(r"@([0-9a-f]{40}|v\d+)$", use) for use in others)


HELP = ROOT / "web" / "docs"
HELP_PAGES = sorted([*HELP.glob("*.md"), *HELP.glob("*/*.md")])
WIDEST, LARGEST = 900, 250_000  # pixels, bytes: ComfyUI shows help in a panel of about 360 CSS pixels


@pytest.mark.parametrize("page", HELP_PAGES, ids=lambda page: page.relative_to(HELP).as_posix())
def test_a_help_page_has_an_image_that_can_be_read_in_comfyuis_panel(page):
    """ComfyUI looks for it in web/docs, for all languages. Too wide a one shrinks until its letters cannot be read."""
    names = re.findall(r"!\[[^\]]+\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    node = page.stem if page.parent == HELP else page.parent.name
    assert names, f"Run `python dev.py run tools.help_images {node}` and show {node}.png after the first paragraph."
    for name in names:
        file = HELP / name
        assert file.is_file() and "/" not in name, f"{name} is not in web/docs"
        with Image.open(file) as image:
            assert image.width <= WIDEST and file.stat().st_size <= LARGEST, f"{name}: {image.size}"


def image_of(path):
    with Image.open(path) as image:
        return image.size, getattr(image, "n_frames", 1)


def test_the_readmes_images_exist_and_the_animation_is_small():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"(?:\]\(|src(?:set)?=\")((?:docs|web)/[\w/]+\.(?:webp|jpg|png))", text)
    sizes = {name: image_of(ROOT / name) for name in named}
    animated = [name for name, (_, frames) in sizes.items() if frames > 1]
    assert len(named) >= 4 and len(animated) == 1
    assert (ROOT / animated[0]).stat().st_size <= 2_000_000 and sizes[animated[0]][1] >= 20
    assert sum((ROOT / name).stat().st_size for name in named) < 3_000_000
