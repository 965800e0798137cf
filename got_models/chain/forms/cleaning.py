"""What is around a model's answer, and no part of its plan: dropped before a form is looked for."""

import html
import re

from ..grammar import ChainError, well_formed

_ESCAPED = re.compile(r"&(?:lt|quot|#34|#39|#60);")
_ASSISTANT = re.compile(
    r"<\|im_start\|>assistant|<start_of_turn>model|<\|start_header_id\|>assistant<\|end_header_id\|>|<\|assistant\|>"
    r"|\[/INST\]|<\|channel\|>final<\|message\|>|<｜Assistant｜>"
)
_THINKING = "(?:[a-z]{1,9}:)?(?:think|thinking|thought|thoughts|reasoning|analysis|scratchpad|reflection|planning)"
_THOUGHT = re.compile(rf"</{_THINKING}>|◁/think▷|\[/THINK\]|<channel\|>", re.IGNORECASE)
_THINKS = re.compile(rf"<{_THINKING}>|◁think▷|\[THINK\]|<\|channel\|>analysis", re.IGNORECASE)
_STOP = (
    r"(?:<\|(?:im_end|endoftext|im_gen_start|eot_id|end_of_text|end|end_of_sentence|return)\|>|<end_of_turn>|<eos>|</s>|<s>"
    r"|<bos>|<pad>|<｜end▁of▁sentence｜>|<grounding>)"
)
_LEADING_STOPS = re.compile(rf"(?:{_STOP}|\s){{1,40}}")
_ANY_STOP = re.compile(_STOP)
_FENCE = re.compile(
    r"^[ \t]{0,9}(?:```|~~~)[\w+-]{0,20}[ \t]{0,9}$|```(?:json|python|text|xml|yaml|csv|html|markdown)?", re.MULTILINE
)
_HTML = re.compile(
    r"<(?P<line>br|/?li|/h[1-6])\s?/?>|</?(?:b|i|u|em|strong|code|pre|ul|ol|span|h[1-6])>", re.IGNORECASE
)
_ANSWER_TAGS = re.compile(r"</?(?:answer|response|output|final|final_answer)>", re.IGNORECASE)
_ANSWER_STARTS = re.compile(r"<(?:answer|final|final_answer)>", re.IGNORECASE)
_FINAL = re.compile(
    r"^\W{0,9}(?:(?:my|the|here is the)\s)?(?:final|revised|corrected|updated|improved|最终|最終)"
    r"(?:\s?(?:answer|plan|layout|version|result|output|chain|boxes|list|json|答案|布局|方案|版本|回答))?\W{0,4}(?::|：|$)",
    re.IGNORECASE | re.MULTILINE,
)
_FOUR = re.compile(r"\d(?:\D{1,20}\d{1,9}){3}")
# Zero-width spaces, marks of writing direction, private characters.
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ue000-\uf8ff]")
_MARKDOWN_ESCAPE = re.compile(r"\\(?=[_*\[\]<>|#{}()])")
_EMPHASIS = re.compile(r"\*\*|__(?=\S)|(?<=\S)__|`")
_ITALIC = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,200})(?<=\S)\*(?![\w*])")
_HEADING = re.compile(r"^[ \t]{0,9}#{1,6}[ \t]{1,9}", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]{0,40}[-*•+‣◦][ \t]{1,9}", re.MULTILINE)
_NUMBERED = re.compile(r"^([ \t]{0,9}\d{1,3})\)[ \t]{1,9}", re.MULTILINE)
_RULE = re.compile(r"^[ \t]{0,9}(?:[-*_] ?){3,40}$\n?", re.MULTILINE)

# A chat's first and last words: "Sure! Here is the plan:", "Let me know if you want changes!"
_OPENING = re.compile(
    r"\s{0,9}(?:(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|understood|got it|no problem"
    r"|当然可以|当然|好的|没问题)\s?[!.,，！。]|(?:great|perfect|alright)\s?!)\s{0,9}",
    re.IGNORECASE,
)
_PLAN_WORD = (
    "(?:plan|layout|chain|description|boxes|coordinates|scene|list|answer|image|caption|prompt|方案|布局|描述|图像)"
)
_ANNOUNCES = re.compile(
    rf"\s{{0,9}}(?:here(?:'s|’s| is| are)|below (?:is|are)|this is|i have|i've|以下是|下面是|这是)"
    rf"(?=[^\n.:：。(\[]{{0,160}}{_PLAN_WORD})[^\n.:：。(\[]{{1,200}}(?::|：|[.。]?\s{{0,9}}\n)\s{{0,9}}",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\s{1,9}(?:let me know|(?:i )?hope (?:this|that)|feel free|would you like|do you want|please let me"
    r"|if you(?:'d| would) like|如需|如果需要|如果您|希望这)[^\n]{0,300}\s{0,9}$",
    re.IGNORECASE,
)

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_FULL_WIDTH |= str.maketrans("【】「」《》〔〕⟨⟩、　", "[][]<>[]<>, ")


def answer_of(text: str) -> str:
    """A model's answer alone: no chat template, no thinking, no stop tokens, no code fences.

    ChainError if the model was cut off while it was thinking, or answered nothing.
    """
    had_words = bool(text.strip())
    text = _INVISIBLE.sub("", well_formed(text))
    if "&" in text and _ESCAPED.search(text):
        text = html.unescape(text)
    if not any(sign in text for sign in ("<", "◁", "[/", "THINK]", "```", "~~~")):
        return _final_draft(text.strip())
    text = _after_last(_ANSWER_STARTS, _after_last(_THOUGHT, _after_last(_ASSISTANT, text)))
    if _THINKS.search(text):
        raise ChainError(
            "The model was cut off while it was thinking, before its answer. Give it a larger max_length, or switch "
            "thinking off."
        )
    text = text[leading.end() :] if (leading := _LEADING_STOPS.match(text)) else text
    stop = _ANY_STOP.search(text)
    text = text[: stop.start()] if stop else text
    text = _ANSWER_TAGS.sub("", _FENCE.sub("", text)).strip()
    text = _HTML.sub(lambda tag: "\n" if tag["line"] else "", text).strip()
    if had_words and not text:
        raise ChainError(
            "The text holds no answer: nothing is left without the chat template and the thinking. "
            "Paste the whole answer."
        )
    return _final_draft(text)


def without_markdown(text: str) -> str:
    """A text without Markdown's signs: bold, italics, headings, bullets, rules, escapes."""
    if not any(sign in text for sign in "*_`#-•+‣◦)\\"):
        return text
    text = _MARKDOWN_ESCAPE.sub("", text)
    text = _RULE.sub("", _NUMBERED.sub(r"\1. ", _BULLET.sub("", _HEADING.sub("", text))))
    return _ITALIC.sub(r"\1", _EMPHASIS.sub("", text))


def without_chatter(text: str) -> str:
    """A text without a chat's first and last words around the plan: what people say before and after an answer."""
    opening = _OPENING.match(text)
    start = opening.end() if opening else 0
    announces = _ANNOUNCES.match(text, start)
    if not _FOUR.search(text):
        return text
    text = text[announces.end() if announces else start :]
    tail = text[-400:]
    closing = _CLOSING.search(tail)
    return text[: len(text) - len(tail) + closing.start()] if closing else text


def half_width(text: str) -> str:
    """The text with ASCII's signs and digits for the full-width ones. It has the same length."""
    return text.translate(_FULL_WIDTH)


def _final_draft(text: str) -> str:
    """What follows the last line such as "Final plan:", if it holds a plan as the text before it does."""
    final = _after_last(_FINAL, text)
    return final if final != text and _FOUR.search(final) and _FOUR.search(text[: -len(final)]) else text


def _after_last(pattern: re.Pattern, text: str) -> str:
    last = 0
    for match in pattern.finditer(text):
        last = match.end()
    return text[last:]
