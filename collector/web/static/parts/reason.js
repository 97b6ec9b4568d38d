// What plates are looked at for. Without a reason they stay masked; with one they are shown for a quarter of an hour, and
// the collector records every look with it. Kept for this tab and its giver only.
import { html, useEffect, useState } from "./lib.js";

const KEY = "watchpost-reason";
const CHANGED = "watchpost-reason-changed";
const LASTS_MS = 15 * 60 * 1000;

export function reason() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  return kept && kept.until > Date.now() ? kept.text : null;
}

export function giveReason(text, who) {
  if (text) sessionStorage.setItem(KEY, JSON.stringify({ text, who, until: Date.now() + LASTS_MS }));
  else sessionStorage.removeItem(KEY);
  dispatchEvent(new Event(CHANGED));
}

// A reason is its giver's alone: who signs in after him at the same desk gives his own.
export function onlyReasonOf(who) {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (kept && kept.who !== who) giveReason(null);
}

// The reason that holds now; changes with it, and when it ends.
export function useReason() {
  const [held, setHeld] = useState(reason);
  useEffect(() => {
    const look = () => setHeld(reason());
    addEventListener(CHANGED, look);
    const timer = setInterval(look, 5000);
    return () => {
      removeEventListener(CHANGED, look);
      clearInterval(timer);
    };
  }, []);
  return held;
}

// A line that asks for the reason, or says which one holds. Nothing for roles that never see plates.
export function Reason({ who, words }) {
  const { say } = words;
  const held = useReason();
  const [typed, setTyped] = useState("");
  if (!who.sees_plates) return html`<p class="reason quiet">${say("platesMasked")}</p>`;
  if (held) {
    return html`<p class="reason held row" role="status"><span>${say("platesShownFor", held)}</span>
      <button class="do quiet-do" onClick=${() => giveReason(null)}>${say("maskAgain")}</button></p>`;
  }
  const submit = (event) => {
    event.preventDefault();
    if (typed.trim().length >= 3) giveReason(typed.trim(), who.name);
  };
  return html`<form class="reason row" onSubmit=${submit}>
    <label class="field"><span>${say("whyPlates")}</span>
      <input name="why" type="text" required minlength="3" maxlength="200" placeholder=${say("whyExample")} value=${typed}
        onInput=${({ target }) => setTyped(target.value)} /></label>
    <button class="do">${say("showPlates")}</button></form>`;
}
