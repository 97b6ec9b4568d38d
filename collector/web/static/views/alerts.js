// Alerts as they come, one of them in full, and all events beside. Address: #/alerts, #/alerts/ID, #/alerts/event/ID.
import { get } from "../parts/api.js";
import { typeOf } from "../parts/describe.js";
import { html, useCallback, useEffect, useMemo, useState } from "../parts/lib.js";
import { useLive } from "../parts/live.js";
import { Problem, useLoad } from "../parts/load.js";
import { go } from "../parts/router.js";
import { Chart } from "./alerts/chart.js";
import { Detail } from "./alerts/detail.js";
import { Feed } from "./alerts/feed.js";
import { AlertList } from "./alerts/list.js";

const KEPT_EVENTS = 60;
const CHART_EVERY_MS = 60000;
const ACTORS = ["operator", "admin"];
const FILTERS = { open: { state: "open" }, all: {} };
const CLOSED = ["resolved", "dismissed"];

const chosenBy = ({ rest: [first, second] }) => (first === "event" ? { event: second } : first ? { alert: first } : null);

export default function Alerts({ words, who, route, live }) {
  const { say } = words;
  const filter = route.query.show in FILTERS ? route.query.show : "open";
  const chosen = useMemo(() => chosenBy(route), [route.rest.join("/")]);
  const [version, setVersion] = useState(0);
  const list = useAlerts(filter, live);
  const feed = useEvents(live);
  useLive(live, "event", (item) => typeOf(item.event) === "evidence" && setVersion((old) => old + 1));
  const choose = useCallback((what) => {
    const path = what?.alert ? [what.alert] : what?.event ? ["event", what.event] : [];
    go("alerts", path, route.query, { replace: what !== null });
  }, [route.query.show]);
  useKeys(list.shown, chosen, choose);
  return html`<div class="columns ${chosen ? "has-detail" : ""}">
      <section class="list" aria-label=${say("alerts")}>
        <div class="tabs"><h2>${say("alerts")}</h2>${Object.keys(FILTERS).map((name) => html`<button aria-pressed=${String(name === filter)}
          onClick=${() => go("alerts", route.rest, { show: name })}>${say(`${name}Alerts`)}${name === "open" ? ` ${list.openCount}` : ""}</button>`)}</div>
        <${Problem} error=${list.error} />
        <${AlertList} alerts=${list.shown} chosen=${chosen?.alert} choose=${choose} words=${words} more=${list.more} />
      </section>
      <section class="middle">${chosen
        ? html`<${Detail} chosen=${chosen} version=${version} words=${words} canAct=${ACTORS.includes(who.role)} close=${() => choose(null)} changed=${list.put} />`
        : html`<div class="choose"><p>${say("choose")}</p><p class="quiet">${say("keys")}</p></div>`}</section>
      <section class="side"><${Overview} words=${words} />
        <h2>${say("events")}</h2><${Feed} events=${feed} choose=${choose} words=${words} /></section>
    </div>`;
}

// Alerts that the filter lets through, newest first; the stream puts new and changed ones in.
function useAlerts(filter, live) {
  const [alerts, setAlerts] = useState(new Map());
  const [cursor, setCursor] = useState(null);
  const query = { ...FILTERS[filter], severity: ["critical", "warning"], limit: 50 };
  const take = (page) => {
    setAlerts((old) => new Map([...old, ...page.items.map((alert) => [alert.alert_id, alert])]));
    setCursor(page.next_cursor);
  };
  const { error, reload } = useLoad(() => get("/alerts", query).then(take), [filter]);
  const put = useCallback((alert) => {
    if (alert.severity !== "info") setAlerts((old) => new Map([...old, [alert.alert_id, alert]]));
  }, []);
  useLive(live, "open", reload); // what came between the first look and the stream, or while it was away
  useLive(live, "alert", put);
  const sorted = useMemo(() => [...alerts.values()].sort((a, b) => b.raised_at.localeCompare(a.raised_at)), [alerts]);
  const open = sorted.filter((alert) => !CLOSED.includes(alert.state));
  const more = cursor ? () => get("/alerts", { ...query, cursor }).then(take) : null;
  return { shown: filter === "open" ? open : sorted, openCount: open.length, error, put, more };
}

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

function useKeys(alerts, chosen, choose) {
  useEffect(() => {
    const press = (key) => {
      if (["INPUT", "TEXTAREA", "SELECT", "VIDEO"].includes(document.activeElement?.tagName) || key.ctrlKey || key.metaKey || key.altKey) return;
      const at = alerts.findIndex((alert) => alert.alert_id === chosen?.alert);
      const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[key.key];
      if (key.key === "Escape") choose(null);
      else if (step && alerts.length) {
        key.preventDefault();
        choose({ alert: alerts[Math.max(0, Math.min(alerts.length - 1, at + step))].alert_id });
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [alerts, chosen]);
}
