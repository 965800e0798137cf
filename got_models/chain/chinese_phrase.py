"""The noun phrase at the end of a Chinese clause: what a box after it belongs to. Rules as in noun_phrase.py:

    图中有[一只戴着红帽子的猫]□   一只猫和[一把刀]□   [一碗苹果和梨]□   [一只猫]坐在沙发上□   桌子上放着[苹果和梨]□

A number with its measure word begins an object, like an article. Linear in the length of the clause. The browser has
the same in chinese_phrase.mjs.
"""

import re

HAN = re.compile(r"[\u4e00-\u9fff]")
_NUMBERED = re.compile(
    r"(?:[一二两三四五六七八九十几数多这那每某各]{1,9}|\d{1,9})[只个個位名条條张張把座棵朵辆輛艘架台盏盞本杯碗盘盤瓶件顶頂双雙对對群片块塊根支扇"
    r"头頭匹串束堆栋棟幢层層间間轮輪颗顆粒幅面滴道排株种種些]"
)
_LEAD = re.compile(r"(?:以及|还有|還有|并且|同时|和|与|與|及|或|并|而)?\s*")
_HAS = re.compile(
    r"显示了?|顯示了?|展示了?|描绘了?|描繪了?|包含|包括|[有是为為]|(?<=[上里裡中下旁边邊侧側面前后後内內外处處央])[放摆擺挂掛停站坐躺长長种種]着"
)
_MODIFIES = "戴穿拿抱骑騎坐站躺带帶有背握举舉装裝盛画畫写寫长長开開牵牽撑撐"  # after a number: a clause before the noun
_AND = ("和", "与", "與", "及", "或")
_ACTS = re.compile(
    r"[坐站躺趴睡走跑飞飛挂掛停放摆擺拿牵牽骑騎靠抱看望骑飘飄游蹲立握举舉]{1,2}[在着了向到过過]|手持|身穿|身着|头戴|横跨|穿过|环绕|覆盖|俯瞰|面对|位于|位於|处于|處於|在(?=.)|[是有]$"
)
_COMMA = re.compile(r"[，、]\s*|,\s+")
_MODIFIER = re.compile(r".{1,2}着.*的")
_SAYS = re.compile(r"(?<=.)是[^是]*的$")
_TAIL = re.compile(r"(?:位于|位於|处于|處於|在|是|有|的)$")


def chinese_phrase(words: str, start: int, stop: int, several: bool) -> tuple[int, int]:
    """[start, stop) of the phrase in a sentence. several: more than one box comes after it."""
    starts = [start, *(match.end() for match in _COMMA.finditer(words, start, stop) if match.end() < stop)]
    if len(starts) > 1 and _MODIFIER.match(words, starts[-1], stop):
        starts.pop()  # 一位戴着草帽、[穿着白裙的女孩]
    start = starts[-1]
    clause = words[start:stop]
    says = _SAYS.search(clause)
    if says:  # 天空是蓝色的
        clause = clause[: says.start()]
    lead = _LEAD.match(clause).end()
    lead = lead if lead < len(clause) else 0
    numbered = list(_NUMBERED.finditer(clause, lead))
    acts = _ACTS.match(clause, lead)
    if acts and acts.end() < len(clause) and "的" not in clause[acts.end() :]:
        lead = acts.end()  # 放在[桌子]□上
    if numbered:
        first = _first_numbered(clause, numbered, several)
    else:
        has = [match.end() for match in _HAS.finditer(clause, lead) if match.end() < len(clause)]
        first = has[-1] if has else lead
    last = _end(clause, first)
    return start + first, start + last


def _first_numbered(clause: str, numbered: list[re.Match], several: bool) -> int:
    """Where the last object begins; of several objects in a row the first."""
    number, noun = len(numbered) - 1, clause.rfind("的")
    while number:
        before, this = numbered[number - 1], numbered[number]
        modifies = before.end() < noun and clause[before.end()] in _MODIFIES  # 一个拿着一把伞的女人
        if not modifies and not (several and clause[before.end() : this.start()].rstrip().endswith(_AND)):
            break
        number -= 1
    return numbered[number].start()


def _end(clause: str, first: int) -> int:
    """Where the object ends: before what it does, or before words that only link it to its box."""
    noun = clause.rfind("的", first, len(clause) - 1) + 1
    acts = _ACTS.search(clause, max(first + 1, noun))
    last = acts.start() if acts else len(clause)
    tail = _TAIL.search(clause[first:last])
    return first + tail.start() if tail and tail.start() else last
