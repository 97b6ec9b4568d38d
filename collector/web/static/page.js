// The live page: state and layout. Each part is a file in parts/; words are in words/.
import { ApiError, alerts as getAlerts, events as getEvents, listen, signOut, whoAmI } from "./parts/api.js";
import { AlertList } from "./parts/alert-list.js";
import { Chart } from "./parts/chart.js";
import { typeOf } from "./parts/describe.js";
import { Detail } from "./parts/detail.js";
import { Feed } from "./parts/feed.js";
import { HealthStrip, useHealth } from "./parts/health.js";
import { firstLanguage, keepLanguage, languages, wording } from "./parts/language.js";
import { html, render, useCallback, useEffect, useMemo, useState } from "./parts/lib.js";
import { SignIn } from "./parts/sign-in.js";

const KEPT_EVENTS = 60;
const ACTORS = ["operator", "admin"];
const URGENT = [["severity", "critical"], ["severity", "warning"]];
const FILTERS = { open: [["state", "open"], ...URGENT], all: URGENT };
const CLOSED = ["resolved", "dismissed"];

function Page() {
  const [language, setLanguage] = useState(firstLanguage);
  const [who, setWho] = useState(undefined);
  const words = useMemo(() => wording(language), [language]);
  useEffect(() => keepLanguage(language), [language]);
  useEffect(() => {
    if (location.pathname === "/sign-in") setWho(null);
    else whoAmI().then(setWho, () => setWho(null));
  }, []);
  const leave = () => signOut().then(() => setWho(null));
  return html`<${Header} words=${words} language=${language} setLanguage=${setLanguage} who=${who} leave=${leave} />
    ${who === undefined ? null : who === null
      ? html`<${SignIn} words=${words} signedIn=${setWho} />`
      : html`<${Watch} words=${words} who=${who} lost=${() => setWho(null)} />`}`;
}

function Header({ words, language, setLanguage, who, leave }) {
  const { say } = words;
  return html`<header class="bar"><img src="/static/icon.svg" alt="" width="30" height="30" /><h1>${say("title")}</h1>
    <span class="spring"></span>
    <span class="languages" role="group" aria-label="Language 语言">${languages.map((one) => html`<button lang=${one} aria-pressed=${one === language ? "true" : "false"}
      onClick=${() => setLanguage(one)}>${wording(one).say("language")}</button>`)}</span>
    ${who ? html`<span class="who">${who.name}</span><button class="plain" onClick=${leave}>${say("signOut")}</button>` : null}</header>`;
}

function Watch({ words, who, lost }) {
  const { say } = words;
  const [filter, setFilter] = useState("open");
  const [live, setLive] = useState("waiting");
  const [chosen, setChosen] = useState(null);
  const [version, setVersion] = useState(0);
  const list = useAlerts(filter, lost);
  const feed = useEvents(lost);
  const health = useHealth();
  useEffect(() => listen({
    onState: (state) => {
      setLive(state);
      if (state === "closed") lost();
      if (state === "live") feed.load(); // what came between the page's first look and the stream
      if (state === "live") list.load();
    },
    onAlert: list.put,
    onEvent: (item) => {
      feed.put(item);
      if (typeOf(item.event) === "evidence") setVersion((old) => old + 1);
    },
  }), []);
  const close = () => setChosen(null);
  useKeys(list.shown, chosen, setChosen);
  return html`<div class="status"><span class="live ${live}" role="status">${say(live)}</span>
      <${HealthStrip} health=${health} delay=${feed.delay} words=${words} /></div>
    <main class="columns ${chosen ? "has-detail" : ""}">
      <section class="list" aria-label=${say("alerts")}>
        <div class="tabs"><h2>${say("alerts")}</h2>${Object.keys(FILTERS).map((name) => html`<button aria-pressed=${name === filter ? "true" : "false"}
          onClick=${() => setFilter(name)}>${say(`${name}Alerts`)}${name === "open" ? ` ${list.openCount}` : ""}</button>`)}</div>
        <${AlertList} alerts=${list.shown} chosen=${chosen?.alert} choose=${setChosen} words=${words} more=${list.more} />
      </section>
      <section class="middle">${chosen
        ? html`<${Detail} chosen=${chosen} version=${version} words=${words} canAct=${ACTORS.includes(who.role)} close=${close} changed=${list.put} />`
        : html`<div class="choose"><p>${say("choose")}</p><p class="quiet">${say("keys")}</p></div>`}</section>
      <section class="side"><${Chart} overview=${health.overview} words=${words} />
        <h2>${say("events")}</h2><${Feed} events=${feed.events} choose=${setChosen} words=${words} /></section>
    </main>`;
}

// Alerts that the filter lets through, newest first; the stream puts new and changed ones in.
function useAlerts(filter, lost) {
  const [alerts, setAlerts] = useState(new Map());
  const [cursor, setCursor] = useState(null);
  const take = useCallback((page) => {
    setAlerts((old) => new Map([...old, ...page.items.map((alert) => [alert.alert_id, alert])]));
    setCursor(page.next_cursor);
  }, []);
  const unauthorised = (error) => {
    if (!(error instanceof ApiError)) throw error;
    lost();
  };
  const load = () => getAlerts([...FILTERS[filter], ["limit", "50"]]).then(take, unauthorised);
  useEffect(() => {
    load();
  }, [filter]);
  const put = useCallback((alert) => {
    if (alert.severity !== "info") setAlerts((old) => new Map([...old, [alert.alert_id, alert]]));
  }, []);
  const sorted = useMemo(() => [...alerts.values()].sort((a, b) => b.raised_at.localeCompare(a.raised_at)), [alerts]);
  const open = sorted.filter((alert) => !CLOSED.includes(alert.state));
  const more = cursor ? () => getAlerts([...FILTERS[filter], ["limit", "50"], ["cursor", cursor]]).then(take, unauthorised) : null;
  return { shown: filter === "open" ? open : sorted, openCount: open.length, load, put, more };
}

function useEvents(lost) {
  const [events, setEvents] = useState([]);
  const merge = (old, items) => [...new Map([...old, ...items].map((item) => [item.row_id, item])).values()]
    .sort((a, b) => b.row_id - a.row_id).slice(0, KEPT_EVENTS);
  const load = () => getEvents([["limit", "40"]]).then((page) => setEvents((old) => merge(old, page.items)), lost);
  useEffect(() => {
    load();
  }, []);
  const put = useCallback((item) => setEvents((old) => merge(old, [item])), []);
  const delays = events.filter((item) => !item.late).slice(0, 20).map((item) => (Date.parse(item.received_at) - Date.parse(item.event.time)) / 1000);
  const delay = delays.length ? delays.sort((a, b) => a - b)[Math.floor(delays.length / 2)] : null;
  return { events, load, put, delay };
}

function useKeys(alerts, chosen, setChosen) {
  useEffect(() => {
    const press = (key) => {
      if (["INPUT", "TEXTAREA", "SELECT", "VIDEO"].includes(document.activeElement?.tagName)) return;
      const at = alerts.findIndex((alert) => alert.alert_id === chosen?.alert);
      const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[key.key];
      if (key.key === "Escape") setChosen(null);
      else if (step && alerts.length) {
        key.preventDefault();
        setChosen({ alert: alerts[Math.max(0, Math.min(alerts.length - 1, at + step))].alert_id });
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [alerts, chosen]);
}

render(html`<${Page} />`, document.getElementById("page"));
