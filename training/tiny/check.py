"""Does an exported model draw what its chain says? With plain transformers and diffusers, judged by a detector.

python dev.py run training.tiny.check --count 20 --text 2 --spatial 1.5 --steps 20
"""

import json
import re
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

from ...evaluation.scores import drawn, fulfilled, planned
from ...got_models.files.manifest import TINY
from ...world import scenes, wording
from ...world.detector import detect, overlap
from ..schedule import SDXL_SCHEDULE
from . import autoencoder, rows, unet
from .autoencoder import to_images, to_tensor
from .latents import SCALE, canvases
from .rendering import PATCHES, Renderer, packed_scene
from .run import arguments


class Tiny:
    """An exported model folder, loaded in full precision."""

    def __init__(self, folder: Path):
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "reasoner")
        self.reasoner = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            folder / "reasoner", dtype=torch.float32
        ).eval()
        self.unet = UNet2DConditionModel(**unet.CONFIG).eval()
        self.unet.load_state_dict(floats(load_file(folder / "unet.safetensors")))
        self.vae = AutoencoderKL(**autoencoder.CONFIG).eval()
        self.vae.load_state_dict(floats(load_file(folder / "vae.safetensors")))
        self.projectors = floats(load_file(folder / "projectors.safetensors"))
        self.renderer = Renderer(torch.device("cpu"))
        self.defaults = json.loads((folder / "got.json").read_text())["defaults"]

    def inputs(self, prompt: str, chain: str, source: scenes.Scene | None) -> dict:
        ids = self.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        ids += self.tokenizer(chain, add_special_tokens=False)["input_ids"] if chain else []
        pad = self.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        ids = torch.tensor([ids])
        found = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": (ids == pad).int()}
        if source is not None:
            shown = self.renderer.draw(torch.from_numpy(packed_scene(source))[None])
            found["pixel_values"] = self.renderer.patches(shown)[0]
            found["image_grid_thw"] = torch.tensor([[1, PATCHES, PATCHES]])
        return found

    def write(self, prompt: str, source: scenes.Scene | None = None, limit: int = 300) -> str:
        """The greedy chain, with repetition penalty 1.05."""
        inputs = self.inputs(prompt, "", source)
        stops = [self.tokenizer.convert_tokens_to_ids(t) for t in ("<|im_gen_start|>", "<|im_end|>", "<|endoftext|>")]
        out = self.reasoner.generate(
            **inputs, max_new_tokens=limit, do_sample=False, repetition_penalty=1.05, eos_token_id=stops
        )
        text = self.tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=False)
        return re.sub(r"<\|(im_gen_start|im_end|endoftext)\|>$", "", text)

    def states(self, prompt: str, chain: str, source: scenes.Scene | None = None) -> torch.Tensor:
        """Hidden states (1, 64, D)."""
        drawing = "<|im_gen_start|>" + "".join(f"<|im_gen_{i:04d}|>" for i in range(64))
        return self.reasoner.model(**self.inputs(prompt, chain + drawing, source)).last_hidden_state[:, -64:]

    def encode(self, images: list[np.ndarray]) -> torch.Tensor:
        return self.vae.encode(to_tensor(images)).latent_dist.mode()

    def draw(self, samples: list[tuple], strengths: tuple, steps: int, sampler: str, seed: int) -> np.ndarray:
        """samples: (states, chain, source image or None) each -> images (N, H, W, 3) uint8."""
        p = self.projectors
        states = torch.cat([s for s, _, _ in samples])
        context = states @ p["context.weight"].T + p["context.bias"]
        null = p["context.bias"].expand_as(context)
        pooled = (states @ p["pooled.weight"].T + p["pooled.bias"]).mean(1)
        black = np.zeros((scenes.SIZE, scenes.SIZE, 3), dtype=np.uint8)
        spatial = torch.cat([self.encode(painted(chain)).mean(0, keepdim=True) for _, chain, _ in samples])
        reference = self.encode([black if source is None else source for _, _, source in samples])
        text, space, ref = strengths
        zero = torch.zeros_like(reference)
        branches = (
            (space, context, reference, spatial),
            (text - space, context, reference, zero),
            (ref - text, null, reference, zero),
            (1 - ref, null, zero, zero),
        )
        schedule = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}[sampler](**SDXL_SCHEDULE)
        schedule.set_timesteps(steps)
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(reference.shape, generator=generator)
        size = torch.tensor([scenes.SIZE, scenes.SIZE, 0, 0, scenes.SIZE, scenes.SIZE]).expand(len(x), -1)
        conditions = {"text_embeds": pooled, "time_ids": size}
        for t in schedule.timesteps:
            noise = sum(
                weight * self.unet(torch.cat([x, r, s], 1), t, c, added_cond_kwargs=conditions, return_dict=False)[0]
                for weight, c, r, s in branches
                if weight
            )
            x = schedule.step(noise, t, x, generator=generator).prev_sample
        return to_images(self.vae.decode(x / SCALE).sample)


def floats(tensors: dict) -> dict:
    return {name: tensor.float() for name, tensor in tensors.items()}


def painted(chain: str) -> list[np.ndarray]:
    boxes = torch.from_numpy(canvases(rows.Row("", "", chain, True, None, None)))
    return list(Renderer(torch.device("cpu")).paint(boxes).permute(0, 2, 3, 1).byte().numpy())


def check_images(tiny: Tiny, args, strengths) -> tuple[dict, np.ndarray]:
    asked = [scenes.random_scene(Random(args.seed + i)) for i in range(args.count)]
    samples, chains = [], []
    for i, scene in enumerate(asked):
        caption = wording.caption(scene, Random(args.seed + i))
        prompt = rows.conversation(wording.CAPTION + caption, image=False)
        chain = tiny.write(prompt)
        chains.append(chain)
        samples.append((tiny.states(prompt, chain), chain, None))
        if args.show:
            print(caption, "->", chain, flush=True)
    images = tiny.draw(samples, strengths, args.steps, args.sampler, args.seed)
    views = [detect(image) for image in images]
    hits = [drawn(obj, view) for chain, view in zip(chains, views) for obj in planned(chain)]
    for i, (chain, view) in enumerate(zip(chains, views)):
        for obj in planned(chain):
            if args.show and not drawn(obj, view):
                print(i, "missed", obj, "saw", *view.objects, flush=True)
    grounds = [view.background in chain.split(".")[0] for chain, view in zip(chains, views)]
    result = {
        "parse": float(np.mean([bool(planned(chain)) for chain in chains])),
        "plan": float(np.mean([fulfilled(chain, scene) for chain, scene in zip(chains, asked)])),
        "image_rows": float(np.mean(hits)) if hits else 0.0,
        "background": float(np.mean(grounds)),
    }
    plans = [np.max(painted(chain), 0) for chain in chains]
    return result, sheet([plans, list(images)])


def check_edits(tiny: Tiny, args, strengths) -> tuple[dict, np.ndarray]:
    edits = [scenes.random_edit(Random(args.seed + i), kind=scenes.EDITS[i % 6]) for i in range(args.count)]
    samples, found = [], []
    for i, edit in enumerate(edits):
        text = wording.instruction(edit, Random(args.seed + i))
        prompt = rows.conversation(wording.INSTRUCTION + text, image=True)
        chain = tiny.write(prompt, edit.source)
        found.append(max((overlap(box, edit.area) for box in wording.boxes_of(chain)[:1]), default=0))
        samples.append((tiny.states(prompt, chain, edit.source), chain, scenes.render(edit.source)))
        if args.show:
            print(text, "->", chain, edit.area, flush=True)
    images = tiny.draw(samples, strengths, args.steps, args.sampler, args.seed)
    views = [detect(image) for image in images]
    made = [
        sorted((t.color, t.shape) for t in edit.target.objects) == sorted(seen[1::-1] for seen in view.objects)
        and view.background == edit.target.background
        for edit, view in zip(edits, views)
    ]
    by_kind = {kind: float(np.mean([m for e, m in zip(edits, made) if e.kind == kind] or [0])) for kind in scenes.EDITS}
    placed = [k for e, k in zip(edits, found) if e.kind != "add"]
    result = {"area_iou": placed, "found": [k > 0.7 for k in placed], "made": made}
    result = {name: float(np.mean(values)) for name, values in result.items()}
    return {**result, "made_by_kind": by_kind}, sheet([[s for _, _, s in samples], list(images)])


def sheet(rows_of_images: list[list[np.ndarray]], across: int = 10) -> np.ndarray:
    lines = []
    for start in range(0, len(rows_of_images[0]), across):
        for images in rows_of_images:
            part = images[start : start + across]
            part = part + [np.zeros_like(part[0])] * (across - len(part))
            lines.append(np.concatenate(part, 1))
    return np.concatenate(lines)


@torch.inference_mode()
def main() -> None:
    own = dict(text=-1.0, spatial=-1.0, reference=-1.0, steps=0)  # below 0, and 0: the model's defaults
    args = arguments(__doc__, model=TINY, count=20, sampler="ddpm", seed=5 * 10**6, show=0, **own)
    tiny, steps = Tiny(args.model), args.steps
    for task, check in (("text-to-image", check_images), ("edit", check_edits)):
        usual = tiny.defaults[task]
        given = {name: getattr(args, name) for name in ("text", "spatial", "reference")}
        strengths = tuple(usual[name] if value < 0 else value for name, value in given.items())
        args.steps = steps or usual["steps"]
        result, image = check(tiny, args, strengths)
        print(task, strengths, args.steps, args.sampler, json.dumps(result), flush=True)
        Image.fromarray(image).save(args.work / f"check-{task}.png")


if __name__ == "__main__":
    main()
