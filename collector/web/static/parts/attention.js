// A new alert is heard, shown by the desktop, and said to a screen reader, whichever view is open. Late ones are silent.
// What would keep somebody from hearing of one is said: no sound yet, no connection, a
// session that ends.
import { useNow } from "./clock.js";
import { html, useEffect, useRef, useState } from "./lib.js";
import { useLive } from "./live.js";
import { usePreference } from "./preferences.js";
import { go } from "./router.js";
import { ring } from "./sound.js";

const URGENT = ["critical", "warning"];
const TOUCHES = ["pointerup", "keyup"];
const LOST_AFTER_MS = 5000;
const ENDS_SOON_MS = 30 * 60 * 1000;

export function Attention({ live, words, who }) {
  const [sound] = usePreference("sound", true);
  const [notify] = usePreference("notify", false);
  const [said, setSaid] = useState("");
  const counts = useRef(new Map()); // alert → events that were told
  const waiting = useRef(0);
  useLive(live, "alert", (alert) => {
    const before = counts.current.get(alert.alert_id) ?? 0;
    counts.current.set(alert.alert_id, alert.events);
    const news = before === 0 ? alert.state === "new" && alert.events === 1 : alert.events > before;
    if (!news || alert.late || !URGENT.includes(alert.severity)) return;
    const title = alert.titles[words.language];
    setSaid(`${words.say(alert.severity)}: ${title}`);
    if (sound) ring(alert.severity);
    if (!document.hidden) return;
    waiting.current += 1;
    document.title = `(${waiting.current}) ${title}`;
    if (notify && Notification.permission === "granted") show(alert, title);
  });
  useEffect(() => {
    const back = () => {
      if (document.hidden || !waiting.current) return;
      waiting.current = 0;
      document.title = words.say("title");
    };
    document.addEventListener("visibilitychange", back);
    return () => document.removeEventListener("visibilitychange", back);
  }, [words]);
  return html`<p class="only-heard" role="alert">${said}</p><${Deaf} live=${live} sound=${sound} words=${words} who=${who} />`;
}

const untouched = () => navigator.userActivation?.hasBeenActive === false;

// Browsers make no sound before somebody has touched the page; a page without connection looks like a quiet night.
function Deaf({ live, sound, words, who }) {
  const { say, when } = words;
  const now = useNow(30000);
  const [mute, setMute] = useState(untouched);
  const [lost, setLost] = useState(null);
  useEffect(() => {
    const touched = () => setMute(untouched());
    for (const kind of TOUCHES) addEventListener(kind, touched);
    return () => TOUCHES.forEach((kind) => removeEventListener(kind, touched));
  }, []);
  useEffect(() => {
    if (live.state === "live") return setLost(null);
    const since = new Date().toISOString();
    const timer = setTimeout(() => setLost(since), LOST_AFTER_MS);
    return () => clearTimeout(timer);
  }, [live.state]);
  return html`${lost ? html`<p class="deaf bad" role="alert">${say("lostSince", when(lost))}</p>` : null}
    ${who.until && Date.parse(who.until) - now < ENDS_SOON_MS ? html`<p class="deaf" role="alert">${say("endsSoon", when(who.until))}</p>` : null}
    ${mute && sound ? html`<button class="deaf">${say("clickForSound")}</button>` : null}`;
}

function show(alert, title) {
  const note = new Notification(title, { body: `${alert.site} / ${alert.source}`, tag: alert.alert_id, icon: "/static/icon.svg" });
  note.onclick = () => {
    window.focus();
    go("alerts", [alert.alert_id]);
    note.close();
  };
}
