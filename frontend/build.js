/** Bundles the pages into the package: node build.js. */

import { readFileSync } from "node:fs";

import { build } from "esbuild";

import { INSTANCE_PX, PICK_PX, SCROLLBAR_PX, byTurn } from "./src/table/fitting_columns.js";

const COLUMNS = new URL("../fluxapi/web/columns.json", import.meta.url);
/** Pixels of the window that a list does not have: its margins, and its scroll bar. */
const BESIDE_PX = 32 + SCROLLBAR_PX;

/**
 * Return the columns that give way before the script has run, and in lists that no script draws.
 * @param {import("./src/table/column_table.js").Described[]} shown
 * @param {number} least pixels of the columns that are always there
 */
function leftOut(shown, least) {
  const giving = byTurn(shown);
  const more = [...shown.filter(({ sparse }) => sparse), { key: "instance", width: INSTANCE_PX }];
  /** Each set of the columns that a list may have besides. @type {{ having: string, width: number }[]} */
  const sets = more.reduce(
    (all, { key, width }) => [...all, ...all.map((set) => ({ having: `${set.having}:has(th[data-key="${key}"])`, width: set.width + width }))],
    [{ having: "", width: least + BESIDE_PX }],
  );
  return sets.flatMap(({ having, width: wanted }) =>
    giving.filter(({ key, sparse }) => !sparse || having.includes(`"${key}"`)).map(({ key, width }) => {
      const list = `table#jobs:not(.drawn)${having}`;
      const rule = `@media (48rem <= width < ${wanted}px) { ${list} { --no-${key}: ${width}px; } ${list} [data-key="${key}"] { display: none; } }`;
      wanted -= width;
      return rule;
    }),
  );
}

/**
 * Return the widths of the columns before the script has run, which are those of a first visit, so
 * that nothing moves then.
 * @param {import("./src/table/column_table.js").Described[]} columns
 */
export function widths(columns) {
  const shown = columns.filter(({ hidden }) => !hidden);
  const least = shown.reduce((sum, { sparse, width }) => (sparse ? sum : sum + width), PICK_PX);
  const sparse = shown.filter((column) => column.sparse);
  const out = shown.filter(({ gives_way }) => gives_way).map(({ key }) => `var(--no-${key}, 0px)`);
  return [
    `:root { --pick: ${PICK_PX}px; }`,
    // Past jobs have no column of boxes.
    `.past table#jobs { --more: calc(-1 * var(--pick)); }`,
    `.past table#jobs:has([data-key="instance"]) { --more: ${INSTANCE_PX - PICK_PX}px; }`,
    `.past th[data-key="instance"] { width: ${INSTANCE_PX}px; }`,
    ...leftOut(shown, least),
    ...shown.filter(({ grows, fills }) => !grows && !fills).map(({ key, width }) => `table#jobs th[data-key="${key}"] { width: ${width}px; }`),
    ...shown.filter(({ grows }) => grows).map(({ key, width }) => `table#jobs th[data-key="${key}"] { --least: ${width}px; width: var(--grown); }`),
    ...sparse.map(({ key, width }) => `table#jobs:has(th[data-key="${key}"]) { --${key}: ${width}px; }`),
    `table#jobs { min-width: calc(${[`${least}px`, ...sparse.map(({ key }) => `var(--${key}, 0px)`), "var(--more, 0px)"].join(" + ")} - ${out.join(" - ")}); }`,
  ].join("\n");
}

await build({
  bundle: true,
  entryPoints: [
    "src/early.js",
    "src/channel/worker.js",
    "src/pages/group.js",
    "src/pages/header.js",
    "src/pages/history.js",
    "src/pages/instances.js",
    "src/pages/job.js",
    "src/pages/jobs.js",
    "src/pages/login.js",
    "src/pages/node.js",
    "src/pages/nodes.js",
    "src/pages/palette.js",
    "src/pages/past_jobs.js",
    "src/pages/plots.js",
    "src/pages/queues.js",
    "src/pages/submit.js",
    "src/pages/tokens.js",
    "src/pages/webhooks.js",
    "src/styles/docs.css",
    "src/styles/icon.svg",
    "src/styles/job.css",
    "src/styles/style.css",
  ],
  entryNames: "[name]",
  format: "esm",
  legalComments: "eof",
  loader: { ".svg": "copy" },
  minify: true,
  outdir: "../fluxapi/web/static/dist",
  plugins: [
    {
      name: "columns",
      setup(it) {
        it.onResolve({ filter: /^columns\.css$/ }, ({ path }) => ({ path, namespace: "columns" }));
        it.onLoad({ filter: /.*/, namespace: "columns" }, () => ({ contents: widths(JSON.parse(readFileSync(COLUMNS, "utf8"))), loader: "css" }));
      },
    },
  ],
  target: ["es2022", "chrome111", "firefox120", "safari17"],
});
