// @ts-check
/** A small copy of a picture, light enough to be kept in a workflow file. */

const SIDE = 192; // pixels, the longer side

/**
 * @param {string} url of a picture on this server
 * @returns {Promise<string>} a JPEG as a data URL
 */
export async function thumbnail(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const scale = Math.min(1, SIDE / Math.max(picture.naturalWidth, picture.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(picture.naturalHeight * scale));
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.8);
}
