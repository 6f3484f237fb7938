/** The elements of one chart: its legend, the place where it is drawn, and its sentence. */

import { element } from "../ui/element.js";

/**
 * @param {{ title: string, lines: readonly { title: string, color: string, dash?: unknown }[] }} chart
 * @returns {{ figure: HTMLElement, place: HTMLElement, caption: HTMLElement, keys: HTMLElement[], values: HTMLElement[] }}
 *   with a key and a value of the legend for each line
 */
export function figureParts(chart) {
  const figure = element("figure", {});
  const legend = element("p", { className: "legend" });
  legend.append(element("b", { textContent: chart.title }));
  /** @type {HTMLElement[]} */
  const keys = [];
  /** @type {HTMLElement[]} */
  const values = [];
  for (const line of chart.lines) {
    const key = element("span", { className: line.dash ? "key dashed" : "key" });
    key.dataset["color"] = line.color;
    const value = element("span", { className: "value" });
    key.append(line.title, " ", value);
    keys.push(key);
    values.push(value);
    legend.append(key);
  }
  const place = element("div", { className: "plot" });
  place.setAttribute("role", "img");
  const caption = element("figcaption", {});
  figure.append(legend, place, caption);
  return { figure, place, caption, keys, values };
}
