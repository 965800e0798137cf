"""The reasoner under ComfyUI's memory management: loaded when used, partially if needed, freed like every model.

Written against ComfyUI 0.30.0: comfy.ops.disable_weight_init and mixed_precision_ops,
comfy.model_patcher.CoreModelPatcher, load_models_gpu.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.utils
import torch
from comfy_execution.utils import get_executing_context
from server import PromptServer
from torch import Tensor, nn
from torch.nn.functional import rms_norm

from ..chain.grammar import Chain, ChainError, plain_text
from ..chain.request import Request
from ..files.fp8 import LAYER, Fp8Linear, as_bytes
from ..files.manifest import REASONER
from ..files.planner import read_planner
from ..files.weights import weights_of
from ..reasoner.loading import load_planner, load_reasoner
from ..reasoner.reasoner import Reasoner, Semantics
from ..reasoner.sampling import Sampling
from .linear import Linear
from .notes import send_note, unknown_words
from .precision import reasoner_dtype, reasoner_stays

_OPS = comfy.ops.disable_weight_init  # these cast weights at run time only if the patcher or `retype` asks for it
_COMFY_LAYERS = {
    nn.Linear: Linear,
    nn.Conv2d: _OPS.Conv2d,
    nn.Conv3d: _OPS.Conv3d,
    nn.LayerNorm: _OPS.LayerNorm,
}
_SECONDS_BETWEEN_TEXTS = 0.1
_WORKING_MEMORY = 512 * 1024**2  # bytes, for activations and the KV cache of a few thousand tokens
_CACHE_MEMORY = 1024**3  # bytes, for the KV cache of a batch of chains
_SHARE = 0.8  # of a card's memory: a reasoner that takes less, with its working memory, is loaded as a whole


class ManagedReasoner:
    """The value of a GOT_REASONER wire. `patcher` owns the network; nothing else keeps it on a device.

    use_cuda_graph: see reasoner.Reasoner.
    """

    def __init__(
        self, folder: Path, load: Callable[..., Reasoner] = load_reasoner, weights: Path | None = None
    ) -> None:
        """load: reasoner.loading.load_reasoner or load_planner. weights: where they are, if not in a GoT model."""
        management = comfy.model_management
        device, offload_device = management.get_torch_device(), management.text_encoder_offload_device()
        dtype, check = reasoner_dtype(), management.throw_exception_if_processing_interrupted
        self.reasoner = load(folder, dtype, reasoner_stays(*weights_of(weights or folder / REASONER)), check)
        self.manifest, self.use_cuda_graph = self.reasoner.manifest, True
        retype(self.reasoner.network, dtype)
        patcher_class = _patcher_class(self.reasoner.network, device)
        self.patcher = patcher_class(self.reasoner.network, load_device=device, offload_device=offload_device)

    def write(
        self,
        request: Request,
        sampling: Sampling,
        max_tokens: int,
        constrain: bool,
        node_id: str | None,
    ) -> Chain:
        """Write a chain. Its text goes to the browser, its progress is shown, and Stop takes effect within one token.

        ChainError, without constrain, if the chain cannot be drawn.
        """
        [written] = self.write_all([request], [sampling], max_tokens, constrain, node_id)
        if isinstance(written, ChainError):
            raise written
        return written

    def write_all(
        self,
        requests: list[Request],
        samplings: list[Sampling],
        max_tokens: int,
        constrain: bool,
        node_id: str | None,
    ) -> list[Chain | ChainError]:
        """Write the chains of several requests, in batches that fit in _CACHE_MEMORY. Otherwise as `write`.

        The result has a ChainError in place of a chain that cannot be drawn.
        """
        one = self.reasoner.qwen.cache_bytes(max_tokens, self.reasoner.network.get_dtype())
        self._load(_WORKING_MEMORY + min(_CACHE_MEMORY, (len(requests) - 1) * one))
        patched = _patched_at_run_time(self.reasoner.network.language_model)
        self.reasoner.use_cuda_graph = self.use_cuda_graph and not patched
        stream = _Stream(node_id, len(requests))
        try:
            report = _progress(max_tokens, stream)
            written = self.reasoner.write_all(requests, samplings, max_tokens, constrain, report, _CACHE_MEMORY)
            stream.finish(written, max_tokens, [unknown_words(self.manifest, request) for request in requests])
        finally:
            stream.send()
        return written

    def check_guides(self) -> None:
        """Raise GoTError if this reasoner only plans."""
        self.reasoner.check_guides()

    def semantics(self, chain: Chain) -> Semantics:
        """The chain's hidden states. The network is loaded only if the chain does not carry them."""
        self.check_guides()
        if chain.semantics is None or chain.semantics.reasoner != self.reasoner.key:
            self._load()
        return self.reasoner.semantics(chain)

    def conditions(self, semantics: Semantics) -> tuple[Tensor, Tensor, Tensor]:
        """context, null context, pooled, on the intermediate device (see reasoner.Reasoner.conditions)."""
        return tuple(
            part.to(comfy.model_management.intermediate_device()) for part in self.reasoner.conditions(semantics)
        )

    def _load(self, working_memory: int = _WORKING_MEMORY) -> None:
        comfy.model_management.load_models_gpu([self.patcher], memory_required=working_memory)
        self.reasoner.device = self.patcher.load_device
        for module in self.patcher.model.modules():
            # The rotary tables: they are small, and ComfyUI moves only layers with weights.
            for name, buffer in module.named_buffers(recurse=False):
                module._buffers[name] = buffer.to(self.patcher.load_device)


def _patcher_class(network: nn.Module, device: torch.device) -> type[comfy.model_patcher.ModelPatcher]:
    """The patcher that loads the network as a whole if the device has room, else ComfyUI's own choice.

    Under DynamicVRAM, ComfyUI's default on NVIDIA cards, each layer fetches its weights whenever it runs, so no step
    could be captured as a CUDA graph. ComfyUI makes the same exception for some VAEs (disable_offload).
    """
    management = comfy.model_management
    whole = management.module_size(network) + _WORKING_MEMORY + management.minimum_inference_memory()
    patchers = comfy.model_patcher
    roomy = whole <= _SHARE * management.get_total_memory(device)
    return patchers.ModelPatcher if roomy else patchers.CoreModelPatcher


def _patched_at_run_time(network: nn.Module) -> bool:
    """Whether a layer changes its weights each time it runs, such as for a LoRA on partially loaded weights."""
    changes = ("weight_function", "bias_function")
    return any(getattr(layer, name, None) for layer in network.modules() for name in changes)


def managed_planner(path: Path, tokenizer_folder: Path | None = None) -> ManagedReasoner:
    """A plain Qwen2.5-VL, which only plans. Arguments and errors: reasoner.loading.load_planner."""
    read_planner(path)  # refuses another model before its weights are counted
    return ManagedReasoner(path, partial(load_planner, tokenizer_folder=tokenizer_folder), path)


class _Embedding(_OPS.Embedding):
    """ComfyUI's Embedding with results in the dtype of the network's computation, not in that of the weight."""

    bias = None  # ComfyUI's method needs the attribute, torch's class lacks it
    got_dtype: torch.dtype

    def forward_comfy_cast_weights(self, input: Tensor, out_dtype: torch.dtype | None = None) -> Tensor:
        return super().forward_comfy_cast_weights(input, out_dtype or self.got_dtype)


def retype(network: nn.Module, dtype: torch.dtype) -> None:
    """Give each layer with weights ComfyUI's class for it, in place, so that its weights can stay off the device.

    ComfyUI's layers fetch weights from another device when they run, and cast those of another dtype. transformers' own
    need all weights on the device. dtype: that in which the network computes.
    """
    norms: dict[type, type] = {}
    for module in list(network.modules()):
        kind = type(module)
        for name, child in module.named_children():
            if isinstance(child, Fp8Linear):
                setattr(module, name, _quantized(child, dtype))
        if kind in _COMFY_LAYERS:
            module.__class__, module.comfy_cast_weights = _COMFY_LAYERS[kind], module.weight.dtype != dtype
        elif kind is nn.Embedding:
            module.__class__, module.got_dtype = _Embedding, dtype
            module.comfy_cast_weights = module.weight.dtype != dtype
        elif kind.__name__.endswith("RMSNorm"):
            module.__class__ = norms.setdefault(kind, _managed_norm(kind))


def _quantized(layer: Fp8Linear, dtype: torch.dtype) -> nn.Module:
    """ComfyUI's layer for an fp8 weight."""
    (out, width), bias = layer.weight.shape, layer.bias
    operations = comfy.ops.mixed_precision_ops({"mixed_ops": True}, dtype, full_precision_mm=True)
    managed = operations.Linear(width, out, bias=bias is not None, device=layer.weight.device, dtype=dtype)
    tensors = {"weight": layer.weight.data, "weight_scale": layer.weight_scale.data, "comfy_quant": as_bytes(LAYER)}
    managed.load_state_dict(tensors if bias is None else tensors | {"bias": bias.data}, assign=True)
    return managed.requires_grad_(False)


def _managed_norm(kind: type) -> type:
    """transformers' RMSNorm as a single kernel where PyTorch has it. Its weight is fetched by ComfyUI's functions."""

    class ManagedRMSNorm(kind, comfy.ops.CastWeightBiasOp):
        bias = None

        def forward(self, x: Tensor) -> Tensor:
            if not self.comfy_cast_weights:
                return rms_norm(x, self.weight.shape, self.weight, self.variance_epsilon)
            weight, bias, stream = comfy.ops.cast_bias_weight(self, x, offloadable=True)
            out = rms_norm(x, weight.shape, weight, self.variance_epsilon)
            comfy.ops.uncast_bias_weight(self, weight, bias, stream)
            return out

    return ManagedRMSNorm


class _Stream:
    """Sends chains to the browser that asked for them, while they are written.

    All of them are shown under their node, and what is wrong with them as a note on it. The first is also sent as the
    event got.chain, for a chain editor shows one.
    """

    def __init__(self, node_id: str | None, count: int) -> None:
        context = get_executing_context()
        self.prompt, self.node_id = context and context.prompt_id, node_id
        self.texts, self.notices = [""] * count, [""] * count
        self.last = 0.0  # when the texts were sent, by time.monotonic()

    def show(self, number: int, text: str) -> None:
        """Take the text of one chain so far. All texts are sent, at most every _SECONDS_BETWEEN_TEXTS."""
        self.texts[number] = text
        if time.monotonic() - self.last > _SECONDS_BETWEEN_TEXTS:
            self.last = time.monotonic()
            self.send()

    def finish(self, written: list[Chain | ChainError], max_tokens: int, notices: list[str]) -> None:
        """Take the finished chains; nothing is sent yet. notices: what else to say about each; "" for nothing."""
        for number, (chain, notice) in enumerate(zip(written, notices, strict=True)):
            if isinstance(chain, ChainError):
                own = f"This chain cannot be drawn: {chain}"
            else:
                self.texts[number] = chain.text
                own = cut_notice(max_tokens) if chain.cut else ""
            self.notices[number] = " ".join(filter(None, (own, notice)))

    def send(self) -> None:
        """Send the texts and notices so far."""
        server = getattr(PromptServer, "instance", None)
        if server is None or self.node_id is None or server.client_id is None:
            return
        texts = [plain_text(text) for text in self.texts]
        if any(texts):
            server.send_progress_text(_numbered(texts), self.node_id, server.client_id)
        send_note(self.prompt, self.node_id, _numbered(self.notices))
        event = {"prompt": self.prompt, "node": self.node_id, "text": texts[0]}
        server.send_sync("got.chain", event, server.client_id)


def _numbered(texts: list[str]) -> str:
    """One text as it is; of several those that are not empty, each with its number."""
    return texts[0] if len(texts) == 1 else "\n\n".join(f"{i}. {text}" for i, text in enumerate(texts, 1) if text)


def _progress(max_tokens: int, stream: _Stream) -> Callable[[int, int, str], None]:
    """The callback of each token: it shows the texts and the progress, and raises if Stop was pressed."""
    counts = [0] * len(stream.texts)
    bar = comfy.utils.ProgressBar(len(counts) * max_tokens)

    def report(number: int, count: int, text: str) -> None:
        counts[number] = count
        stream.show(number, text)
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(sum(counts))

    return report


def cut_notice(max_tokens: int) -> str:
    """The notice on a chain that reached its token limit."""
    return f"The chain was cut at {max_tokens} tokens and is unfinished. Raise max_length, or use it as it is."
