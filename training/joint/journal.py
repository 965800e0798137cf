"""The log of a run: log.jsonl, one line a step, and loss.png, its curves."""

import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LOG = "log.jsonl"
CURVES = {"loss": "black", "chain": "steelblue", "noise": "crimson"}
WIDTH, HEIGHT = 960, 180  # pixels of a curve
POINTS = 400  # of a curve; each is a mean


class Journal:
    """Writes the log of a run. step: the last step that stays; a stopped run may have logged later ones."""

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log, self.image = folder / LOG, folder / "loss.png"
        kept = [record for record in self.records() if record["step"] <= step]
        self.log.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")

    def write(self, record: dict) -> None:
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def records(self) -> list[dict]:
        if not self.log.is_file():
            return []
        text = self.log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]  # the last may be cut off

    def draw(self) -> None:
        if records := self.records():
            loss_curves(records).save(self.image)


def loss_curves(records: list[dict]) -> Image.Image:
    """The losses of a log over its steps, one below the other, each from its least to its greatest value."""
    image = Image.new("RGB", (WIDTH, HEIGHT * len(CURVES)), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    steps = f"steps {records[0]['step']} to {records[-1]['step']}"
    for number, (name, color) in enumerate(CURVES.items()):
        values = smoothed([record[name] for record in records])
        low, high = min(values), max(values)
        top, scale = number * HEIGHT, (HEIGHT - 30) / ((high - low) or 1)
        points = [(i * WIDTH / len(values), top + HEIGHT - 5 - (v - low) * scale) for i, v in enumerate(values)]
        pen.line([*points, (WIDTH, points[-1][1])], color, 2)
        pen.text((10, top + 4), f"{name}: {values[-1]:.4g} (from {low:.4g} to {high:.4g}), {steps}", color, font)
    return image


def smoothed(values: list[float]) -> list[float]:
    """At most POINTS means of neighboring values."""
    length = -(-len(values) // POINTS)
    groups = [values[start : start + length] for start in range(0, len(values), length)]
    return [sum(group) / len(group) for group in groups]
