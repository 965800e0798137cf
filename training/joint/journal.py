"""The record of a run: log.jsonl, one line a step, and loss.png, its curves."""

import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LOG = "log.jsonl"
CURVES = {"loss": (30, 30, 30), "chain": (31, 119, 180), "noise": (214, 39, 40)}
SIZE, LEFT, EDGE = (960, 540), 70, 30  # pixels
POINTS = 400  # of a curve; each is a mean


class Journal:
    """Writes the record of a run. step: where it goes on; later lines, of a run that was broken off, are dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log, self.picture = folder / LOG, folder / "loss.png"
        kept = [record for record in self.records() if record["step"] <= step]
        self.log.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")

    def write(self, record: dict) -> None:
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def records(self) -> list[dict]:
        if not self.log.is_file():
            return []
        text = self.log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]  # the last may be broken off

    def draw(self) -> None:
        if records := self.records():
            loss_curves(records).save(self.picture)


def loss_curves(records: list[dict]) -> Image.Image:
    """The losses of a log over its steps, each on its own scale, from its least to its greatest value."""
    picture = Image.new("RGB", SIZE, "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    right, bottom = SIZE[0] - EDGE, SIZE[1] - EDGE
    pen.rectangle((LEFT, EDGE, right, bottom), outline=(180, 180, 180))
    steps = f"step {records[0]['step']} to {records[-1]['step']}"
    pen.text(((LEFT + right) / 2, SIZE[1] - 6), steps, (80, 80, 80), font, anchor="ms")
    for place, (name, color) in enumerate(CURVES.items()):
        values = smoothed([record[name] for record in records])
        low, high = min(values), max(values)
        across = (right - LEFT) / max(1, len(values) - 1)
        up = (bottom - EDGE - 20) / ((high - low) or 1)
        points = [(LEFT + i * across, bottom - 10 - (value - low) * up) for i, value in enumerate(values)]
        pen.line(points if len(points) > 1 else points * 2, color, 2, joint="curve")
        legend = f"{name}: {values[-1]:.4g} (from {low:.4g} to {high:.4g})"
        pen.text((LEFT + place * 290, EDGE - 8), legend, color, font, anchor="ls")
    return picture


def smoothed(values: list[float]) -> list[float]:
    """At most POINTS means of neighboring values."""
    length = -(-len(values) // POINTS)
    groups = [values[start : start + length] for start in range(0, len(values), length)]
    return [sum(group) / len(group) for group in groups]
