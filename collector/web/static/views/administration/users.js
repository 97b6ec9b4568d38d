// Who may sign in: role, sites, shut out or let in again, and a new password for who has forgotten his.
import { get, patch, post } from "../../parts/api.js";
import { Confirm, useConfirmed } from "../../parts/confirm.js";
import { html, useState } from "../../parts/lib.js";
import { Problem, useAction, useLoad } from "../../parts/load.js";
import { NewPassword } from "./new-password.js";

export const ROLES = ["viewer", "operator", "auditor", "admin"];
export const sitesOf = (text) => { const found = text.split(/[\s,，]+/).filter(Boolean); return found.length ? found : null; };

export function Users({ words, who }) {
  const { say } = words;
  const { value, error, reload } = useLoad(() => get("/users"), []);
  const [forgot, setForgot] = useState(null); // who gets a new password
  const [turns, setTurns] = useState({}); // name → another one: what was not taken is shown as it was
  const [change, { error: refused }] = useAction(async (name, body) => {
    await patch(`/users/${encodeURIComponent(name)}`, body).catch((problem) => {
      setTurns((old) => ({ ...old, [name]: (old[name] ?? 0) + 1 }));
      throw problem;
    });
    reload();
  });
  return html`<section class="card users"><h3>${say("users")}</h3><${Problem} error=${error} />
    ${value?.length ? html`<div class="scroll"><table class="stack"><thead><tr><th>${say("loginName")}</th><th>${say("wholeName")}</th><th>${say("role")}</th><th>${say("sitesSeen")}</th><th></th></tr></thead>
      <tbody>${value.map((one) => html`<tr key=${one.name} class=${one.disabled_at ? "quiet" : ""}><td><b>${one.name}</b></td><td>${one.full_name}</td>
        <td><select key=${turns[one.name]} aria-label=${`${say("role")} ${one.name}`} disabled=${one.name === who.name} onChange=${({ target }) => change(one.name, { role: target.value })}>
          ${ROLES.map((role) => html`<option value=${role} selected=${role === one.role}>${say(role)}</option>`)}</select></td>
        <td><${Sites} key=${`${one.sites} ${turns[one.name]}`} one=${one} fixed=${one.name === who.name} change=${change} say=${say} /></td>
        <td>${one.name === who.name ? null : html`<span class="row"><button class="do quiet-do" onClick=${() => change(one.name, { disabled: !one.disabled_at })}>${say(one.disabled_at ? "letIn" : "shutOut")}</button>
          <button class="do quiet-do forgot" onClick=${() => setForgot(one.name)}>${say("resetPassword")}</button></span>`}</td></tr>`)}</tbody></table></div>` : null}
    <${Problem} error=${refused} />
    ${forgot ? html`<${NewPassword} key=${forgot} name=${forgot} close=${() => setForgot(null)} say=${say} />` : null}
    <${AddUser} added=${reload} say=${say} /></section>`;
}

// Sites, with commas between them. Nobody gets all of them by an empty field alone.
function Sites({ one, fixed, change, say }) {
  const [turn, setTurn] = useState(0);
  const opening = useConfirmed(() => change(one.name, { all_sites: true }), () => setTurn(turn + 1));
  const typed = ({ target }) => {
    const sites = sitesOf(target.value);
    if (sites) change(one.name, { sites });
    else if (one.sites) opening.ask(one.name);
  };
  return html`<input key=${turn} name="sites-of" size="10" aria-label=${`${say("sitesSeen")} ${one.name}`} placeholder=${say("sitesAll")} disabled=${fixed}
      defaultValue=${one.sites?.join(", ") ?? ""} onChange=${typed} />
    <${Confirm} of=${opening} question=${(name) => say("seesAll", name)} act=${say("saveIt")} say=${say} />`;
}

function AddUser({ added, say }) {
  const [add, { error, busy }] = useAction(async (body) => { await post("/users", body); added(); return true; });
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const given = Object.fromEntries(new FormData(form));
    if (await add({ ...given, sites: sitesOf(given.sites) })) form.reset();
  };
  return html`<form class="row form" onSubmit=${submit}>
      <label class="field"><span>${say("loginName")}</span><input name="name" required size="10" pattern="[a-z0-9][a-z0-9._\\-]{1,39}" autocomplete="off" autocapitalize="none" /></label>
      <label class="field"><span>${say("wholeName")}</span><input name="full_name" size="10" autocomplete="off" /></label>
      <label class="field"><span>${say("role")}</span><select name="role">${ROLES.map((role) => html`<option value=${role}>${say(role)}</option>`)}</select></label>
      <label class="field"><span>${say("sitesSeen")}</span><input name="sites" size="10" placeholder=${say("sitesAll")} /></label>
      <label class="field"><span>${say("firstPassword")}</span><input name="password" type="password" required minlength="10" size="12" autocomplete="new-password" /></label>
      <button class="do first" disabled=${busy}>${say("addUser")}</button></form><${Problem} error=${error} />`;
}
