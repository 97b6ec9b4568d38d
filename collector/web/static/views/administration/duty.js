// Until when somebody must have acted, what is near and what one case, and who is told outside the page: of what, when, and whether it gets through.
import { get, post, put, remove } from "../../parts/api.js";
import { html, useState } from "../../parts/lib.js";
import { Problem, useAction, useLoad } from "../../parts/load.js";

const LEVELS = ["critical", "warning"];
const NAMES = { zh: "中文", en: "English" };
const TIMES = { acknowledge_s: "dueAcknowledge", arrive_s: "dueArrive", close_s: "dueClose" };
const LONG_S = 7200; // more is easier read in hours or days
const minutes = (seconds) => Number((seconds / 60).toFixed(2));
const seconds = (form, name) => Math.round(Number(form.get(name)) * 60);

export function DutyRules({ words }) {
  const { say } = words;
  const { value, error, set } = useLoad(() => get("/duty"), []);
  return html`<section class="card due-times"><h3>${say("dueTimes")}</h3><p class="quiet">${say("dueWhy")}</p><${Problem} error=${error} />
      ${value?.due.map((one) => html`<${DueForm} key=${one.severity} one=${one} changed=${set} words=${words} />`)}</section>
    <section class="card limits"><h3>${say("limits")}</h3><p class="quiet">${say("limitsWhy")}</p>
      ${value?.limits.map((one) => html`<${LimitForm} key=${one.name} one=${one} changed=${set} words=${words} />`)}</section>
    <section class="card channels"><h3>${say("channels")}</h3><p class="quiet">${say("channelsWhy")}</p>
      ${value && !value.channels.length ? html`<p>${say("noChannels")}</p>` : null}
      ${value?.channels.map((one) => html`<${ChannelForm} key=${one.name} one=${one} changed=${set} words=${words} />`)}</section>`;
}

// Saving, and going back to what the configuration file says; `path` names what is changed. `turn` is another one
// when the form must begin anew.
function useChange(path, changed) {
  const [state, setState] = useState({ turn: 0, saved: false });
  const [save, saving] = useAction(async (body) => {
    changed(await put(path, body));
    setState((old) => ({ ...old, saved: true }));
  });
  const [reset, resetting] = useAction(async () => {
    changed(await remove(path));
    setState(({ turn }) => ({ turn: turn + 1, saved: false }));
  });
  return { ...state, save, reset, busy: saving.busy || resetting.busy, error: saving.error ?? resetting.error };
}

function Changed({ one, change, words }) {
  const { say, when } = words;
  return html`<button class="do" disabled=${change.busy}>${say("saveIt")}</button>
    ${change.saved ? html`<span role="status">${say("isSaved")}</span>` : null}
    ${one.changed_by ? html`<small>${say("changedBy", one.changed_by, when(one.changed_at))}</small>
      <button type="button" class="plain reset" disabled=${change.busy} onClick=${change.reset}>${say("asConfigured")}</button>` : null}
    <${Problem} error=${change.error} />`;
}

function DueForm({ one, changed, words }) {
  const { say, lasts } = words;
  const change = useChange(`/duty/due/${one.severity}`, changed);
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    change.save(Object.fromEntries(Object.keys(TIMES).map((name) => [name, seconds(form, name)])));
  };
  return html`<form key=${change.turn} class="row form due ${one.severity}" onSubmit=${submit} aria-label=${`${say("dueTimes")}: ${say(one.severity)}`}><b class="severity ${one.severity}">${say(one.severity)}</b>
    ${Object.entries(TIMES).map(([name, caption]) => html`<label class="field"><span>${say(caption)}${one.due[name] >= LONG_S ? ` (${lasts(one.due[name])})` : ""}</span>
      <input name=${name} type="number" required min="0.1" max="43200" step="any" defaultValue=${minutes(one.due[name])} /></label>`)}
    <${Changed} one=${one} change=${change} words=${words} /></form>`;
}

// Metres are written as they are, seconds in minutes.
function LimitForm({ one, changed, words }) {
  const { say } = words;
  const change = useChange(`/duty/limits/${one.name}`, changed);
  const unit = one.name.endsWith("_s") ? 60 : 1;
  const submit = (event) => {
    event.preventDefault();
    change.save({ value: Math.round(Number(new FormData(event.target).get("value")) * unit) });
  };
  return html`<form key=${change.turn} class="row form due limit" onSubmit=${submit}><label class="field"><span>${say(`limit_${one.name}`)}</span>
    <input name="value" type="number" required min=${one.lowest / unit} max=${one.highest / unit} step="any" defaultValue=${Number((one.value / unit).toFixed(2))} /></label>
    <${Changed} one=${one} change=${change} words=${words} /></form>`;
}

function ChannelForm({ one, changed, words }) {
  const { say } = words;
  const change = useChange(`/duty/channels/${one.name}`, changed);
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    change.save({ severities: form.getAll("severities"), after_s: seconds(form, "after"), overdue: form.has("overdue"), paused: form.has("paused") });
  };
  const tick = (name, value, label, checked) => html`<label class="switch"><input type="checkbox" name=${name} value=${value} defaultChecked=${checked} /> ${label}</label>`;
  return html`<form key=${change.turn} class="channel" onSubmit=${submit} aria-label=${one.name}><${ChannelHead} one=${one} words=${words} />
    <div class="row form"><fieldset class="row"><legend>${say("toldLevels")}</legend>${LEVELS.map((level) => tick("severities", level, say(level), one.rule.severities.includes(level)))}</fieldset>
      <label class="field"><span>${say("toldAfter")}</span><input name="after" type="number" required min="0" max="43200" step="any" title=${say("toldAfterWhy")} defaultValue=${minutes(one.rule.after_s)} /></label>
      ${tick("overdue", "yes", say("toldOverdue"), one.rule.overdue)}${tick("paused", "yes", say("channelPaused"), one.rule.paused)}
      <${Changed} one=${one} change=${change} words=${words} /></div><${Test} name=${one.name} say=${say} /></form>`;
}

function ChannelHead({ one, words }) {
  const { say, when } = words;
  const way = one.way ? say(`way_${one.way}`).replace(/^way_/, "") : "";
  return html`<p class="row"><b>${one.name}</b> <small>${[way, ...one.sites, NAMES[one.language]].filter(Boolean).join(" · ")}</small>
    ${one.rule.paused ? html`<span class="mark bad">${say("channelPaused")}</span>` : null}
    ${one.waiting ? html`<span class="mark">${say("messagesWait", one.waiting)}</span>` : null}
    ${one.given_up ? html`<span class="mark bad">${say("messagesLost", one.given_up)}</span>` : null}
    <small>${one.last_sent_at ? say("lastSent", when(one.last_sent_at)) : say("neverSent")}</small></p>
    ${one.trouble ? html`<p class="problem">${one.trouble}</p>` : null}`;
}

function Test({ name, say }) {
  const [result, setResult] = useState(null);
  const [test, { error, busy }] = useAction(async () => {
    setResult(null);
    setResult(await post(`/duty/channels/${name}/test`));
  });
  return html`<p class="row"><button type="button" class="do quiet-do test" disabled=${busy} onClick=${test}>${say("testMessage")}</button>
    ${result ? html`<span role="status" class=${result.taken ? "" : "problem"}>${result.taken ? say("testTaken") : say("testFailed", result.error)}</span>` : null}<${Problem} error=${error} /></p>`;
}
