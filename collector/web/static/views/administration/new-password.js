// A new password for somebody who has forgotten his: made here, shown once, and changed by him when he signs in.
import { patch } from "../../parts/api.js";
import { Question } from "../../parts/confirm.js";
import { html, useState } from "../../parts/lib.js";
import { useAction } from "../../parts/load.js";

const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"; // none that could be taken for another
const LENGTH = 14; // 69 bits

// Each letter is as likely as any other: numbers that would favour some are thrown away.
function random() {
  const found = [];
  while (found.length < LENGTH) {
    const numbers = crypto.getRandomValues(new Uint8Array(LENGTH));
    found.push(...[...numbers].filter((number) => number < 256 - (256 % LETTERS.length)).map((number) => LETTERS[number % LETTERS.length]));
  }
  return found.slice(0, LENGTH).join("");
}

export function NewPassword({ name, close, say }) {
  const [made, setMade] = useState(null);
  const [reset, { error, busy }] = useAction(async () => {
    const password = random();
    await patch(`/users/${encodeURIComponent(name)}`, { password });
    setMade(password);
  });
  if (made) return html`<p class="row new-password" role="status"><span>${say("passwordOnce", name)} <code class="secret">${made}</code></span>
    <button class="do quiet-do" onClick=${close}>${say("passwordTold")}</button></p>`;
  return html`<div class="new-password"><${Question} question=${say("resetWhy", name)} act=${say("resetIt")} onAct=${reset} onKeep=${close} error=${error} busy=${busy} say=${say} /></div>`;
}
