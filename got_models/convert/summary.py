"""What a conversion found and what it assumed, as a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from .adapter import ADAPTER_CONFIG, Adapter, LoraConfig
from .checkpoint import Checkpoint
from .plan import TensorPlan
from .writer import DTYPES

ASSUMED = "assumed, as published"


@dataclass(frozen=True)
class Finding:
    """A line of the table. source: where the value is from."""

    name: str
    value: str
    source: str


def size_text(size: float) -> str:
    """Bytes with a unit that suits their number."""
    for unit, bytes_of in (("GB", 1e9), ("MB", 1e6)):
        if size >= 0.95 * bytes_of:
            return f"{size / bytes_of:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"


def adapter_findings(
    adapter: Adapter, plans: list[TensorPlan], checkpoint: Checkpoint, config: LoraConfig
) -> list[Finding]:
    """LoRAs by tower with rank and alpha, tensors trained as a whole, tensors of the base model."""
    findings = []
    for tower, prefix in (("language", "model."), ("vision", "visual.")):
        loras = [plan.lora for plan in plans if plan.lora and plan.name.startswith(prefix)]
        ranks = sorted({checkpoint.shapes[lora.a][0] for lora in loras})
        text = f", rank {', '.join(map(str, ranks))}, alpha {config.alpha:g}" if loras else ""
        source = ADAPTER_CONFIG if config.source else f"alpha {ASSUMED}"
        findings.append(Finding(f"LoRAs of the {tower} model", f"{len(loras)}{text}", source if loras else "-"))
    base = sum(plan.source is not checkpoint for plan in plans)
    findings.append(Finding("trained as a whole", f"{len(adapter.saved)} tensors", "checkpoint"))
    return [*findings, Finding("from the base model", f"{base} tensors", "base model" if base else "-")]


def part_findings(
    parts: Mapping[str, list[TensorPlan]], dtype: str, greatest: Mapping[str, float], checkpoint: Path
) -> list[Finding]:
    """Of each part: tensors, numbers, stored type and greatest magnitude."""
    findings = []
    for name, plans in parts.items():
        numbers = sum(prod(plan.shape) for plan in plans)
        stored = DTYPES[dtype][1] + (" and F8_E4M3" if any(plan.fp8 for plan in plans) else "")
        value = f"{len(plans)} tensors, {numbers:,} numbers, {stored}, greatest {greatest[name]:.4g}"
        source = "checkpoint" if any(plan.source.folder == checkpoint for plan in plans) else "base model"
        findings.append(Finding(name, value, source))
    return findings


def table(findings: Iterable[Finding]) -> list[str]:
    """The findings as lines of aligned columns, with a heading."""
    rows = [("what", "found", "source"), *((f.name, f.value, f.source) for f in findings)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [f"{name:{widths[0]}}  {value:{widths[1]}}  {source}".rstrip() for name, value, source in rows]
