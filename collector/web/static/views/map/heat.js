// Where and when alerts come: circles on the ground, hours by weekday, and what comes again.
import { get } from "../../parts/api.js";
import { html, useEffect, useMemo } from "../../parts/lib.js";
import { Problem, useLoad } from "../../parts/load.js";
import { address, go } from "../../parts/router.js";

const TYPES = ["falling_object", "watchlist_hit", "cloned_plate", "sensor", "camera"];
const DAYS = [7, 30, 90, 365];
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function heatSpots(heat) {
  const placed = heat.cells.filter((cell) => cell.latitude != null);
  const most = Math.max(1, ...placed.map((cell) => cell.events));
  return placed.map((cell) => ({ draw: "heat", key: `heat-${cell.edge}-${cell.source}`, at: cell, share: cell.events / most, label: String(cell.events) }));
}

export function Heat({ name, route, show, words }) {
  const { say } = words;
  const { query } = route;
  const days = DAYS.includes(Number(query.days)) ? Number(query.days) : 30;
  const asked = { zone, days, type: query.type, weekday: query.weekday, hour: query.hour };
  const { value, error } = useLoad(() => get(`/sites/${name}/heat`, asked), [name, JSON.stringify(asked)]);
  const again = useLoad(() => get(`/sites/${name}/repeats`, { days }), [name, days]);
  useEffect(() => {
    show(value ? heatSpots(value) : []);
    return () => show([]);
  }, [value]);
  const change = (what) => go("map", route.rest, { ...query, ...what }, { replace: true });
  const sum = value?.cells.reduce((all, cell) => all + cell.events, 0) ?? 0;
  return html`<section class="card"><div class="row">
      <label>${say("heatOf")} <select onChange=${({ target }) => change({ days: target.value })}>${DAYS.map((one) => html`<option value=${one} selected=${one === days}>${one}</option>`)}</select></label>
      <label>${say("heatType")} <select onChange=${({ target }) => change({ type: target.value })}><option value="">${say("anyType")}</option>${TYPES.map((one) => html`<option value=${one} selected=${one === query.type}>${say(one)}</option>`)}</select></label></div>
    <${Problem} error=${error} />
    <p><b>${say("heatSum", sum)}</b> <span class="quiet">${query.weekday ? say(`day_${query.weekday}`) : say("allDays")} · ${query.hour ? `${query.hour}:00` : say("allHours")}</span></p>
    ${value ? html`<${Week} week=${value.week} query=${query} change=${change} say=${say} />
      <ul class="lines" role="list">${value.cells.map((cell) => html`<li class="line"><span class="line-main"><b>${cell.name ?? cell.source}</b> <small>${cell.latitude == null ? say("notOnMap") : `${cell.edge} / ${cell.source}`}</small></span> <b>${cell.events}</b></li>`)}</ul>` : null}</section>
    <${Problem} error=${again.error} />
    ${again.value ? html`<${Again} title=${say("windowAgain")} items=${again.value.windows} words=${words} /><${Again} title=${say("placeAgain")} items=${again.value.places} words=${words} />` : null}`;
}

function Week({ week, query, change, say }) {
  const most = useMemo(() => Math.max(1, ...week.flat()), [week]);
  const level = (count) => (count ? `h${Math.ceil((count / most) * 5)}` : "");
  const pick = (name, value) => () => change({ [name]: query[name] === String(value) ? null : value });
  return html`<div class="scroll"><table class="week"><caption>${say("heatWeek")}</caption><thead><tr><td></td>${week[0].map((_, hour) => html`<th scope="col"><button aria-pressed=${String(query.hour === String(hour))} onClick=${pick("hour", hour)}>${hour}</button></th>`)}</tr></thead>
    <tbody>${week.map((hours, day) => html`<tr><th scope="row"><button aria-pressed=${String(query.weekday === String(day))} onClick=${pick("weekday", day)}>${say(`day_${day}`)}</button></th>
      ${hours.map((count) => html`<td class=${level(count)}>${count || ""}</td>`)}</tr>`)}</tbody></table></div>
    ${query.weekday || query.hour ? html`<p><button class="plain" onClick=${() => change({ weekday: null, hour: null })}>${say("clearChoice")}</button></p>` : null}`;
}

function Again({ title, items, words }) {
  const { say, when, language } = words;
  return html`<section class="card"><h3>${title}</h3>${items.length ? html`<ol class="lines">${items.map((one) => html`<li class="line">
    <a class="line-main" href=${address("alerts", [one.newest_alert])}><b>${one.titles[language]}</b> <small>${say("timesLast", one.events, when(one.last_at))}</small></a></li>`)}</ol>` : html`<p class="quiet">${say("noneAgain")}</p>`}</section>`;
}
