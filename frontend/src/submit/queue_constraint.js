/** The constraint that Flux adds to the jobs of a queue: they run on nodes with its properties. */

/** @typedef {Record<string, any>} Tree */

/**
 * Return a jobspec without what Flux has added to its constraints for its queue. Flux adds it again, and what belongs to
 * another queue where that is chosen instead: with both, the job could never start.
 * @param {Tree} jobspec
 * @param {{ name: string, requires?: string[] }[]} queues
 * @returns {Tree}
 */
export function withoutQueue(jobspec, queues) {
  const { system } = jobspec["attributes"] ?? {};
  const requires = queues.find(({ name }) => name === system?.queue)?.requires ?? [];
  if (!requires.length || !isMap(system?.constraints)) return jobspec;
  const { constraints, ...others } = system;
  const own = without(constraints, requires);
  const left = Object.keys(own).length ? { constraints: own } : {};
  return { ...jobspec, attributes: { ...jobspec["attributes"], system: { ...others, ...left } } };
}

/** @param {Tree} constraints (RFC 31) @param {string[]} requires */
function without(constraints, requires) {
  const { and, properties, ...others } = constraints;
  // Next to other operators than properties, Flux joins both.
  if (Array.isArray(and) && Object.keys(constraints).length === 1 && and.length === 2 && isOf(and[1], requires) && isMap(and[0])) return and[0];
  if (!Array.isArray(properties)) return constraints;
  const own = properties.filter((it) => !requires.includes(it));
  return { ...others, ...(and === undefined ? {} : { and }), ...(own.length ? { properties: own } : {}) };
}

/** @param {unknown} constraint @param {string[]} requires */
const isOf = (constraint, requires) => JSON.stringify(constraint) === JSON.stringify({ properties: requires });

/** @param {unknown} value */
const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
