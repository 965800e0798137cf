"""Stage 2: the reasoner learns to write chains, and its 64 image tokens to carry the image. Losses: losses.py.

Source of the tasks: arXiv:2503.10639.
"""

from collections import deque
from functools import partial
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb_vision

from ...got_models.files.manifest import REASONER
from ...world import scenes
from .losses import DIGIT_WEIGHT, LAST, LOSSES, NAME_WEIGHT, TOWER, Loss, patch_targets, total
from .rendering import PATCHES, Renderer
from .rows import IGNORED, collate, describe_row, random_row
from .run import Run, arguments, device, loader, mixed_precision
from .tokenizer import train_tokenizer

HIDDEN = 192
TEXT = dict(
    hidden_size=HIDDEN,
    intermediate_size=512,
    num_hidden_layers=6,
    num_attention_heads=3,
    num_key_value_heads=1,
    max_position_embeddings=4096,
    rms_norm_eps=1e-6,
    initializer_range=0.04,
)
# An image has only four places a side, which only fast rotations distinguish. So height has the fastest that the two of
# time leave, and the base is small. The slow ones at the end let a token find another by its content, at any distance.
ROPE = dict(rope_theta=1000.0, mrope_section=[2, 4, 26])
VISION = dict(
    depth=4,
    hidden_size=128,
    intermediate_size=256,
    num_heads=4,
    out_hidden_size=HIDDEN,
    patch_size=14,
    spatial_merge_size=2,
    temporal_patch_size=2,
    window_size=112,
    fullatt_block_indexes=[0, 1, 2, 3],
    initializer_range=0.04,
)
REPLAYED = 48  # the last groups of batches, among which one is taken again


def build(tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    ids = tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config=dict(
            TEXT,
            vocab_size=len(tokenizer),
            rope_parameters=dict(ROPE, rope_type="default"),
            bos_token_id=ids("<|endoftext|>"),
            eos_token_id=ids("<|im_end|>"),
            pad_token_id=ids("<|endoftext|>"),
        ),
        vision_config=VISION,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    return Qwen2_5_VLForConditionalGeneration(config)


class VisionTower(nn.Module):
    """The vision tower on a plain batch of images of one size, with the numbers of the tower's own forward."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower
        grid = torch.tensor([[1, PATCHES, PATCHES]])
        self.angles = rotary(tower, grid)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """(I, 64, 1176) -> (I, 16, D)"""
        tower, proj = self.tower, self.tower.patch_embed.proj
        x = F.linear(patches, proj.weight.flatten(1))
        cos, sin = (angle.to(x.device) for angle in self.angles)
        for block in tower.blocks:
            attention = block.attn
            qkv = attention.qkv(block.norm1(x)).unflatten(-1, (3, attention.num_heads, -1))  # (I, 64, 3, heads, d)
            q, k, v = qkv.unbind(2)
            q, k = apply_rotary_pos_emb_vision(q, k, cos, sin)
            y = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v)))
            x = x + attention.proj(y.transpose(1, 2).flatten(2))
            x = x + block.mlp(block.norm2(x))
        merger = tower.merger
        return merger.mlp(merger.ln_q(x).unflatten(1, (-1, 4)).flatten(2))


def rotary(tower, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin of the tower's rotary embedding for one image, taken from its own forward."""
    caught = []
    hook = tower.blocks[0].register_forward_pre_hook(
        lambda _, args, kwargs: caught.append(kwargs["position_embeddings"]), with_kwargs=True
    )
    with torch.no_grad():
        tower(torch.zeros(int(grid.prod()), tower.patch_embed.proj.weight[0].numel()), grid)
    hook.remove()
    return tuple(angle.detach().clone() for angle in caught[0])


def token_weights(tokenizer) -> torch.Tensor:
    """(V,): NAME_WEIGHT for colors, shapes and articles, else 1. After a wrong article only other colors can follow.

    Other words follow from these, and many digits are chance.
    """
    names = {*scenes.COLORS, *scenes.SHAPES, *scenes.BACKGROUNDS, *(shape + "s" for shape in scenes.SHAPES), "a", "an"}
    words = [tokenizer.decode([number]).strip().lower() for number in range(len(tokenizer))]
    return torch.tensor([NAME_WEIGHT if word in names else 1.0 for word in words])


def digit_tokens(tokenizer) -> torch.Tensor:
    """(V,): is the token a digit?"""
    return torch.tensor([tokenizer.decode([number]).isdecimal() for number in range(len(tokenizer))])


class ReasonerWithHeads(nn.Module):
    """The reasoner with the heads of its losses. One forward returns all losses."""

    def __init__(self, model, tokenizer):
        super().__init__()
        self.model = model
        self.heads = nn.ModuleDict(
            {name: nn.Linear(HIDDEN, loss.outputs) for name, loss in LOSSES.items() if loss.outputs}
        )
        self.vision_tower = VisionTower(model.model.visual)
        self.register_buffer("weights", token_weights(tokenizer), persistent=False)
        self.register_buffer("digits", digit_tokens(tokenizer), persistent=False)
        self.states = {}  # outputs of the last forward by layer, as LOSSES names them
        for number in {loss.layer for loss in LOSSES.values()} - {LAST, TOWER}:
            model.model.language_model.layers[number].register_forward_hook(partial(self._keep, number))

    def _keep(self, number: int, layer, inputs, outputs) -> None:
        self.states[number] = outputs[0] if isinstance(outputs, tuple) else outputs

    def hidden(self, batch: dict) -> torch.Tensor:
        """Last hidden states (B, L, D)."""
        self.states = {}
        embeddings = self.model.get_input_embeddings()(batch["ids"])
        if "patches" in batch:
            features = self.encode_images(batch)
            shown = batch["ids"] == self.model.config.image_token_id
            embeddings = embeddings.masked_scatter(shown[..., None], features.to(embeddings.dtype))
        self.states[LAST] = self.model.model.language_model(
            inputs_embeds=embeddings, position_ids=batch["positions"], attention_mask=None, use_cache=False
        ).last_hidden_state
        return self.states[LAST]

    def encode_images(self, batch: dict) -> torch.Tensor:
        """Features (I, 16, D) of the images shown, from the patches that Renderer.complete made."""
        self.states[TOWER] = self.vision_tower(batch["patches"])
        return self.states[TOWER]

    def image_states(self, states: torch.Tensor, batch: dict) -> torch.Tensor:
        """(B, L, D) -> (T, 64, D): the states at the image tokens of the rows that have them."""
        places = batch["image_starts"][:, None] + torch.arange(64, device=states.device)
        return states[batch["image_rows"][:, None], places]

    def read(self, loss: Loss, batch: dict) -> torch.Tensor:
        """The states (..., D) that a loss reads."""
        states = self.states[loss.layer]
        if loss.layer == TOWER:
            return states
        if loss.tokens == "image_rows":
            return self.image_states(states, batch)
        if loss.tokens in ("patches", "objects"):  # the tokens of the images shown; those with an object
            shown = states[batch["ids"] == self.model.config.image_token_id]
            return shown if loss.tokens == "patches" else shown[batch["token_classes"] > 0]
        rows, places = batch[loss.tokens][:, :2].unbind(1)
        return states[rows, places]

    def losses(self, batch: dict) -> dict[str, torch.Tensor]:
        """The losses by name that the last forward's states and the batch have tokens for."""
        if "patches" in batch:
            batch = batch | patch_targets(batch)
        return {
            name: loss.error(self.heads[loss.head or name](self.read(loss, batch)).float(), batch)
            for name, loss in LOSSES.items()
            if loss.error and loss.layer in self.states and loss.tokens in batch
        }

    def vision_losses(self, batch: dict) -> dict[str, torch.Tensor]:
        """The losses of the vision tower alone."""
        self.states = {}
        self.encode_images(batch)
        return self.losses(batch)

    def chain_error(self, logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor, batch: dict) -> torch.Tensor:
        """The weighted mean of the cross-entropy of (N, V) logits with (N,) labels. rows (N,): the row of each."""
        seen = batch["has_image"][rows] & self.digits[labels]
        weights = torch.where(seen, DIGIT_WEIGHT, self.weights[labels])
        return (F.cross_entropy(logits, labels, reduction="none") * weights).sum() / weights.sum()

    def forward(self, batch: dict) -> dict[str, torch.Tensor]:
        states = self.hidden(batch)
        counted = batch["labels"][:, 1:] != IGNORED
        logits = self.model.lm_head(states[:, :-1][counted]).float()
        chain = self.chain_error(logits, batch["labels"][:, 1:][counted], counted.nonzero()[:, 0], batch)
        return {"chain": chain, **self.losses(batch)}


class Rows(Dataset):
    """Item i: `group` batches of rows of similar length, in random order. Follows from the seed and i alone."""

    def __init__(self, tokenizer, count: int, size: int, group: int, seed: int, vision_only: bool):
        self.tokenizer, self.count, self.size, self.group = tokenizer, count, size, group
        self.seed, self.vision_only = seed, vision_only

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> list[dict]:
        rng = Random(self.seed * 10**9 + index)
        make = describe_row if self.vision_only else random_row
        rows = [make(rng) for _ in range(self.size * self.group)]
        rows.sort(key=lambda row: len(row.prompt) + len(row.chain))
        batches = [collate(rows[i : i + self.size], self.tokenizer) for i in range(0, len(rows), self.size)]
        rng.shuffle(batches)
        return batches


def batches(
    tokenizer, first: int, steps: int, size: int, seed: int, vision_only: bool = False, passes: int = 1, group: int = 8
):
    """The batches of steps first, first + 1, ... from worker processes.

    passes: how often a batch is used, at once and again later. A GPU may be faster than all processes that make rows. A
    resumed run has no batches to repeat at first.
    """
    each = group * passes  # steps that an item makes
    rows = Rows(tokenizer, -(-steps // each), size, group, seed, vision_only)
    order, recent = range(first // each, len(rows)), deque(maxlen=REPLAYED)
    skip = first % each
    for number, item in zip(order, loader(rows, order)):
        recent.append(item)
        rng = Random(f"{seed} again {number}")
        again = [batch for _ in range(passes - 1) for batch in rng.choice(recent)]
        yield from [*item, *again][skip:]
        skip = 0


def optimizer_of(module: nn.Module, decay: float = 0.05):
    matrices = [p for p in module.parameters() if p.ndim >= 2]
    others = [p for p in module.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, fused=True)


def load_tokenizer(folder: Path, start: Path | None = None) -> PreTrainedTokenizerFast:
    """The run's tokenizer. A new run copies that of `start`, or trains one on the world's texts."""
    if not (folder / "tokenizer.json").exists():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(start) if start else train_tokenizer()
        tokenizer.save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)


def load_weights(folder: Path, tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    """A reasoner with the weights of an exported one."""
    model = build(tokenizer)
    exported = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    model.load_state_dict(exported.state_dict())
    return model


def train(
    run: Run, network: ReasonerWithHeads, tokenizer, size: int, seed: int, vision_only: bool, passes: int = 1
) -> None:
    measure = network.vision_losses if vision_only else network
    renderer = Renderer(device())
    for batch in batches(tokenizer, run.step, run.steps, size, seed, vision_only, passes):
        if run.over:
            return
        run.begin_step()
        batch = renderer.complete(batch)
        with mixed_precision():
            losses = measure(batch)
        total(losses).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        run.optimizer.step()
        run.optimizer.zero_grad(set_to_none=True)
        run.end_step(**{name: loss.detach() for name, loss in losses.items()})


def main(given: list[str] | None = None) -> None:
    vision = dict(vision_steps=1000, vision_batch=64, vision_rate=2e-3)
    sizes = dict(steps=1500, minutes=0.0, batch=32, passes=1)
    args = arguments(__doc__, given, **sizes, rate=1.5e-3, seed=1, compile=1, start="", **vision)
    torch.manual_seed(args.seed)
    torch._dynamo.config.recompile_limit = 64  # one graph a sequence length
    folder = args.work / "reasoner"
    folder.mkdir(parents=True, exist_ok=True)
    start = Path(args.start) / REASONER if args.start else None
    tokenizer = load_tokenizer(folder, start)
    model = load_weights(start, tokenizer) if start else build(tokenizer)
    network = ReasonerWithHeads(model, tokenizer).to(device())
    if start is None:  # first the vision tower alone
        parts = {"network": network}
        first = Run(args.work / "vision", parts, optimizer_of(network), args.vision_steps, args.vision_rate)
        train(first, network, tokenizer, args.vision_batch, args.seed + 100, vision_only=True)
    run = Run(folder, {"network": network}, optimizer_of(network), args.steps, args.rate, args.minutes)
    if args.compile:
        for layer in network.model.model.language_model.layers:
            layer.forward = torch.compile(layer.forward, dynamic=False)
    run.note(f"{sum(p.numel() for p in network.model.parameters()) / 1e6:.2f} M parameters, {len(tokenizer)} tokens")
    train(run, network, tokenizer, args.batch, args.seed, False, args.passes)


if __name__ == "__main__":
    main()
