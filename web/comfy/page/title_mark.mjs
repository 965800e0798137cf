// @ts-check
/** A mark in the page's title while a run is paused, for a person who looks at another tab. */

const MARK = "⏸ ";

/** A mark before the page's title. ComfyUI writes the title too, so the mark is put back whenever it is lost. */
export class TitleMark {
  #watch = new MutationObserver(() => this.#write());
  #on = false;

  /** @param {boolean} on */
  set(on) {
    if (on === this.#on) return;
    this.#on = on;
    if (on) this.#watch.observe(document.head, { childList: true, subtree: true, characterData: true });
    else this.#watch.disconnect();
    this.#write();
  }

  #write() {
    const plain = document.title.replaceAll(MARK, "");
    const title = this.#on ? MARK + plain : plain;
    if (document.title !== title) document.title = title;
  }
}
