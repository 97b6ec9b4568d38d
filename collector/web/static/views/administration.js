// Whom the administrator lets in, until when somebody must have acted and who is told, which programs have tokens, and how long things are kept.
import { get, patch, post, put, remove } from "../parts/api.js";
import { html, useState } from "../parts/lib.js";
import { Problem, useAction, useLoad } from "../parts/load.js";
import { DutyRules } from "./administration/duty.js";
import { Holds } from "./holds.js";

const ROLES = ["viewer", "operator", "auditor", "admin"];
const sitesOf = (text) => { const found = text.split(/[\s,，]+/).filter(Boolean); return found.length ? found : null; };

export default function Administration({ words, who }) {
  const { say } = words;
  const own = html`<${Holds} words=${words} mayRelease />`;
  if (who.sites) return html`<div class="sheet administration"><h2>${say("administration")}</h2>${own}</div>`; // the rest concerns all sites
  return html`<div class="sheet administration"><h2>${say("administration")}</h2>
    <${Users} words=${words} who=${who} /><${DutyRules} words=${words} /><${Tokens} words=${words} /><${Kept} say=${say} />${own}</div>`;
}

function Users({ words, who }) {
  const { say } = words;
  const { value, error, reload } = useLoad(() => get("/users"), []);
  const [add, adding] = useAction(async (body) => { await post("/users", body); reload(); return true; });
  const [change, changing] = useAction(async (name, body) => { await patch(`/users/${name}`, body); reload(); });
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const given = Object.fromEntries(new FormData(form));
    if (await add({ ...given, sites: sitesOf(given.sites) })) form.reset();
  };
  return html`<section class="card users"><h3>${say("users")}</h3><${Problem} error=${error} />
    ${value?.length ? html`<div class="scroll"><table class="stack"><thead><tr><th>${say("loginName")}</th><th>${say("wholeName")}</th><th>${say("role")}</th><th>${say("sitesSeen")}</th><th></th></tr></thead>
      <tbody>${value.map((one) => html`<tr key=${one.name} class=${one.disabled_at ? "quiet" : ""}><td><b>${one.name}</b></td><td>${one.full_name}</td>
        <td><select aria-label=${`${say("role")} ${one.name}`} disabled=${one.name === who.name} onChange=${({ target }) => change(one.name, { role: target.value })}>
          ${ROLES.map((role) => html`<option value=${role} selected=${role === one.role}>${say(role)}</option>`)}</select></td>
        <td>${one.sites?.join(", ") ?? say("sitesAll")}</td>
        <td>${one.name === who.name ? null : html`<button class="do quiet-do" onClick=${() => change(one.name, { disabled: !one.disabled_at })}>${say(one.disabled_at ? "letIn" : "shutOut")}</button>`}</td></tr>`)}</tbody></table></div>` : null}
    <${Problem} error=${changing.error} />
    <form class="row" onSubmit=${submit}>
      <label class="field"><span>${say("loginName")}</span><input name="name" required size="10" pattern="[a-z0-9][a-z0-9._\\-]{1,39}" autocomplete="off" autocapitalize="none" /></label>
      <label class="field"><span>${say("wholeName")}</span><input name="full_name" size="10" autocomplete="off" /></label>
      <label class="field"><span>${say("role")}</span><select name="role">${ROLES.map((role) => html`<option value=${role}>${say(role)}</option>`)}</select></label>
      <label class="field"><span>${say("sitesSeen")}</span><input name="sites" size="10" placeholder=${say("sitesAll")} /></label>
      <label class="field"><span>${say("firstPassword")}</span><input name="password" type="password" required minlength="10" size="12" autocomplete="new-password" /></label>
      <button class="do first" disabled=${adding.busy}>${say("addUser")}</button></form><${Problem} error=${adding.error} /></section>`;
}

function Tokens({ words }) {
  const { say, when } = words;
  const { value, error, reload } = useLoad(() => get("/tokens"), []);
  const [made, setMade] = useState(null);
  const [add, adding] = useAction(async (body) => { setMade(await post("/tokens", body)); reload(); });
  const [end, ending] = useAction(async (name) => { await remove(`/tokens/${encodeURIComponent(name)}`); reload(); });
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    add({ name: given.name, role: given.role, sites: sitesOf(given.sites) });
  };
  return html`<section class="card tokens"><h3>${say("tokens")}</h3><${Problem} error=${error ?? ending.error} />
    ${value?.length ? html`<div class="scroll"><table class="stack"><tbody>${value.map((one) => html`<tr key=${one.name}><td><b>${one.name}</b></td><td>${say(one.role)}</td><td>${one.sites?.join(", ") ?? say("sitesAll")}</td>
      <td><time datetime=${one.created_at}>${when(one.created_at)}</time></td><td><button class="do quiet-do" onClick=${() => end(one.name)}>${say("endToken")}</button></td></tr>`)}</tbody></table></div>` : null}
    <form class="row" onSubmit=${submit}>
      <label class="field"><span>${say("tokenName")}</span><input name="name" required size="12" pattern="[\\w.@\\-]+" /></label>
      <label class="field"><span>${say("role")}</span><select name="role">${["edge", ...ROLES].map((role) => html`<option value=${role}>${say(role === "edge" ? "roleEdge" : role)}</option>`)}</select></label>
      <label class="field"><span>${say("sitesSeen")}</span><input name="sites" size="10" placeholder=${say("sitesAll")} /></label>
      <button class="do" disabled=${adding.busy}>${say("addToken")}</button></form><${Problem} error=${adding.error} />
    ${made ? html`<p role="status">${say("tokenOnce")} <code class="secret">${made.token}</code></p>` : null}</section>`;
}

function Kept({ say }) {
  const { value, error, reload } = useLoad(() => get("/retention"), []);
  const [turn, setTurn] = useState(0);
  const [asked, ask] = useState(null); // fewer days delete what is older: not by a slip
  const [set, setting] = useAction(async (kind, days) => {
    await put(`/retention/${kind}`, { days });
    ask(null);
    reload();
  });
  const change = (one, days) => {
    if (!(days >= one.fewest)) return;
    if (days < one.days) ask({ kind: one.kind, days });
    else set(one.kind, days);
  };
  return html`<section class="card kept"><h3>${say("keptFor")}</h3><${Problem} error=${error ?? setting.error} />
    <p class="row">${(value ?? []).map((one) => html`<label class="field" key=${one.kind}><span>${say(`kept_${one.kind}`)}</span>
      <input type="number" min=${one.fewest} max="36500" key=${`${one.days}-${turn}`} defaultValue=${one.days} onChange=${({ target }) => change(one, Number(target.value))} /></label>`)}</p>
    ${asked ? html`<p class="row confirm" role="alert"><b>${say("deleteOlder", say(`kept_${asked.kind}`), asked.days)}</b>
      <button class="do" onClick=${() => set(asked.kind, asked.days)}>${say("deleteThem")}</button><button class="do quiet-do" onClick=${() => { ask(null); setTurn(turn + 1); }}>${say("keepAsIs")}</button></p>` : null}
    <p class="quiet">${say("keptWhy")}</p></section>`;
}
