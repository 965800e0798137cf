"""What version 0.1 saved, in tests/saved/0.1: workflows, prompts in API format, blueprints, edits, and its nodes.

workflows/ and blueprints/ hold what a person opens, api/ the prompts that its page made of them. In edited_plans each
kind of edit is one chain editor, and edited_texts.json has the chains that these gave. nodes.json has the inputs and
outputs of all nodes.
"""

import json
from pathlib import Path

SAVED = Path(__file__).parent.parent / "saved" / "0.1"
FOLDERS = ("workflows", "blueprints")
WORKFLOWS = sorted(file.relative_to(SAVED).as_posix() for folder in FOLDERS for file in (SAVED / folder).glob("*.json"))
PROMPTS = sorted(file.relative_to(SAVED).as_posix() for file in SAVED.glob("api/**/*.json"))
assert WORKFLOWS and len(WORKFLOWS) == len(PROMPTS)


def saved(name: str) -> dict:
    return json.loads((SAVED / name).read_text(encoding="utf-8"))


def prompt_of(workflow: str) -> dict:
    """The prompt, in API format, that version 0.1's page made of a workflow or blueprint."""
    return saved(f"api/{workflow.removeprefix('workflows/')}")
