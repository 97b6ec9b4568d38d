// What can be done about an alert, by button and by key: one for the frequent, two for those that need to say more.
import { get, post } from "../../parts/api.js";
import { useDraft } from "../../parts/draft.js";
import { html, useEffect, useRef, useState } from "../../parts/lib.js";
import { useKeys } from "../../parts/keys.js";
import { Problem, useAction, useLoad } from "../../parts/load.js";
import { address } from "../../parts/router.js";

// state → [word, key, whether it asks for more first]
const STEPS = {
  acknowledged: ["acknowledge", "a"],
  assigned: ["assign", "s", "units"],
  on_scene: ["arrive", "o"],
  resolved: ["resolve", "r"],
  dismissed: ["dismiss", "d", "causes"],
  new: ["reopen", "n"],
};
const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

export function Actions({ alert, done, words }) {
  const { say } = words;
  const [asking, setAsking] = useState(null);
  const [take, { error, busy }] = useAction(async (step) => {
    done(await post(`/alerts/${alert.alert_id}/steps`, step));
    setAsking(null);
    return true;
  });
  const isAgain = (state) => Number(state === alert.state); // sending another unit is not what comes next
  const possible = Object.keys(STEPS).filter((state) => alert.next_states.includes(state)).sort((a, b) => isAgain(a) - isAgain(b));
  const act = (state) => (STEPS[state][2] ? setAsking(asking === state ? null : state) : take({ state }));
  useKeys(Object.fromEntries([...possible.map((state) => [STEPS[state][1], () => act(state)]), ...(asking ? [["Escape", () => setAsking(null)]] : [])]));
  useEffect(() => setAsking(null), [alert.state]);
  if (possible.length === 0) return null;
  return html`<div class="actions" role="group" aria-label=${say("actions")}>
    ${possible.map((state, at) => html`<button class="do ${state} ${at === 0 && state !== "new" ? "first" : ""}" disabled=${busy}
      aria-expanded=${STEPS[state][2] ? String(asking === state) : null} onClick=${() => act(state)}>${say(STEPS[state][0])}<kbd>${STEPS[state][1].toUpperCase()}</kbd></button>`)}
    ${asking === "dismissed" ? html`<${Causes} alert=${alert} say=${say} take=${(more) => take({ state: "dismissed", ...more })} />` : null}
    ${asking === "assigned" ? html`<${Units} alert=${alert} say=${say} take=${(unit) => take({ state: "assigned", unit })} />` : null}
    <${Problem} error=${error} /></div>`;
}

function Causes({ alert, say, take }) {
  const [reason, setReason] = useDraft(`reason-${alert.alert_id}`);
  const choose = async (cause) => (await take({ cause, reason: reason.trim() || null })) && setReason("");
  useKeys(Object.fromEntries(alert.causes.slice(0, 9).map((cause, at) => [DIGITS[at], () => choose(cause)])));
  return html`<div class="ask" role="group" aria-label=${say("whyDismissed")}><b>${say("whyDismissed")}</b>
    <div class="row">${alert.causes.map((cause, at) => html`<button class="do quiet-do cause" onClick=${() => choose(cause)}>${say(`cause_${cause}`)}${DIGITS[at] ? html`<kbd>${DIGITS[at]}</kbd>` : null}</button>`)}</div>
    <label class="field"><span>${say("reason")}</span><input type="text" maxlength="500" value=${reason} onInput=${({ target }) => setReason(target.value)} /></label></div>`;
}

function Units({ alert, say, take }) {
  const { value, error } = useLoad(() => get("/units", { site: alert.site, on_duty: true }), [alert.site]);
  const units = value ?? [];
  useKeys(Object.fromEntries(units.slice(0, 9).map((unit, at) => [DIGITS[at], () => take(unit.unit)])));
  return html`<div class="ask" role="group" aria-label=${say("whoGoes")}><b>${say("whoGoes")}</b><${Problem} error=${error} />
    <div class="row">${units.map((unit, at) => html`<button class="do quiet-do unit" onClick=${() => take(unit.unit)}>${unit.title}${DIGITS[at] ? html`<kbd>${DIGITS[at]}</kbd>` : null}
      ${unit.contact ? html`<small> ${unit.contact}</small>` : null}</button>`)}
      ${value && !units.length ? html`<p>${say("noUnits")} <a href=${address("tasks", ["units"])}>${say("addUnit")}</a></p>` : null}</div></div>`;
}

export function CommentBox({ alert, done, say }) {
  const [text, setText] = useDraft(`comment-${alert.alert_id}`);
  const box = useRef(null);
  const [send, { error, busy }] = useAction(async (said) => {
    done(await post(`/alerts/${alert.alert_id}/comments`, { text: said }));
    return true;
  });
  useKeys({ c: () => box.current.focus() });
  const submit = async (event) => {
    event.preventDefault();
    const said = text.trim();
    if (!said) return;
    setText(""); // what is written while it is sent is another comment
    if (!(await send(said))) setText((since) => [said, since].filter(Boolean).join(" "));
  };
  return html`<form class="row comment" onSubmit=${submit}>
    <input ref=${box} type="text" maxlength="2000" value=${text} aria-label=${say("comment")} placeholder=${say("comment")} onInput=${({ target }) => setText(target.value)} />
    <button class="do" disabled=${busy || !text.trim()}>${say("send")}</button><${Problem} error=${error} /></form>`;
}
