"""The texts of the synthetic world: prompts in templates and in free wording, and the reasoning chains."""

from .chains import (
    box_color,
    box_text,
    boxes_of,
    chain,
    colors_of,
    edit_chain,
    other_colors,
    sentence,
    shown,
    two_step_chain,
)
from .free import MAKERS, free_caption
from .orders import free_instruction, free_two_part_instruction
from .templates import (
    CAPTION,
    FRAMES,
    INSTRUCTION,
    INSTRUCTIONS,
    PLACES,
    VAGUE,
    caption,
    instruction,
    pick,
    two_part_instruction,
)
from .words import DIRECTIONS, a, capital, listing

__all__ = [
    "CAPTION",
    "DIRECTIONS",
    "FRAMES",
    "INSTRUCTION",
    "INSTRUCTIONS",
    "MAKERS",
    "PLACES",
    "VAGUE",
    "a",
    "box_color",
    "box_text",
    "boxes_of",
    "capital",
    "caption",
    "chain",
    "colors_of",
    "edit_chain",
    "free_caption",
    "free_instruction",
    "free_two_part_instruction",
    "instruction",
    "listing",
    "other_colors",
    "pick",
    "sentence",
    "shown",
    "two_part_instruction",
    "two_step_chain",
]
