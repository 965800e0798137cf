"""The words around a box's numbers: its corners, a point with a size, what links it to its phrase."""

import re

# The second corner, and the words between two corners. The languages that chat models answer in most.
_FAR = (
    r"(?:bottom|lower)[- ]?right|\bbr\b|max|end|右下|unten rechts|rechte untere|(?:coin )?(?:inférieur|bas) droit"
    r"|en bas à droite|(?:esquina |canto )?inferior (?:derecha|direito)|in basso a destra|нижний правый|правый нижний"
    r"|우하단"
)
_PLACE = r"(?:\s?(?:corner|point|ecke|角|点))?(?:\s(?:at|is|is at|bei|à|en))?\s?[:=]?"
SECOND_CORNER = rf"(?:(?:and|to|und|et|y|e)\s)?(?:(?:the|its)\s)?(?:{_FAR}){_PLACE}"
TO = r"(?:to|until|through|bis|à|a|al|hasta|até|до)\b|到|至|から"

# What may be between words and a box, beside the words that phrases.py leaves out itself.
_AT = r"\b(?:is|are|was|sits?|located|placed|positioned|found)(?:\s(?:located|placed|positioned))?\sat\b"
_NEAR = (
    r"\b(?:top|upper)[- ]?left|\btl\b|\boben links|\blinke obere|\b(?:coin )?(?:supérieur|haut) gauche"
    r"|\ben haut à gauche|\b(?:esquina |canto )?superior (?:izquierda|esquerdo)|\bin alto a sinistra"
    r"|\bверхний левый|\bлевый верхний|左上|좌상단|(?<=[:,] )(?:min|start)\b"
)
_CORNER = rf",?\s?(?:\b(?:has|with)\s)?(?:\bfrom\s)?(?:\b(?:the|its)\s)?(?:{_NEAR}){_PLACE}"
_FROM = r"\b(?:from|between|with corners|von|de|desde|от)\b|[，、]?(?:位于|位於|处于|从|從|由|在)"
LINK = re.compile(
    rf"(?:\s{{0,9}}(?:{_AT}|{_CORNER}|=>|[–—=→@|~•]+|(?<=\s)-+>?|->|：|{_FROM}|,\s?(?:at|in|within|spanning|occupying|covering)\b"
    r"|\b(?:in|within|inside)\s(?:the\s)?(?:bounding )?box\b|,?\s?\bwhose(?=\s?bounding box is)"
    r"|\b(?:position|location|bounds|area|region)\s?[:=]"
    r"|\b(?:bounding[ _]?box|bbox(?:_2d)?|box_2d|coordinates?|coords)\b(?:\s(?:is|are|at|of))?\s?[:=]?"
    r"|\n\s{0,9}box\s?[:=]|(?<=[,;:|(–\n] )box\s?[:=]|(?<=[,;:|(–\n] )box\b)\s{0,9})+$",
    re.IGNORECASE,
)

_PAIR = re.compile(r"[(\[]\s?\w?\W{0,3}\d[^()\[\]\n]{1,30}[)\]]\D{1,60}\d")
_N = r"\d{1,5}(?:\.\d{1,6})?\s?(?:%|px\b)?"
_POINT = rf"[(\[]\s?(?:x\s?[=:]\s?)?(?P<x>{_N})\s?,\s?(?:y\s?[=:]\s?)?(?P<y>{_N})\s?[)\]]"
_IS = r"\s?(?:of|is)?\s?[:=]?\s?"
_SIZE = rf"(?:size|dimensions?){_IS}"
_POINT_AND_SIZE = re.compile(
    r"\s?(?:\b(?:(?P<center>cent(?:er|re)(?:ed)?)|position(?:ed)?|located|origin|top[- ]left(?: corner)?|at)\b)?"
    rf"\s?(?:\b(?:at|is|point)\b)?\s?[:=]?\s?{_POINT}[\s,;/|.-]{{0,5}}(?:\b(?:with|and|of|an?|its|is)\s){{0,3}}(?:"
    rf"{_SIZE}[(\[]\s?(?P<w1>{_N})\s?,\s?(?P<h1>{_N})\s?[)\]]"
    rf"|(?:{_SIZE})?[(\[]?\s?(?P<w2>{_N})\s?(?:x|×|by|\*)\s?(?P<h2>{_N})\s?[)\]]?"
    rf"|(?:width|w){_IS}(?P<w3>{_N})[\s,;.-]{{0,4}}(?:and\s)?(?:an?\s)?(?:height|h){_IS}(?P<h3>{_N})"
    rf"|(?P<w4>{_N})\s?wide\s?(?:,|and|by|x){{0,2}}\s?(?P<h4>{_N})\s?(?:tall|high))",
    re.IGNORECASE,
)


def with_sides(text: str) -> str:
    """The text with `[x=120, y=400, w=260, h=360]` for "at (120, 400) with size 260 x 360"; cx, cy for a center."""
    return _POINT_AND_SIZE.sub(_as_sides, text) if _PAIR.search(text) else text


def _as_sides(match: re.Match) -> str:
    if match.string[max(0, match.start() - 9) : match.start()].rstrip(" ,-–tobis").endswith((")", "]")):
        return match[0]  # the second corner of a box
    x, y = ("cx", "cy") if match["center"] else ("x", "y")
    width, height = (value for value in match.groups()[3:] if value)
    return f" [{x}={match['x']}, {y}={match['y']}, w={width}, h={height}]"
