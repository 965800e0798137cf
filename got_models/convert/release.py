"""`python dev.py convert`: make a folder for models/got from GoT's released checkpoint.

    --got       the released checkpoint: pickled shards with an index, or safetensors
    --mllm      Qwen2.5-VL-3B-Instruct as published: config, tokenizer, and weights that the checkpoint lacks
    --sdxl      stable-diffusion-xl-base-1.0 as published (diffusers): the UNet's config, and the VAE
    --out       the folder to make
    --download  fetch what is missing of the first three into Hugging Face's cache; without it, nothing is fetched

A folder of that cache is read too, and is the default of the first three.

All input is checked before anything is written. Then tensors are read, merged and written one by one. The folder
appears when it is complete; got.json is written last. A table shows what was found and what was assumed.
"""

import argparse
import errno
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from ..errors import GoTError
from ..files.atomic import atomic_folder
from ..files.fp8 import has_fp8
from ..files.manifest import PROJECTORS, REASONER, UNET, VAE, published_manifest, write_manifest
from ..files.weights import WeightsError, published_key
from .adapter import HEAD, Adapter, LoraConfig, embedding_rows, plan_merge, read_adapter, read_lora_config
from .checkpoint import ENDINGS, STEMS, Checkpoint, listed, open_checkpoint
from .checksums import verify, write_checksums
from .download import fetch, find, snapshot_of
from .plan import Shapes, TensorPlan, plan_component
from .reasoner_files import CONFIG, read_config, read_json, reasoner_files
from .sources import bytes_to_check, check_sources, name_sources
from .summary import ASSUMED, Finding, adapter_findings, part_findings, size_text, table
from .unet_shapes import unet_shapes
from .writer import DTYPES, progress_bar, size_of, write_file, write_shards

UNET_CHANNELS = 12  # of the input: noisy, reference and spatial latents, four each
TIME_IDS_CHANNELS = 6 * 256  # SDXL's embedding of six numbers of size and crop, next to the pooled vector
# What the networks that load the result have fixed: of a part of SDXL, by the key in its config.json.
FIXED = {"unet": {"norm_num_groups": 32}, "vae": {"norm_num_groups": 32, "scaling_factor": 0.13025}}
COMPONENTS = {  # first part of a key -> the component's name in messages
    "mllm": "the language model",
    "output_projector": "the projector of the context",
    "output_projector_add": "the projector of the pooled vector",
    "unet": "the trained UNet",
    "vae": "the autoencoder",
}


class ConvertError(GoTError):
    """The input cannot be converted, or the output cannot be written."""


@dataclass(frozen=True)
class Conversion:
    """Everything to write: the reasoner's tensors, its other files by name, and the other components by file.

    findings: what was found and assumed, for the table.
    """

    reasoner: list[TensorPlan]
    texts: dict[str, str]
    files: dict[str, list[TensorPlan]]
    findings: list[Finding] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, list[TensorPlan]]:
        return {REASONER: self.reasoner, **self.files}

    def size(self, dtype: str) -> int:
        return sum(size_of(plans, dtype) for plans in self.parts.values())

    def checkpoints(self) -> set[Checkpoint]:
        """Where the tensors are from."""
        return {plan.source for plans in self.parts.values() for plan in plans}


def convert(
    got: Path, mllm: Path, sdxl: Path, out: Path, dtype: str = "bf16", report: Callable[[str], None] | None = None
) -> None:
    """Make the model folder `out`. On an error nothing is left of it.

    report: called with lines about what is done; without it, nothing is printed.
    """
    got, mllm, sdxl = (snapshot_of(folder) for folder in (got, mllm, sdxl))
    out = _new_folder(out)
    show, report = report is not None, report or (lambda line: None)
    report(f"reading {got}")
    plan = plan_conversion(got, mllm, sdxl, dtype, report)
    size = plan.size(dtype)
    _refuse_full_disk(out, size)
    sources = name_sources(plan.checkpoints(), {"got": got, "mllm": mllm, "sdxl": sdxl})
    try:
        with atomic_folder(out) as folder:
            report(f"checking {len(sources)} files")
            with progress_bar(bytes_to_check(sources.values()), show) as progress:
                sums = check_sources(sources, progress)
            with progress_bar(size, show) as progress:
                greatest = write_conversion(folder, plan, dtype, progress, report)
            write_manifest(folder, published_manifest(out.name), sums)
    except OSError as error:
        raise ConvertError(_cannot_write(out, error)) from error
    for line in table([*plan.findings, *part_findings(plan.parts, dtype, greatest, got)]):
        report(line)
    report(f"made {out}, {size_text(size)}: put it into ComfyUI's folder models/got")


def plan_conversion(got: Path, mllm: Path, sdxl: Path, dtype: str, report: Callable[[str], None]) -> Conversion:
    """Read the input and plan every tensor. Writes nothing and loads nothing large."""
    checkpoint = open_checkpoint(got)
    parts = split_components(checkpoint)
    adapter = read_adapter(parts["mllm"])
    fixed = [finding for part, values in FIXED.items() for finding in _fixed_values(sdxl, part, values)]
    lora = read_lora_config(got)
    reasoner, texts = _plan_reasoner(checkpoint, adapter, mllm, dtype, lora)
    findings = [*adapter_findings(adapter, reasoner, checkpoint, lora), *fixed]
    report(_summary(adapter, reasoner, checkpoint))
    unet = _plan_unet(checkpoint, parts["unet"], sdxl)
    vae = _plan_vae(checkpoint, parts["vae"], sdxl)
    projectors = _plan_projectors(checkpoint, parts, unet, reasoner)
    if dtype == "fp8":
        reasoner, unet = ([replace(plan, fp8=has_fp8(plan.name)) for plan in plans] for plans in (reasoner, unet))
    return Conversion(reasoner, texts, {PROJECTORS: projectors, UNET: unet, VAE: vae}, findings)


def split_components(checkpoint: Checkpoint) -> dict[str, dict[str, str]]:
    """Component -> its tensors: name without prefixes -> key. WeightsError for other keys and missing components."""
    parts, unknown = {component: {} for component in COMPONENTS}, []
    for key in checkpoint.shapes:
        name = key.removeprefix("module.")  # as parallel training leaves it
        component, _, rest = name.partition(".")
        if component in parts:
            parts[component][rest] = key
        elif name.startswith("base_model.model."):
            parts["mllm"][name] = key
        else:
            unknown.append(key)
    if unknown:
        raise WeightsError(
            f"{checkpoint.folder} holds {len(unknown)} tensors that are not part of GoT: {listed(unknown)}. Names that "
            f"begin with {', '.join(f'{part}.' for part in COMPONENTS)} are expected. Give the folder of GoT-6B."
        )
    if missing := [what for part, what in COMPONENTS.items() if part != "vae" and not parts[part]]:
        raise WeightsError(f"{checkpoint.folder} lacks {listed(missing)}, which GoT needs. Get the whole checkpoint.")
    return parts


def write_conversion(
    folder: Path, plan: Conversion, dtype: str, progress: tqdm, report: Callable[[str], None]
) -> dict[str, float]:
    """Write the weights, their checksums, and the reasoner's other files. Returns each part's greatest magnitude."""
    (folder / REASONER).mkdir()
    for name, text in plan.texts.items():
        (folder / REASONER / name).write_text(text, encoding="utf-8")
    sums, greatest = {}, {}
    for part, plans in plan.parts.items():
        report(f"writing {part}, {size_text(size_of(plans, dtype))}")
        if part == REASONER:
            shards = write_shards(folder / REASONER, plans, dtype, progress)
            written = {f"{REASONER}/{name}": shard for name, shard in shards.items()}
        else:
            written = {part: write_file(folder / part, plans, dtype, progress)}
        sums |= {name: file.sha256 for name, file in written.items()}
        greatest[part] = max(file.greatest for file in written.values())
        _close(plans)
    write_checksums(folder, sums)
    return greatest


def _plan_reasoner(
    checkpoint: Checkpoint, adapter: Adapter, mllm: Path, dtype: str, lora: LoraConfig
) -> tuple[list[TensorPlan], dict[str, str]]:
    config = read_config(mllm)
    base = open_checkpoint(mllm) if needs_base(adapter, config) else Checkpoint(mllm, [])
    rows = embedding_rows(adapter, checkpoint, base) or config["vocab_size"]
    torch_dtype = str(DTYPES[dtype][0]).removeprefix("torch.")
    config |= {"vocab_size": rows, "tie_word_embeddings": False, "torch_dtype": torch_dtype}
    plans = plan_merge(adapter, checkpoint, base, reasoner_shapes(config), lora)
    return plans, reasoner_files(checkpoint.folder, mllm, config, rows)


def needs_base(adapter: Adapter, config: dict) -> bool:
    """Whether a language model with this adapter lacks tensors, apart from the tied last layer."""
    return adapter.trained and bool(reasoner_shapes(config).keys() - {HEAD, *adapter.frozen, *adapter.saved})


def lacks_base_weights(got: Path, mllm: Path) -> bool:
    """Whether the checkpoint in `got` needs the base model's weights. `mllm` holds the base model's config."""
    adapter = read_adapter(split_components(open_checkpoint(snapshot_of(got)))["mllm"])
    return needs_base(adapter, read_config(mllm))


def reasoner_shapes(config: dict) -> Shapes:
    """Published name -> shape of all tensors of a Qwen2.5-VL with this config."""
    with torch.device("meta"):
        model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig.from_dict(deepcopy(config)))
    return {published_key(key): tuple(tensor.shape) for key, tensor in model.state_dict().items()}


def _plan_unet(checkpoint: Checkpoint, keys: dict[str, str], sdxl: Path) -> list[TensorPlan]:
    expected = _unet_shapes(sdxl)
    if "conv_in.weight" in keys:
        channels = checkpoint.shapes[keys["conv_in.weight"]][1]
        if channels != UNET_CHANNELS:
            raise WeightsError(
                f"The UNet in {checkpoint.folder} has {channels} input channels, but GoT's has {UNET_CHANNELS}. "
                f"Give the folder of GoT-6B."
            )
    if "conv_in.weight" in expected:
        out, _, *kernel = expected["conv_in.weight"]
        expected["conv_in.weight"] = (out, UNET_CHANNELS, *kernel)
    return plan_component(f"The UNet in {checkpoint.folder}", checkpoint, keys, expected)


def _unet_shapes(sdxl: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of SDXL's UNet: of its weights, or by its config where only that is there."""
    path = sdxl / "unet" / CONFIG
    if not path.is_file() or any((sdxl / "unet" / (stem + end)).is_file() for stem in STEMS for end in ENDINGS):
        return dict(_base_part(sdxl, "unet").shapes)
    try:
        return unet_shapes(read_json(path))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        if isinstance(error, GoTError):
            raise
        raise WeightsError(
            f"{path} is not the config of SDXL's UNet: {error!r:.100}. Give stable-diffusion-xl-base-1.0's."
        ) from error


def _plan_vae(checkpoint: Checkpoint, keys: dict[str, str], sdxl: Path) -> list[TensorPlan]:
    """The checkpoint's autoencoder, or SDXL's, which training does not change."""
    base = _base_part(sdxl, "vae")
    source, keys = (checkpoint, keys) if keys else (base, {key: key for key in base.shapes})
    return plan_component(f"The autoencoder in {source.folder}", source, keys, base.shapes)


def _plan_projectors(
    checkpoint: Checkpoint, parts: dict[str, dict[str, str]], unet: list[TensorPlan], reasoner: list[TensorPlan]
) -> list[TensorPlan]:
    hidden = next(plan.shape[1] for plan in reasoner if plan.name == "model.embed_tokens.weight")
    context = next(plan.shape[1] for plan in unet if plan.name.endswith("attn2.to_k.weight"))
    pooled = next(plan.shape[1] for plan in unet if plan.name == "add_embedding.linear_1.weight") - TIME_IDS_CHANNELS
    plans = []
    for component, name, width in (
        ("output_projector", "context", context),
        ("output_projector_add", "pooled", pooled),
    ):
        keys = {f"{name}.{rest.removeprefix('projector.')}": key for rest, key in parts[component].items()}
        expected = {f"{name}.weight": (width, hidden), f"{name}.bias": (width,)}
        plans += plan_component(f"{component} in {checkpoint.folder}", checkpoint, keys, expected)
    return plans


def _fixed_values(sdxl: Path, part: str, values: Mapping[str, float]) -> list[Finding]:
    """What a part's config says of values that are fixed here. WeightsError if one differs."""
    path = sdxl / part / CONFIG
    config = read_json(path) if path.is_file() else {}
    for name, value in values.items():
        if config.get(name, value) != value:
            raise WeightsError(
                f"{path} has {name} {config[name]!r:.40}, but only {value} can be used: SDXL's networks have it fixed. "
                f"Give the folder of stable-diffusion-xl-base-1.0."
            )
    return [
        Finding(f"{part} {name}", str(value), f"{part}/{CONFIG}" if name in config else ASSUMED)
        for name, value in values.items()
    ]


def _base_part(sdxl: Path, part: str) -> Checkpoint:
    if not (sdxl / part).is_dir():
        raise ConvertError(
            f"{sdxl} has no folder '{part}'. Give the diffusers folder of stable-diffusion-xl-base-1.0, "
            f"which has the folders unet and vae."
        )
    return open_checkpoint(sdxl / part)


def _summary(adapter: Adapter, plans: list[TensorPlan], checkpoint: Checkpoint) -> str:
    vision = sum(name.startswith("visual.") for name in adapter.lora_a)
    base = sum(plan.source is not checkpoint for plan in plans)
    return (
        f"language model: {len(plans)} tensors, {len(adapter.lora_a) - vision} language and {vision} vision LoRAs to "
        f"merge, {len(adapter.saved)} trained as a whole, {base} from the base model"
    )


def _close(plans: list[TensorPlan]) -> None:
    for source in {plan.source for plan in plans}:
        source.release()


def _new_folder(out: Path) -> Path:
    """The folder to make, with links followed. ConvertError if it cannot become a model folder of its own."""
    try:
        place = out.resolve()
        taken = place.exists() and (not place.is_dir() or any(place.iterdir()))
    except (OSError, RuntimeError) as error:  # RuntimeError: links that point at each other
        raise ConvertError(f"{out} cannot be used: {error}. Choose another folder.") from error
    if taken:
        raise ConvertError(f"{out} exists already. Choose another folder for the result, or delete it.")
    if Path.cwd().is_relative_to(place) or os.path.ismount(place):
        raise ConvertError(f"{out} cannot be replaced. Give a new folder inside it, such as {out / 'GoT-6B'}.")
    return place


def _cannot_write(out: Path, error: OSError) -> str:
    remedy = "Free some space there, or choose another folder."
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Choose a folder that you may write to."
    return f"{error.filename or out} cannot be written: {error.strerror or error}. {remedy}"


def _refuse_full_disk(out: Path, size: int) -> None:
    place = next(folder for folder in out.resolve().parents if folder.is_dir())
    free = shutil.disk_usage(place).free
    if free < size * 1.01:
        raise ConvertError(
            f"The result takes {size_text(size)}, but {place} has {size_text(free)} free. "
            f"Free some space there, or choose another folder."
        )


def main(argv: list[str] | None = None) -> int:
    options = _options(argv)
    try:
        if options.verify:
            verify(options.verify, _print)
        else:
            given = _given(options)
            found = fetch(given, lacks_base_weights, _print) if options.download else find(given)
            convert(found["got"], found["mllm"], found["sdxl"], options.out, options.dtype, _print)
    except (GoTError, OSError) as error:
        cached = isinstance(error, WeightsError) and not options.verify and not options.download
        hint = " With --download, missing files are fetched." if cached and None in _given(options).values() else ""
        print(f"convert: {error}{hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("convert: stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def _given(options: argparse.Namespace) -> dict[str, Path | None]:
    """The folder of each role; None for the cache's."""
    return {role: getattr(options, role) for role in ("got", "mllm", "sdxl")}


def _print(line: str) -> None:
    """Print a line, on a terminal above the progress bar, at once also into a pipe."""
    (tqdm.write if sys.stdout.isatty() else print)(line)
    sys.stdout.flush()


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "convert", description="Make a folder for models/got from the released checkpoint, or verify such a folder."
    )
    parser.add_argument("--got", type=Path, help="folder of the released checkpoint (default: in the cache)")
    parser.add_argument("--mllm", type=Path, help="folder of Qwen2.5-VL-3B-Instruct (default: in the cache)")
    parser.add_argument(
        "--sdxl", type=Path, help="diffusers folder of stable-diffusion-xl-base-1.0 (default: in the cache)"
    )
    parser.add_argument("--out", type=Path, help="folder to make, for example ComfyUI/models/got/GoT-6B")
    parser.add_argument("--dtype", choices=DTYPES, default="bf16", help="type of the stored weights (default: bf16)")
    parser.add_argument("--download", action="store_true", help="fetch what is missing into Hugging Face's cache")
    parser.add_argument("--verify", type=Path, metavar="FOLDER", help="check the checksums of a folder that was made")
    options = parser.parse_args(argv)
    if not options.verify and options.out is None:
        parser.error("give --out, the folder to make, or --verify FOLDER")
    return options


if __name__ == "__main__":
    sys.exit(main())
