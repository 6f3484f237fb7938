/** The digest by which two tables of jobs are compared: see docs/events.md. */

const TABLE = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  TABLE[n] = c >>> 0;
}

/**
 * Return the checksum of one job: the CRC-32 of "ID REVISION".
 * @param {string} id F58, which is ASCII
 * @param {number} revision
 */
export function checksum(id, revision) {
  const text = `${id} ${revision}`;
  let c = 0xffffffff;
  for (let i = 0; i < text.length; i++) {
    c = /** @type {number} */ (TABLE[(c ^ text.charCodeAt(i)) & 255]) ^ (c >>> 8);
  }
  return (c ^ 0xffffffff) >>> 0;
}

/**
 * Return the sum of checksums as eight hex digits.
 * @param {number} sum
 */
export function digest(sum) {
  return (sum >>> 0).toString(16).padStart(8, "0");
}
