// Alerts as they come, one of them in full, and all events beside. Address: #/alerts, #/alerts/ID, #/alerts/event/ID;
// filters are in its query.
import { get } from "../parts/api.js";
import { html, useCallback, useEffect, useMemo, useRef, useState } from "../parts/lib.js";
import { useKeys } from "../parts/keys.js";
import { useLive } from "../parts/live.js";
import { Problem, useAction, useLoad } from "../parts/load.js";
import { answered, isClosed, told } from "../parts/newest.js";
import { usePreference } from "../parts/preferences.js";
import { go } from "../parts/router.js";
import { Chart } from "./alerts/chart.js";
import { Detail } from "./alerts/detail.js";
import { Feed } from "./alerts/feed.js";
import { Filters, asked, passes } from "./alerts/filters.js";
import { AlertList } from "./alerts/list.js";

const KEPT_EVENTS = 60;
const SHOWN_ALERTS = 100;
const CHART_EVERY_MS = 60000;
const ACTORS = ["operator", "admin"];

const chosenBy = ({ rest: [first, second] }) => (first === "event" ? { event: second } : first ? { alert: first } : null);

export default function Alerts({ words, who, route, live, health }) {
  const { say } = words;
  const chosen = useMemo(() => chosenBy(route), [route.rest.join("/")]);
  const list = useAlerts(route.query, live);
  const feed = useEvents(live);
  const choose = useCallback((what) => {
    const path = what?.alert ? [what.alert] : what?.event ? ["event", what.event] : [];
    go("alerts", path, route.query, { replace: what !== null && chosen !== null });
  }, [JSON.stringify(route.query), chosen]);
  useMoves(list.shown, chosen, choose);
  const [wall] = usePreference("wall", false);
  const seen = chosen ?? (wall ? byItself(list.shown) : null);
  const following = list.shown.find((alert) => alert.alert_id !== chosen?.alert && !isClosed(alert));
  const waiting = list.shown.filter((alert) => alert.state === "new").length;
  return html`<div class="columns ${chosen ? "has-detail" : ""}">
      <section class="list" aria-label=${say("alerts")}>
        <${Filters} query=${route.query} change=${(query) => go("alerts", route.rest, query, { replace: true })} openCount=${list.openCount}
          sites=${[...new Set(health.edges.map((edge) => edge.site))]} say=${say} />
        <${Problem} error=${list.error} />
        <${AlertList} alerts=${list.shown} chosen=${chosen?.alert} choose=${choose} words=${words} more=${list.more} />
      </section>
      <section class="middle">${seen
        ? html`<${Detail} key=${seen.alert ?? seen.event} chosen=${seen} words=${words} who=${who} canAct=${chosen !== null && ACTORS.includes(who.role)} close=${() => choose(null)}
            changed=${list.put} live=${live} following=${following} choose=${choose} />`
        : html`<div class="choose">${waiting ? html`<p class="many">${say("waitingForYou", waiting)}</p>
            <button class="do first" onClick=${() => choose({ alert: list.shown[0].alert_id })}>${say("openMostUrgent")}<kbd>J</kbd></button>` : html`<p>${say("choose")}</p>`}
            <p class="quiet">${say("keys")}</p></div>`}</section>
      <section class="side"><${Overview} words=${words} />
        <h2>${say("events")}</h2><${Feed} events=${feed} choose=${choose} words=${words} /></section>
    </div>`;
}

// On a wall nobody clicks: the most urgent alert that nobody has taken shows itself, but never a plate.
const ABOUT_PLATES = ["watchlist_hit", "cloned_plate", "plate_passage"];
function byItself(alerts) {
  const first = alerts.find((alert) => alert.state === "new" && !ABOUT_PLATES.includes(alert.type));
  return first ? { alert: first.alert_id } : null;
}

// Alerts that the filters let through; the stream puts new and changed ones in.
function useAlerts(query, live) {
  const [alerts, setAlerts] = useState(new Map());
  const [last, setLast] = useState({}); // the last page, and of which search it is
  const [most, setMost] = useState(SHOWN_ALERTS);
  const wanted = { ...asked(query), limit: 50 };
  const key = JSON.stringify(wanted);
  const newest = useRef({});
  newest.current = { key, alerts };
  const cursor = last.key === key ? last.cursor : null;
  const ask = async (more) => {
    const before = newest.current.alerts;
    const page = await get("/alerts", { ...wanted, cursor: more });
    const belongs = (alert) => !more && passes(alert, query);
    setAlerts((old) => answered(old, before, page, belongs));
    if (newest.current.key === key) setLast({ key, cursor: page.next_cursor });
  };
  const { error, reload } = useLoad(() => ask(), [key]);
  useLive(live, "open", reload); // what came between the first look and the stream, or while it was away
  const put = useCallback((alert) => alert.severity !== "info" && setAlerts((old) => told(old, [alert])), []);
  useLive(live, "alert", put);
  const sorted = useMemo(() => [...alerts.values()].sort((a, b) => waits(a) - waits(b) || b.raised_at.localeCompare(a.raised_at)), [alerts]);
  const open = sorted.filter((alert) => !isClosed(alert));
  const wide = () => setMost((old) => old + SHOWN_ALERTS);
  const [further, furthering] = useAction(() => ask(cursor).then(wide));
  const fitting = sorted.filter((alert) => passes(alert, query));
  const more = fitting.length > most ? wide : cursor ? further : null;
  return { shown: fitting.slice(0, most), openCount: `${open.length}${cursor ? "+" : ""}`, error: error ?? furthering.error, put, more };
}

// Critical ones that nobody has taken stand on top, then the newest.
const waits = (alert) => (alert.state === "new" && alert.severity === "critical" ? 0 : 1);

function useEvents(live) {
  const [events, setEvents] = useState([]);
  const merge = (items) => setEvents((old) => [...new Map([...old, ...items].map((item) => [item.row_id, item])).values()]
    .sort((a, b) => b.row_id - a.row_id).slice(0, KEPT_EVENTS));
  const { reload } = useLoad(() => get("/events", { limit: 40 }).then((page) => merge(page.items)), []);
  useLive(live, "open", reload);
  useLive(live, "event", (item) => merge([item]));
  return events;
}

function Overview({ words }) {
  const { value, reload } = useLoad(() => get("/overview", { hours: 24 }), []);
  useEffect(() => {
    const timer = setInterval(reload, CHART_EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return html`<${Chart} overview=${value} words=${words} />`;
}

function useMoves(alerts, chosen, choose) {
  const move = (step) => () => {
    if (!alerts.length) return;
    const at = alerts.findIndex((alert) => alert.alert_id === chosen?.alert);
    choose({ alert: alerts[Math.max(0, Math.min(alerts.length - 1, at + step))].alert_id });
  };
  useKeys({ j: move(1), k: move(-1), ArrowDown: move(1), ArrowUp: move(-1) }, { held: true });
}
