// @ts-check
// The noun phrase at the end of some words: what a box after them belongs to. The rules are listed in
// got_models/chain/noun_phrase.py; tests/phrases.json tests both. Pure.

import { D, PART, S } from "./characters.mjs";
import { IMAGES, KINDS, PLURALS, SIDES } from "./phrase_words.mjs";

/** @typedef {{start: number, stop: number, kind: string, word: string}} Token */

const TOKEN = new RegExp(`[，、]|,(?=${S}|$)|${PART}+(?:,+${PART}+)*|,`, "gu");
const EDGES = "\"'“”‘’()[]{}<>*_#.!?~`:;";
const MARKS = /^[!-/:-@[-`{-~–—•·。，、：；！？…]+$/u; // a token of these alone separates like a comma
const MARKER = new RegExp(`^[(\\[]?[\\p{L}\\p{N}_]{1,2}[)\\]]$`, "u"); // of a list: 1) [x]
const DIGITS = new RegExp(`^${D}+$`, "u");
const VERBS = ["be", "have", "does", "rests", "moves", "do"];

/** The span of the phrase in the words from `start` on, which belong to one sentence and hold a word.
 * @param {string} words @param {number} start @param {boolean} afterBox a box comes right before them
 * @param {boolean} several more than one box comes after them @returns {[number, number]} */
export function nounPhrase(words, start, afterBox, several) {
  /** @type {Token[]} */
  const tokens = [];
  TOKEN.lastIndex = start; // where matchAll begins
  for (const { index, 0: text } of words.matchAll(TOKEN)) {
    const isMarker = MARKER.test(text) && (!tokens.length || tokens[tokens.length - 1].kind === "comma");
    tokens.push(tokenOf(text, index, isMarker));
  }
  const [first, last] = new Reader(withNames(tokens), afterBox, several).read();
  return [tokens[first].start, tokens[last].stop];
}

/** The tokens, in which digits that only a noun comes before are a part of its name: `Room 101`, but `3 cats`.
 * @param {Token[]} tokens */
function withNames(tokens) {
  const isName = (/** @type {Token} */ { word }, /** @type {number} */ i) =>
    DIGITS.test(word) && tokens[i - 1]?.kind === "noun" && !["noun", "adjective", "participle"].includes(tokens[i + 1]?.kind);
  return tokens.map((token, i) => (isName(token, i) ? { ...token, kind: "noun" } : token));
}

/** @param {string} text @param {number} start @param {boolean} isMarker @returns {Token} */
function tokenOf(text, start, isMarker) {
  const stop = start + text.length;
  if (isMarker || (MARKS.test(text) && text !== "&")) return { start, stop, kind: "comma", word: "" };
  let [from, to] = [0, text.length];
  while (from < to && EDGES.includes(text[from])) from++;
  while (from < to && EDGES.includes(text[to - 1])) to--;
  const word = text.slice(from, to).toLowerCase();
  return { start, stop, kind: KINDS.get(word) ?? unknownKind(word), word };
}

/** The kind of a word that is in no list. @param {string} word */
function unknownKind(word) {
  if (DIGITS.test(word)) return "determiner";
  return (word.endsWith("ing") || word.endsWith("ed")) && [...word].length > 4 ? "participle" : "noun";
}

/** Goes through the tokens once. Numbers are indices of tokens; -1 is none. */
class Reader {
  #tokens;
  #afterBox;
  #several;
  #first = -1; // of the phrase so far
  #end = -1; // of the phrase, if it is complete: what follows only adds to it
  /** @type {[number, number] | null} */
  #subject = null; // the phrase before the verb
  #verb = ""; // its kind
  #there = false; // "there is"
  #waiting = false; // a preposition waits for its noun
  #skipped = -1; // the first word after the verb that says something of the subject
  #outer = -1; // the phrase that the list of its complements may continue
  #isList = false;
  #isPlace = false; // the phrase began after a preposition
  #isAdverbial = false; // and before any verb
  #link = ""; // the last preposition in the phrase
  #linkArticle = false; // an article follows it
  #adjectives = -1; // the last token so far if all were adjectives
  #relative = ""; // "open": a relative clause waits for its verb
  #inner = -1; // the object in it

  /** @param {Token[]} tokens @param {boolean} afterBox @param {boolean} several */
  constructor(tokens, afterBox, several) {
    this.#tokens = tokens;
    this.#afterBox = afterBox;
    this.#several = several;
    this.#begin(-1);
  }

  /** @returns {[number, number]} */
  read() {
    this.#tokens.forEach((token, i) => {
      this.#take(i, token);
      const isFirst = i === this.#first && token.kind === "determiner";
      if (isFirst || (this.#adjectives === i - 1 && ["adjective", "participle", "comma"].includes(token.kind)))
        this.#adjectives = i;
    });
    return this.#trimmed(this.#found());
  }

  #reset() {
    this.#subject = null;
    this.#verb = "";
    this.#there = this.#waiting = this.#isList = false;
    this.#skipped = this.#outer = -1;
    this.#begin(-1);
  }

  /** A phrase begins, or none. @param {number} first */
  #begin(first) {
    this.#isPlace = first >= 0 && this.#waiting;
    this.#isAdverbial = this.#isPlace && !this.#verb;
    this.#first = first;
    this.#end = this.#inner = -1;
    this.#waiting = this.#linkArticle = false;
    this.#link = this.#relative = "";
    this.#adjectives = first < 0 ? -1 : first - 1;
  }

  /** @param {number} i @param {Token} token */
  #take(i, token) {
    const { kind } = token;
    if (kind === "boundary") this.#reset();
    else if (kind === "there") this.#takeThere(i);
    else if (kind === "determiner") this.#takeDeterminer(i);
    else if (kind === "preposition" || kind === "with") this.#takePreposition(i, token);
    else if (kind === "place") this.#takePlace(i, token);
    else if (kind === "relative") this.#takeRelative(i, token);
    else if (VERBS.includes(kind)) this.#takeVerb(i, token);
    else if (kind !== "comma" && kind !== "and") this.#takeNoun(i, token);
  }

  // ----------------------------------------------------------------------------------------- one kind of word each

  /** @param {number} i */
  #takeThere(i) {
    if (this.#kind(i + 1) !== "be") return;
    this.#reset();
    this.#there = true;
  }

  /** @param {number} i */
  #takeDeterminer(i) {
    const before = this.#kind(i - 1);
    const afterComma = before === "comma" || (before === "and" && this.#kind(i - 2) === "comma");
    if (this.#first < 0) return this.#begin(i);
    if (this.#end >= 0) return afterComma ? this.#restart(i) : undefined;
    if (this.#relative === "open") this.#inner = i;
    if (["preposition", "with", "determiner", "participle", "relative"].includes(before) || this.#isVerb(i - 1))
      this.#linkArticle = true;
    else if (before === "place" || (before === "noun" && this.#relative)) return;
    else if (before === "and") this.#continueList(i, afterComma);
    else if (before === "comma" && (this.#link === "with" || this.#several)) {
      const outer = this.#outer >= 0 ? this.#outer : this.#first;
      this.#restart(i);
      this.#outer = outer;
    } else this.#restart(i);
  }

  /** An article after "and". @param {number} i @param {boolean} afterComma */
  #continueList(i, afterComma) {
    const isParallel = this.#link === "with" || (["of", "in"].includes(this.#link) && this.#linkArticle);
    if (this.#outer >= 0) {
      this.#first = this.#outer;
      this.#outer = -1;
      this.#isPlace = this.#isAdverbial = false;
    } else if (afterComma || !(isParallel || this.#several)) this.#restart(i);
  }

  /** @param {number} i @param {Token} token */
  #takePreposition(i, { kind, word }) {
    if (this.#first < 0) {
      this.#waiting = true;
    } else if (this.#end >= 0) {
      return;
    } else if (this.#kind(i - 1) === "comma" && this.#first < i - 1) {
      if (this.#isPlace) this.#begin(-1);
      else this.#complete(i);
      this.#waiting = this.#first < 0;
    } else if (word === "of" && this.#isImage(i)) {
      this.#begin(-1);
      this.#waiting = true;
    } else {
      this.#link = kind === "with" ? "with" : word;
      this.#linkArticle = false;
    }
  }

  /** @param {number} i @param {Token} token */
  #takePlace(i, token) {
    const isPreposition = this.#kind(i + 1) === "preposition" && this.#kind(i - 1) !== "determiner";
    if (isPreposition) this.#takePreposition(i, token);
    else this.#takeNoun(i, token);
  }

  /** @param {number} i @param {Token} token */
  #takeVerb(i, token) {
    if (!this.#isVerb(i)) return this.#takeNoun(i, token);
    if (this.#relative === "open" && this.#end < 0) {
      this.#relative = "closed";
      return;
    }
    if (this.#end >= 0 && this.#kind(i - 1) !== "comma") return; // it is in what only adds to the phrase
    if (this.#first >= 0) this.#subject = this.#isAdverbial ? null : [this.#first, this.#end >= 0 ? this.#end : i - 1];
    this.#verb = token.kind === "have" || token.kind === "does" ? "does" : "is";
    this.#begin(-1);
    this.#outer = this.#skipped = -1;
    this.#isList = false;
  }

  /** @param {number} i @param {Token} token */
  #takeRelative(i, { word }) {
    if (this.#first < 0) {
      if (word === "that" && !this.#subject) this.#begin(i);
    } else if (this.#kind(i - 1) === "comma") {
      this.#complete(i);
    } else if (this.#end < 0) {
      const isVerb = ["noun", "participle"].includes(this.#kind(i + 1)) && !["where", "when", "whose"].includes(word);
      this.#relative = isVerb ? "closed" : "open";
    }
  }

  /** @param {number} i @param {Token} token */
  #takeNoun(i, token) {
    const before = this.#kind(i - 1);
    if (this.#first < 0) return this.#takeFirstNoun(i, token);
    if (this.#end >= 0) return;
    if (before === "comma") this.#takeAfterComma(i, token);
    else if (before === "and" && this.#isList) {
      if (this.#outer < 0) return this.#restart(i);
      this.#first = this.#outer;
      this.#outer = -1;
    }
  }

  /** @param {number} i @param {Token} token */
  #takeFirstNoun(i, token) {
    if (this.#isAction(i, token)) {
      this.#verb = "does";
      this.#skipped = i;
    } else if (this.#verb && this.#isAdverb(i)) {
      return;
    } else if (!this.#verb || this.#verb === "does" || this.#waiting || this.#there) this.#begin(i);
    else if (this.#skipped < 0) this.#skipped = i;
  }

  /** Does the word say what the object of the box before does: □ sitting on a lawn, □ is eating pears?
   * @param {number} i @param {Token} token */
  #isAction(i, { kind, word }) {
    const [follows, isIng] = [this.#kind(i + 1), kind === "participle" && word.endsWith("ing")];
    if (this.#verb === "is" && isIng) return ["noun", "adjective"].includes(follows) && !this.#isAdverb(i + 1);
    if (!this.#afterBox || this.#verb || !follows) return false;
    const leads = ["preposition", "with", "determiner", "place"].includes(follows);
    if (i === 0) return leads || word.endsWith("ing");
    return i === 1 && isIng && this.#kind(0) === "comma" && (leads || this.#isAdverb(2));
  }

  /** @param {number} i @param {Token} token */
  #takeAfterComma(i, { kind }) {
    if (this.#isAdverbial) return this.#restart(i);
    if (this.#adjectives === i - 1 && i - 1 > this.#first) return; // an old, weathered fisherman
    const follows = this.#kind(i + 1);
    const then = follows === "comma" ? this.#kind(i + 2) : follows;
    const isOneWord = this.#kind(this.#first) === "determiner" && i - 1 === this.#first + 2;
    if (isOneWord && ["noun", "adjective", "participle"].includes(then)) {
      this.#adjectives = i - 1; // a sleek, silver ship
      return;
    }
    const onlyAdds =
      (kind === "participle" && follows !== "noun" && follows !== "adjective") ||
      (kind === "adjective" && ["", "comma", "and", "preposition", "with"].includes(follows));
    if (onlyAdds) return this.#complete(i);
    const outer = this.#outer >= 0 ? this.#outer : this.#first;
    const keeps = this.#link === "with" || this.#several;
    this.#restart(i);
    this.#outer = keeps ? outer : -1;
    this.#isList = true;
  }

  // ------------------------------------------------------------------------------------------------------- helpers

  /** The kind of a token; "" before the first and after the last one. @param {number} i */
  #kind(i) {
    return this.#tokens[i]?.kind ?? "";
  }

  /** Is a word that may be a verb one here? @param {number} i */
  #isVerb(i) {
    const [kind, before, after] = [this.#kind(i), this.#kind(i - 1), this.#kind(i + 1)];
    if (!VERBS.includes(kind)) return false;
    if (kind === "be" || kind === "have") return before !== "preposition" && before !== "with";
    if (["determiner", "preposition", "with", "adjective", "place"].includes(before)) return false;
    const leads = ["preposition", "with", "determiner", "place", "there", "relative"].includes(after);
    const hasObject = !["", "comma", "and"].includes(after);
    if (this.#first < 0 || before === "comma" || before === "relative") return leads || hasObject;
    if (kind === "do") {
      const { word } = this.#tokens[i - 1];
      const isPlural = PLURALS.has(word) || word.endsWith("s") || this.#relative === "open";
      return isPlural && (leads || after === "" || (hasObject && this.#isAdverb(i + 1)));
    }
    if (kind === "does") return hasObject;
    return leads || this.#isAdverb(i + 1) || (kind === "rests" && !hasObject);
  }

  /** @param {number} i */
  #isAdverb(i) {
    return this.#tokens[i]?.word.endsWith("ly") ?? false;
  }

  /** @param {number} i */
  #restart(i) {
    this.#waiting = false;
    this.#begin(i);
    this.#outer = -1;
  }

  /** What comes from here on only adds to the phrase. @param {number} i */
  #complete(i) {
    this.#end = i - 1;
  }

  /** Is the phrase before "of" "an image", at the beginning of the text? @param {number} i */
  #isImage(i) {
    const isStart = !this.#afterBox && !this.#subject && !this.#isAdverbial;
    return isStart && !this.#link && IMAGES.has(this.#tokens[i - 1].word);
  }

  /** @returns {[number, number]} */
  #found() {
    const last = this.#tokens.length - 1;
    if (this.#relative === "open" && this.#inner >= 0) this.#first = this.#inner;
    if (this.#first >= 0) {
      if (this.#subject && this.#isSide(this.#first)) return this.#subject;
      const end = this.#end >= 0 ? this.#end : last;
      return [!this.#subject && this.#isAdverbial ? this.#withoutSide(this.#first) : this.#first, end];
    }
    if (this.#subject) return this.#subject;
    if (this.#skipped >= 0) return [this.#skipped, last];
    const first = this.#tokens.findIndex(({ kind }) => kind !== "comma" && kind !== "and");
    return [Math.max(0, first), last];
  }

  /** Where the noun that begins at `first` ends, without its complements. @param {number} first */
  #nounEnd(first) {
    let stop = first;
    while (stop < this.#tokens.length && !["preposition", "with", "comma", "relative"].includes(this.#kind(stop))) stop++;
    return stop;
  }

  /** Is the phrase a side of the image: the upper left corner, the left side of the image? @param {number} first */
  #isSide(first) {
    return SIDES.has(this.#tokens[this.#nounEnd(first) - 1].word);
  }

  /** The beginning of the phrase after "the left of", if it is not the image. @param {number} first */
  #withoutSide(first) {
    const stop = this.#nounEnd(first);
    const { length } = this.#tokens;
    if (!SIDES.has(this.#tokens[stop - 1].word) || stop + 1 >= length || this.#tokens[stop].word !== "of") return first;
    return IMAGES.has(this.#tokens[length - 1].word) ? first : stop + 1;
  }

  /** Without the words at the end that only link the phrase to its box. The first word stays.
   * @param {[number, number]} span @returns {[number, number]} */
  #trimmed([first, last]) {
    while (last > first && ["preposition", "be", "comma", "and", "there", "with"].includes(this.#kind(last))) last--;
    return [first, last];
  }
}
