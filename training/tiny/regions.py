"""Do regions steer a model that knows no boxes? Trains a small UNet on phrases, then measures by pixels.

    python dev.py run training.tiny.regions --minutes 15 --fields 40 --objects 30

Fields: an image of two or four parts, each with a background color of its own. Objects: two to four objects in boxes.
Each is drawn from the plain prompt, by ComfyUI's masks (GoT Regional Conditioning) and by regional attention, from the
same noise. The detector of the synthetic world says what is where. Prints tables with 95 % intervals.
"""

import json
from collections.abc import Iterator
from random import Random

import numpy as np
import torch

from ...evaluation.figures import figure
from ...got_models.chain.grammar import Chain, read_chain
from ...world import scenes
from ...world.detector import BACKGROUNDS, detect, nearest, overlap
from ...world.wording import listing
from .run import arguments

CFG = 6.0
STRENGTHS = (0.7, 1.0)
WAYS = ("plain prompt", *(f"{way}, strength {strength}" for way in ("masks", "attention") for strength in STRENGTHS))
RIGHT = 0.5  # least intersection over union of a box and the object found
COVERED = 0.8  # least share of a field's pixels in its color
SIZE = 16  # of the latent
HALVES = (((0, 0, 499, 999), (500, 0, 999, 999)), ((0, 0, 999, 499), (0, 500, 999, 999)))
QUARTERS = ((0, 0, 499, 499), (500, 0, 999, 499), (0, 500, 499, 999), (500, 500, 999, 999))


def main(given: list[str] | None = None) -> None:
    defaults = dict(steps=0, minutes=15.0, batch=16, rate=1e-3, images=2000, fields=40, objects=30, sampling=12)
    args = arguments(__doc__, given, **defaults)
    _start_comfyui()
    from .phrases import random_scene, trained

    rng, found = Random(11), {}
    fields = [random_fields(rng) for _ in range(args.fields)]
    scenes_ = [random_scene(rng, 2) for _ in range(args.objects)]
    with trained(args) as model, torch.inference_mode():
        for kind, cases, judge in (("fields", fields, judged_fields), ("objects", scenes_, judged)):
            found[kind] = {way: [] for way in WAYS}
            for number, case in enumerate(cases):
                chain, style = (case, "") if kind == "fields" else plan_of(case)
                for way, image in drawn(model, chain, style, number, args.sampling):
                    found[kind][way].append(judge(case, image))
                if number % 10 == 9 or number + 1 == len(cases):
                    print(f"{number + 1} images of {kind}\n{summary(found[kind])}", flush=True)
                    (args.work / "phrases" / "regions.json").write_text(json.dumps(found))


def random_fields(rng: Random) -> Chain:
    """Halves or quarters of an image, each with a background color of its own. The prompt does not say which."""
    boxes = rng.choice((*HALVES, QUARTERS))
    phrases = [f"a {color} background" for color in rng.sample(scenes.BACKGROUNDS, len(boxes))]
    pairs = zip(phrases, boxes, strict=True)
    text = ", ".join(f"{phrase} ({x0},{y0}),({x1},{y1})" for phrase, (x0, y0, x1, y1) in pairs)
    return read_chain(text, prompt=listing(phrases))


def _start_comfyui() -> None:
    from comfy.cli_args import args

    args.cpu = not torch.cuda.is_available()


def plan_of(scene: scenes.Scene) -> tuple[Chain, str]:
    """A phrase and a box for each object, and words after each phrase. The prompt says what is there, and not where."""
    from .phrases import caption

    boxes = [(obj, tuple(min(999, edge) for edge in obj.box)) for obj in scene.objects]
    text = ", ".join(f"a {obj.name} ({x0},{y0}),({x1},{y1})" for obj, (x0, y0, x1, y1) in boxes)
    return read_chain(text, prompt=caption(scene)), f"on a {scene.background} background"


def drawn(model, chain: Chain, style: str, seed: int, steps: int) -> Iterator[tuple[str, np.ndarray]]:
    """The image (128, 128, 3) of a plan, by each way to guide the model. style: words after each phrase."""
    from ...got_models.comfy.regional import regional_conditioning
    from ...got_models.comfy.regional_attention import regional_attention
    from ...got_models.guidance.regional import regional_parts
    from .phrases import Clip

    clip = Clip(model.encoder)
    plain = clip.encode_from_tokens_scheduled(clip.tokenize(chain.prompt))
    yield "plain prompt", _image(model.patcher, plain, clip, seed, steps)
    for strength in STRENGTHS:
        whole, *parts = regional_parts(chain, strength, chain.prompt)
        parts = [whole, *(part._replace(text=f"{part.text} {style}") for part in parts)]
        masks, attention = regional_conditioning(clip, parts), regional_attention(model.patcher, clip, parts)
        yield f"masks, strength {strength}", _image(model.patcher, masks, clip, seed, steps)
        yield f"attention, strength {strength}", _image(*attention, clip, seed, steps)


def _image(patcher, positive: list, clip, seed: int, steps: int) -> np.ndarray:
    import comfy.sample

    noise = torch.randn(1, 4, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
    negative = clip.encode_from_tokens_scheduled(clip.tokenize(""))
    latent = comfy.sample.sample(
        patcher, noise, steps, CFG, "euler", "normal", positive, negative, noise * 0, disable_pbar=True, seed=seed
    )
    return (_vae().decode(latent)[0].clamp(0, 1) * 255).round().byte().numpy()


_loaded = []


def _vae():
    from ...got_models.comfy.vae import load_vae
    from .phrases import TINY, VAE

    if not _loaded:
        _loaded.append(load_vae(TINY / VAE))
    return _loaded[0]


def judged_fields(chain: Chain, image: np.ndarray) -> dict[str, list[bool]]:
    """For each field: has most of it its color; for the image: have all."""
    kinds = nearest(image.astype(np.float32), BACKGROUNDS)
    right = []
    for region in chain.regions:
        x0, y0, x1, y1 = (round(edge * len(image) / 1000) for edge in region.box)
        asked = scenes.BACKGROUNDS.index(region.phrase.split()[1])
        right.append(bool((kinds[y0:y1, x0:x1] == asked).mean() >= COVERED))
    return {"in its box": right, "image right": [all(right)]}


def judged(scene: scenes.Scene, image: np.ndarray) -> dict[str, list[bool]]:
    """For each object: is it in its box, is it anywhere; for the image: is all right and nothing else there."""
    seen = detect(image).objects
    same = [[one for one in seen if (one.shape, one.color) == (obj.shape, obj.color)] for obj in scene.objects]
    pairs = zip(scene.objects, same, strict=True)
    placed = [any(overlap(one.box, obj.box) >= RIGHT for one in ones) for obj, ones in pairs]
    colors = [
        any(one.color == obj.color and overlap(one.box, obj.box) >= RIGHT / 2 for one in seen) for obj in scene.objects
    ]
    return {
        "in its box": placed,
        "its color in its box": colors,
        "anywhere": [bool(ones) for ones in same],
        "image right": [all(placed) and len(seen) == len(scene.objects)],
    }


def summary(rows: dict[str, list[dict[str, list[bool]]]]) -> str:
    """A table in Markdown: shares with 95 % intervals."""
    kinds = rows[WAYS[0]][0].keys()
    lines = ["| | " + " | ".join(kinds) + " |", "|---|" + "---|" * len(kinds)]
    for way, results in rows.items():
        figures = [figure([value for one in results for value in one[kind]]) for kind in kinds]
        cells = [f"{100 * f.value:.0f} % ({100 * f.low:.0f} to {100 * f.high:.0f}), n = {f.n}" for f in figures]
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
