// What is open, who is where: the same as on the ground, as lists for keyboard and screen reader.
import { useNow } from "../../parts/clock.js";
import { html } from "../../parts/lib.js";
import { fallWindow, placeKind } from "../../parts/describe.js";
import { address } from "../../parts/router.js";
import { Severity } from "../../parts/severity.js";

const SIGNS = { critical: "▲", warning: "◆", info: "●" };
const ORDER = ["critical", "warning", "info"];
const FLOORS_SHOWN = 3;
export const stale = (at, now) => now - Date.parse(at) > 15 * 60 * 1000;

// Where an alert is marked: a fall at the building that its camera watches, anything else where its camera or sensor stands.
function spotOf(alert, { cameras, places }) {
  const camera = cameras.find((one) => one.edge === alert.edge && one.camera === alert.source);
  if (!camera) return null;
  const building = alert.type === "falling_object" && places.find((one) => one.place === camera.watches);
  if (building) return { key: `alert-at-${building.place}`, at: building, name: building.title, camera };
  return { key: `alert-${camera.edge}-${camera.camera}`, at: camera, name: camera.name };
}

// Pins of open alerts, one for each place; a fall's says the floor, and a line leads from its camera to the building.
export function alertPins(alerts, site, words, open) {
  const spots = new Map();
  for (const alert of alerts) {
    const spot = spotOf(alert, site);
    if (spot) spots.set(spot.key, { ...spot, own: [...(spots.get(spot.key)?.own ?? []), alert] });
  }
  return [...spots.values()].flatMap((spot) => [alarmPin(spot, words, open),
    ...(spot.camera ? [{ draw: "line", key: `sight-${spot.key}`, kind: "sight", points: [spot.camera, spot.at] }] : [])]);
}

function alarmPin({ key, at, name, own }, words, open) {
  const { say, language } = words;
  const urgent = [...own].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  const first = urgent[0];
  const worst = first.severity;
  const windows = new Map(); // one line for each, of its most urgent alert
  for (const alert of urgent) {
    const key = `${alert.floor}/${alert.column}`;
    if (alert.floor != null && !windows.has(key)) windows.set(key, fallWindow(alert, say).join(" · "));
  }
  const where = [...windows.values()];
  const more = where.length > FLOORS_SHOWN ? [`+${where.length - FLOORS_SHOWN}`] : [];
  const told = [first.titles[language], ...(first.window_before ? [say("windowBefore", first.window_before)] : [])].join(" · ");
  return { draw: "pin", key, at, kind: `alarm ${worst}`, sign: own.length > 1 ? `${SIGNS[worst]} ${own.length}` : SIGNS[worst],
    label: where.length ? [name, ...where.slice(0, FLOORS_SHOWN), ...more].join("\n") : null,
    title: own.length > 1 ? `${say("alertsAt", own.length, name)} · ${told}` : `${say(worst)}: ${told}`, open: () => open(first) };
}

export function unitPins(units, words, now) {
  return units.map((unit) => ({
    draw: "pin", key: `unit-${unit.unit}`, at: unit.position, kind: unit.on_duty && !stale(unit.position.at, now) ? "unit" : "unit away",
    sign: "●", label: unit.title, title: `${unit.title} · ${words.say("lastHeard", words.lasts((now - Date.parse(unit.position.at)) / 1000))}`,
  }));
}

export function Now({ site, alerts, look, words }) {
  const { say, when, language, lasts } = words;
  const now = useNow();
  const spot = (alert) => spotOf(alert, site)?.at;
  return html`<section class="card"><h3>${say("openHere")} <span class="mark">${alerts.length}</span></h3>
      ${alerts.length ? html`<ul class="lines" role="list">${alerts.map((alert) => html`<li key=${alert.alert_id} class="line ${alert.severity}">
        <a class="line-main" href=${address("alerts", [alert.alert_id])}><b>${alert.titles[language]}</b>
          <span class="marks"><${Severity} severity=${alert.severity} say=${say} /> <span class="mark">${say(alert.state)}${alert.unit ? ` · ${alert.unit}` : ""}</span>
          ${alert.window_before ? html`<span class="mark again">${say("windowBefore", alert.window_before)}</span>` : null}
          <time datetime=${alert.occurred_at}>${when(alert.occurred_at)}</time></span></a>
        ${spot(alert) ? html`<${Locate} at=${spot(alert)} name=${alert.titles[language]} look=${look} say=${say} />` : html`<small>${say("notOnMap")}</small>`}</li>`)}</ul>`
        : html`<p class="quiet">${say("nothingOpen")}</p>`}</section>
    <section class="card"><h3>${say("unitsHere")} <span class="mark">${site.units.length}</span></h3>
      ${site.units.length ? html`<ul class="lines" role="list">${site.units.map((unit) => html`<li key=${unit.unit} class="line">
        <span class="line-main"><b>${unit.title}</b> <small>${[say(`unit_${unit.kind}`), unit.contact, unit.on_duty ? "" : say("offDuty")].filter(Boolean).join(" · ")}</small>
          <span class=${stale(unit.position.at, now) ? "mark bad" : "quiet"}>${say("lastHeard", lasts(Math.max(0, (now - Date.parse(unit.position.at)) / 1000)))}</span></span>
        <${Locate} at=${unit.position} name=${unit.title} look=${look} say=${say} /></li>`)}</ul>` : html`<p class="quiet">${say("noUnitHeard")}</p>`}</section>
    ${site.places.length ? html`<section class="card"><h3>${say("placesHere")} <span class="mark">${site.places.length}</span></h3>
      <ul class="lines" role="list">${site.places.map((one) => html`<li key=${one.place} class="line"><span class="line-main"><b>${one.title}</b> <small>${[placeKind(one.kind, say), one.note].filter(Boolean).join(" · ")}</small></span>
        <${Locate} at=${one} name=${one.title} look=${look} say=${say} /></li>`)}</ul></section>` : null}`;
}

export const Locate = ({ at, name, look, say }) => html`<button class="plain locate" title=${say("showOnMap")} aria-label=${`${name}: ${say("showOnMap")}`}
  onClick=${() => look({ latitude: at.latitude, longitude: at.longitude })}>◎</button>`;
