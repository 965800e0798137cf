// What GoT Loader says of a model before a run.

import assert from "node:assert/strict";
import test from "node:test";
import { forecastText } from "../../web/editor/model/memory_estimate.mjs";
import { words } from "../../web/editor/model/messages.mjs";

const GB = 2 ** 30;
/** @param {"together" | "turns" | "parts"} verdict */
const forecast = (verdict) => ({ chain: 7.12 * GB, picture: 5.78 * GB, room: 8 * GB, verdict });

test("sizes are told in the gigabytes of cards, and what they mean", () => {
  assert.equal(
    forecastText(forecast("turns"), words("en")),
    "Chain 7.1 GB, picture 5.8 GB of 8.0 GB: fits, one after the other",
  );
});

test("a small model needs something too", () => {
  const text = forecastText({ chain: 9e6, picture: 0.26 * GB, room: 24 * GB, verdict: "together" }, words("en"));
  assert.equal(text, "Chain 0.1 GB, picture 0.3 GB of 24.0 GB: fits, both at once");
});

test("each verdict has its own words, in both languages", () => {
  for (const language of ["en", "zh"]) {
    const texts = /** @type {const} */ (["together", "turns", "parts"]).map((verdict) =>
      forecastText(forecast(verdict), words(language)),
    );
    assert.equal(new Set(texts).size, 3);
    for (const text of texts) assert.ok(text.includes("7.1") && text.includes("5.8") && !text.includes("{"), text);
  }
});
