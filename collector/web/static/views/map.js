// A site's map: what is open, who is where, hazards, heat. Address: #/map/SITE/TAB; ?plate=… draws a vehicle's track.
import { get } from "../parts/api.js";
import { useNow } from "../parts/clock.js";
import { placeKind } from "../parts/describe.js";
import { html, useMemo, useRef, useState } from "../parts/lib.js";
import { useLive } from "../parts/live.js";
import { Problem, useLoad } from "../parts/load.js";
import { answered, isClosed, told } from "../parts/newest.js";
import { Reason, useReason } from "../parts/reason.js";
import { address, go } from "../parts/router.js";
import { Ground } from "./map/ground.js";
import { Hazards, hazardPins } from "./map/hazards.js";
import { Heat } from "./map/heat.js";
import { Make } from "./map/make.js";
import { Now, alertPins, unitPins } from "./map/now.js";
import { trackItems } from "./map/track.js";

const ACTORS = ["operator", "admin"];
const TABS = ["now", "hazards", "heat", "make"];
const PINS_EVERY_MS = 10000;

export default function SiteMap({ words, who, route, live, health }) {
  const { say } = words;
  const sites = useSites(health);
  const name = route.rest[0] ?? sites[0];
  if (!name) return html`<div class="sheet"><p class="nothing">${say("noSite")}</p></div>`;
  return html`<${OneSite} key=${name} name=${name} sites=${sites} words=${words} who=${who} route=${route} live=${live} health=${health} />`;
}

function useSites(health) {
  const { value } = useLoad(async () => {
    const [plans, checkpoints, units] = await Promise.all([get("/map/plans"), get("/checkpoints"), get("/units")]);
    return [...plans, ...checkpoints, ...units].map(({ site }) => site);
  }, []);
  return [...new Set([...health.edges.map(({ site }) => site), ...(value ?? [])])].sort();
}

function OneSite({ name, sites, words, who, route, live, health }) {
  const { say } = words;
  const canAct = ACTORS.includes(who.role);
  const tabs = TABS.filter((one) => one !== "make" || canAct);
  const tab = tabs.includes(route.rest[1]) ? route.rest[1] : "now";
  const { value: site, error, reload, set } = useLoad(() => get(`/sites/${name}/map`), [name]);
  const alerts = useOpenAlerts(name, live);
  const [picked, setPicked] = useState(null);
  const [focus, look] = useState(null);
  const [spots, show] = useState([]);
  const track = useTrack(route.query.plate);
  const now = useNow(PINS_EVERY_MS);
  useLive(live, "open", reload);
  useLive(live, "changed", (change) => change.list === "hazards" && change.site === name && reload());
  useLive(live, "position", (unit) => unit.site === name && set((old) => old && { ...old, units: [...old.units.filter((one) => one.unit !== unit.unit), unit].sort((a, b) => a.unit.localeCompare(b.unit)) }));
  const open = (alert) => go("alerts", [alert.alert_id]);
  const items = useMemo(() => (site ? itemsOf({ site, alerts, spots, track: track.value, picked: tab === "now" ? null : picked, words, now, open, tab }) : []),
    [site, alerts, spots, track.value, picked, tab, words, now]);
  return html`<div class="map-page">
    <div class="map-side"><header class="row"><h2 class="map-name">${say("mapOf", name)}</h2>
        ${sites.length > 1 ? html`<select aria-label=${say("site")} onChange=${({ target }) => go("map", [target.value, tab])}>${sites.map((one) => html`<option value=${one} selected=${one === name}>${one}</option>`)}</select>` : null}
        <nav class="tabs" aria-label=${say("map")}>${tabs.map((one) => html`<a class="tab" href=${address("map", [name, one])} aria-current=${one === tab ? "page" : null}>${say(`tab_${one}`)}</a>`)}</nav></header>
      <${Problem} error=${error ?? track.error} />
      ${route.query.plate ? html`<${TrackHead} plate=${route.query.plate} track=${track} who=${who} name=${name} tab=${tab} words=${words} />` : null}
      ${site && tab === "now" ? html`<${Now} site=${site} alerts=${alerts} look=${look} words=${words} />` : null}
      ${tab === "hazards" ? html`<${Hazards} name=${name} picked=${picked} canAct=${canAct} changed=${reload} look=${look} live=${live} words=${words} />` : null}
      ${tab === "heat" ? html`<${Heat} name=${name} route=${{ ...route, rest: [name, "heat"] }} show=${show} words=${words} />` : null}
      ${site && tab === "make" ? html`<${Make} name=${name} site=${site} picked=${picked} admin=${who.role === "admin"} changed=${() => { setPicked(null); reload(); }} words=${words} health=${health} />` : null}</div>
    ${site ? html`<${Ground} plan=${site.plan} items=${items} pick=${tab === "now" || tab === "heat" ? null : setPicked} label=${say("mapOf", name)} words=${words} focus=${focus} />` : html`<div class="ground-frame"></div>`}
  </div>`;
}

const sees = (camera) => camera.angle_deg > 0 && camera.range_m > 0; // what sees nothing is a sensor

function itemsOf({ site, alerts, spots, track, picked, words, now, open, tab }) {
  const { say } = words;
  const views = site.cameras.filter(sees).map((camera) => ({ draw: "view", key: `view-${camera.edge}-${camera.camera}`, at: camera, ...camera }));
  const cameras = site.cameras.map((camera) => ({ draw: "pin", key: `camera-${camera.edge}-${camera.camera}`, at: camera, kind: sees(camera) ? "camera" : "camera sensor", sign: "", title: sees(camera) ? say("cameraAt", camera.name) : `${say("sensor")} ${camera.name}` }));
  const places = site.places.map((one) => ({ draw: "pin", key: `place-${one.place}`, at: one, kind: "spot", sign: "◇", title: `${one.title} · ${placeKind(one.kind, say)}` }));
  const chosen = picked ? [{ draw: "pin", key: "picked", at: picked, kind: "picked", sign: "＋", title: `${picked.latitude}, ${picked.longitude}` }] : [];
  const path = track ? trackItems(track, words, (point) => go("vehicles", [point.passage_no])) : [];
  if (tab === "heat") return [...views, ...spots];
  return [...views, ...cameras, ...places, ...hazardPins(site.hazards, words), ...path, ...unitPins(site.units, words, now), ...alertPins(alerts, site, words, open), ...chosen];
}

function useOpenAlerts(name, live) {
  const [alerts, setAlerts] = useState(new Map());
  const newest = useRef(alerts);
  newest.current = alerts;
  const { reload } = useLoad(async () => {
    const before = newest.current;
    const page = await get("/alerts", { state: "open", site: name, severity: ["critical", "warning"], limit: 200 });
    setAlerts((old) => answered(old, before, page, (alert) => !isClosed(alert)));
  }, [name]);
  useLive(live, "open", reload);
  useLive(live, "alert", (alert) => alert.site === name && alert.severity !== "info" && setAlerts((old) => told(old, [alert])));
  return useMemo(() => [...alerts.values()].filter((alert) => !isClosed(alert)).sort((a, b) => b.raised_at.localeCompare(a.raised_at)), [alerts]);
}

function useTrack(plate) {
  const why = useReason();
  return useLoad(async () => (plate && why ? get(`/vehicles/${encodeURIComponent(plate)}/track`) : null), [plate, why]);
}

function TrackHead({ plate, track, who, name, tab, words }) {
  const { say } = words;
  const there = track.value?.points.filter((point) => point.place).length ?? 0;
  return html`<section class="card"><header class="row"><h3 class="plate-word">${say("trackOf")} ${plate}</h3><a class="do quiet-do" href=${address("map", [name, tab])}>${say("back")}</a></header>
    <${Reason} who=${who} words=${words} />${track.value ? html`<p class="quiet">${there} / ${track.value.points.length} ${say("onTheMap")}</p>` : null}</section>`;
}
