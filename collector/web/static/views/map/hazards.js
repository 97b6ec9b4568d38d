// Hazards and what is done about them: open, being fixed, checked again, closed.
import { get, post, remove } from "../../parts/api.js";
import { Confirm, useConfirmed } from "../../parts/confirm.js";
import { html, useState } from "../../parts/lib.js";
import { useLive } from "../../parts/live.js";
import { Problem, useAction, useLoad } from "../../parts/load.js";
import { Locate } from "./now.js";

const ORDER = ["fixing", "rechecked", "closed", "open"];

export const hazardPins = (hazards, words) => hazards.map((one) => ({
  draw: "pin", key: `hazard-${one.hazard}`, at: one, kind: `hazard ${one.level} ${one.overdue ? "late" : ""}`, sign: "!", title: `${words.say(`level_${one.level}`)} · ${one.title} · ${words.say(`hazard_${one.state}`)}`,
}));

export function Hazards({ name, picked, canAct, changed, look, live, words }) {
  const { say } = words;
  const [closed, setClosed] = useState(false);
  const { value, error, reload } = useLoad(() => get("/hazards", { site: name, closed }), [name, closed]);
  useLive(live, "open", reload);
  useLive(live, "changed", (change) => change.list === "hazards" && change.site === name && reload());
  const done = () => {
    reload();
    changed();
  };
  return html`<section class="card"><header class="row"><h3>${say("tab_hazards")}</h3>
      <label class="switch"><input type="checkbox" checked=${closed} onChange=${({ target }) => setClosed(target.checked)} /> ${say("closedToo")}</label></header>
    <${Problem} error=${error} />
    ${value?.length ? html`<ul class="lines" role="list">${value.map((one) => html`<li key=${one.hazard} class="line ${one.level === "major" ? "critical" : "warning"}">
      <${Hazard} hazard=${one} canAct=${canAct} done=${done} words=${words} /><${Locate} at=${one} name=${one.title} look=${look} say=${say} /></li>`)}</ul>`
      : html`<p class="quiet">${say("noHazards")}</p>`}</section>
    ${canAct ? html`<${AddHazard} name=${name} picked=${picked} done=${done} words=${words} />` : null}`;
}

function Hazard({ hazard, canAct, done, words }) {
  const { say, when } = words;
  const [open, setOpen] = useState(false);
  const { value, reload } = useLoad(async () => (open ? get(`/hazards/${hazard.site}/${hazard.hazard}`) : null), [open, hazard.state]);
  const [note, setNote] = useState(""); // stays, whatever others do with this hazard meanwhile
  const [move, { error, busy }] = useAction(async (state) => {
    await post(`/hazards/${hazard.site}/${hazard.hazard}/steps`, { state, note });
    setNote("");
    reload();
    done();
  });
  const removing = useConfirmed(async () => {
    await remove(`/hazards/${hazard.site}/${hazard.hazard}`);
    done();
  });
  const submit = (event) => {
    event.preventDefault();
    move(event.submitter.value);
  };
  return html`<details class="line-main hazard-detail" onToggle=${({ target }) => setOpen(target.open)}>
    <summary><b>${hazard.title}</b> <span class="marks"><span class="mark">${say(`level_${hazard.level}`)}</span> <span class="mark state">${say(`hazard_${hazard.state}`)}</span>
      ${hazard.due ? html` <span class=${hazard.overdue ? "mark bad" : "quiet"}>${say("hazardDue")} ${when(hazard.due)}</span>` : null}</span></summary>
    ${hazard.note ? html`<p>${hazard.note}</p>` : null}
    ${value ? html`<ol class="steps">${value.steps.map((step) => html`<li><time datetime=${step.at}>${when(step.at)}</time> <b>${say(`hazard_${step.state}`)}</b> <span>${[step.by, step.note].filter(Boolean).join(" · ")}</span></li>`)}</ol>` : null}
    ${canAct ? html`<form class="row form" onSubmit=${submit}><label class="field"><span>${say("hazardNote")}</span><input name="note" maxlength="500" value=${note} onInput=${({ target }) => setNote(target.value)} /></label>
      ${ORDER.filter((state) => hazard.next_states.includes(state)).map((state, index) => html`<button class=${index ? "do quiet-do" : "do first"} value=${state} disabled=${busy}>${say(`hazardTo_${state}`)}</button>`)}</form>
      <p><button class="plain remove" onClick=${() => removing.ask(hazard.title)}>${say("removeHazard")}</button></p>
      <${Confirm} of=${removing} question=${(title) => say("removeHazardWhy", title)} act=${say("removeHazard")} say=${say} />` : null}
    <${Problem} error=${error} /></details>`;
}

function AddHazard({ name, picked, done, words }) {
  const { say } = words;
  const [turn, setTurn] = useState(0);
  const [add, { error, busy }] = useAction(async (hazard) => {
    await post("/hazards", await inWgs84(hazard));
    setTurn(turn + 1); // an empty form again
    done();
  });
  const submit = (event) => {
    event.preventDefault();
    const { due, ...rest } = Object.fromEntries(new FormData(event.target));
    add({ ...rest, site: name, due: due ? new Date(due).toISOString() : null });
  };
  return html`<section class="card"><h3>${say("addHazard")}</h3><p class="quiet">${say("clickFirst")}</p><form key=${turn} class="row form" onSubmit=${submit}>
    <label class="field"><span>${say("hazardTitle")}</span><input name="title" required maxlength="100" /></label>
    <label class="field"><span>${say("hazardName")}</span><input name="hazard" required pattern="[a-z0-9][a-z0-9_\\-]{0,62}" title=${say("unitIdRule")} placeholder="h-2026-014" /></label>
    <label class="field"><span>${say("hazardLevel")}</span><select name="level"><option value="general">${say("level_general")}</option><option value="major">${say("level_major")}</option></select></label>
    <label class="field"><span>${say("hazardDue")}</span><input name="due" type="datetime-local" /></label>
    <label class="field"><span>${say("hazardNote")}</span><input name="note" maxlength="500" /></label>
    <${Coordinates} picked=${picked} say=${say} />
    <button class="do first" disabled=${busy}>${say("addHazard")}</button><${Problem} error=${error} /></form></section>`;
}

// What is typed stays until another place is picked.
export const Coordinates = ({ picked, say }) => html`
  <label class="field"><span>${say("latitude")}</span><input key=${at(picked)} name="latitude" type="number" step="any" min="-89" max="89" required defaultValue=${picked?.latitude} /></label>
  <label class="field"><span>${say("longitude")}</span><input key=${at(picked)} name="longitude" type="number" step="any" min="-180" max="180" required defaultValue=${picked?.longitude} /></label>
  <label class="field"><span>${say("datum")}</span><${Datum} say=${say} /></label>`;

const at = (picked) => (picked ? `${picked.latitude},${picked.longitude}` : "");

export const Datum = ({ say }) => html`<select name="datum"><option value="wgs84">${say("datum_wgs84")}</option><option value="gcj02">${say("datum_gcj02")}</option></select>`;

// What was typed, as the collector keeps it: coordinates of Chinese map services are shifted by some hundred metres.
export async function inWgs84({ datum, ...place }) {
  if (datum !== "gcj02") return place;
  return { ...place, ...await get("/map/wgs84", { latitude: place.latitude, longitude: place.longitude }) };
}
