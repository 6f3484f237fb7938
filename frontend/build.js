/** Bundles the pages into the package: node build.js. */

import { build } from "esbuild";

await build({
  bundle: true,
  entryPoints: ["src/pages/job.js", "src/pages/jobs.js", "src/pages/nodes.js", "src/pages/plots.js", "src/pages/submit.js", "src/channel/worker.js", "src/styles/job.css", "src/styles/style.css", "src/styles/icon.svg"],
  entryNames: "[name]",
  format: "esm",
  legalComments: "eof",
  loader: { ".svg": "copy" },
  minify: true,
  outdir: "../fluxapi/web/static/dist",
  target: ["es2022", "chrome111", "firefox120", "safari17"],
});
