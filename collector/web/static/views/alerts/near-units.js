// Who is near an alert: units on duty that have reported where they are, the nearest first.
import { get, post } from "../../parts/api.js";
import { html, useEffect } from "../../parts/lib.js";
import { useLive } from "../../parts/live.js";
import { Problem, useAction, useLoad } from "../../parts/load.js";
import { address } from "../../parts/router.js";

const EVERY_MS = 15000; // positions come every few seconds; asking for each of them would be too much

export function NearUnits({ alert, canAct, done, live, words }) {
  const { say, lasts } = words;
  const { value, reload } = useLoad(() => get(`/alerts/${alert.alert_id}/units`), [alert.alert_id]);
  useLive(live, "open", reload);
  useEffect(() => {
    const timer = setInterval(reload, EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  const [assign, { error, busy }] = useAction(async (unit) => done(await post(`/alerts/${alert.alert_id}/steps`, { state: "assigned", unit })));
  if (!value) return null;
  const maySend = canAct && alert.next_states.includes("assigned");
  const ago = (unit) => lasts(Math.max(0, (Date.now() - Date.parse(unit.position.at)) / 1000));
  return html`<section class="near-units"><h3>${say("nearUnits", Math.round(value.within_m))}${value.place ? ` · ${value.place}` : ""}</h3>
    ${value.units.length ? html`<ol>${value.units.map((unit) => html`<li key=${unit.unit}><b>${unit.title}</b> <small>${[unit.contact, say("lastHeard", ago(unit))].filter(Boolean).join(" · ")}</small>
      <b class="metres">${say("metresAway", unit.metres)}</b>${!maySend ? null : unit.unit === alert.unit ? html` <span class="mark">${say("isSent")}</span>`
        : html` <button class="do quiet-do" disabled=${busy} aria-label=${say("sendUnit", unit.title)} onClick=${() => assign(unit.unit)}>${say("sendIt")}</button>`}</li>`)}</ol>`
      : html`<p class="quiet">${say(value.place ? "noneNear" : "placeUnknown")}</p>`}
    <${Problem} error=${error} />
    <p><a href=${address("map", [alert.site])}>${say("showOnMap")}</a></p></section>`;
}
