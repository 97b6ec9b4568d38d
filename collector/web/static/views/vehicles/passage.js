// One passage: picture, reading, corrections, and where else this vehicle was.
import { get, post } from "../../parts/api.js";
import { percent, proof } from "../../parts/describe.js";
import { html } from "../../parts/lib.js";
import { Problem, useAction, useLoad } from "../../parts/load.js";
import { Picture } from "../../parts/picture.js";
import { address } from "../../parts/router.js";

export function Passage({ number, why, who, words }) {
  const { say, when } = words;
  const { value: one, error, set } = useLoad(() => get(`/passages/${number}`), [number, why]);
  if (!one) return html`<section class="card"><${Problem} error=${error} /></section>`;
  const clear = why && who.sees_plates && one.plate;
  return html`<article class="card passage">
      <header class="row"><a class="do quiet-do" href=${address("vehicles")}>← ${say("back")}</a>
        <h3 class="plate-word">${one.plate ?? say(one.hashed ? "hashedPlate" : "noPlate")}</h3>
        ${clear ? html`<a class="do" href=${address("vehicles", ["track", one.plate])}>${say("whereElse")}</a>` : null}</header>
      <p>${when(one.seen_at)} · ${one.site} / ${one.edge} / ${one.camera} · ${say(one.direction)}
        ${one.confidence == null ? "" : ` · ${say("certain", percent(one.confidence))}`}</p>
      ${one.corrected ? html`<p><span class="mark">${say("corrected")}</span> ${say("wasRead", one.read_plate ?? "–")}</p>` : null}
      ${who.sees_plates && why ? html`<div class="proofs"><${Picture} key=${why} proof=${proof(one.evidence, "snapshot")} alt=${say("pictureOfPassage")} say=${say} />
        <${Picture} key=${`${why}-plate`} proof=${proof(one.evidence, "plate")} alt=${say("plate")} say=${say} /></div>` : null}
    </article>
    ${one.corrections.length ? html`<section class="card"><h3>${say("corrections")}</h3><ol class="corrections">${one.corrections.map((change) => html`<li>
      <time datetime=${change.at}>${when(change.at)}</time> <b>${change.by}</b>: ${change.old_plate ?? "–"} → ${change.new_plate} <span class="quiet">${change.reason}</span></li>`)}</ol></section>` : null}
    ${clear && ["operator", "admin"].includes(who.role) ? html`<${Correction} one=${one} say=${say} done=${set} />` : null}`;
}

function Correction({ one, say, done }) {
  const [correct, { error, busy }] = useAction(async (body) => done(await post(`/passages/${one.passage_no}/corrections`, body)));
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    correct({ plate: form.get("plate"), reason: form.get("reason") });
  };
  return html`<section class="card"><h3>${say("correctIt")}</h3><form class="row" onSubmit=${submit}>
    <label class="field"><span>${say("plate")}</span><input name="plate" required minlength="3" maxlength="20" size="12" defaultValue=${one.plate} /></label>
    <label class="field"><span>${say("whyCorrect")}</span><input name="reason" required minlength="3" maxlength="200" size="30" /></label>
    <button class="do" disabled=${busy}>${say("keepBoth")}</button></form><${Problem} error=${error} /></section>`;
}
