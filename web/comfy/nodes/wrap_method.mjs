// @ts-check
/** A callback for what ComfyUI does with its objects. */

/**
 * Call a function after each call of an object's method.
 * @param {any} object a node or a widget @param {string} method @param {(...values: any[]) => void} call
 */
export function wrapMethod(object, method, call) {
  const original = object[method];
  object[method] = function (/** @type {any[]} */ ...values) {
    const result = original?.apply(this, values);
    call(...values);
    return result;
  };
}
