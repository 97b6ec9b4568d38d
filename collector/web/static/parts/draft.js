// What somebody has begun to write outlives a reload, the way back and a session that ends: kept for this tab, until it is
// sent, he signs out, or somebody else signs in.
import { useState } from "./lib.js";

const PREFIX = "watchpost-draft-";
const WRITER = "watchpost-drafts-of";

// useDraft("comment-7") → [text, set]; nothing is kept of an empty text. set((now) => …) when it may have changed meanwhile.
export function useDraft(name) {
  const key = PREFIX + name;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? "");
  const set = (change) => {
    const next = typeof change === "function" ? change(sessionStorage.getItem(key) ?? "") : change;
    if (next) sessionStorage.setItem(key, next);
    else sessionStorage.removeItem(key);
    setText(next);
  };
  return [text, set];
}

// `who` null: he has signed out himself
export function onlyDraftsOf(who) {
  if (sessionStorage.getItem(WRITER) === who) return;
  for (const key of Object.keys(sessionStorage).filter((one) => one.startsWith(PREFIX))) sessionStorage.removeItem(key);
  if (who) sessionStorage.setItem(WRITER, who);
  else sessionStorage.removeItem(WRITER);
}
