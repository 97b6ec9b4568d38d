// Time that passes on the page: what is due, and for how long.
import { html, useEffect, useState } from "./lib.js";

export function useNow(every_ms = 1000) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}

// "due in 42 s", "overdue by 3 min"; nothing when nothing is due.
export function Due({ at, words, now }) {
  if (!at) return null;
  const { say, lasts } = words;
  const left_s = (Date.parse(at) - now) / 1000;
  return html`<span class=${left_s < 0 ? "mark bad" : "mark"}>${left_s < 0 ? say("overdueBy", lasts(-left_s)) : say("dueIn", lasts(left_s))}</span>`;
}
