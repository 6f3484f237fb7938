/** The request for lines that is under way; one that a later one has replaced counts no more. */

export class Reading {
  /** True if a request is in progress. */
  isOn = false;
  #turn = 0;

  /** Let what is under way count no more. */
  drop() {
    this.#turn++;
    this.isOn = false;
  }

  /**
   * Run a request, and return whether it is done and still wanted.
   * @param {() => Promise<void>} request
   * @param {(problem: string) => void} failed
   */
  async run(request, failed) {
    this.drop();
    const turn = this.#turn;
    this.isOn = true;
    try {
      await request();
      return turn === this.#turn;
    } catch (problem) {
      if (turn === this.#turn && !(problem instanceof DOMException)) failed(problem instanceof Error ? problem.message : String(problem));
      return false;
    } finally {
      if (turn === this.#turn) this.isOn = false;
    }
  }
}
