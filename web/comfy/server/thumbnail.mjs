// @ts-check
/** A small copy of an image, light enough to be saved in a workflow file. */

const SIDE = 192; // pixels, the longer side

/**
 * @param {string} url of an image on this server
 * @returns {Promise<string>} a JPEG as a data URL
 */
export async function thumbnail(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const scale = Math.min(1, SIDE / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.8);
}
