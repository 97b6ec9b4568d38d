// The watch list: who looks for which plate and why; proposed by one, approved by another.
import { get, post, upload } from "../parts/api.js";
import { html, useState } from "../parts/lib.js";
import { useLive } from "../parts/live.js";
import { Problem, useAction, useLoad } from "../parts/load.js";
import { Reason, useReason } from "../parts/reason.js";
import { go } from "../parts/router.js";
import { Table as Passages } from "./vehicles/search.js";

const STATES = ["standing", "proposed", "approved", "expired", "refused", "withdrawn"];
const ACTORS = ["operator", "admin"];

export default function WatchList({ words, who, route, live }) {
  const { say } = words;
  const why = useReason();
  const state = STATES.includes(route.query.state) ? route.query.state : "standing";
  const [chosen, setChosen] = useState(null);
  const [seen, setSeen] = useState(null);
  const { value, error, reload } = useLoad(() => get("/watchlist/entries", { state, limit: 200 }), [state, why]);
  const told = useLoad(() => get("/watchlist/edges"), []);
  const both = () => {
    reload();
    told.reload();
  };
  useLive(live, "open", both);
  useLive(live, "changed", ({ list }) => (list === "watchlist" ? reload() : list === "told" && told.reload()));
  const may = ACTORS.includes(who.role);
  const changed = () => {
    setChosen(null);
    both();
  };
  return html`<div class="sheet watchlist"><h2>${say("watchlist")}</h2>
    <section class="card"><${Reason} who=${who} words=${words} /></section>
    ${may ? html`<${Propose} say=${say} done=${changed} />` : null}
    <section class="card"><div class="tabs" role="group" aria-label=${say("state")}>${STATES.map((one) => html`<button aria-pressed=${String(one === state)}
        onClick=${() => go("watchlist", [], { state: one })}>${say(`entry_${one}`)}</button>`)}</div>
      <${Problem} error=${error} />
      ${value?.items.length === 0 ? html`<p class="nothing">${say("noEntries")}</p>` : null}
      ${value?.items.length ? html`<${Table} items=${value.items} choose=${setChosen} look=${setSeen} seesPlates=${who.sees_plates} words=${words} />` : null}
      ${value?.items.length && why && who.sees_plates ? html`<p><a class="do quiet-do" download="watchlist.csv"
        href="/api/v1/watchlist/export.csv?${new URLSearchParams({ reason: why })}">${say("exportList")}</a></p>` : null}
    </section>
    ${chosen ? html`<${Decide} key=${chosen} id=${chosen} who=${who} words=${words} done=${changed} close=${() => setChosen(null)} />` : null}
    ${seen ? html`<${SeenBefore} key=${seen} id=${seen} words=${words} close=${() => setSeen(null)} />` : null}
    ${told.value ? html`<${Edges} told=${told.value} words=${words} />` : null}</div>`;
}

function Table({ items, choose, look, seesPlates, words }) {
  const { say, when } = words;
  return html`<div class="scroll"><table class="stack"><thead><tr><th>${say("plate")}</th><th>${say("whyWatched")}</th><th>${say("proposedBy")}</th><th>${say("decidedBy")}</th>
    <th>${say("expires")}</th><th>${say("state")}</th><th></th></tr></thead><tbody>${items.map((one) => html`<tr key=${one.entry_id}>
      <td><b class="plate-word">${one.plate}</b></td><td>${one.reason}${one.note ? html` <small>${one.note}</small>` : null}</td><td>${one.author}</td>
      <td>${one.decided_by ?? "–"}</td><td><time datetime=${one.expires_at}>${new Date(one.expires_at).toLocaleDateString(words.locale)}</time></td>
      <td><span class="mark">${say(`entry_${one.expired && one.state === "approved" ? "expired" : one.state}`)}</span></td>
      <td>${seesPlates && one.state === "approved" && !one.expired ? html`<button class="do quiet-do seen" onClick=${() => look(one.entry_id)}>${say("seenBefore")}</button> ` : null}
        ${one.may_withdraw ? html`<button class="do quiet-do" onClick=${() => choose(one.entry_id)}>${
        say(one.may_decide ? "decide" : "withdraw")}</button>` : null}</td></tr>`)}</tbody></table></div>`;
}

function Decide({ id, words, done, close }) {
  const { say } = words;
  const { value: one, error } = useLoad(() => get(`/watchlist/entries/${id}`), [id]);
  const [note, setNote] = useState("");
  const [act, state] = useAction(async (action) => {
    await post(`/watchlist/entries/${id}/decisions`, { action, note: note || null });
    done();
  });
  if (!one) return html`<section class="card"><${Problem} error=${error} /></section>`;
  const actions = one.may_decide ? ["approve", "refuse"] : ["withdraw"];
  return html`<section class="card decide" aria-label=${say("decide")}><h3>${say(one.may_decide ? "decide" : "withdraw")} · <span class="plate-word">${one.plate}</span></h3>
    <p>${one.reason}</p><p class="quiet">${say("proposedBy")} ${one.author}${one.sites ? ` · ${one.sites.join(", ")}` : ""}</p>
    <label class="field"><span>${say("decisionNote")}</span><input name="note" maxlength="200" value=${note} onInput=${({ target }) => setNote(target.value)} /></label>
    <p class="row">${actions.map((action, place) => html`<button class="do ${place === 0 ? "first" : ""} ${action}" disabled=${state.busy} onClick=${() => act(action)}>${say(action)}</button>`)}
      <button class="do quiet-do" onClick=${close}>${say("back")}</button></p>
    ${one.state === "proposed" && !one.may_decide ? html`<p class="quiet">${say("somebodyElse")}</p>` : null}<${Problem} error=${state.error} /></section>`;
}

// Cameras look for what comes from now on; what has passed already stands in the store.
function SeenBefore({ id, words, close }) {
  const { say } = words;
  const { value, error } = useLoad(() => get(`/watchlist/entries/${id}/passages`), [id]);
  return html`<section class="card seen-before" aria-label=${say("seenBefore")}><header class="row"><h3>${say("seenBefore")}</h3><button class="do quiet-do" onClick=${close}>${say("back")}</button></header>
    <p class="quiet">${say("seenWhy")}</p><${Problem} error=${error} />${value?.note ? html`<p class="quiet">${say("someHashed")}</p>` : null}
    ${value ? (value.items.length ? html`<${Passages} items=${value.items} words=${words} />` : html`<p class="nothing">${say("notSeenBefore")}</p>`) : null}</section>`;
}

function Propose({ say, done }) {
  const [propose, state] = useAction(async (form) => {
    const body = { plate: form.get("plate"), reason: form.get("reason"), expires: new Date(`${form.get("expires")}T23:59:59`).toISOString() };
    const sites = form.get("sites").split(/[\s,，]+/).filter(Boolean);
    await post("/watchlist/entries", { ...body, sites: sites.length ? sites : null });
    done();
    return true;
  });
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    if (await propose(new FormData(form))) form.reset();
  };
  return html`<section class="card"><h3>${say("proposePlate")}</h3><form class="row propose" onSubmit=${submit}>
      <label class="field"><span>${say("plate")}</span><input name="plate" required minlength="3" maxlength="20" size="12" autocapitalize="characters" /></label>
      <label class="field"><span>${say("whyWatched")}</span><input name="reason" required minlength="3" maxlength="200" size="28" /></label>
      <label class="field"><span>${say("expires")}</span><input name="expires" type="date" required /></label>
      <label class="field"><span>${say("onlySites")}</span><input name="sites" size="14" placeholder=${say("allSites")} /></label>
      <button class="do first" disabled=${state.busy}>${say("propose")}</button></form>
    <p class="quiet">${say("somebodyElse")}</p><${Problem} error=${state.error} /><${Import} say=${say} done=${done} /></section>`;
}

function Import({ say, done }) {
  const [count, setCount] = useState(null);
  const [send, { error }] = useAction(async (file) => {
    setCount(null);
    const { proposed } = await upload("POST", "/watchlist/import", file);
    setCount(proposed.length);
    done();
  });
  const take = async ({ target }) => {
    const [file] = target.files;
    if (file) await send(file.slice(0, file.size, "text/csv")); // some systems call a table something else
    target.value = ""; // the same file again is another try
  };
  return html`<p class="row"><label class="field"><span>${say("importTable")}</span><input type="file" accept=".csv,text/csv" onChange=${take} /></label>
    ${count == null ? null : html`<span role="status">${say("imported", count)}</span>`}</p><${Problem} error=${error} />`;
}

function Edges({ told, words }) {
  const { say, when } = words;
  return html`<section class="card"><h3>${say("toldEdges")}</h3>
    ${told.key_id ? null : html`<p class="problem">${say("noListKey")}</p>`}
    ${told.edges.length ? html`<ul class="told">${told.edges.map((one) => html`<li>${one.site} / ${one.edge}: ${say("entriesTold", one.entries)} · <time datetime=${one.pushed_at}>${when(one.pushed_at)}</time></li>`)}</ul>`
      : html`<p class="quiet">${say("toldNobody")}</p>`}</section>`;
}
