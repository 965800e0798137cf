"""Stage 2, further: an exported reasoner learns more, and keeps what its image tokens tell the UNet.

    python dev.py run training.tiny.further --work FOLDER --start got_models/tiny --minutes 100
    python dev.py run training.tiny.further --work FOLDER --start got_models/tiny --out MODEL

The reasoner at the start is the teacher. For the same chain the student's hidden states, through the UNet's projectors,
must be the teacher's, which reads the same scene in a template's wording. So the UNet needs no training. First the
heads of the losses learn alone, because an exported model has none. With --out nothing is trained: the best average of
the weights so far becomes a model folder, with all else from --start.
"""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from ...got_models.files.atomic import atomic_file
from ...got_models.files.manifest import PROJECTORS, REASONER, TINY
from ...world import scenes, wording
from ..ema import EMA
from . import rows
from .export import export_reasoner
from .losses import total
from .reasoner import ReasonerWithHeads, Rows, load_tokenizer, load_weights, optimizer_of
from .rendering import Renderer
from .rows import IGNORED, Row, collate, random_row
from .run import Run, arguments, device, loader, mixed_precision

SHARES = (0.5, 0.26, 0.2, 0.04)  # of text-to-image, edits, descriptions and findings
READ_ONLY, TURNS = 0.06, 0.06
UNDRAWN = 0.7  # share of chains to write that end before the image tokens, which cost a third of the time
TAUGHT = 4  # rows of a batch whose states the teacher gives
TAUGHT_WEIGHT = 10.0
SNAPSHOT_SECONDS = 600
HELD_OUT = 24  # rows of each kind in the small evaluation


class TaughtRows(Rows):
    """As Rows. A batch with image tokens also has "teacher", a batch of some of its rows in a template's wording.

    taught (K,): which of the batch's image rows those are.
    """

    def __getitem__(self, index: int) -> list[dict]:
        rng = Random(self.seed * 10**9 + index)
        made = [self._row(rng) for _ in range(self.size * self.group)]
        made.sort(key=lambda row: len(row.prompt) + len(row.chain) + (100 if row.target else 0))
        groups = [made[start : start + self.size] for start in range(0, len(made), self.size)]
        rng.shuffle(groups)
        return [self._batch(rng, group) for group in groups]

    def _row(self, rng: Random) -> Row:
        row = random_row(rng, SHARES, READ_ONLY, TURNS)
        return replace(row, target=None) if row.supervised and rng.random() < UNDRAWN else row

    def _batch(self, rng: Random, group: list[Row]) -> dict:
        batch, drawn = collate(group, self.tokenizer), [row for row in group if row.target is not None]
        picked = sorted(rng.sample(range(len(drawn)), min(TAUGHT, len(drawn))))
        if picked:
            same = [replace(drawn[i], prompt=drawn[i].template or drawn[i].prompt) for i in picked]
            batch |= {"teacher": collate(same, self.tokenizer), "taught": torch.tensor(picked)}
        return batch


class Teacher:
    """The reasoner at the start with the UNet's projectors."""

    def __init__(self, network: ReasonerWithHeads, projectors: dict[str, Tensor]):
        self.network = network.eval().requires_grad_(False)
        self.projectors = {name: tensor.float().to(device()) for name, tensor in projectors.items()}

    def conditions(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """States (K, 64, D) -> context (K, 64, C) and pooled (K, P), as the UNet gets them."""
        p, states = self.projectors, states.float()
        context = F.linear(states, p["context.weight"], p["context.bias"])
        return context, F.linear(states, p["pooled.weight"], p["pooled.bias"]).mean(1)

    def error(self, states: Tensor, batch: dict) -> Tensor:
        """How far the student's conditions are from the teacher's, as a share of the teacher's variance."""
        with torch.no_grad():
            wanted = self.conditions(self.network.image_states(self.network.hidden(batch), batch))
        found = self.conditions(states)
        return sum(F.mse_loss(f, w) / w.var() for f, w in zip(found, wanted))


def train(run: Run, network, teacher: Teacher, batches, after) -> None:
    """after: called after every step."""
    renderer = Renderer(device())
    for batch in batches:
        if run.over:
            return
        run.begin_step()
        taught, same = batch.pop("taught", None), batch.pop("teacher", None)
        batch = renderer.complete(batch)
        with mixed_precision():
            losses = network(batch | {"has_image": torch.ones_like(batch["has_image"])})  # all digits weigh more
            loss = total(losses)
            if same is not None:
                states = network.image_states(network.states["last"], batch)[taught.to(device())]
                losses["taught"] = teacher.error(states, renderer.complete(same))
                loss = loss + TAUGHT_WEIGHT * losses["taught"]
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        run.optimizer.step()
        run.optimizer.zero_grad(set_to_none=True)
        run.end_step(every=50, **{name: loss.detach() for name, loss in losses.items()})
        after()


def stream(tokenizer, first: int, size: int, seed: int, group: int = 8):
    """Batches of steps first, first + 1, ... from a worker process."""
    data = TaughtRows(tokenizer, 10**6, size, group, seed, False)
    skip = first % group
    for item in loader(data, range(first // group, len(data))):
        yield from item[skip:]
        skip = 0


# ---------------------------------------------------------------- a small evaluation


def held_out_rows(kind: str, count: int = HELD_OUT) -> list[Row]:
    """Rows with wordings that no training has."""
    found = []
    for number in range(count):
        rng = Random(f"held out {kind} {number}")
        if kind == "free":
            asked = wording.free_caption(rng, held_out=True)
            prompt = rows.conversation(wording.CAPTION + asked.text, image=False)
            found.append(Row("text-to-image", prompt, wording.chain(asked.scene, rng), True, None, asked.scene))
        elif kind == "template":
            scene = scenes.random_scene(rng, held_out=True, tidy=True)
            prompt = rows.conversation(wording.CAPTION + wording.caption(scene, rng, held_out=True), image=False)
            found.append(Row("text-to-image", prompt, wording.chain(scene, rng), True, None, scene))
        elif kind in ("free edit", "template edit"):
            edit = scenes.random_edit(rng, held_out=True, kind=scenes.EDITS[number % len(scenes.EDITS)])
            tell = wording.free_instruction if kind == "free edit" else wording.instruction
            prompt = rows.conversation(wording.INSTRUCTION + tell(edit, rng, held_out=True), image=True)
            owner = (rows.area_object(edit),)
            row = Row("edit", prompt, wording.edit_chain(edit), True, edit.source, edit.target, box_objects=owner)
            found.append(row)
        else:
            found.append(rows.describe_row(rng))
    return found


@torch.no_grad()
def measured(network: ReasonerWithHeads, tokenizer) -> dict[str, float]:
    """Of each kind of held-out rows: the share whose words are all right, each after the right words before it.

    Neither digits count nor the first sentence of a caption's or a description's chain, which has two wordings.
    """
    renderer, result = Renderer(device()), {}
    dot, start = tokenizer.convert_tokens_to_ids([".", "<|im_gen_start|>"])
    for kind in ("template", "template edit", "free", "free edit", "describe"):
        batch = renderer.complete(collate(held_out_rows(kind), tokenizer))
        with mixed_precision():
            states = network.hidden(batch)[:, :-1]
            best = network.model.lm_head(states).argmax(-1)
        labels = batch["labels"][:, 1:]
        counted = (labels != IGNORED) & ~network.digits[labels.clamp(min=0)] & (labels != start)
        if kind in ("template", "free", "describe"):
            counted &= ((labels == dot) & counted).cumsum(1) > 0
        result[kind] = float(((best == labels) | ~counted).all(1).float().mean())
    return result


class Snapshots:
    """Every SNAPSHOT_SECONDS: the averaged weights are measured, and kept if they are the best so far."""

    def __init__(self, run: Run, network: ReasonerWithHeads, ema: EMA, tokenizer):
        self.run, self.network, self.ema, self.tokenizer = run, network, ema, tokenizer
        self.last, self.best = time.time(), run.folder / "best.pt"

    def __call__(self) -> None:
        self.ema.update()
        if time.time() - self.last > SNAPSHOT_SECONDS or self.run.over:
            self.take()

    def take(self) -> None:
        """Measure the averaged weights now and save them."""
        with self.ema.applied():
            found = measured(self.network, self.tokenizer)
            state = {name: tensor.half() for name, tensor in self.network.model.state_dict().items()}
        score = sum(found.values()) / len(found)
        self.run.note(f"measured {json.dumps({**found, 'mean': round(score, 4)})}")
        saved = torch.load(self.best, weights_only=True)["score"] if self.best.exists() else -1.0
        for path in [self.run.folder / "newest.pt", *([self.best] if score >= saved else [])]:
            with atomic_file(path) as file:
                torch.save({"model": state, "score": score, "step": self.run.step}, file)
        self.last = time.time()


def write_model(work: Path, start: Path, out: Path, which: str) -> None:
    """The model at `start` with the trained reasoner."""
    shutil.copytree(start, out, dirs_exist_ok=True)
    tokenizer = load_tokenizer(work / "reasoner")
    model = load_weights(start / REASONER, tokenizer)
    state = torch.load(work / "reasoner" / f"{which}.pt", map_location="cpu", weights_only=True)
    model.load_state_dict({name: tensor.float() for name, tensor in state["model"].items()})
    export_reasoner(model, tokenizer, out / REASONER)
    print(f"{out}: step {state['step']}, score {state['score']:.4f}")


def main(given: list[str] | None = None) -> None:
    sizes = dict(minutes=100.0, steps=0, batch=16, rate=8e-4, seed=11, head_steps=150, compile=1)
    args = arguments(__doc__, given, start=TINY, out="", which="best", **sizes)
    if args.out:
        return write_model(args.work, args.start, Path(args.out), args.which)
    torch.manual_seed(args.seed)
    torch._dynamo.config.recompile_limit = 64  # one graph a sequence length
    folder = args.work / "reasoner"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(folder, args.start / REASONER)
    network, old = (
        ReasonerWithHeads(load_weights(args.start / REASONER, tokenizer), tokenizer).to(device()) for _ in range(2)
    )
    teacher = Teacher(old, load_file(args.start / PROJECTORS))
    network.model.requires_grad_(False)
    heads = Run(args.work / "heads", {"network": network}, optimizer_of(network.heads), args.head_steps, 3e-3)
    train(heads, network, teacher, stream(tokenizer, heads.step, args.batch, args.seed + 100), lambda: None)
    network.model.requires_grad_(True)
    ema = EMA(dict(network.named_parameters()), 0.997, warmup=(0, 20))
    if args.compile:
        for layer in network.model.model.language_model.layers:
            layer.forward = torch.compile(layer.forward, dynamic=False)
    parts, optimizer = {"network": network, "ema": ema}, optimizer_of(network)
    run = Run(folder, parts, optimizer, args.steps, args.rate, 0 if args.steps else args.minutes)
    if not run.step:
        run.note(f"measured at step {run.step} {json.dumps(measured(network, tokenizer))}")
    batches = stream(tokenizer, run.step, args.batch, args.seed)
    train(run, network, teacher, batches, Snapshots(run, network, ema, tokenizer))
    return None


if __name__ == "__main__":
    main()
