/** Bundles the pages into the package: node build.js. */

import { readFileSync } from "node:fs";

import { build } from "esbuild";

const COLUMNS = new URL("../fluxapi/web/columns.json", import.meta.url);
/** Pixels of the column of boxes. */
const PICK = 36;

/**
 * The widths of the columns before the script has run, which are those of a first visit, so that nothing moves then.
 * @param {import("./src/table/column_table.js").Described[]} columns
 */
export function widths(columns) {
  const shown = columns.filter(({ hidden }) => !hidden);
  const least = shown.reduce((sum, { sparse, width }) => (sparse ? sum : sum + width), PICK);
  const sparse = shown.filter((column) => column.sparse);
  return [
    ...shown.filter(({ grows, fills }) => !grows && !fills).map(({ key, width }) => `table#jobs th[data-key="${key}"] { width: ${width}px; }`),
    ...shown.filter(({ grows }) => grows).map(({ key, width }) => `table#jobs th[data-key="${key}"] { --least: ${width}px; width: var(--grown); }`),
    ...sparse.map(({ key, width }) => `table#jobs:has(th[data-key="${key}"]) { --${key}: ${width}px; }`),
    `table#jobs { min-width: calc(${[`${least}px`, ...sparse.map(({ key }) => `var(--${key}, 0px)`), "var(--more, 0px)"].join(" + ")}); }`,
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
