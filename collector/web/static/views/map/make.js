// How the map is made: the plan under it, where cameras stand and look, and tables of units, places and hazards.
import { get, patch, put, remove, upload } from "../../parts/api.js";
import { PLACE_KINDS, placeKind } from "../../parts/describe.js";
import { Confirm, useConfirmed } from "../../parts/confirm.js";
import { html, useEffect, useState } from "../../parts/lib.js";
import { Problem, useAction, useLoad } from "../../parts/load.js";
import { Coordinates, Datum, inWgs84 } from "./hazards.js";

const KINDS = ["units", "places", "hazards"];
const CAPTIONS = { units: "importUnits", places: "importPlaces", hazards: "importHazards" };

export function Make({ name, site, picked, admin, changed, words, health }) {
  return html`${admin ? html`<${Plan} name=${name} plan=${site.plan} picked=${picked} changed=${changed} say=${words.say} />
      <${Cameras} name=${name} site=${site} picked=${picked} changed=${changed} say=${words.say} health=${health} />` : null}
    <${Places} name=${name} site=${site} picked=${picked} changed=${changed} say=${words.say} /><${Import} name=${name} changed=${changed} say=${words.say} />`;
}

function Plan({ name, plan, picked, changed, say }) {
  const [keep, { error, busy }] = useAction(async (file, typed) => {
    const place = await inWgs84(typed);
    if (file.size) await upload("PUT", `/map/plans/${name}`, file, place);
    else await patch(`/map/plans/${name}`, place);
    changed();
  });
  const dropping = useConfirmed(async () => {
    await remove(`/map/plans/${name}`);
    changed();
  });
  const submit = (event) => {
    event.preventDefault();
    const { file, ...typed } = Object.fromEntries(new FormData(event.target));
    keep(file, typed);
  };
  return html`<section class="card"><h3>${say("sitePlan")}</h3><p class="quiet">${say("planWhy")}</p><form class="row form plan-form" key=${plan?.sha256} onSubmit=${submit}>
    <label class="field"><span>${say("planFile")}</span><input type="file" name="file" accept="image/png,image/jpeg" required=${!plan} /></label>
    <${Coordinates} picked=${plan ?? picked} say=${say} />
    <label class="field"><span>${say("planWidth")}</span><input name="width_m" type="number" min="1" max="200000" step="any" required defaultValue=${plan?.width_m ?? 200} /></label>
    <label class="field"><span>${say("planUp")}</span><input name="bearing_deg" type="number" min="0" max="360" step="any" required defaultValue=${plan?.bearing_deg ?? 0} /></label>
    <button class="do first" disabled=${busy}>${say(plan ? "movePlan" : "keepPlan")}</button>
    ${plan ? html`<button type="button" class="do quiet-do" onClick=${() => dropping.ask(name)}>${say("removePlan")}</button>` : null}</form>
    <${Confirm} of=${dropping} question=${() => say("removePlanWhy")} act=${say("removePlan")} say=${say} /><${Problem} error=${error} /></section>`;
}

function Cameras({ name, site, picked, changed, say, health }) {
  const [chosen, setChosen] = useState("");
  const sensors = useLoad(() => get("/events", { type: "sensor", limit: 200 }), []);
  const seen = (sensors.value?.items ?? []).map(({ event }) => ({ site: event.site, edge: event.edge, camera: event.source.split("/").at(-1) }));
  const known = [...health.cameras, ...seen, ...site.cameras].filter((one) => one.site === name).map(({ edge, camera }) => `${edge}/${camera}`);
  const options = [...new Set(known)].sort();
  const which = options.includes(chosen) ? chosen : options[0];
  useEffect(() => { if (which) setChosen(which); }, [which]); // whatever becomes known later: the form stays that of this one
  const now = site.cameras.find(({ edge, camera }) => `${edge}/${camera}` === which);
  const [set, { error, busy }] = useAction(async ({ which: path, watches, ...view }) => {
    await put(`/map/cameras/${name}/${path}`, await inWgs84({ ...view, watches: watches || null }));
    changed();
  });
  const dropping = useConfirmed(async ({ path }) => {
    await remove(`/map/cameras/${name}/${path}`);
    changed();
  });
  const submit = (event) => {
    event.preventDefault();
    set(Object.fromEntries(new FormData(event.target)));
  };
  const at = picked ?? now;
  return html`<section class="card"><h3>${say("setCameras")}</h3><p class="quiet">${say("clickFirst")}</p>
    ${options.length ? html`<form class="row form camera-form" key=${`${which}${now ? JSON.stringify(now) : ""}`} onSubmit=${submit}>
      <label class="field"><span>${say("cameraWhich")}</span><select name="which" onChange=${({ target }) => setChosen(target.value)}>${options.map((one) => html`<option value=${one} selected=${one === which}>${one}${site.cameras.some(({ edge, camera }) => `${edge}/${camera}` === one) ? ` · ${say("onTheMap")}` : ""}</option>`)}</select></label>
      <label class="field"><span>${say("cameraName")}</span><input name="name" required maxlength="100" defaultValue=${now?.name ?? ""} /></label>
      <${Coordinates} picked=${at} say=${say} />
      <label class="field"><span>${say("looksTo")}</span><input name="bearing_deg" type="number" min="0" max="360" required defaultValue=${now?.bearing_deg ?? 0} /></label>
      <label class="field"><span>${say("viewAngle")}</span><input name="angle_deg" type="number" min="0" max="360" required defaultValue=${now?.angle_deg ?? 60} /></label>
      <label class="field"><span>${say("viewRange")}</span><input name="range_m" type="number" min="0" max="10000" required defaultValue=${now?.range_m ?? 40} /></label>
      ${site.places.length ? html`<label class="field"><span>${say("watchesWhat")}</span><select name="watches"><option value="">${say("watchesNone")}</option>
        ${site.places.map((one) => html`<option value=${one.place} selected=${one.place === now?.watches}>${one.title}</option>`)}</select></label>` : null}
      <button class="do first" disabled=${busy}>${say("setHere")}</button>
      ${now ? html`<button type="button" class="do quiet-do" onClick=${() => dropping.ask({ path: which, title: now.name })}>${say("takeOff")}</button>` : null}</form>` : null}
    <${Confirm} of=${dropping} question=${({ title }) => say("takeOffWhy", title)} act=${say("takeOff")} say=${say} /><${Problem} error=${error} /></section>`;
}

// Buildings, entrances, hydrants: one by one; many come by a table.
function Places({ name, site, picked, changed, say }) {
  const [turn, setTurn] = useState(0);
  const [add, { error, busy }] = useAction(async ({ place, ...rest }) => {
    await put(`/places/${name}/${place}`, await inWgs84(rest));
    setTurn(turn + 1); // an empty form again
    changed();
  });
  const dropping = useConfirmed(async ({ place }) => {
    await remove(`/places/${name}/${place}`);
    changed();
  });
  const submit = (event) => {
    event.preventDefault();
    add(Object.fromEntries(new FormData(event.target)));
  };
  return html`<section class="card places"><h3>${say("placesHere")}</h3><p class="quiet">${say("placesWhy")}</p>
    ${site.places.length ? html`<ul class="lines" role="list">${site.places.map((one) => html`<li key=${one.place} class="line"><span class="line-main"><b>${one.title}</b> <small>${placeKind(one.kind, say)}</small></span>
      <button class="plain" aria-label=${`${one.title}: ${say("takeOff")}`} onClick=${() => dropping.ask(one)}>✕</button></li>`)}</ul>` : null}
    <${Confirm} of=${dropping} question=${({ title }) => say("takeOffWhy", title)} act=${say("takeOff")} say=${say} />
    <form key=${turn} class="row form place-form" onSubmit=${submit}>
      <label class="field"><span>${say("cameraName")}</span><input name="title" required maxlength="100" /></label>
      <label class="field"><span>${say("hazardName")}</span><input name="place" required pattern="[a-z0-9][a-z0-9_\\-]{0,62}" title=${say("unitIdRule")} placeholder="house-3" /></label>
      <label class="field"><span>${say("kind")}</span><input name="kind" required maxlength="40" defaultValue="building" list="place-kinds" /><datalist id="place-kinds">${PLACE_KINDS.map((one) => html`<option value=${one}>${placeKind(one, say)}</option>`)}</datalist></label>
      <${Coordinates} picked=${picked} say=${say} />
      <button class="do first" disabled=${busy}>${say("setHere")}</button></form><${Problem} error=${error} /></section>`;
}

function Import({ name, changed, say }) {
  const [kind, setKind] = useState("places");
  const [count, setCount] = useState(null);
  const [take, { error, busy }] = useAction(async (file, datum) => {
    setCount(null);
    setCount(await upload("POST", `/map/import/${name}/${kind}`, file, kind === "units" ? {} : { datum }));
    changed();
  });
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    take(form.get("file"), form.get("datum"));
  };
  return html`<section class="card"><h3>${say("importMap")}</h3><form class="row form import-form" onSubmit=${submit}>
    <label class="field"><span>${say("importWhat")}</span><select onChange=${({ target }) => setKind(target.value)}>${KINDS.map((one) => html`<option value=${one} selected=${one === kind}>${say(CAPTIONS[one])}</option>`)}</select></label>
    <label class="field"><span>${say("importFile")}</span><input type="file" name="file" required accept=".csv,.json,.geojson,text/csv,application/geo+json" /></label>
    ${kind === "units" ? null : html`<label class="field"><span>${say("datum")}</span><${Datum} say=${say} /></label>`}
    <button class="do first" disabled=${busy}>${say("importMap")}</button>
    ${count ? html`<span role="status">${say("importedMap", count.added, count.changed)}</span>` : null}</form><${Problem} error=${error} /></section>`;
}
