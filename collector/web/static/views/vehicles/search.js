// The search: what is known of the plate, where and when; newest first, a page at a time.
import { get, search as queryText } from "../../parts/api.js";
import { instant } from "../../parts/clock.js";
import { PLATE_KINDS, kindOfPlate, lane } from "../../parts/describe.js";
import { html } from "../../parts/lib.js";
import { Problem, usePages } from "../../parts/load.js";
import { address, go } from "../../parts/router.js";

const FIELDS = ["plate", "alike", "camera", "direction", "kind", "since", "until"];

function asked(query) {
  const { since, until, alike, ...rest } = query;
  return { ...rest, alike: alike ? "true" : "", since: instant(since), until: instant(until) };
}

export function Search({ query, why, who, words }) {
  const { say } = words;
  const wanted = asked(Object.fromEntries(FIELDS.map((name) => [name, query[name] ?? ""])));
  const { value, items, error, loading, more } = usePages((cursor) => get("/passages", { ...wanted, limit: 50, cursor }), [JSON.stringify(wanted), why]);
  return html`<section class="card"><${Form} key=${JSON.stringify(query)} query=${query} say=${say} plates=${who.sees_plates} />
      ${query.plate && !why && who.sees_plates ? html`<p class="quiet">${say("reasonFirst")}</p>` : null}
      <${Problem} error=${error} /></section>
    <section class="card" aria-busy=${String(loading)}>
      ${value?.note ? html`<p class="quiet">${say("someHashed")}</p>` : null}
      ${value && items.length === 0 && !error ? html`<p class="nothing">${say("noPassages")}</p>` : null}
      ${items.length && !error ? html`<${Table} items=${items} words=${words} />` : null}
      <p class="row">${more && !error ? html`<button class="do quiet-do" onClick=${more}>${say("morePassages")}</button>` : null}
        ${items.length && why && !error ? html`<a class="do quiet-do export" download="passages.csv"
          href="/api/v1/passages/export.csv${queryText({ ...wanted, reason: why })}">${say("exportCsv")}</a>` : null}</p></section>`;
}

// What is typed stays when the page is drawn again: only another search begins the form anew.
function Form({ query, say, plates }) {
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    go("vehicles", [], Object.fromEntries(FIELDS.map((name) => [name, (form.get(name) ?? "").trim()])));
  };
  return html`<form class="row search" role="search" onSubmit=${submit}>
    ${plates ? html`<label class="field"><span>${say("plate")}</span><input name="plate" type="search" maxlength="20" size="12" defaultValue=${query.plate ?? ""} placeholder="京A1 · *345 · 京A?2345" autocapitalize="characters" /></label>
      <label class="check"><input name="alike" type="checkbox" value="1" defaultChecked=${Boolean(query.alike)} /> ${say("alike")}</label>` : null}
    <label class="field"><span>${say("camera")}</span><input name="camera" size="10" defaultValue=${query.camera ?? ""} /></label>
    <label class="field"><span>${say("direction")}</span><select name="direction"><option value="">${say("anyDirection")}</option>
      ${["approaching", "leaving", "unknown"].map((one) => html`<option value=${one} selected=${one === query.direction}>${say(one)}</option>`)}</select></label>
    <label class="field"><span>${say("kind")}</span><select name="kind"><option value="">${say("anyDirection")}</option>
      ${PLATE_KINDS.map((one) => html`<option value=${one} selected=${one === query.kind}>${kindOfPlate(one, say)}</option>`)}</select></label>
    <label class="field"><span>${say("since")}</span><input name="since" type="datetime-local" defaultValue=${query.since ?? ""} /></label>
    <label class="field"><span>${say("until")}</span><input name="until" type="datetime-local" defaultValue=${query.until ?? ""} /></label>
    <button class="do first">${say("search")}</button></form>`;
}

export function Table({ items, words }) {
  const { say, when } = words;
  return html`<div class="scroll"><table class="passages stack"><thead><tr><th>${say("time")}</th><th>${say("plate")}</th><th>${say("kind")}</th>
    <th>${say("place")}</th><th>${say("direction")}</th></tr></thead><tbody>
    ${items.map((one) => html`<tr key=${one.passage_no}><td><a href=${address("vehicles", [one.passage_no])}><time datetime=${one.seen_at}>${when(one.seen_at)}</time></a></td>
      <td><a href=${address("vehicles", [one.passage_no])}><b class="plate-word">${one.plate ?? say(one.hashed ? "hashedPlate" : "noPlate")}</b></a>
        ${one.corrected ? html` <span class="mark">${say("corrected")}</span>` : null}${one.final ? null : html` <span class="mark">${say("provisional")}</span>`}</td>
      <td>${one.kind ? kindOfPlate(one.kind, say) : "–"}</td>
      <td>${one.site} / ${one.camera}${one.lane ? ` · ${lane(one.lane, say)}` : ""}</td><td>${say(one.direction)}</td></tr>`)}</tbody></table></div>`;
}
