// The page's frame: who is signed in, which view is shown, in which language. Views are in views/, words in words/.
import { ApiError, SIGNED_OUT, get, remove } from "./parts/api.js";
import { Attention } from "./parts/attention.js";
import { onlyDraftsOf } from "./parts/draft.js";
import { HealthStrip, useHealth } from "./parts/health.js";
import { firstLanguage, keepLanguage, languages, wording } from "./parts/language.js";
import { html, render, useEffect, useMemo, useRef, useState } from "./parts/lib.js";
import { useStream } from "./parts/live.js";
import { Problem, useAction } from "./parts/load.js";
import { usePreference } from "./parts/preferences.js";
import { onlyReasonOf } from "./parts/reason.js";
import { address, go, useRoute } from "./parts/router.js";
import { VIEWS, mayOpen } from "./views/index.js";
import SignIn from "./views/sign-in.js";

const DESK = new BroadcastChannel("watchpost-desk"); // all tabs of a browser have one session

function App() {
  const [language, setLanguage] = useState(firstLanguage);
  const [who, setWho] = useState(undefined);
  const [ended, setEnded] = useState(false);
  const leaving = useRef(false);
  const turn = useRef(0); // an answer about who was here before changes nothing
  const words = useMemo(() => wording(language), [language]);
  useEffect(() => keepLanguage(language), [language]);
  useEffect(() => {
    const lost = () => {
      onlyReasonOf(null);
      setWho((before) => {
        if (before && !leaving.current) setEnded(true); // a duty room must not take it for a quiet night
        return null;
      });
    };
    const look = () => {
      const mine = ++turn.current;
      const ifStill = (act) => (found) => { if (mine === turn.current) act(found); };
      get("/session").then(ifStill(become), ifStill(lost));
    };
    addEventListener(SIGNED_OUT, lost);
    DESK.onmessage = look; // in another tab somebody has signed in or out
    if (location.pathname === "/sign-in") lost();
    else look();
    return () => removeEventListener(SIGNED_OUT, lost);
  }, []);
  const become = (found) => {
    turn.current += 1;
    onlyReasonOf(found?.name);
    onlyDraftsOf(found?.name ?? null);
    leaving.current = false;
    setEnded(false);
    setWho(found);
  };
  const [leave, left] = useAction(async () => {
    leaving.current = true;
    await remove("/session").catch((error) => {
      if (error instanceof ApiError && error.status === 401) return; // it had ended before
      leaving.current = false;
      throw error; // nobody may think that he has signed out
    });
    become(null);
    DESK.postMessage("left");
  });
  const enter = (found) => {
    become(found);
    DESK.postMessage("entered");
  };
  const switcher = html`<${Languages} language=${language} setLanguage=${setLanguage} />`;
  if (who === undefined) return null;
  if (who) return html`<${Signed} key=${who.name} words=${words} who=${who} leave=${leave} left=${left} switcher=${switcher} />`;
  return html`<header class="bar"><${Brand} say=${words.say} /><span class="spring"></span>${switcher}</header>
    <${SignIn} words=${words} ended=${ended} signedIn=${enter} />`;
}

function Signed({ words, who, leave, left, switcher }) {
  const { say } = words;
  const route = useRoute();
  const live = useStream();
  const health = useHealth(live);
  const [wall, setWall] = usePreference("wall", false);
  const open = VIEWS.filter((view) => mayOpen(view, who));
  const view = open.find(({ name }) => name === route.view) ?? open[0];
  const main = useRef(null);
  useEffect(() => {
    if (view.name !== route.view) go(view.name, [], {}, { replace: true });
    document.title = `${say(view.name)} · ${say("title")}`;
  }, [view.name, route.view, words]);
  useEffect(() => document.documentElement.classList.toggle("wall", wall), [wall]);
  const shown = useRef(view.name);
  useEffect(() => { // whoever cannot see the page hears that another view begins
    if (shown.current !== view.name) main.current?.focus();
    shown.current = view.name;
  }, [view.name]);
  return html`<a class="skip" href="#content" onClick=${(click) => { click.preventDefault(); main.current.focus(); }}>${say("skip")}</a>
    <header class="bar"><${Brand} say=${say} /><${Navigation} views=${open} current=${view.name} say=${say} />
      <span class="spring"></span>
      <span class="stream ${live.state}" role="status">${say(live.state)}</span>
      <button class="plain wall-switch" aria-pressed=${String(wall)} title=${say("wallWhy")} onClick=${() => setWall(!wall)}>${say("wall")}</button>
      ${switcher}<span class="who">${who.name}</span><button class="plain leave" onClick=${leave}>${say("signOut")}</button></header><${Problem} error=${left.error} />
    <${Attention} live=${live} words=${words} who=${who} view=${view.name} />
    <${HealthStrip} health=${health} words=${words} />
    <main id="content" tabindex="-1" ref=${main} aria-label=${say(view.name)}>
      <${Loaded} key=${view.name} view=${view} words=${words} who=${who} route=${route} live=${live} health=${health} leave=${leave} /></main>`;
}

const Brand = ({ say }) => html`<a class="brand" href="#/"><img src="/static/icon.svg" alt="" width="30" height="30" /><h1>${say("title")}</h1></a>`;

function Languages({ language, setLanguage }) {
  return html`<span class="languages" role="group" aria-label="Language 语言">${languages.map((one) => html`<button lang=${one}
    aria-pressed=${String(one === language)} onClick=${() => setLanguage(one)}>${wording(one).say("language")}</button>`)}</span>`;
}

function Navigation({ views, current, say }) {
  const bar = useRef(null);
  useEffect(() => { // on a phone there is not room for all
    const here = bar.current.querySelector("[aria-current=page]");
    if (here) bar.current.scrollTo({ left: here.offsetLeft - (bar.current.clientWidth - here.offsetWidth) / 2 });
  }, [current]);
  return html`<nav class="views" ref=${bar} aria-label=${say("navigation")}>${views.map(({ name }) => html`<a href=${address(name)}
    aria-current=${name === current ? "page" : null}>${say(name)}</a>`)}</nav>`;
}

// A view's module comes when it is first opened.
function Loaded({ view, words, ...rest }) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    view.load().then((module) => setFound({ View: module.default }), (error) => setFound({ error }));
  }, []);
  if (!found) return html`<p class="nothing">${words.say("loading")}</p>`;
  if (found.error) return html`<p class="problem" role="alert">${words.say("failed")} ${found.error.message}</p>`;
  return html`<${found.View} words=${words} ...${rest} />`;
}

addEventListener("pageshow", (event) => event.persisted && location.reload()); // out of the browser's cache: it has missed what came
render(html`<${App} />`, document.getElementById("page"));
