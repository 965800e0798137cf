// @ts-check
// The noun phrase at the end of a Chinese clause, as in got_models/chain/chinese_phrase.py. Pure.

import { D, S } from "./characters.mjs";

export const HAN = /[\u4e00-\u9fff]/u;
const NUMBERED = new RegExp(
  `(?:[一二两三四五六七八九十几数多这那每某各]{1,9}|${D}{1,9})[只个個位名条條张張把座棵朵辆輛艘架台盏盞本杯碗盘盤瓶件顶頂双雙对對群片块塊根支扇` +
    "头頭匹串束堆栋棟幢层層间間轮輪颗顆粒幅面滴道排株种種些]",
  "gu",
);
const LEAD = new RegExp(`(?:以及|还有|還有|并且|同时|和|与|與|及|或|并|而)?${S}*`, "yu");
const HAS =
  /显示了?|顯示了?|展示了?|描绘了?|描繪了?|包含|包括|[有是为為]|(?<=[上里裡中下旁边邊侧側面前后後内內外处處央])[放摆擺挂掛停站坐躺长長种種]着/gu;
const MODIFIES = "戴穿拿抱骑騎坐站躺带帶有背握举舉装裝盛画畫写寫长長开開牵牽撑撐";
const AND = new RegExp(`[和与與及或]${S}*$`, "u");
const ACTS =
  "[坐站躺趴睡走跑飞飛挂掛停放摆擺拿牵牽骑騎靠抱看望骑飘飄游蹲立握举舉]{1,2}[在着了向到过過]|手持|身穿|身着|头戴|横跨|穿过|环绕|覆盖|俯瞰|面对|位于|位於|处于|處於|在(?=.)|[是有]$";
const ACTS_HERE = new RegExp(ACTS, "syu");
const ACTS_LATER = new RegExp(ACTS, "sgu");
const COMMA = new RegExp(`[，、]${S}*|,${S}+`, "gu");
const MODIFIER = /.{1,2}着.*的/suy;
const SAYS = /(?<=.)是[^是]*的$/su;
const TAIL = /(?:位于|位於|处于|處於|在|是|有|的)$/u;

/** The span of the phrase in the sentence that begins at `start`. @param {string} words @param {number} start
 * @param {boolean} several more than one box comes after it @returns {[number, number]} */
export function chinesePhrase(words, start, several) {
  const starts = [start, ...stopsOf(words, COMMA, start)];
  MODIFIER.lastIndex = starts[starts.length - 1];
  if (starts.length > 1 && MODIFIER.test(words)) starts.pop();
  start = starts[starts.length - 1];
  let clause = words.slice(start);
  const says = SAYS.exec(clause);
  if (says) clause = clause.slice(0, says.index);
  LEAD.lastIndex = 0;
  let lead = LEAD.exec(clause)?.[0].length ?? 0;
  if (lead >= clause.length) lead = 0;
  const numbered = [...clause.slice(lead).matchAll(NUMBERED)].map(({ index, 0: found }) => [lead + index, lead + index + found.length]);
  ACTS_HERE.lastIndex = lead;
  const acts = ACTS_HERE.exec(clause);
  const acted = acts ? lead + acts[0].length : clause.length;
  if (acted < clause.length && !clause.slice(acted).includes("的")) lead = acted;
  const first = numbered.length ? firstNumbered(clause, numbered, several) : (stopsOf(clause, HAS, lead).at(-1) ?? lead);
  return [start + first, start + endOf(clause, first)];
}

/** Where matches from `start` on stop, except at the end of the text. @param {string} text @param {RegExp} pattern
 * @param {number} start */
function stopsOf(text, pattern, start) {
  const stops = [];
  pattern.lastIndex = start; // where matchAll begins
  for (const { index, 0: found } of text.matchAll(pattern))
    if (index + found.length < text.length) stops.push(index + found.length);
  return stops;
}

/** Where the last object begins; of several objects in a row the first. @param {string} clause
 * @param {number[][]} numbered @param {boolean} several */
function firstNumbered(clause, numbered, several) {
  let number = numbered.length - 1;
  const noun = clause.lastIndexOf("的");
  for (; number; number--) {
    const [[, before], [start]] = [numbered[number - 1], numbered[number]];
    const modifies = before < noun && MODIFIES.includes(clause[before]);
    if (!modifies && !(several && AND.test(clause.slice(before, start)))) break;
  }
  return numbered[number][0];
}

/** Where the object ends: before what it does, or before words that only link it to its box. @param {string} clause
 * @param {number} first */
function endOf(clause, first) {
  const noun = clause.slice(first, -1).lastIndexOf("的") + 1;
  ACTS_LATER.lastIndex = Math.max(first + 1, noun ? first + noun : 0);
  const last = ACTS_LATER.exec(clause)?.index ?? clause.length;
  const tail = TAIL.exec(clause.slice(first, last));
  return tail?.index ? first + tail.index : last;
}
