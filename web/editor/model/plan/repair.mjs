// @ts-check
// Repairs a sentence from which a region was removed: connectives, commas, list numbers and capital letters. Pure.

const CONNECTIVES =
  "and|or|with|while|where|there|is|are|has|have|had|holds?|shows?|portrays?|depicts?|features?|contains?|on|in|at|of|" +
  "to|from|by|for|into|onto|over|under|above|below|behind|beside|besides|beneath|near|next|between|against|within|" +
  "around|along|inside|outside|atop|across|sits|stands|lies|sitting|standing|lying|wearing|holding|top|front";
const LAST_CONNECTIVE = new RegExp(`(?:^|[\\s,;:]+)(?:${CONNECTIVES})$|[\\s,;:]+$`, "i");
const FIRST_CONNECTIVE = new RegExp(`^(?:[\\s,;:]*(?:${CONNECTIVES})(?=[\\s,;:.!?]|$)|[\\s,;:]+)`, "i");
const LIST_END = /(?:\s*,\s*and|\s+and|\s*,)$/i;
const LIST_START = /^(?:\s*,\s*and\b|\s+and\b|\s*,)/i;
// The comma before the last item of a list: words and their boxes, with nothing after them.
const LAST_ITEM = /(?<=\)\s*), (?=[^.,()\n]*[^\s.,()][^.,()\n]*\([^()\n]*\)(?:[\s,]*\([^()\n]*\))*$)/;
const BOX_AHEAD = /^[^.!?;。！？\n]*\(\s*\p{Nd}/u; // in the same sentence
const ENDS_HERE = /^\s*(?:[.!?;。！？]|\n|$)/u;
const SENTENCE_END = /(?:^|[.!?。！？]\s*|\n\s*|(?:^|\n)\s*\d+\.\s*)$/u;

/** Join the two parts of a sentence when something between them was removed. @param {string} left
 * @param {string} right @param {boolean} capital the removed part began with a capital letter
 * @returns {string} */
export function repaired(left, right, capital) {
  if (ENDS_HERE.test(right)) return endOfSentence(left, right);
  if (SENTENCE_END.test(left)) {
    const rest = stripped(right, FIRST_CONNECTIVE);
    if (ENDS_HERE.test(rest)) return endOfSentence(left, rest);
    return left + (capital ? rest.charAt(0).toUpperCase() + rest.slice(1) : rest);
  }
  const joinsList = LIST_START.test(right);
  if (joinsList && LIST_END.test(left.trimEnd())) return left.trimEnd().replace(LIST_END, "") + right;
  const dangling = LAST_CONNECTIVE.test(left.trimEnd());
  if (joinsList && dangling && !BOX_AHEAD.test(right))
    return repaired(stripped(left.trimEnd(), LAST_CONNECTIVE), right, capital);
  const rest = joinsList && dangling ? right.replace(LIST_START, "") : dangling ? stripped(right, FIRST_CONNECTIVE) : right;
  return `${left.trimEnd()}${/^[\s,;:.]/.test(rest) ? "" : " "}${rest}`;
}

/** @param {string} left @param {string} right */
function endOfSentence(left, right) {
  const listed = /(?:^|\s)and\s*$/i.test(left);
  let kept = stripped(left.trimEnd(), LAST_CONNECTIVE);
  if (listed) kept = kept.replace(LAST_ITEM, " and ");
  const alone = kept.match(/(?:^|([.!?。！？]\s*|\n\s*))(?:\d+\.\s*)?$/u);
  if (!alone && left.trim()) return kept + right;
  const before = kept.replace(/(^|\n)\s*\d+\.\s*$/, "$1");
  const rest = right.replace(/^\s*[.!?;。！？]/u, "");
  return before.trimEnd() ? `${before.trimEnd()}${/^\s|^$/.test(rest) ? "" : " "}${rest}` : rest.trimStart();
}

/** @param {string} text @param {RegExp} pattern removed as often as it matches */
function stripped(text, pattern) {
  for (let next = text.replace(pattern, ""); next !== text; next = text.replace(pattern, "")) text = next;
  return text;
}
