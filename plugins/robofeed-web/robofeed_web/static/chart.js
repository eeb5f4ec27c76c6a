// A curve over steps as an SVG: axes, a band where there is an interval, the last value in words.

import { element, svg } from "./element.js";

const WIDTH = 420;
const HEIGHT = 200;
const MARGIN = { left: 44, right: 12, top: 10, bottom: 26 };

function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(at);
  return found;
}

const short = (value) =>
  Math.abs(value) >= 1e6 ? `${value / 1e6}M` : Math.abs(value) >= 1e3 ? `${value / 1e3}k` : `${+value.toFixed(4)}`;

// points: {x, y, low?, high?}; range: [low, high] of y, or null to fit.
export function chart({ title, points, range = null, format = short, across = "steps" }) {
  const shown = points.filter((point) => Number.isFinite(point.y));
  const caption = element("figcaption", {}, element("strong", {}, title));
  if (!shown.length) {
    caption.append(element("span.quiet", {}, " nothing yet"));
    return element("figure.chart", {}, caption);
  }
  caption.append(element("span", {}, ` ${format(shown.at(-1).y)}`));
  const right = Math.max(1, shown.at(-1).x);
  const [low, high] = range ?? [0, Math.max(...shown.map((point) => point.y)) * 1.05 || 1];
  const x = (value) => MARGIN.left + (value / right) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value) => HEIGHT - MARGIN.bottom - ((value - low) / (high - low)) * (HEIGHT - MARGIN.bottom - MARGIN.top);
  const line = (list, pick) => list.map((point) => `${x(point.x).toFixed(1)},${y(pick(point)).toFixed(1)}`).join(" ");
  const parts = [];
  for (const at of ticks(low, high, 4)) {
    parts.push(svg("line", { class: "grid", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(at), y2: y(at) }));
    parts.push(svg("text", { x: MARGIN.left - 6, y: y(at) + 4, "text-anchor": "end" }, format(at)));
  }
  for (const at of ticks(0, right, 4)) {
    parts.push(svg("text", { x: x(at), y: HEIGHT - 8, "text-anchor": "middle" }, short(at)));
  }
  const banded = shown.filter((point) => Number.isFinite(point.low));
  if (banded.length > 1) {
    const outline = `${line(banded, (point) => point.high)} ${line([...banded].reverse(), (point) => point.low)}`;
    parts.push(svg("polygon", { class: "band", points: outline }));
  }
  parts.push(svg("polyline", { class: "curve", points: line(shown, (point) => point.y) }));
  parts.push(...shown.slice(-60).map((point) => svg("circle", { class: "dot", r: 2, cx: x(point.x), cy: y(point.y) })));
  const label = `${title} over ${across}: last ${format(shown.at(-1).y)}`;
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, ...parts);
  return element("figure.chart", {}, caption, drawing, element("span.across", {}, across));
}

export const percent = (value) => `${Math.round(100 * value)} %`;
