// A new alert, and one whose time has passed, is heard, shown by the desktop, and said to a screen reader, whichever view
// is open; a critical one again and again until somebody takes it. Late ones are silent.
// What would keep somebody from hearing of one is said: no sound yet, no connection, a
// session that ends.
import { get } from "./api.js";
import { useNow } from "./clock.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./lib.js";
import { useLive } from "./live.js";
import { isClosed, isOlder, told, withoutOver } from "./newest.js";
import { usePreference } from "./preferences.js";
import { address, go } from "./router.js";
import { ring } from "./sound.js";

const URGENT = ["critical", "warning"];
const ACTORS = ["operator", "admin"];
const AGAIN_MS = 30000; // a critical alert is heard again until somebody has taken it
const TOUCHES = ["pointerup", "keyup"];
const LOST_AFTER_MS = 5000;
const ENDS_SOON_MS = 30 * 60 * 1000;

const OPEN = { state: "open", severity: URGENT, limit: 500 };

export function Attention({ live, words, who, view }) {
  const { say, language } = words;
  const [sound] = usePreference("sound", true);
  const [repeat] = usePreference("repeat", true);
  const [notify] = usePreference("notify", false);
  const [said, setSaid] = useState("");
  const [open, setOpen] = useState(new Map());
  const known = useRef(open); // id → alert as it was told last: what somebody should hear is what differs
  const hidden = useRef(0);
  const note = (alerts) => {
    known.current = alerts;
    setOpen(alerts);
  };
  const tell = (alert, word) => {
    const title = `${word}: ${alert.titles[language]}`;
    setSaid(title);
    if (sound) ring(alert.severity);
    if (!document.hidden) return;
    hidden.current += 1;
    document.title = `(${hidden.current}) ${title}`;
    if (notify && Notification.permission === "granted") show(alert, title);
  };
  const hear = (alert) => {
    const before = known.current.get(alert.alert_id);
    if (isOlder(alert, before)) return;
    note(told(known.current, [alert]));
    if (alert.late || !URGENT.includes(alert.severity)) return;
    if (isNews(alert, before && !isClosed(before) ? before : null)) tell(alert, say(alert.severity));
    else if (before && alert.overdue && !before.overdue) tell(alert, say("overdueAlerts"));
  };
  const first = useRef(true);
  const look = async () => {
    const before = known.current;
    const page = await get("/alerts", OPEN).catch(() => null); // the next connection asks again
    if (!page) return;
    note(withoutOver(known.current, before, page, (alert) => !isClosed(alert)));
    if (first.current) note(told(known.current, page.items));
    else page.items.reverse().forEach(hear); // what came, or came again, while the stream was away
    first.current = false;
  };
  useEffect(() => { look().then(live.start) }, []); // one that comes after this look is news, whichever way it is told
  useLive(live, "open", look);
  useLive(live, "alert", hear);
  const waiting = [...open.values()].filter((alert) => alert.state === "new" && alert.severity === "critical" && !alert.late);
  const remind = sound && repeat && waiting.length > 0 && ACTORS.includes(who.role);
  useLayoutEffect(() => { // silent as soon as nothing is seen to wait
    const timer = remind && setInterval(() => ring("critical"), AGAIN_MS);
    return () => clearInterval(timer);
  }, [remind]);
  useEffect(() => {
    const back = () => {
      if (document.hidden || !hidden.current) return;
      hidden.current = 0;
      document.title = say("title");
    };
    document.addEventListener("visibilitychange", back);
    return () => document.removeEventListener("visibilitychange", back);
  }, [words]);
  const newest = waiting.sort((a, b) => b.raised_at.localeCompare(a.raised_at))[0];
  return html`<p class="only-heard" role="alert">${said}</p>
    ${newest && view !== "alerts" ? html`<a class="deaf bad waits" href=${address("alerts", [newest.alert_id])}>▲ ${say("criticalWaits", waiting.length)} ${newest.titles[language]}</a>` : null}
    <${Deaf} live=${live} sound=${sound} words=${words} who=${who} />`;
}

// New or open again, or once more; a camera that fails again by itself makes no noise.
function isNews(alert, before) {
  if (before) return alert.events > before.events || (alert.state === "new" && before.state !== "new");
  return alert.state === "new" && (alert.type !== "camera" || alert.raised_at === alert.state_since);
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
