// The strings that a person sees: both languages say the same things with the same blanks.

import assert from "node:assert/strict";
import test from "node:test";
import { fill, messagesFor } from "../../web/editor/model/messages.mjs";

const [english, chinese] = [messagesFor("en"), messagesFor("zh")];
const keys = /** @type {(keyof typeof english)[]} */ (Object.keys(english));
/** @param {string} text */
const blanks = (text) => (text.match(/\{\w+\}/g) ?? []).sort();

test("both languages have the same keys", () => {
  assert.deepEqual(Object.keys(chinese).sort(), [...keys].sort());
  assert.ok(keys.length > 50);
});

test("both languages have the same blanks, and no others", () => {
  for (const key of keys) {
    assert.deepEqual(blanks(chinese[key]), blanks(english[key]), key);
    for (const text of [english[key], chinese[key]])
      assert.equal(text.replaceAll(/\{\w+\}/g, "").match(/[{}]/), null, `${key}: ${text}`);
  }
});

test("every string says something, in its own language", () => {
  const ideographs = /\p{Script=Han}/u;
  for (const key of keys) {
    assert.ok(english[key].trim() && !ideographs.test(english[key]), key);
    assert.ok(chinese[key].trim() && (ideographs.test(chinese[key]) || blanks(chinese[key]).length), key);
  }
});

test("Simplified Chinese is for those who read it, English for everyone else", () => {
  for (const locale of ["zh", "zh-CN", "zh-Hans", "ZH-cn", "zh-SG"]) assert.equal(messagesFor(locale), chinese, locale);
  for (const locale of ["en", "en-GB", "ja", "zh-TW", "zh-Hant", "zh-Hant-HK", "zha", "", undefined])
    assert.equal(messagesFor(locale), english, locale);
});

test("blanks are filled in, each as often as it stands there", () => {
  assert.equal(fill("{number}: {phrase} {number}", { number: 0, phrase: "a cup" }), "0: a cup 0");
});

test("a blank without a value stays, and a value is never read as a blank or a pattern", () => {
  assert.equal(fill("{a} {b}", { a: "{b} $& $1" }), "{b} $& $1 {b}");
});
