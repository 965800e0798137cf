"""Rows that could not be used, by kind of fault, and rows that are trained on without boxes. The first ones by name."""

import json
from pathlib import Path

from .examples import RowError

NAMED = 5  # rows of each kind that are named
LONGEST = 300  # characters of a row's message


class BrokenRows:
    """Counts broken rows. Part of a checkpoint, so that a resumed run keeps its counts."""

    def __init__(self) -> None:
        self.seen = 0
        self.counts: dict[str, int] = {}
        self.named: dict[str, list[str]] = {}
        self.unboxed, self.named_unboxed = 0, []

    def add(self, name: str, error: RowError) -> None:
        """name: the row's place, such as "rows.jsonl, row 17"."""
        self.counts[error.kind] = self.counts.get(error.kind, 0) + 1
        named = self.named.setdefault(error.kind, [])
        if len(named) < NAMED:
            named.append(f"{name}: {error}"[:LONGEST].encode(errors="backslashreplace").decode())

    def add_unboxed(self, name: str) -> None:
        """Count a row whose chain has no box. It can be used, but it teaches the UNet no places."""
        self.unboxed += 1
        if len(self.named_unboxed) < NAMED:
            self.named_unboxed.append(name[:LONGEST])

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def lines(self) -> list[str]:
        """The report: one line for all, then each kind of fault, its count and its first rows."""
        lines = [f"{self.seen} rows read, {self.total} of them could not be used"]
        for kind, count in sorted(self.counts.items(), key=lambda pair: -pair[1]):
            lines.append(f"  {kind}: {count}")
            lines += [f"    {name}" for name in self.named[kind]]
            if count > NAMED:
                lines.append(f"    and {count - NAMED} more")
        if self.unboxed:
            lines.append(f"  trained without boxes, because the chain has none: {self.unboxed}")
            lines += [f"    {name}" for name in self.named_unboxed]
        return lines

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.state_dict(), indent=2) + "\n", encoding="utf-8")

    def state_dict(self) -> dict:
        return {
            "seen": self.seen,
            "counts": dict(self.counts),
            "named": {kind: list(n) for kind, n in self.named.items()},
            "unboxed": self.unboxed,
            "named_unboxed": list(self.named_unboxed),
        }

    def load_state_dict(self, state: dict) -> None:
        self.seen, self.counts, self.named = state["seen"], dict(state["counts"]), dict(state["named"])
        # Checkpoints of version 0.1 have no such counts.
        self.unboxed, self.named_unboxed = state.get("unboxed", 0), list(state.get("named_unboxed", []))

    @classmethod
    def merged(cls, states: list[dict]) -> "BrokenRows":
        """The counts of several processes as one."""
        whole = cls()
        for state in states:
            whole.seen += state["seen"]
            whole.unboxed += state.get("unboxed", 0)
            whole.named_unboxed = [*whole.named_unboxed, *state.get("named_unboxed", [])][:NAMED]
            for kind, count in state["counts"].items():
                whole.counts[kind] = whole.counts.get(kind, 0) + count
                whole.named[kind] = [*whole.named.get(kind, []), *state["named"][kind]][:NAMED]
        return whole
