// What is open, who is where: the same as on the ground, as lists for keyboard and screen reader.
import { useNow } from "../../parts/clock.js";
import { html } from "../../parts/lib.js";
import { address } from "../../parts/router.js";
import { Severity } from "../../parts/severity.js";

const SIGNS = { critical: "▲", warning: "◆", info: "●" };
const ORDER = ["critical", "warning", "info"];
export const stale = (at, now) => now - Date.parse(at) > 15 * 60 * 1000;

// Pins of open alerts, one for each camera or sensor that is on the map.
export function alertPins(alerts, cameras, words, open) {
  const { say, language } = words;
  return cameras.flatMap((camera) => {
    const own = alerts.filter((alert) => alert.edge === camera.edge && alert.source === camera.camera);
    if (!own.length) return [];
    const worst = ORDER.find((severity) => own.some((alert) => alert.severity === severity));
    const first = own.find((alert) => alert.severity === worst);
    const title = own.length > 1 ? `${say("alertsAt", own.length, camera.name)} · ${first.titles[language]}` : `${say(worst)}: ${first.titles[language]}`;
    return [{ draw: "pin", key: `alert-${camera.edge}-${camera.camera}`, at: camera, kind: `alarm ${worst}`, sign: own.length > 1 ? `${SIGNS[worst]} ${own.length}` : SIGNS[worst],
      title, open: () => open(first) }];
  });
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
  const camera = (alert) => site.cameras.find((one) => one.edge === alert.edge && one.camera === alert.source);
  return html`<section class="card"><h3>${say("openHere")} <span class="mark">${alerts.length}</span></h3>
      ${alerts.length ? html`<ul class="lines" role="list">${alerts.map((alert) => html`<li key=${alert.alert_id} class="line ${alert.severity}">
        <a class="line-main" href=${address("alerts", [alert.alert_id])}><b>${alert.titles[language]}</b>
          <span class="marks"><${Severity} severity=${alert.severity} say=${say} /> <span class="mark">${say(alert.state)}${alert.unit ? ` · ${alert.unit}` : ""}</span>
          <time datetime=${alert.occurred_at}>${when(alert.occurred_at)}</time></span></a>
        ${camera(alert) ? html`<${Locate} at=${camera(alert)} name=${alert.titles[language]} look=${look} say=${say} />` : html`<small>${say("notOnMap")}</small>`}</li>`)}</ul>`
        : html`<p class="quiet">${say("nothingOpen")}</p>`}</section>
    <section class="card"><h3>${say("unitsHere")} <span class="mark">${site.units.length}</span></h3>
      ${site.units.length ? html`<ul class="lines" role="list">${site.units.map((unit) => html`<li key=${unit.unit} class="line">
        <span class="line-main"><b>${unit.title}</b> <small>${[say(`unit_${unit.kind}`), unit.contact, unit.on_duty ? "" : say("offDuty")].filter(Boolean).join(" · ")}</small>
          <span class=${stale(unit.position.at, now) ? "mark bad" : "quiet"}>${say("lastHeard", lasts(Math.max(0, (now - Date.parse(unit.position.at)) / 1000)))}</span></span>
        <${Locate} at=${unit.position} name=${unit.title} look=${look} say=${say} /></li>`)}</ul>` : html`<p class="quiet">${say("noUnitHeard")}</p>`}</section>
    ${site.places.length ? html`<section class="card"><h3>${say("placesHere")} <span class="mark">${site.places.length}</span></h3>
      <ul class="lines" role="list">${site.places.map((one) => html`<li key=${one.place} class="line"><span class="line-main"><b>${one.title}</b> <small>${[one.kind, one.note].filter(Boolean).join(" · ")}</small></span>
        <${Locate} at=${one} name=${one.title} look=${look} say=${say} /></li>`)}</ul></section>` : null}`;
}

export const Locate = ({ at, name, look, say }) => html`<button class="plain locate" title=${say("showOnMap")} aria-label=${`${name}: ${say("showOnMap")}`}
  onClick=${() => look({ latitude: at.latitude, longitude: at.longitude })}>◎</button>`;
