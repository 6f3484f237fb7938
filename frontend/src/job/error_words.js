/** The words by which programs report an error: those by which fluxapi/model/output_search.py finds the first error. */

const NOT_NEGATED = /(?<!\bno )(?<!\b0 )(?<!\bnon-)(?<!\bwithout )/i;
const NAMES = /(?<![a-z])(?:error|exception)s?\b(?![ \t]{0,4}[:=][ \t]{0,4}(?:0|none)\b)/i;
const PHRASES =
  /\b(?:traceback|fatal|panic|panicked|segmentation fault|segfault|segfaulted|killed|aborted|aborting|mpi_abort|sigsegv|core dumped|out of memory|cannot allocate memory|no such file|command not found|permission denied|failed to)\b|\babort\(|: not found\b/i;
/** The end of a name, such as ValueError, in which the case counts. */
const ENDS = /(?<!\b[nN][oO] )(?<!\b0 )(?<!\b[nN][oO][nN]-)(?<!\b[wW]ithout )(?:Error|Exception)s?\b(?![ \t]{0,4}[:=][ \t]{0,4}(?:0|[nN]one)\b)/;
const WORDS = new RegExp(`${NOT_NEGATED.source}(?:${NAMES.source}|${PHRASES.source})`, "i");
/** The begin of a message of the job shell that is none of an error, whatever its words are. */
const REMARK = /^flux-shell(?:\[[0-9]{1,10}\])?: (?!FATAL|ERROR)/;

/** Return whether a line reports an error, judging by its words. @param {string} text */
export function isError(text) {
  return !REMARK.test(text) && (WORDS.test(text) || ENDS.test(text));
}
