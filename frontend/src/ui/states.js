/** The states and results of a job (RFC 21), and the groups of states that are counted and filtered by. */

export const STATES = ["NEW", "DEPEND", "PRIORITY", "SCHED", "RUN", "CLEANUP", "INACTIVE"];
export const RESULTS = ["COMPLETED", "FAILED", "CANCELED", "TIMEOUT"];
export const PENDING = STATES.slice(0, 4);
export const RUNNING = STATES.slice(4, 6);
export const GROUPS = /** @type {Record<string, string[]>} */ ({ PENDING, RUNNING, ACTIVE: STATES.slice(0, 6) });
