"""The figures as a table of text."""

from .cases import COLUMNS, KINDS
from .figures import ABLATION, MAIN, Figure, Figures

EXPLAINED = (
    "prompt only: an empty chain; without boxes: the chain at spatial strength 0; full: at the model's own strengths"
)
SHORT = ("single", "two", "counting", "colors", "position", "binding", "all")


def table(figures: Figures) -> str:
    """The whole table. Parts without outcomes are left out."""
    lines = _main(figures)
    if figures.kinds("editing.box_found"):
        lines += _edits(figures)
    if figures.kinds("free.plan"):
        lines += _constructions(figures)
    if figures.kinds("ablation.full"):
        lines += _ablation(figures)
    if figures.strengths:
        lines += _curve(figures)
    return "\n".join(lines)


def _main(figures: Figures) -> list[str]:
    lines = [f"{'':34}{'':>9}  {'95 % between':>15}{'n':>6}"]
    rows = [("planning", name, figures.of(f"planning.{name}")) for name in MAIN["planning"]]
    rows += [("drawing", name, figures.of("drawing", name)) for name in KINDS]
    rows += [("obedience", name, figures.of(f"obedience.{name}")) for name in MAIN["obedience"]]
    rows += [("", f"reworded, {kind}", figures.of("obedience.reworded", kind)) for kind in ("color", "noun")]
    rows += [("editing", name, figures.of(f"editing.{name}")) for name in MAIN["editing"]]
    rows += [("second turn", name, figures.of(f"second_turn.{name}")) for name in ("box_found", "change_made")]
    rows += [("free wording", name, figures.of(f"free.{name}")) for name in MAIN["free"]]
    rows += [("looking", name, figures.of(f"looking.{name}")) for name in MAIN["looking"]]
    last = None
    for part, name, found in rows:
        title = part if part != last else ""
        last = part or last
        lines.append(f"{title:14}{name:20}{_numbers(found, name)}")
    return lines


def _numbers(found: Figure, name: str) -> str:
    if not found.n:
        return f"{'-':>9}  {'':15}{0:>6}"
    if name == "psnr_outside":
        return f"{found.value:6.1f} dB  {found.low:6.1f} .. {found.high:5.1f}{found.n:>6}"
    if name == "iou":
        return f"{found.value:9.3f}  {found.low:6.3f} .. {found.high:5.3f}{found.n:>6}"
    return f"{100 * found.value:7.1f} %  {100 * found.low:6.1f} .. {100 * found.high:5.1f}{found.n:>6}"


def _edits(figures: Figures) -> list[str]:
    """Editing: a line for each kind of edit."""
    names = MAIN["editing"]
    lines = ["", f"{'edits':14}" + "".join(f"{name:>14}" for name in names) + f"{'n':>6}"]
    for kind in figures.kinds("editing.box_found"):
        found = [figures.of(f"editing.{name}", kind) for name in names]
        shares = "".join(f"{100 * one.value:12.0f} %" for one in found[:2])
        psnr = f"{found[2].value:11.1f} dB" if found[2].n else f"{'-':>14}"  # there is none without an image
        lines.append(f"{kind:14}{shares}{psnr}{found[0].n:>6}")
    return lines


def _constructions(figures: Figures) -> list[str]:
    """Free wording: a line for each construction."""
    lines = ["", f"{'free wording':14}{'plan':>14}{'drawn':>14}{'n':>6}"]
    for kind in figures.kinds("free.plan"):
        found = [figures.of(f"free.{name}", kind) for name in ("plan", "drawn")]
        lines.append(f"{kind:14}" + "".join(f"{100 * one.value:12.0f} %" for one in found) + f"{found[0].n:>6}")
    return lines


def _ablation(figures: Figures) -> list[str]:
    lines = ["", "drawn as asked, %   " + "".join(f"{title:>10}" for title in SHORT)]
    for name in ABLATION:
        found = [figures.of(f"ablation.{name}", column) for column in COLUMNS] + [figures.of(f"ablation.{name}")]
        lines.append(f"{name.replace('_', ' '):20}" + "".join(_percent(one) for one in found))
    counts = [figures.of("ablation.full", column).n for column in COLUMNS] + [figures.of("ablation.full").n]
    lines.append(f"{'n':20}" + "".join(f"{n:>10}" for n in counts))
    lines.append(EXPLAINED)
    return lines


def _percent(found: Figure) -> str:
    return f"{100 * found.value:10.0f}" if found.n else f"{'-':>10}"


def _curve(figures: Figures) -> list[str]:
    strengths = figures.strengths
    lines = ["", "spatial strength    " + "".join(f"{strength:>10}" for strength in strengths)]
    drawn = [figures.of(f"curve.drawn.{strength}") for strength in strengths]
    ious = [figures.of(f"curve.iou.{strength}") for strength in strengths]
    lines.append(f"{'drawn as asked, %':20}" + "".join(_percent(one) for one in drawn))
    lines.append(f"{'iou':20}" + "".join(f"{one.value:10.3f}" if one.n else f"{'-':>10}" for one in ious))
    return lines
