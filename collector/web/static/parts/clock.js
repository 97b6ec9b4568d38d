// Time that passes on the page: what is due, and for how long.
import { html, useEffect, useState } from "./lib.js";

const clocks = new Map(); // period → { timer, listeners }: a hundred rows tick together

export function useNow(every_ms = 1000) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const clock = clocks.get(every_ms) ?? start(every_ms);
    clock.listeners.add(setNow);
    return () => {
      clock.listeners.delete(setNow);
      if (clock.listeners.size) return;
      clearInterval(clock.timer);
      clocks.delete(every_ms);
    };
  }, [every_ms]);
  return now;
}

function start(every_ms) {
  const listeners = new Set();
  const tick = () => {
    const now = Date.now();
    for (const listener of listeners) listener(now);
  };
  clocks.set(every_ms, { listeners, timer: setInterval(tick, every_ms) });
  return clocks.get(every_ms);
}

// "2026-03-01T08:00", in the reader's own time, as the collector wants it; empty for what is no time.
export function instant(local) {
  const moment = new Date(local ?? "");
  return Number.isNaN(moment.getTime()) ? "" : moment.toISOString();
}

// "due in 42 s", "overdue by 3 min"; nothing when nothing is due.
export function Due({ at, words }) {
  const now = useNow();
  if (!at) return null;
  const { say, lasts } = words;
  const left_s = (Date.parse(at) - now) / 1000;
  return html`<span class=${left_s < 0 ? "mark bad" : "mark"}>${left_s < 0 ? say("overdueBy", lasts(-left_s)) : say("dueIn", lasts(left_s))}</span>`;
}
