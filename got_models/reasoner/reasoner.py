"""The reasoner: Qwen2.5-VL that writes chains. A GoT model's also reads them into 64 hidden states that guide the UNet.

Works on tensors and tokens; knows nothing of ComfyUI, files or boxes in pixels. The network is transformers'
`Qwen2_5_VLForConditionalGeneration`, used by its parts (network.py), with position ids computed here. So the numbers
are the same with every transformers release since 4.50.

Source: arXiv 2503.10639 section 4.2 and the released inference code; position ids: Qwen2.5-VL's multimodal RoPE.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import torch
from torch import Tensor, nn

from ..chain.grammar import (
    Chain,
    ChainError,
    canonical_text,
    guiding_like,
    parse_regions,
    without_unfinished_box,
)
from ..chain.request import Request, with_wish
from ..errors import GoTError
from ..files.manifest import Manifest
from ..guidance.images import bicubic
from .cuda_graph import EagerStep, LazyCUDAGraphStep
from .dialects import Dialect, GotDialect
from .generation import (
    LOOKAHEAD,
    Generation,
    OnToken,
    PromptLookup,
    Sequence,
    decode_batch,
    decode_with_lookup,
)
from .network import CachedQwenVL, KVCache, mrope_position_ids, round_up_to_block
from .prompt import Vocabulary, turns_of
from .sampling import Sampling, TokenSampler

Turn = TypeVar("Turn", Request, Chain)

# B: batch, L: tokens, T: image tokens (64), D: hidden size of the language model


class Semantics(NamedTuple):
    """What a chain means to one reasoner: hidden states (1, T, D) at the image tokens, and that reasoner's key."""

    hidden: Tensor
    reasoner: str


class ImageFeatures(NamedTuple):
    """An image as one reasoner's vision tower encoded it.

    features: (tokens, D). grid: patches in time, height and width. reasoner: that reasoner's key.
    """

    features: Tensor
    grid: tuple[int, int, int]
    reasoner: str


class ReasonerNetwork(nn.Module):
    """The networks of a reasoner as one module: the language model and the two projectors.

    context: Linear D -> the UNet's context width. pooled: Linear D -> the UNet's pooled width. A model that only plans
    has None.
    """

    def __init__(
        self, language_model: nn.Module, context: nn.Linear | None = None, pooled: nn.Linear | None = None
    ) -> None:
        super().__init__()
        self.language_model, self.context, self.pooled = language_model, context, pooled
        self.device = None  # ComfyUI's model patcher sets it

    def get_dtype(self) -> torch.dtype:
        """The dtype in which the network computes; large weights may be stored in a smaller one."""
        return CachedQwenVL(self.language_model).text_model.norm.weight.dtype


class Reasoner:
    """A reasoner ready to use. `device` is where its network's inputs go; the network may be loaded there in part.

    use_cuda_graph: whether the step of a token may become a CUDA graph, where a CUDA device holds all weights.
    dialect: how the model is asked and answers; by default as a GoT model. A model without image tokens only plans.
    """

    def __init__(
        self,
        network: ReasonerNetwork,
        tokenizer: Any,
        image_processor: Any,
        manifest: Manifest,
        dialect: Dialect | None = None,
    ) -> None:
        self.network, self.image_processor, self.manifest = network, image_processor, manifest
        self.qwen = CachedQwenVL(network.language_model)
        self.dialect = dialect or GotDialect(manifest.reasoner_image_size)
        self.vocabulary = Vocabulary(tokenizer, manifest.image_tokens, self.dialect)
        self.key = uuid4().hex
        self.device = torch.device("cpu")
        self.use_cuda_graph = True

    def write(
        self,
        request: Request,
        sampling: Sampling,
        max_tokens: int = 1024,
        constrain: bool = True,
        on_token: OnToken = lambda count, text: None,
    ) -> Chain:
        """Write the chain that a request asks for.

        on_token is called with the number of tokens and the text so far; it may raise to stop. constrain: the chain is
        always well formed; without it, ChainError is raised for a box or color that cannot be drawn.
        The result is marked `cut` if max_tokens came first. It carries the image features of its source, and its
        semantics, unless its text had to be corrected.
        """
        [written] = self.write_all([request], [sampling], max_tokens, constrain, lambda _, *event: on_token(*event))
        if isinstance(written, ChainError):
            raise written
        return written

    def write_all(
        self,
        requests: list[Request],
        samplings: list[Sampling],
        max_tokens: int = 1024,
        constrain: bool = True,
        on_token: Callable[[int, int, str], None] = lambda number, count, text: None,
        cache_memory: float = math.inf,
    ) -> list[Chain | ChainError]:
        """Write the chains of several requests in batches: the same as one by one, in less time. Otherwise as `write`.

        on_token is called with the number of the request first. A request that is in the list twice is read once, an
        image encoded once. A lookup text is used if its batch has no other request. The result has a ChainError in
        place of a chain that cannot be drawn. cache_memory: bytes that the KV cache of a batch may take, unless that of
        one chain takes more.
        """
        encoded: dict[Tensor, ImageFeatures] = {}
        prompts = {one: self._prompt(self._with_image_features(self.dialect.asked(one), encoded)) for one in requests}
        longest = max(len(prompt.ids) for prompt in prompts.values())
        capacity = round_up_to_block(longest + max_tokens + LOOKAHEAD + len(self.vocabulary.image_ids))
        size = int(max(1, min(len(requests), cache_memory / self.qwen.cache_bytes(capacity, self.network.get_dtype()))))
        jobs = [
            _Job(prompts[request], sampling, partial(on_token, number))
            for number, (request, sampling) in enumerate(zip(requests, samplings, strict=True))
        ]
        batches = [jobs[start : start + size] for start in range(0, len(jobs), size)]
        return [chain for batch in batches for chain in self._write_batch(batch, capacity, max_tokens, constrain)]

    def semantics(self, chain: Chain) -> Semantics:
        """The hidden states of a chain: those it was written with, or else from one forward pass over its text.

        GoTError if this reasoner only plans.
        """
        self.check_guides()
        if chain.semantics is not None and chain.semantics.reasoner == self.key:
            return chain.semantics
        prompt = self._prompt(self._with_image_features(chain, {}), tuple(self.vocabulary.image_ids))
        cache = self.qwen.new_cache(1, len(prompt.ids), like=prompt.embeddings)
        return self._semantics(Sequence(self.qwen, prompt.embeddings, prompt.position_ids, cache).prefill())

    def check_guides(self) -> None:
        """Raise GoTError if this reasoner only plans: it has no image tokens and no projectors."""
        if not self.manifest.image_tokens:
            raise GoTError(
                f"'{self.manifest.name}' only plans: it is a plain Qwen2.5-VL, and cannot encode a chain's meaning for "
                f"GoT's UNet. Connect the reasoner of GoT Loader here, which reads any chain. To draw with another "
                f"model, use GoT Regional Conditioning or GoT Chain To Boxes."
            )

    def conditions(self, semantics: Semantics) -> tuple[Tensor, Tensor, Tensor]:
        """context (1, T, C), null context (1, T, C) and pooled (1, P) for the UNet, in float32.

        context = context(H), null = context(0), pooled = mean over T of pooled(H)

        Runs where the projectors' weights are: they are small, and the language model need not be loaded for them.
        """
        network = self.network
        hidden = semantics.hidden.to(network.context.weight.device, network.context.weight.dtype)
        context, null = network.context(hidden), network.context(torch.zeros_like(hidden))
        return context.float(), null.float(), network.pooled(hidden).mean(1).float()

    def image_inputs(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """See the function of that name."""
        size = self.dialect.image_size(image.shape[2], image.shape[1])
        return image_inputs(image, size, self.image_processor)

    def _write_batch(
        self, jobs: list["_Job"], capacity: int, max_tokens: int, constrain: bool
    ) -> list[Chain | ChainError]:
        """Write some chains at once, in a cache of `capacity` tokens for each."""
        cache = self.qwen.new_cache(len(jobs), capacity, like=jobs[0].prompt.embeddings)
        step = (LazyCUDAGraphStep if self._can_capture() else EagerStep)(self.qwen, cache)
        sequences, logits = self._prefill(jobs, cache)
        pairs = list(zip(jobs, sequences, strict=True))
        generations = [self._generation(job, sequence, max_tokens, constrain) for job, sequence in pairs]
        first = jobs[0].prompt.turn
        if len(jobs) == 1 and first.lookup_text:
            lookup = PromptLookup(self.vocabulary.answer_ids(first.lookup_text, first))
            decode_with_lookup(generations[0], logits, step, lookup)
        else:
            decode_batch(generations, logits, step)
        turns = [job.prompt.turn for job in jobs]
        return [self._chain(turn, made, constrain) for turn, made in zip(turns, generations, strict=True)]

    def _generation(self, job: "_Job", sequence: Sequence, max_tokens: int, constrain: bool) -> Generation:
        turn = job.prompt.turn
        sample = TokenSampler(job.sampling, self.vocabulary, constrain, self.dialect.coordinates(turn))

        def on_token(count: int, text: str) -> None:
            job.on_token(count, self.dialect.show(text, turn))

        return Generation(sequence, job.prompt.ids, job.prompt.begun, self.vocabulary, sample, on_token, max_tokens)

    def _prefill(self, jobs: list["_Job"], cache: KVCache) -> tuple[list[Sequence], Tensor]:
        """A sequence per job that has read its prompt, and the logits (jobs, vocabulary) of the first new tokens."""
        sequences, logits, rows = [], [], {}
        for number, (prompt, *_) in enumerate(jobs):
            sequence = Sequence(self.qwen, prompt.embeddings, prompt.position_ids, cache.row(number))
            first = rows.setdefault(prompt.turn, number)  # the row that reads this prompt
            if first == number:
                logits.append(self.qwen.logits(sequence.prefill()[:, -1]))
            else:
                sequence.copy_from(sequences[first])
                logits.append(logits[first])
            sequences.append(sequence)
        return sequences, torch.cat(logits)

    def _chain(self, request: Request, generation: Generation, constrained: bool) -> Chain | ChainError:
        """The chain of a finished generation, with its semantics if the text is exactly what was generated."""
        raw = self.vocabulary.decode(generation.written)
        beginning = self.dialect.spell(request.text, request)  # what was given stays in GoT's form, with its tags
        begun, rest = (request.text, raw[len(beginning) :]) if raw.startswith(beginning) else ("", raw)
        try:
            rest, cut = self.dialect.read(rest, request, constrained)
            raw = begun + rest
            text = canonical_text(raw if generation.stopped else without_unfinished_box(raw))
            regions = parse_regions(text)
            if request.plan is not None:  # its locked regions keep their strength, LoRA and switch
                regions = guiding_like([request.plan.regions[number] for number in request.plan.locked], regions)
        except ChainError as error:
            return error
        guides = self.manifest.image_tokens and self.vocabulary.is_answer(generation.written, text, request)
        return Chain(
            *(request.task, with_wish(request).prompt, text, regions, request.source),
            cut=cut or not generation.stopped,
            earlier=request.earlier,
            semantics=self._semantics(generation.finish(self.vocabulary.image_ids)) if guides else None,
            locked=tuple(range(len(parse_regions(request.text)))),
            image_features=request.image_features,
        )

    def _semantics(self, hidden: Tensor) -> Semantics:
        return Semantics(hidden[:, -self.manifest.image_tokens :].float().cpu(), self.key)

    def _can_capture(self) -> bool:
        """Whether the step of a token may become a CUDA graph: a CUDA device holds every weight."""
        if not self.use_cuda_graph or self.device.type != "cuda":
            return False
        return all(weight.device == self.device for weight in self.network.language_model.parameters())

    def _prompt(self, turn: Request | Chain, suffix: tuple[int, ...] = ()) -> "_Prompt":
        """The ids, embeddings and position ids of a turn with its text so far, and of the ids `suffix` after it."""
        images = [part.image_features for part in turns_of(turn) if part.image_features]
        grids, merge_size = [image.grid for image in images], self.qwen.merge_size
        prompt = self.vocabulary.prompt_ids(turn, [t * h * w // merge_size**2 for t, h, w in grids])
        begun = self.vocabulary.answer_ids(turn.text, turn)
        ids = [*prompt, *begun, *suffix]
        tokens = torch.tensor([ids], device=self.device)
        embeddings = self.qwen.embed(tokens)  # (1, L, D)
        if images:
            features = torch.cat([image.features for image in images]).to(embeddings)
            embeddings = embeddings.masked_scatter((tokens == self.vocabulary.image_pad).unsqueeze(-1), features)
        position_ids = mrope_position_ids(ids, self.vocabulary.image_pad, grids, merge_size)
        return _Prompt(turn, ids, begun, embeddings, position_ids)

    def _with_image_features(self, turn: Turn, encoded: dict[Tensor, ImageFeatures]) -> Turn:
        """The turn with this reasoner's features of its source and of the earlier turns' sources, each encoded once.

        encoded: the features of other turns' sources; more are added.
        """
        earlier = self._with_image_features(turn.earlier, encoded) if turn.earlier else None
        if turn.source is None or (turn.image_features is not None and turn.image_features.reasoner == self.key):
            return replace(turn, earlier=earlier)
        if turn.source not in encoded:
            encoded[turn.source] = self._encode_image(turn.source)
        return replace(turn, earlier=earlier, image_features=encoded[turn.source])

    def _encode_image(self, image: Tensor) -> ImageFeatures:
        patches, grids = self.image_inputs(image)
        grid = tuple(grids[0].tolist())
        return ImageFeatures(self.qwen.encode_image(patches, grid, self.device).cpu(), grid, self.key)


def image_inputs(image: Tensor, size: tuple[int, int], image_processor: Any) -> tuple[Tensor, Tensor]:
    """A source image (1, height, width, 3) in 0..1 as the vision tower's patches and its (1, 3) grid of them.

    size: width and height in pixels at which the language model sees it.
    """
    inputs = image_processor(images=[bicubic(image, size)], do_resize=False, return_tensors="pt")
    return inputs["pixel_values"], inputs["image_grid_thw"]


class _Prompt(NamedTuple):
    """What a turn puts before the first new token.

    turn: with its image features. ids: the last ones are the turn's own text, `begun`. embeddings: (1, L, D).
    position_ids: (3, 1, L).
    """

    turn: Request | Chain
    ids: list[int]
    begun: list[int]
    embeddings: Tensor
    position_ids: Tensor


class _Job(NamedTuple):
    """A chain to write: its prompt, how its tokens are chosen, and what is called after each."""

    prompt: _Prompt
    sampling: Sampling
    on_token: OnToken
