"""Stage 2: the reasoner writes chains, and its 64 image tokens learn to carry the picture.

Losses: cross-entropy on the chain; from the hidden state of image token i, the i-th part of a thumbnail of the picture,
and, for a thumbnail hardly tells shapes, which colors and shapes the picture has;
from the hidden state of each <|box_start|> whose box can be seen, its corners, and before that, one layer after the
other, which object is meant and where its box lies, also as marks of a ruler; one layer later, from every token of the
box, these marks and the digits to be written; from the token before an object's article, the article and the color,
which object is named; from the vision tower, what lies where; from the second layer's states of a picture shown, the
corners of what lies in each patch; from the third layer's, the marks and digits of those.
All but the first two and the names only speed up learning to locate. Source of the tasks: arXiv:2503.10639.
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
from .pictures import CELLS, Pictures
from .rows import collate, describe_row, random_row
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
# A picture has only four places a side, told apart by fast rotations: so height has the fastest that the two of time
# leave, and the base is small. The slow ones at the end let a token find another by what it is, however far away.
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
KINDS = 1 + len(scenes.COLORS) * len(scenes.SHAPES)
SIGHTS = KINDS + 4 + len(scenes.BACKGROUNDS)
# The weights of a token that names a color or a shape, and of a digit of a box that can be seen.
NAMED, SEEN = 4.0, 4.0
CHANGED = 5.0  # the weight of a part of the picture that the chain changes, for the image tokens to tell
# The layers, from 0, after which a picture's tokens must know where their objects are, which nothing tells the vision
# tower, and how that is written.
PLACING, SPELLING = 1, 2
# The layers after which a <|box_start|> must know which object is meant, where its box lies, and, as every token of the
# box, how that is written.
CHOOSING, LOCATING, WRITING = 2, 3, 4
NAMING = 4  # the layer after which the token before an object's article, the article and the color must know the object
DIGITS, END = 3, 10  # of a coordinate, at most; what stands for "no further digit"
# The marks of a ruler along a side. Digits do not follow from a coordinate as a quantity by any linear map; they do, on
# the grid, from the mark it lies on.
MARKS = 1000 // scenes.STEP + 1
RECALLED = 48  # items of batches among which one is taken again
WEIGHTS = dict(
    chain=4.0,
    picture=1.0,
    cells=1.0,
    kinds=2.0,
    corners=4.0,
    meant=1.0,
    located=4.0,
    marked=1.0,
    held=1.0,
    written=1.0,
    named=1.0,
    places=4.0,
    marks=0.5,
    digits=0.5,
    sight=0.4,
    extent=0.4,
)


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


class Eyes(nn.Module):
    """The vision tower run on pictures of one size as a plain batch; the same numbers as the tower's own forward."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower
        grid = torch.tensor([[1, CELLS, CELLS]])
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
    """cos and sin of the tower's rotations for one picture, caught from its own forward."""
    caught = []
    hook = tower.blocks[0].register_forward_pre_hook(
        lambda _, args, kwargs: caught.append(kwargs["position_embeddings"]), with_kwargs=True
    )
    with torch.no_grad():
        tower(torch.zeros(int(grid.prod()), tower.patch_embed.proj.weight[0].numel()), grid)
    hook.remove()
    return tuple(angle.detach().clone() for angle in caught[0])


def token_weights(tokenizer) -> torch.Tensor:
    """(V,): colors and shapes weigh more than the words around them and than digits, many of which are chance.

    So do articles: after a wrong one only other colors can follow.
    """
    named = {*scenes.COLORS, *scenes.SHAPES, *scenes.BACKGROUNDS, *(shape + "s" for shape in scenes.SHAPES), "a", "an"}
    words = [tokenizer.decode([number]).strip().lower() for number in range(len(tokenizer))]
    return torch.tensor([NAMED if word in named else 1.0 for word in words])


def digit_tokens(tokenizer) -> torch.Tensor:
    """(V,): is the token a digit?"""
    return torch.tensor([tokenizer.decode([number]).isdecimal() for number in range(len(tokenizer))])


def spelled(numbers: torch.Tensor) -> torch.Tensor:
    """Whole numbers (...,) of 0 to 999 -> (..., DIGITS): their digits from the left, then END: 25 is 2, 5, END."""
    digits = torch.stack([numbers // 100, numbers // 10 % 10, numbers % 10, *[torch.full_like(numbers, END)] * 2], -1)
    first = (numbers < 100).long() + (numbers < 10).long()
    return digits.gather(-1, first[..., None] + torch.arange(DIGITS, device=numbers.device))


def digit_error(logits: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of (N, 4 * DIGITS * (END + 1)) logits with the digits of boxes (N, 4), corners in 0..1."""
    asked = spelled((boxes * 1000).round().long())
    return F.cross_entropy(logits.float().view(-1, END + 1), asked.flatten())


def marks_error(logits: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of (N, 4 * MARKS) logits with boxes (N, 4), corners in 0..1, each shared between its two marks."""
    at = boxes.float() * (MARKS - 1)
    below = at.floor().clamp(max=MARKS - 2)
    asked = torch.zeros(*boxes.shape, MARKS, device=boxes.device)  # (N, 4, MARKS)
    asked.scatter_(-1, below.long()[..., None], (1 - (at - below))[..., None])
    asked.scatter_(-1, below.long()[..., None] + 1, (at - below)[..., None])
    return F.cross_entropy(logits.float().view(-1, MARKS), asked.flatten(0, 1))


def cells_error(logits: torch.Tensor, cells: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    """The weighted mean of the cross-entropy of (N, KINDS) logits with (N,) classes; changed (N,): weigh more."""
    weights = torch.where(changed, CHANGED, 1.0)
    return (F.cross_entropy(logits, cells, reduction="none") * weights).sum() / weights.sum()


def patch_centers() -> torch.Tensor:
    """(64, 4): x, y, x, y of each patch's center in cells, in the order of `Pictures.patches`."""
    grid = torch.stack(torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij")[::-1], -1) + 0.5
    return grid.view(CELLS // 2, 2, CELLS // 2, 2, 2).transpose(1, 2).reshape(-1, 2).repeat(1, 2)


def owners(classes: torch.Tensor, corners: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Class (N,) and corners (N, 4) of the object that has most of each token's patches, from those of all patches."""
    classes, corners = classes.view(-1, 4), corners.view(-1, 4, 4)  # a row for each of the tokens
    alike = (classes[:, :, None] == classes[:, None]).sum(-1) * (classes > 0)
    most = alike.argmax(-1)
    rows = torch.arange(len(most), device=most.device)
    return classes[rows, most], corners[rows, most]


class Heads(nn.Module):
    """Linear readers of hidden states, used in training only."""

    def __init__(self):
        super().__init__()
        self.picture = nn.Linear(HIDDEN, 48)
        self.kinds = nn.Linear(HIDDEN, KINDS - 1)
        self.cells = nn.Linear(HIDDEN, KINDS)
        self.corners = nn.Linear(HIDDEN, 4)
        self.meant = nn.Linear(HIDDEN, KINDS)
        self.located = nn.Linear(HIDDEN, 4)
        self.marked = nn.Linear(HIDDEN, 4 * MARKS)
        self.held = nn.Linear(HIDDEN, 4 * MARKS)
        self.written = nn.Linear(HIDDEN, 4 * DIGITS * (END + 1))
        self.named = nn.Linear(HIDDEN, KINDS)
        self.places = nn.Linear(HIDDEN, 16)
        self.owner = nn.Linear(HIDDEN, KINDS + 4)
        self.marks = nn.Linear(HIDDEN, 4 * MARKS)
        self.digits = nn.Linear(HIDDEN, 4 * DIGITS * (END + 1))
        self.sight = nn.Linear(HIDDEN, 4 * SIGHTS)  # four patches a merged token


class Student(nn.Module):
    """The reasoner with its heads; one forward gives all losses."""

    def __init__(self, model, tokenizer):
        super().__init__()
        self.model, self.heads, self.eyes = model, Heads(), Eyes(model.model.visual)
        self.register_buffer("weights", token_weights(tokenizer), persistent=False)
        self.register_buffer("written", digit_tokens(tokenizer), persistent=False)
        self.early = {}  # hidden states by the layer that they come from
        for number in {PLACING, SPELLING, CHOOSING, LOCATING, WRITING, NAMING}:
            model.model.language_model.layers[number].register_forward_hook(partial(self.keep_early, number))

    def keep_early(self, number: int, layer, inputs, outputs) -> None:
        self.early[number] = outputs[0] if isinstance(outputs, tuple) else outputs

    def picture_errors(self, batch: dict) -> dict[str, torch.Tensor]:
        """How far the early states of the pictures shown are from telling where what lies in them is.

        places: the corners of what lies in each patch, and kind and corners of what has most of a token's four patches:
        one object a token is what a name can find. marks: on which marks the corners of the latter lie; digits: how
        they are written.
        """
        shown = batch["ids"] == self.model.config.image_token_id
        placing, spelling = (self.early[number][shown] for number in (PLACING, SPELLING))
        told = self.heads.places(placing).float().view(-1, 64, 4)  # (I, 64, 4)
        on = batch["classes"] > 0
        corners = (batch["sights"] + patch_centers().to(told)) / CELLS  # (I, 64, 4)
        places = F.smooth_l1_loss(told[on], corners[on], beta=0.05)
        owner, box = owners(batch["classes"], corners)
        kinds, told = self.heads.owner(placing).float().split((KINDS, 4), -1)
        on = owner > 0
        places = places + 0.2 * F.cross_entropy(kinds, owner) + F.smooth_l1_loss(told[on], box[on], beta=0.05)
        spelling, box = spelling[on], box[on]
        marks = marks_error(self.heads.marks(spelling), box)
        return {"places": places, "marks": marks, "digits": digit_error(self.heads.digits(spelling), box)}

    def box_errors(self, batch: dict) -> dict[str, torch.Tensor]:
        """How far the early states of each <|box_start|> whose box can be seen are from telling what to write.

        meant: which object; located and marked: where its box lies, as corners and as marks. held and written, marks
        and digits, are asked of every token of the box, so that each takes them from the <|box_start|>: alone it
        looks for the object once more, and sometimes finds another.
        """
        rows, places = batch["spots"].unbind(1)
        choosing, locating = (self.early[number][rows, places] for number in (CHOOSING, LOCATING))
        rows, places, numbers = batch["spans"].unbind(1)
        writing, spans = self.early[WRITING][rows, places], batch["boxes"][numbers]
        return {
            "meant": F.cross_entropy(self.heads.meant(choosing).float(), batch["meant"]),
            "located": F.smooth_l1_loss(self.heads.located(locating).float(), batch["boxes"], beta=0.05),
            "marked": marks_error(self.heads.marked(locating), batch["boxes"]),
            "held": marks_error(self.heads.held(writing), spans),
            "written": digit_error(self.heads.written(writing), spans),
        }

    def name_error(self, batch: dict) -> torch.Tensor:
        """How far the token before an article, the article and the color are from telling which object is named.

        Left to the next token alone, an article is a guess, and the name that follows must then fit the guess.
        """
        rows, places, classes = batch["names"].unbind(1)
        return F.cross_entropy(self.heads.named(self.early[NAMING][rows, places]).float(), classes)

    def look(self, batch: dict) -> tuple[torch.Tensor, dict]:
        """Features (I, 16, D) of the pictures shown, and the losses of the vision tower."""
        features = self.eyes(batch["patches"])  # made by Pictures.complete
        seen = self.heads.sight(features).unflatten(-1, (4, SIGHTS)).flatten(1, 2).float()  # (I, 64, SIGHTS)
        kinds, extents, grounds = seen.split((KINDS, 4, len(scenes.BACKGROUNDS)), -1)
        on = batch["classes"] > 0
        sight = F.cross_entropy(kinds.flatten(0, 1), batch["classes"].flatten())
        sight = sight + F.cross_entropy(grounds.flatten(0, 1), batch["grounds"].repeat_interleave(grounds.shape[1]))
        return features, {"sight": sight, "extent": F.smooth_l1_loss(extents[on], batch["sights"][on], beta=0.2)}

    def hidden(self, batch: dict) -> tuple[torch.Tensor, dict]:
        """Last hidden states (B, L, D) and the losses of the vision tower."""
        embeddings, losses = self.model.get_input_embeddings()(batch["ids"]), {}
        if "patches" in batch:
            features, losses = self.look(batch)
            pads = batch["ids"] == self.model.config.image_token_id
            embeddings = embeddings.masked_scatter(pads[..., None], features.to(embeddings.dtype))
        out = self.model.model.language_model(
            inputs_embeds=embeddings, position_ids=batch["positions"], attention_mask=None, use_cache=False
        )
        if "patches" in batch:
            losses |= self.picture_errors(batch)
        return out.last_hidden_state, losses

    def image_states(self, states: torch.Tensor, batch: dict) -> torch.Tensor:
        """(B, L, D) -> (T, 64, D): the states at the image tokens of the rows that have them."""
        places = batch["starts"][:, None] + torch.arange(64, device=states.device)
        return states[batch["drawn"][:, None], places]

    def chain_error(self, logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor, batch: dict) -> torch.Tensor:
        """The weighted mean of the cross-entropy of (N, V) logits with (N,) labels; rows (N,): the row of each."""
        seen = batch["looking"][rows] & self.written[labels]
        weights = torch.where(seen, SEEN, self.weights[labels])
        return (F.cross_entropy(logits, labels, reduction="none") * weights).sum() / weights.sum()

    def forward(self, batch: dict) -> dict:
        states, losses = self.hidden(batch)
        asked = batch["labels"][:, 1:] != -100
        logits = self.model.lm_head(states[:, :-1][asked]).float()
        losses["chain"] = self.chain_error(logits, batch["labels"][:, 1:][asked], asked.nonzero()[:, 0], batch)
        if "names" in batch:
            losses["named"] = self.name_error(batch)
        if "drawn" in batch:
            drawn = self.image_states(states, batch)
            losses["picture"] = F.mse_loss(self.heads.picture(drawn).float(), batch["thumbnails"])
            here = self.heads.cells(drawn).float().flatten(0, 1)
            losses["cells"] = cells_error(here, batch["cells"].flatten(), batch["changed"].flatten())
            there = batch["kinds"][:, None].expand(-1, drawn.shape[1], -1)
            losses["kinds"] = F.binary_cross_entropy_with_logits(self.heads.kinds(drawn).float(), there)
        if "spots" in batch:
            corners = self.heads.corners(states[batch["spots"][:, 0], batch["spots"][:, 1]]).float()
            losses["corners"] = F.smooth_l1_loss(corners, batch["boxes"], beta=0.05)
            losses |= self.box_errors(batch)
        return losses


class Rows(Dataset):
    """Item i: `group` batches of rows of similar length, in random order. Follows from the seed and i alone."""

    def __init__(self, tokenizer, count: int, size: int, group: int, seed: int, only_looking: bool):
        self.tokenizer, self.count, self.size, self.group = tokenizer, count, size, group
        self.seed, self.only_looking = seed, only_looking

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> list[dict]:
        rng = Random(self.seed * 10**9 + index)
        make = describe_row if self.only_looking else random_row
        rows = [make(rng) for _ in range(self.size * self.group)]
        rows.sort(key=lambda row: len(row.prompt) + len(row.chain))
        batches = [collate(rows[i : i + self.size], self.tokenizer) for i in range(0, len(rows), self.size)]
        rng.shuffle(batches)
        return batches


def batches(
    tokenizer, first: int, steps: int, size: int, seed: int, looking: bool = False, passes: int = 1, group: int = 8
):
    """The batches of steps first, first + 1, ... from worker processes.

    passes: how often a batch is taken: at once, and later among some hundred others, for a GPU may be faster than all
    processes that make rows. A run that is resumed has none to recall at first.
    """
    each = group * passes  # steps that an item makes
    rows = Rows(tokenizer, -(-steps // each), size, group, seed, looking)
    order, recent = range(first // each, len(rows)), deque(maxlen=RECALLED)
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
    """The run's tokenizer; on first use that of the reasoner it starts from, else one trained on the world's texts."""
    if not (folder / "tokenizer.json").exists():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(start) if start else train_tokenizer()
        tokenizer.save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)


def built_from(folder: Path, tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    """A reasoner with the weights of an exported one."""
    model = build(tokenizer)
    exported = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    model.load_state_dict(exported.state_dict())
    return model


def learn(run: Run, student: Student, tokenizer, size: int, seed: int, looking: bool, passes: int = 1) -> None:
    measure = (lambda batch: student.look(batch)[1]) if looking else student
    pictures = Pictures(device())
    for batch in batches(tokenizer, run.step, run.steps, size, seed, looking, passes):
        if run.over:
            return
        run.begin_step()
        batch = pictures.complete(batch)
        with mixed_precision():
            losses = measure(batch)
        sum(WEIGHTS[name] * loss for name, loss in losses.items()).backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        run.optimizer.step()
        run.optimizer.zero_grad(set_to_none=True)
        run.end_step(**{name: loss.detach() for name, loss in losses.items()})


def main(given: list[str] | None = None) -> None:
    look = dict(look_steps=1000, look_batch=64, look_rate=2e-3)
    sizes = dict(steps=1500, minutes=0.0, batch=32, passes=1)
    args = arguments(__doc__, given, **sizes, rate=1.5e-3, seed=1, compile=1, start="", **look)
    torch.manual_seed(args.seed)
    torch._dynamo.config.recompile_limit = 64  # one graph a sequence length
    folder = args.work / "reasoner"
    folder.mkdir(parents=True, exist_ok=True)
    start = Path(args.start) / REASONER if args.start else None
    tokenizer = load_tokenizer(folder, start)
    model = built_from(start, tokenizer) if start else build(tokenizer)
    student = Student(model, tokenizer).to(device())
    if start is None:  # first the vision tower alone
        sight = Run(args.work / "sight", {"student": student}, optimizer_of(student), args.look_steps, args.look_rate)
        learn(sight, student, tokenizer, args.look_batch, args.seed + 100, looking=True)
    run = Run(folder, {"student": student}, optimizer_of(student), args.steps, args.rate, args.minutes)
    if args.compile:
        for layer in student.model.model.language_model.layers:
            layer.forward = torch.compile(layer.forward, dynamic=False)
    run.note(f"{sum(p.numel() for p in student.model.parameters()) / 1e6:.2f} M parameters, {len(tokenizer)} tokens")
    learn(run, student, tokenizer, args.batch, args.seed, False, args.passes)


if __name__ == "__main__":
    main()
