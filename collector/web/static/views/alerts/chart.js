// Events per hour over the last day.
import uPlot from "../../vendor/uplot.mjs";
import { html, useEffect, useRef } from "../../parts/lib.js";

const HOUR_S = 3600;
const HEIGHT_PX = 170;

function hourly(counts) {
  const last = Math.floor(Date.now() / 1000 / HOUR_S) * HOUR_S;
  const hours = Array.from({ length: 24 }, (_, index) => last - (23 - index) * HOUR_S);
  const sum = (wanted) => hours.map((hour) => counts
    .filter((item) => Date.parse(item.hour) / 1000 === hour && wanted(item.type))
    .reduce((total, item) => total + item.events, 0) || null);
  return [hours, sum(() => true), sum((type) => type === "falling_object")];
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Chart({ overview, words }) {
  const place = useRef(null);
  const { say } = words;
  useEffect(() => {
    if (!overview) return undefined;
    const bars = uPlot.paths.bars({ size: [0.7, 40] });
    const hour = (tick) => String(new Date(tick * 1000).getHours()).padStart(2, "0");
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px sans-serif" };
    const plot = new uPlot({
      width: place.current.clientWidth, height: HEIGHT_PX, cursor: { show: false }, legend: { show: false },
      scales: { x: { time: true, range: (_, low, high) => [low - HOUR_S / 2, high + HOUR_S / 2] }, y: { range: (_, _low, high) => [0, Math.max(4, high ?? 0)] } },
      axes: [{ ...axis, size: 28, values: (_, ticks) => ticks.map(hour) }, { ...axis, size: 36 }],
      series: [{}, { fill: colour("--accent"), stroke: colour("--accent"), paths: bars, points: { show: false } },
        { fill: colour("--critical"), stroke: colour("--critical"), paths: bars, points: { show: false } }],
    }, hourly(overview.events_by_hour), place.current);
    const watch = new ResizeObserver(() => place.current && plot.setSize({ width: place.current.clientWidth, height: HEIGHT_PX }));
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [overview]);
  return html`<figure class="chart"><figcaption><h2>${say("overview")}</h2>
    <span class="key"><i class="all"></i>${say("total")} <i class="fall"></i>${say("falls")}</span></figcaption>
    <div ref=${place} role="img" aria-label=${say("overview")}></div></figure>`;
}
