// Whom the administrator lets in, until when somebody must have acted and who is told, which programs have tokens, and how long things are kept.
import { get, post, put, remove } from "../parts/api.js";
import { Confirm, useConfirmed } from "../parts/confirm.js";
import { html, useState } from "../parts/lib.js";
import { Problem, useAction, useLoad } from "../parts/load.js";
import { DutyRules } from "./administration/duty.js";
import { ROLES, Users, sitesOf } from "./administration/users.js";
import { Holds } from "./holds.js";

export default function Administration({ words, who }) {
  const { say } = words;
  const own = html`<${Holds} words=${words} mayRelease />`;
  if (who.sites) return html`<div class="sheet administration"><h2>${say("administration")}</h2>${own}</div>`; // the rest concerns all sites
  return html`<div class="sheet administration"><h2>${say("administration")}</h2>
    <${Users} words=${words} who=${who} /><${DutyRules} words=${words} /><${Tokens} words=${words} /><${Kept} say=${say} />${own}</div>`;
}

const roleOf = (role, say) => say(role === "edge" ? "roleEdge" : role);

function Tokens({ words }) {
  const { say, when } = words;
  const { value, error, reload } = useLoad(() => get("/tokens"), []);
  const [made, setMade] = useState(null);
  const [add, adding] = useAction(async (body) => { setMade(await post("/tokens", body)); reload(); });
  const ending = useConfirmed(async (name) => { await remove(`/tokens/${encodeURIComponent(name)}`); reload(); });
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    add({ name: given.name, role: given.role, sites: sitesOf(given.sites) });
  };
  return html`<section class="card tokens"><h3>${say("tokens")}</h3><${Problem} error=${error} />
    ${value?.length ? html`<div class="scroll"><table class="stack"><tbody>${value.map((one) => html`<tr key=${one.name}><td><b>${one.name}</b></td><td>${roleOf(one.role, say)}</td><td>${one.sites?.join(", ") ?? say("sitesAll")}</td>
      <td><time datetime=${one.created_at}>${when(one.created_at)}</time></td><td><button class="do quiet-do" onClick=${() => ending.ask(one.name)}>${say("endToken")}</button></td></tr>`)}</tbody></table></div>` : null}
    <${Confirm} of=${ending} question=${(name) => say("endTokenWhy", name)} act=${say("endToken")} say=${say} />
    <form class="row form" onSubmit=${submit}>
      <label class="field"><span>${say("tokenName")}</span><input name="name" required size="12" pattern="[\\w.@\\-]+" /></label>
      <label class="field"><span>${say("role")}</span><select name="role">${["edge", ...ROLES].map((role) => html`<option value=${role}>${roleOf(role, say)}</option>`)}</select></label>
      <label class="field"><span>${say("sitesSeen")}</span><input name="sites" size="10" placeholder=${say("sitesAll")} /></label>
      <button class="do" disabled=${adding.busy}>${say("addToken")}</button></form><${Problem} error=${adding.error} />
    ${made ? html`<p role="status">${say("tokenOnce")} <code class="secret">${made.token}</code></p>` : null}</section>`;
}

function Kept({ say }) {
  const { value, error, reload } = useLoad(() => get("/retention"), []);
  const [turn, setTurn] = useState(0);
  const keep = async ({ kind, days }) => {
    await put(`/retention/${kind}`, { days });
    reload();
  };
  const [set, setting] = useAction(keep);
  const deleting = useConfirmed(keep, () => setTurn(turn + 1)); // fewer days delete what is older: not by a slip
  const change = (one, days) => {
    if (!(days >= one.fewest)) return;
    if (days < one.days) deleting.ask({ kind: one.kind, days });
    else set({ kind: one.kind, days });
  };
  return html`<section class="card kept"><h3>${say("keptFor")}</h3><${Problem} error=${error ?? setting.error} />
    <p class="row">${(value ?? []).map((one) => html`<label class="field" key=${one.kind}><span>${say(`kept_${one.kind}`)}</span>
      <input type="number" min=${one.fewest} max="36500" key=${`${one.days}-${turn}`} defaultValue=${one.days} onChange=${({ target }) => change(one, Number(target.value))} /></label>`)}</p>
    <${Confirm} of=${deleting} question=${({ kind, days }) => say("deleteOlder", say(`kept_${kind}`), days)} act=${say("deleteThem")} say=${say} />
    <p class="quiet">${say("keptWhy")}</p></section>`;
}
