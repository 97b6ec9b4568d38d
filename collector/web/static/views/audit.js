// Who looked at which plates, when and what for; and whether the record is whole.
import { AS_LONG_AS_IT_TAKES, get } from "../parts/api.js";
import { instant } from "../parts/clock.js";
import { html, useState } from "../parts/lib.js";
import { Problem, useAction, usePages } from "../parts/load.js";
import { Reason, useReason } from "../parts/reason.js";
import { address, go } from "../parts/router.js";
import { Holds } from "./holds.js";

const FIELDS = ["who", "action", "plate", "words", "since", "until"];
const ACTIONS = ["view", "list", "search", "export", "evidence", "original", "correct", "propose", "propose-again", "approve", "refuse", "withdraw", "sign-in", "change-password", "reset-password",
  "add-user", "change-user", "add-token", "revoke-token", "hold", "release", "set-retention", "expire", "set-due", "set-limit", "set-channel", "test-channel", "acknowledged",
  "assigned", "on_scene", "resolved", "dismissed", "new", "comment", "add", "change", "remove", "import", "place", "unplace", "plan", "unplan"];
const actWord = (name) => `act_${name.replaceAll("-", "_")}`;

export default function Audit({ words, who, route }) {
  const { say } = words;
  const why = useReason();
  const { query } = route;
  const wanted = { ...Object.fromEntries(FIELDS.map((name) => [name, query[name] ?? ""])), since: instant(query.since), until: instant(query.until), limit: 100 };
  const { value, items, error, more } = usePages((cursor) => get("/audit", { ...wanted, cursor }), [JSON.stringify(wanted), why]);
  return html`<div class="sheet audit"><h2>${say("audit")}</h2>
    <section class="card"><${Reason} who=${who} words=${words} /></section>
    <section class="card"><${Form} key=${JSON.stringify(query)} query=${query} say=${say} /><${Problem} error=${error} /></section>
    <section class="card">${value && !items.length ? html`<p class="nothing">${say("noActs")}</p>` : null}
      ${items.length && !error ? html`<${Table} items=${items} words=${words} />` : null}
      ${more && !error ? html`<p><button class="do quiet-do" onClick=${more}>${say("moreActs")}</button></p>` : null}</section>
    <${Holds} words=${words} mayRelease=${who.role === "admin"} /><${Check} say=${say} /></div>`;
}

// What is typed stays when the page is drawn again: only another search begins the form anew.
function Form({ query, say }) {
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    go("audit", [], Object.fromEntries(FIELDS.map((name) => [name, (form.get(name) ?? "").trim()])));
  };
  const text = (name, size) => html`<label class="field"><span>${say(`audit_${name}`)}</span><input name=${name} size=${size} defaultValue=${query[name] ?? ""} /></label>`;
  const time = (name) => html`<label class="field"><span>${say(`audit_${name}`)}</span><input name=${name} type="datetime-local" defaultValue=${query[name] ?? ""} /></label>`;
  return html`<form class="row search" role="search" onSubmit=${submit}>${text("who", 12)}
    <label class="field"><span>${say("audit_action")}</span><select name="action"><option value="">${say("anyAction")}</option>
      ${ACTIONS.map((one) => html`<option value=${one} selected=${one === query.action}>${say(actWord(one))}</option>`)}</select></label>
    ${text("plate", 10)}${text("words", 14)}${time("since")}${time("until")}<button class="do first">${say("searchActs")}</button></form>`;
}

function Table({ items, words }) {
  const { say, when } = words;
  const act = (name) => { const said = say(actWord(name)); return said.startsWith("act_") ? name : said; };
  return html`<div class="scroll"><table class="acts stack"><thead><tr><th>${say("audit_since")}</th><th>${say("audit_who")}</th><th>${say("audit_action")}</th>
    <th>${say("audit_reason")}</th><th>${say("audit_shown")}</th><th>${say("audit_subject")}</th></tr></thead><tbody>
    ${items.map((one) => html`<tr key=${one.audit_id}><td><time datetime=${one.at}>${when(one.at)}</time></td>
      ${one.erased ? html`<td colspan="5" class="quiet">${say("erased")}</td>` : html`<td><b>${one.who}</b> <small>${say(one.role)}</small></td><td>${act(one.action)}</td><td>${one.reason ?? "–"}</td>
      <td>${one.shown.slice(0, 6).map((plate) => html`<span class="plate-word">${plate}</span> `)}${one.shown.length > 6 ? ` … ${one.plates}` : ""}</td><td class="subject quiet"><${Subject} path=${one.subject} /></td>`}</tr>`)}</tbody></table></div>`;
}

// What an act was about, as the API calls it; what has a view of its own leads there.
const PLACES = [[/^alerts\/([\w-]+)$/, (id) => address("alerts", [id])], [/^events\/([\w-]+)$/, (id) => address("alerts", ["event", id])], [/^passages\/(\d+)$/, (id) => address("vehicles", [id])]];

function Subject({ path }) {
  const short = path.replace("/api/v1/", "");
  const [match, to] = PLACES.map(([pattern, lead]) => [pattern.exec(short), lead]).find(([found]) => found) ?? [];
  return match ? html`<a href=${to(match[1])}>${short}</a>` : short;
}

function Check({ say }) {
  const [verdict, setVerdict] = useState(null);
  const [check, { error, busy }] = useAction(async () => setVerdict(await get("/audit/check", {}, AS_LONG_AS_IT_TAKES)));
  return html`<section class="card"><h3>${say("whole")}</h3><p class="quiet">${say("wholeWhy")}</p>
    <p><button class="do check" disabled=${busy} onClick=${check}>${say("checkNow")}</button></p><${Problem} error=${error} />
    ${verdict ? html`<div role="status" class="verdict">${verdict.problems.length ? html`<ul class="problem">${verdict.problems.slice(0, 20).map((one) => html`<li>${one}</li>`)}</ul>`
      : html`<p><b>${say("isWhole", verdict.rows)}</b></p>`}<p class="quiet head">${verdict.chain ? `${verdict.rows}:${verdict.chain}` : ""}</p></div>` : null}</section>`;
}
