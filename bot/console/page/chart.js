// Charts by uPlot, which is fetched when the first one is drawn. What a chart shows stands beside it
// as text, too: a picture tells a screen reader nothing.

import { addWords, t } from "./i18n.js";
import { locale } from "./ui.js";
import { html, useEffect, useRef } from "./vendor/preact.js";

addWords({
  "chart.day": ["日期", "Day"],
});

let loading = null;

function load() {
  loading ??= new Promise((resolve, reject) => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = "assets/vendor/uplot.css";
    const script = document.createElement("script");
    script.src = "assets/vendor/uplot.js";
    script.onload = () => resolve(window.uPlot);
    script.onerror = reject;
    document.head.append(style, script);
  });
  return loading;
}

const COLOURS = ["--accent", "--warn", "--muted", "--bad"];

/** `data` is [xs, ys, ...]; `series` are {label, kind: "line" | "points" | "bars", dash}. */
export function Chart({ data, series, label, time = false, height = 220, xLabel = "", yRange, marks = [] }) {
  const place = useRef(null);
  useEffect(() => {
    let plot = null;
    let gone = false;
    const sizes = new ResizeObserver(() => plot?.setSize({ width: place.current.clientWidth, height }));
    load().then((Plot) => {
      if (gone) return;
      plot = new Plot(options(Plot, { series, time, xLabel, yRange, marks }, place.current, height), data, place.current);
      sizes.observe(place.current);
    });
    return () => {
      gone = true;
      sizes.disconnect();
      plot?.destroy();
    };
  }, [JSON.stringify(data), JSON.stringify(series), JSON.stringify(marks)]);
  return html`<div class="chart" ref=${place} role="img" aria-label=${label}></div>`;
}

function options(Plot, { series, time, xLabel, yRange, marks }, place, height) {
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("span");
  place.append(probe);
  const colour = (name) => {
    probe.style.color = style.getPropertyValue(name);
    return getComputedStyle(probe).color;
  };
  const bars = series.some((one) => one.kind === "bars");
  const line = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--muted"), grid: line, ticks: line, font: "12px system-ui, sans-serif" };
  const made = {
    width: place.clientWidth,
    height,
    legend: { show: series.length > 1 },
    cursor: { y: false },
    scales: { x: { time, range: bars ? padded : undefined }, y: yRange ? { range: () => yRange } : { range: (_, low, high) => [Math.min(0, low), high === 0 ? 1 : high * 1.08] } },
    axes: [{ ...axis, label: xLabel || undefined, labelFont: "12px system-ui, sans-serif", labelSize: xLabel ? 20 : 0, ...(time ? DAYS : {}) }, { ...axis, size: 46, ...(bars ? { incrs: COUNTS } : {}) }],
    series: [time ? { label: t("chart.day"), value: (_, at) => (at === null ? "–" : day(at)) } : { label: xLabel }, ...series.map((one, number) => drawn(Plot, one, colour(one.colour ?? COLOURS[number % COLOURS.length])))],
    hooks: { draw: [(plot) => marks.forEach((mark) => drawMark(plot, mark, colour("--warn")))] },
  };
  probe.remove();
  return made;
}

const HALF_DAY_S = 43200;

/** Steps of an axis that counts: there is no half question. */
const COUNTS = Array.from({ length: 8 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

const day = (at) => new Date(at * 1000).toLocaleDateString(locale(), { month: "short", day: "numeric" });

const DAYS = { space: 70, incrs: [1, 2, 3, 5, 7, 10, 14, 30].map((days) => 2 * days * HALF_DAY_S), values: (_, starts) => starts.map(day) };

/** Room for the whole of the first and the last bar. */
const padded = (_, low, high) => [low - HALF_DAY_S, high + HALF_DAY_S];

function drawn(Plot, { label, kind = "line", dash }, stroke) {
  const base = { label, stroke, width: 2, dash, points: { show: kind === "points", size: 7, fill: stroke } };
  if (kind === "bars") return { ...base, fill: stroke, width: 0, paths: Plot.paths.bars({ size: [0.7, 40] }) };
  if (kind === "points") return { ...base, paths: () => null };
  return base;
}

/** A dashed upright line at an x. */
function drawMark(plot, x, colour) {
  const { ctx, bbox } = plot;
  const at = plot.valToPos(x, "x", true);
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2;
  ctx.setLineDash([5, 4]);
  ctx.beginPath();
  ctx.moveTo(at, bbox.top);
  ctx.lineTo(at, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
