/** The menus of templates and of recent submissions, and the dialogs to save and share a request. */

import { call } from "../ui/api.js";
import { copy } from "../ui/clipboard.js";
import { ask, field } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { moment } from "../ui/format.js";
import { at } from "../ui/root.js";
import { secret } from "../ui/share.js";
import { SHORT, visible } from "../ui/visible.js";
import { number, rich, t } from "../ui/words.js";
import { deleteLocalTemplate, forgetRecent, keepLocalTemplate, localTemplates, recent } from "./kept.js";
import { fragmentOf, MAX_LINK_CHARS } from "./link.js";
import { titleOf, withoutDependencies, withoutNamelessGroup, withoutSecrets } from "./saved_job.js";

/** @typedef {import("./saved_job.js").Saved} Saved */
/** @typedef {{ name: string, description?: string, modified: number }} Entry a template of the service */
/** @typedef {(saved: Saved, origin: string, variables: string[], link?: string) => void} Fill */

const NAME = "[A-Za-z0-9][A-Za-z0-9._ \\-]{0,63}";
const MAX_DESCRIPTION_CHARS = 500;
/** Values of the choice where a template is kept. */
const [SERVICE, BROWSER] = /** @type {const} */ (["service", "browser"]);

/** @param {string} name */
const place = (name) => `/v1/templates/${encodeURIComponent(name)}`;
/** @param {string} name */
const linkTo = (name) => `${at("/ui/submit")}?template=${encodeURIComponent(name)}`;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} text */
const heading = (text) => element("h3", { textContent: text });

/** Return a small button of a row. @param {string} icon @param {string} title @param {() => void} run */
function small(icon, title, run) {
  const button = element("button", { type: "button", className: "quiet icon-button", ariaLabel: title, title });
  button.dataset["icon"] = icon;
  button.addEventListener("click", run);
  return button;
}

/** @param {string} title @param {string} soft @param {() => void} run @param {(() => void) | undefined} remove @param {string} removing @param {HTMLElement[]} [others] buttons */
function row(title, soft, run, remove, removing, others = []) {
  const item = element("div", { className: "menu-row" });
  const button = element("button", { type: "button" });
  button.append(element("span", { textContent: title }));
  if (soft) button.append(element("small", { className: "soft", textContent: soft }));
  button.addEventListener("click", run);
  item.append(button, ...others);
  if (remove) item.append(small("close", removing, remove));
  return item;
}

/** Return a choice to save something or not. @param {string} text @param {boolean} checked @returns {[HTMLInputElement, HTMLElement]} */
function box(text, checked) {
  const input = element("input", { type: "checkbox", checked });
  const label = element("label", { className: "box" });
  label.append(input, ` ${text}`);
  return [input, label];
}

export class Templates {
  /** @type {Entry[]} */
  #entries = [];
  #isKept = false;

  /** @param {{ current: () => Saved | undefined, fill: Fill, tell: (text: string) => void }} form */
  constructor(form) {
    this.form = form;
    for (const [id, show] of /** @type {const} */ ([["templates", () => this.#showTemplates()], ["recent", () => this.#showRecent()]])) {
      const menu = /** @type {HTMLDetailsElement} */ ($(id));
      menu.addEventListener("toggle", () => menu.open && show());
    }
    $("save-template").addEventListener("click", () => void this.save());
    $("copy-link").addEventListener("click", () => this.share());
  }

  /** Draw the recent submissions again if they are open. */
  refresh() {
    if (/** @type {HTMLDetailsElement} */ ($("recent")).open) this.#showRecent();
  }

  /** Close the menus. */
  #close() {
    for (const it of document.querySelectorAll("main details.menu[open]")) /** @type {HTMLDetailsElement} */ (it).open = false;
  }

  async #read() {
    const found = await call("GET", "/v1/templates");
    this.#entries = found["templates"];
    this.#isKept = found["kept"];
  }

  async #showTemplates() {
    const list = $("templates-list");
    if (!list.childElementCount) list.replaceChildren(element("p", { className: "skeleton", textContent: t("submit.loading") }));
    let problem = "";
    try {
      await this.#read();
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    const own = localTemplates();
    const rows = [
      ...(problem ? [element("p", { className: "wrong", textContent: problem })] : []),
      ...(this.#entries.length ? [heading(t("submit.on_service"))] : []),
      ...this.#entries.map(({ name, description = "" }) =>
        row(visible(name, { most: SHORT }), visible(description, { most: SHORT }), () => void this.load(name), () => this.#remove(name), t("submit.template_delete", { name }), [
          small("share", t("submit.template_link", { name }), () => void this.#link(name)),
        ]),
      ),
      ...(own.length ? [heading(t("submit.in_browser"))] : []),
      ...own.map(({ name, description, saved }) =>
        row(
          visible(name, { most: SHORT }),
          visible(description || titleOf(saved), { most: SHORT }),
          () => this.#fill(saved, t("submit.from_template", { name: visible(name, { most: SHORT }) })),
          () => this.#removeLocal(name),
          t("submit.template_delete", { name: visible(name, { most: SHORT }) }),
        ),
      ),
    ];
    if (!this.#entries.length && !own.length && !problem) rows.push(element("p", { className: "menu-empty", textContent: t("submit.no_templates") }));
    const save = element("button", { type: "button", textContent: t("submit.save_template") });
    save.addEventListener("click", () => void this.save());
    list.replaceChildren(...rows, element("hr", {}), save);
  }

  /** Copy the link to the form that a template of the service fills. @param {string} name */
  async #link(name) {
    const link = linkTo(name);
    const field = element("textarea", { value: link });
    const isCopied = await copy(link, () => {
      $("templates-list").append(field);
      field.select();
    });
    field.remove();
    this.#close();
    this.form.tell(isCopied ? t("submit.link_copied", { name: visible(name, { most: SHORT }) }) : t("job.link_not_copied", { link }));
  }

  #showRecent() {
    const list = recent();
    const now = Date.now() / 1000;
    const rows = list.map(({ when, ids, count, variables, saved }) =>
      row(
        visible(titleOf(saved), { most: SHORT }),
        count > 1 ? t("submit.recent_many", { when: moment(when, now), count }) : t("submit.recent_one", { when: moment(when, now), id: ids[0] ?? "" }),
        () => this.#fill(saved, t("submit.from_recent", { when: moment(when, now) }), variables),
        undefined,
        "",
      ),
    );
    if (!rows.length) return $("recent-list").replaceChildren(element("p", { className: "menu-empty", textContent: t("submit.no_recent") }));
    const forget = element("button", { type: "button", textContent: t("submit.forget_recent") });
    forget.addEventListener("click", () => {
      forgetRecent();
      this.#close();
    });
    $("recent-list").replaceChildren(...rows, element("hr", {}), forget);
  }

  /** @param {Saved} saved @param {string} origin @param {string[]} [variables] @param {string} [link] */
  #fill(saved, origin, variables = [], link) {
    this.#close();
    this.form.fill(saved, origin, variables, link);
  }

  /** Fill the form with a template of the service. @param {string} name */
  async load(name) {
    this.#close();
    const shown = visible(name, { most: SHORT });
    try {
      const { job, copies, cc } = await call("GET", place(name));
      this.#fill({ job, ...(copies === undefined ? {} : { copies }), ...(cc === undefined ? {} : { cc }) }, t("submit.from_template", { name: shown }), [], linkTo(name));
    } catch (problem) {
      this.form.tell(t("submit.template_failed", { name: shown, why: problem instanceof Error ? problem.message : String(problem) }));
    }
  }

  /** @param {string} name */
  #remove(name) {
    this.#close();
    const shown = visible(name, { most: SHORT });
    ask({
      title: t("submit.delete"),
      heading: t("submit.delete_heading", { name: shown }),
      words: t("submit.delete_service"),
      isDanger: true,
      again: true,
      run: async () => void (await call("DELETE", place(name))),
    });
  }

  /** @param {string} name */
  #removeLocal(name) {
    this.#close();
    ask({
      title: t("submit.delete"),
      heading: t("submit.delete_heading", { name: visible(name, { most: SHORT }) }),
      words: t("submit.delete_browser"),
      isDanger: true,
      run: async () => deleteLocalTemplate(name),
    });
  }

  /** Ask for a name and a place, and save what the form asks for. */
  async save() {
    this.#close();
    const saved = this.form.current();
    if (!saved) return;
    await this.#read().catch(() => undefined);
    const name = element("input", { required: true, pattern: NAME, maxLength: 64, value: String(saved.job["name"] ?? "").replace(/[^A-Za-z0-9._ -]/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 64), title: t("submit.template_name_form") });
    const description = element("input", { maxLength: MAX_DESCRIPTION_CHARS });
    const where = element("select", {});
    where.append(new Option(t("submit.place_browser"), BROWSER), ...(this.#isKept ? [new Option(t("submit.place_service"), SERVICE)] : []));
    const { variables } = withoutSecrets(saved);
    const { dependencies } = withoutDependencies(saved);
    const few = (/** @type {string[]} */ names) => names.slice(0, 8).map((it) => visible(it, { most: 40 })).join(", ");
    const [values, keep] = box(t("submit.keep_values", { names: few(variables) }), true);
    const [jobs, keepJobs] = box(t("submit.keep_dependencies", { names: few(dependencies), count: dependencies.length }), false);
    ask({
      title: t("submit.save"),
      heading: t("submit.save_heading"),
      words: this.#isKept ? rich("submit.save_words") : t("submit.save_words_browser"),
      fields: [field(t("submit.template_name"), name), field(t("submit.template_description"), description), field(t("submit.template_place"), where), ...(variables.length ? [keep] : []), ...(dependencies.length ? [keepJobs] : [])],
      again: true,
      run: async () => {
        const whole = withoutNamelessGroup(values.checked ? saved : withoutSecrets(saved).saved);
        const kept = jobs.checked ? whole : withoutDependencies(whole).saved;
        const text = description.value.trim();
        const isReplaced = (where.value === SERVICE ? this.#entries : localTemplates()).some((it) => it.name === name.value);
        if (isReplaced && name.dataset["sure"] !== name.value) {
          name.dataset["sure"] = name.value;
          throw new Error(t("submit.replace", { name: name.value }));
        }
        if (where.value === BROWSER) {
          if (!keepLocalTemplate({ name: name.value, description: text, modified: Date.now() / 1000, saved: kept })) throw new Error(t("submit.browser_full"));
          this.form.tell(t("submit.saved_browser", { name: name.value }));
          return undefined;
        }
        const { files: _, ...request } = kept;
        await call("PUT", place(name.value), { ...(text ? { description: text } : {}), ...request });
        return secret(t("submit.link_template"), linkTo(name.value));
      },
    });
  }

  /** Show a link that opens the form filled. */
  share() {
    this.#close();
    const saved = this.form.current();
    if (!saved) return;
    const { fragment, length, variables } = fragmentOf(saved);
    const words = [t("submit.link_words"), ...(variables.length ? [t("submit.link_without", { names: variables.slice(0, 8).map((it) => visible(it, { most: 40 })).join(", ") })] : [])];
    if (!fragment) return this.form.tell(t("submit.link_too_long", { count: length, most: number(MAX_LINK_CHARS) }));
    ask({
      title: t("submit.link_show"),
      heading: t("submit.link_heading"),
      words: words.join(" "),
      run: async () => secret(t("submit.link"), `${at("/ui/submit")}#${fragment}`),
    });
  }
}
