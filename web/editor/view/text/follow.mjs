// @ts-check
// Scrolls the text to the selected region.

/** Follows the selection of one editor. */
export class FollowSelection {
  #text;
  #last = -1; // the region that was selected before

  /** @param {HTMLElement} text the element of the sentence */
  constructor(text) {
    this.#text = text;
  }

  /** @param {import("../../model/state/store.mjs").View} view */
  render({ selected }) {
    if (selected === this.#last) return;
    this.#last = selected;
    const [area, mark] = [this.#text.querySelector(".got-typed"), this.#text.querySelector(".got-marks .got-selected")];
    if (!(area instanceof HTMLElement && mark instanceof HTMLElement) || area === document.activeElement) return;
    const [top, bottom] = [mark.offsetTop, mark.offsetTop + mark.offsetHeight];
    const isSeen = top >= area.scrollTop && bottom <= area.scrollTop + area.clientHeight;
    if (!isSeen) area.scrollTop = top - (area.clientHeight - mark.offsetHeight) / 2;
  }
}
