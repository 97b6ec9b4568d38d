// Which alerts are listed. The choice is in the page's address, so that it can be kept and passed on.
import { html } from "../../parts/lib.js";
import { isClosed } from "../../parts/newest.js";

const TYPES = ["falling_object", "watchlist_hit", "cloned_plate", "sensor", "camera", "gap"];
const SEVERITIES = ["critical", "warning"];
const SHOWN = ["open", "overdue", "all"];

const shown = (query) => (SHOWN.includes(query.show) ? query.show : "open");

// What the collector is asked for.
export function asked(query) {
  const state = shown(query) === "all" ? null : "open";
  const overdue = shown(query) === "overdue" ? true : null;
  return { state, overdue, severity: query.severity ?? SEVERITIES, type: query.type, site: query.site };
}

// Whether one that came by the stream is listed.
export function passes(alert, query) {
  return (shown(query) === "all" || !isClosed(alert)) && (shown(query) !== "overdue" || alert.overdue)
    && ["severity", "type", "site"].every((name) => !query[name] || alert[name] === query[name]);
}

export function Filters({ query, change, openCount, sites, say }) {
  const set = (name) => (value) => change({ ...query, [name]: value });
  return html`<div class="filters">
    <div class="tabs"><h2>${say("alerts")}</h2>${SHOWN.map((name) => html`<button aria-pressed=${String(name === shown(query))}
      onClick=${() => set("show")(name)}>${say(`${name}Alerts`)}${name === "open" ? ` ${openCount}` : ""}</button>`)}</div>
    <div class="row">
      <${Choice} label=${say("anyType")} value=${query.type} options=${TYPES} set=${set("type")} say=${say} />
      <${Choice} label=${say("anySeverity")} value=${query.severity} options=${SEVERITIES} set=${set("severity")} say=${say} />
      ${sites.length > 1 ? html`<${Choice} label=${say("anySite")} value=${query.site} options=${sites} set=${set("site")} say=${(name) => name} />` : null}
    </div></div>`;
}

function Choice({ label, value, options, set, say }) {
  return html`<select aria-label=${label} value=${value ?? ""} onChange=${({ target }) => set(target.value)}>
    <option value="">${label}</option>${options.map((one) => html`<option value=${one} selected=${one === value}>${say(one)}</option>`)}</select>`;
}
