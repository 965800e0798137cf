"""Asks any language model for a plan: the instruction as one user turn. Standard library only.

It asks for the chain's plain form, `a red cup (120,400),(380,760) (red)`, with one worked example, or for JSON. It has
no braces: in a prompt ComfyUI takes `{this|that}` for a choice, and drops the braces.
"""

from typing import NamedTuple

from ..errors import GoTError
from .edits import check_rewriting
from .grammar import EDIT, TEXT_TO_IMAGE, Chain, mention, plain_text

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)
TEXT, JSON = "text", "JSON"
FORMS = (TEXT, JSON)
TASKS = (TEXT_TO_IMAGE, EDIT)
_NO_BRACES = str.maketrans("{}", "()")
_LARGEST = 21  # of the two numbers of an aspect ratio, as in 21:9
_NEARLY_SQUARE = 1.02  # longer side over shorter side


class Asked(NamedTuple):
    """What a plan is asked for.

    prompt: the caption or instruction. language: of the instruction and of the plan. form: of the answer.
    regions: how many boxes; 0 leaves it to the model. width, height: of the image, for its aspect ratio; 0 if unknown.
    earlier: a plan to change, with its locks, or None. wish: how to change it, in words; "" for none.
    reference: the model sees an image that a new one should resemble. An edit always has an image.
    pixels: width and height of the image whose pixels the boxes count; None for the chain's grid, 0 to 999.
    """

    prompt: str
    task: str = TEXT_TO_IMAGE
    language: str = ENGLISH
    form: str = TEXT
    regions: int = 0
    width: int = 0
    height: int = 0
    earlier: Chain | None = None
    wish: str = ""
    reference: bool = False
    pixels: tuple[int, int] | None = None


def instruction(asked: Asked) -> str:
    """The instruction for a language model. A brace in what a person wrote becomes a round bracket.

    GoTError if the task, language or form is unknown, or an earlier plan has neither a wish nor a locked region.
    """
    for value, known in ((asked.task, TASKS), (asked.language, LANGUAGES), (asked.form, FORMS)):
        if value not in known:
            raise GoTError(f"'{value}' is not known here. Use one of: {', '.join(known)}.")
    say = _WORDS[asked.language]
    paragraphs = [
        say[f"role {asked.task}"],
        say[f"form {asked.form}"] + (say["pixels"].format(*asked.pixels) if asked.pixels else say["grid"]),
        " ".join([_count(asked), *_aspect(asked), *_reference(asked)]),
        say[f"example {asked.task} {asked.form}"],
        *_subject(asked),
        say[f"answer {asked.form}"],
    ]
    return "\n\n".join(paragraphs).translate(_NO_BRACES)


def _count(asked: Asked) -> str:
    """How many boxes the plan has."""
    say = _WORDS[asked.language]
    counted = say["one box" if asked.regions == 1 else "boxes"].format(asked.regions)
    return counted if asked.regions else say[f"any boxes {asked.task}"]


def _aspect(asked: Asked) -> list[str]:
    """The sentence on the image's shape, if the shape is known. It names no pixels: the boxes do not count them."""
    if asked.width < 1 or asked.height < 1:
        return []
    say, (across, down) = _WORDS[asked.language], aspect_ratio(asked.width, asked.height)
    shape = "square" if across == down else "wide" if across > down else "tall"
    return [say[shape].format(across, down)]


def _reference(asked: Asked) -> list[str]:
    """The sentence on the attached image, if it is not the image to edit."""
    return [_WORDS[asked.language]["reference"]] if asked.reference and asked.task == TEXT_TO_IMAGE else []


def aspect_ratio(width: int, height: int) -> tuple[int, int]:
    """The ratio of two whole numbers up to 21 that is nearest to width:height; 1:1 for what is nearly square."""
    if max(width, height) <= _NEARLY_SQUARE * min(width, height):
        return 1, 1
    ratio = min(max(width / height, 1 / _LARGEST), _LARGEST)
    downs = range(1, _LARGEST + 1)
    pairs = [(min(max(round(ratio * down), 1), _LARGEST), down) for down in downs]
    return min(pairs, key=lambda pair: (round(abs(pair[0] / pair[1] / ratio - 1), 2), sum(pair)))


def _subject(asked: Asked) -> list[str]:
    """The paragraphs on this image: its prompt, and the earlier plan with what to keep and what to change."""
    say, earlier = _WORDS[asked.language], asked.earlier
    if earlier is None:
        return [say[f"prompt {asked.task}"].format(asked.prompt)]
    check_rewriting(earlier, asked.wish)
    paragraphs = [say[f"earlier {asked.task}"].format(asked.prompt), say["plan"] + "\n" + plain_text(earlier.text)]
    if earlier.locked:
        kept = [plain_text(mention(earlier, number)) for number in sorted(earlier.locked)]
        paragraphs.append("\n".join([say["locked"], *kept]))
    paragraphs.append(say["wish"].format(asked.wish) if asked.wish else say["rewrite"])
    return paragraphs


_EN = {
    "role text-to-image": "Plan an image before it is drawn: say what is where.",
    "role edit": "Plan an edit of the attached image before it is made: say where it changes, and what changes there.",
    "form text": (
        "Write one paragraph. After the words for an object write its box and its color, like this: a red cup "
        "(120,400),(380,760) (red). A box is (left,top),(right,bottom): the left and top edge of the object, then "
        "its right and bottom edge. The color is one English color word."
    ),
    "form JSON": (
        "Write a JSON list with one entry for each object. An entry has three keys. label: the words for the "
        "object. bbox_2d: its box, a list of four numbers: left, top, right, bottom. color: one English color word."
    ),
    "grid": (
        " The numbers are whole numbers from 0 to 999, counted from the top left corner of the image: 999 is its right "
        "or bottom edge."
    ),
    "pixels": (
        " The numbers are pixels, counted from the top left corner of the image. The image is {} pixels wide and {} "
        "pixels high."
    ),
    "one box": "The plan has exactly 1 box.",
    "boxes": "The plan has exactly {} boxes.",
    "any boxes text-to-image": "Every object has its own box, and so has every large area such as the sky or a table.",
    "any boxes edit": "Every area that changes has one box, and nothing else has a box.",
    "reference": "The attached image is a reference for the new one.",
    "square": "The image is square.",
    "wide": "The image is wider than tall: {} to {}.",
    "tall": "The image is taller than wide: {} to {}.",
    "example text-to-image text": (
        "Example. The image: a red cup and a green pear on a table.\n"
        "The plan: A wooden table (0,560),(999,999) (brown) is in front of a gray wall (0,0),(999,560) (gray). A "
        "red cup (140,330),(380,690) (red) is on the left, and a green pear (560,430),(780,710) (green) is on the "
        "right."
    ),
    "example text-to-image JSON": (
        "Example. The image: a red cup and a green pear on a table.\n"
        "The entries, shown here as lines:\n"
        "- label: a wooden table\n"
        "  bbox_2d: [0, 560, 999, 999]\n"
        "  color: brown\n"
        "- label: a red cup\n"
        "  bbox_2d: [140, 330, 380, 690]\n"
        "  color: red\n"
        "- label: a green pear\n"
        "  bbox_2d: [560, 430, 780, 710]\n"
        "  color: green"
    ),
    "example edit text": (
        "Example. The change: make the cup blue.\n"
        "The plan: The image shows a red cup and a green pear on a table. The object to be edited is the red cup. "
        "The area to be edited is the red cup (140,330),(380,690) (blue). The cup becomes blue and keeps its shape."
        " The edited image shows a blue cup and a green pear on a table."
    ),
    "example edit JSON": (
        "Example. The change: make the cup blue.\n"
        "The entry, shown here as lines:\n"
        "- label: the red cup becomes blue\n"
        "  bbox_2d: [140, 330, 380, 690]\n"
        "  color: blue"
    ),
    "prompt text-to-image": "Now plan this image: {}",
    "prompt edit": "Look at the attached image and plan this change: {}",
    "earlier text-to-image": "Now change the plan of this image: {}",
    "earlier edit": "Look at the attached image. Now change the plan of this edit: {}",
    "plan": "The plan so far:",
    "locked": "Keep these parts word for word, with their boxes and colors:",
    "wish": "Change the plan as follows, and leave the rest as it is: {}",
    "rewrite": "Write another plan: these parts stay, and everything else may change.",
    "answer text": "Answer with the whole plan alone. No list, no heading, no bold, no code.",
    "answer JSON": "Answer with the whole JSON list alone.",
}

_ZH = {
    "role text-to-image": "请在绘制之前规划一张图像：说明什么东西在哪里。",
    "role edit": "请规划对所附图像的修改：说明在哪里修改，以及那里变成什么。",
    "form text": (
        "写一段话。每个对象的名称放在方括号中，后面写它的方框和颜色，例如：[一个红色杯子] (120,400),(380,760) "
        "(red)。方框写作 (左,上),(右,下)：先写对象的左边和上边，再写右边和下边。颜色是一个英文颜色词。"
    ),
    "form JSON": (
        "写一个 JSON 列表，每个对象一项。每项有三个键。label：对象的名称。bbox_2d：它的方框，四个数的列表：左、上、"
        "右、下。color：一个英文颜色词。"
    ),
    "grid": "数值是 0 到 999 的整数，从图像左上角算起：999 是图像的右边缘或下边缘。",
    "pixels": "数值以像素为单位，从图像左上角算起。图像宽 {} 像素，高 {} 像素。",
    "one box": "方案恰好有 1 个方框。",
    "boxes": "方案恰好有 {} 个方框。",
    "any boxes text-to-image": "每个对象都有自己的方框，天空、桌面这样的大片区域也有。",
    "any boxes edit": "每个要修改的区域有一个方框，其他东西没有方框。",
    "reference": "所附图像可作参考。",
    "square": "图像是正方形。",
    "wide": "图像的宽大于高：{} 比 {}。",
    "tall": "图像的高大于宽：{} 比 {}。",
    "example text-to-image text": (
        "示例。图像：桌子上有一个红色杯子和一个绿色的梨。\n"
        "方案：[一张木桌] (0,560),(999,999) (brown) 在 [一面灰色的墙] (0,0),(999,560) (gray) 前面。[一个红色杯子] "
        "(140,330),(380,690) (red) 在左边，[一个绿色的梨] (560,430),(780,710) (green) 在右边。"
    ),
    "example text-to-image JSON": (
        "示例。图像：桌子上有一个红色杯子和一个绿色的梨。\n"
        "各项如下，这里按行写出：\n"
        "- label: 一张木桌\n"
        "  bbox_2d: [0, 560, 999, 999]\n"
        "  color: brown\n"
        "- label: 一个红色杯子\n"
        "  bbox_2d: [140, 330, 380, 690]\n"
        "  color: red\n"
        "- label: 一个绿色的梨\n"
        "  bbox_2d: [560, 430, 780, 710]\n"
        "  color: green"
    ),
    "example edit text": (
        "示例。修改：把杯子变成蓝色。\n"
        "方案：图像中桌子上有一个红色杯子和一个绿色的梨。要修改的对象是红色杯子。要修改的区域是 [红色杯子] "
        "(140,330),(380,690) (blue)。杯子变成蓝色，形状不变。修改后的图像中，桌子上有一个蓝色杯子和一个绿色的梨。"
    ),
    "example edit JSON": (
        "示例。修改：把杯子变成蓝色。\n"
        "该项如下，这里按行写出：\n"
        "- label: 红色杯子变成蓝色\n"
        "  bbox_2d: [140, 330, 380, 690]\n"
        "  color: blue"
    ),
    "prompt text-to-image": "现在请规划这张图像：{}",
    "prompt edit": "请看所附图像，规划这项修改：{}",
    "earlier text-to-image": "现在请更改这张图像的方案：{}",
    "earlier edit": "请看所附图像，更改这项修改的方案：{}",
    "plan": "目前的方案：",
    "locked": "以下部分连同方框和颜色逐字保留：",
    "wish": "按下面的要求更改方案，其余保持不变：{}",
    "rewrite": "请另写一个方案：以上部分保留，其余都可以改变。",
    "answer text": "只回答完整的方案。不要列表、标题、粗体或代码。",
    "answer JSON": "只回答完整的 JSON 列表。",
}

_WORDS = {ENGLISH: _EN, CHINESE: _ZH}
