// What is kept as evidence although its time is over: put on hold by whoever handles a case, released by an administrator.
import { get, post, remove } from "../parts/api.js";
import { Confirm, useConfirmed } from "../parts/confirm.js";
import { html, useState } from "../parts/lib.js";
import { Problem, useAction, useLoad } from "../parts/load.js";
import { address } from "../parts/router.js";

// Keep one alert (or event) with its pictures and clips.
export function Keep({ kind, subject, say }) {
  const { value, reload } = useLoad(() => get("/holds"), [subject]);
  const [hold, { error, busy }] = useAction(async (reason) => {
    await post("/holds", { kind, subject, reason });
    reload();
  });
  const held = (value ?? []).find((one) => one.subject === subject && !one.released_at);
  const submit = (event) => {
    event.preventDefault();
    hold(new FormData(event.target).get("reason"));
  };
  if (held) return html`<p class="kept-as-evidence"><span class="mark">${say("keptAsEvidence")}</span> ${held.reason} <small>${held.by}</small></p>`;
  return html`<details class="keep"><summary>${say("keepAsEvidence")}</summary><p class="quiet">${say("keepWhy")}</p>
    <form class="row form" onSubmit=${submit}><label class="field"><span>${say("keepFor")}</span><input name="reason" required minlength="3" maxlength="200" placeholder=${say("whyExample")} /></label>
      <button class="do" disabled=${busy}>${say("keepIt")}</button></form><${Problem} error=${error} /></details>`;
}

export function Holds({ words, mayRelease }) {
  const { say, when } = words;
  const [all, setAll] = useState(false);
  const { value, error, reload } = useLoad(() => get("/holds"), []);
  const releasing = useConfirmed(async ({ hold_id: number }) => {
    await remove(`/holds/${number}`);
    reload();
  });
  const shown = (value ?? []).filter((one) => all || !one.released_at);
  return html`<section class="card holds"><header class="row"><h3>${say("holds")}</h3>
      <label class="switch"><input type="checkbox" checked=${all} onChange=${({ target }) => setAll(target.checked)} /> ${say("releasedToo")}</label></header>
    <p class="quiet">${say("keepWhy")}</p><${Problem} error=${error} />
    ${shown.length ? html`<div class="scroll"><table class="stack"><thead><tr><th>${say("time")}</th><th>${say("heldWhat")}</th><th>${say("place")}</th><th>${say("reasonOfHold")}</th><th>${say("heldBy")}</th><th></th></tr></thead>
      <tbody>${shown.map((one) => html`<tr key=${one.hold_id}><td><time datetime=${one.at}>${when(one.at)}</time></td>
        <td><a href=${address("alerts", one.kind === "alert" ? [one.subject] : ["event", one.subject])}>${say(`held_${one.kind}`)}</a></td><td>${one.site}</td><td>${one.reason}</td><td>${one.by}</td>
        <td>${one.released_at ? say("releasedBy", one.released_by, when(one.released_at)) : mayRelease ? html`<button class="do quiet-do" onClick=${() => releasing.ask(one)}>${say("release")}</button>` : null}</td></tr>`)}</tbody></table></div>`
      : value ? html`<p class="quiet">${say("noHolds")}</p>` : null}
    <${Confirm} of=${releasing} question=${({ reason }) => say("releaseWhy", reason)} act=${say("release")} say=${say} /></section>`;
}
