// Boxes and cameras one by one: what works, since when, how late, what waits; and what could not be told to people.
import { get } from "../parts/api.js";
import { html } from "../parts/lib.js";
import { Problem, useLoad } from "../parts/load.js";
import { useNow } from "../parts/clock.js";
import { address } from "../parts/router.js";
import { ailmentIn } from "../words/problems.js";

const TOLD = ["operator", "auditor", "admin"];
const GOOD = ["online", "up"];
const DELAYED_S = 5;

export default function Devices({ words, who, health }) {
  const { say } = words;
  const now = useNow(5000);
  return html`<div class="sheet devices"><h2>${say("devices")}</h2>
    <${Boxes} health=${health} words=${words} now=${now} /><${Cameras} health=${health} words=${words} now=${now} />
    ${TOLD.includes(who.role) ? html`<${Untold} words=${words} />` : null}</div>`;
}

const State = ({ state, words, since, now }) => html`<span class=${GOOD.includes(state) ? "mark good" : "mark bad"}>${words.say(state ?? "unknown")}</span>
  ${since ? html` <small>${words.say("lastsFor", words.lasts(Math.max(0, (now - Date.parse(since)) / 1000)))}</small>` : null}`;

// The worst first: what does not work needs somebody.
const worstFirst = (items) => [...items].sort((a, b) => Number(GOOD.includes(a.state)) - Number(GOOD.includes(b.state)));

function Boxes({ health, words, now }) {
  const { say, lasts } = words;
  const lacking = (box) => health.sequences.filter((outbox) => outbox.site === box.site && outbox.edge === box.edge)
    .flatMap((outbox) => outbox.missing).reduce((sum, [low, high]) => sum + high - low + 1, 0);
  const age = (box) => (box.health_at ? lasts(Math.max(0, (now - Date.parse(box.health_at)) / 1000)) : "–");
  const gb = (mb) => (mb == null ? "–" : `${(mb / 1000).toFixed(1)} GB`);
  return html`<section class="card boxes"><h3>${say("edges")}</h3>${health.edges.length ? html`<div class="scroll"><table><thead><tr><th>${say("box")}</th><th>${say("state")}</th><th>${say("lastReport")}</th>
      <th class="number">${say("outbox")}</th><th class="number">${say("oldestWaits")}</th><th class="number">${say("picturesWait")}</th><th class="number">${say("gaps")}</th>
      <th class="number">${say("temperature")}</th><th class="number">${say("diskFree")}</th><th class="number">${say("clockOff")}</th><th>${say("version")}</th></tr></thead>
    <tbody>${worstFirst(health.edges).map((box) => { const told = box.health ?? {}; return html`<tr key=${`${box.site}/${box.edge}`}><td><b>${box.edge}</b> <small>${box.site}</small></td>
      <td><${State} state=${box.state} since=${box.since} words=${words} now=${now} />${(told.problems ?? []).map((one) => html`<br /><small class="problem">${ailmentIn(words.language, one)}</small>`)}</td>
      <td>${age(box)}</td><td class="number">${told.outbox_depth ?? "–"}</td><td class="number">${lasts(told.outbox_oldest_s)}</td><td class="number">${told.evidence_pending ?? "–"}</td>
      <td class="number">${lacking(box)}</td><td class="number">${told.temperature_c == null ? "–" : `${Math.round(told.temperature_c)} °C`}</td><td class="number">${gb(told.disk_free_mb)}</td>
      <td class="number">${told.clock_offset_s == null ? "–" : say("seconds", told.clock_offset_s.toFixed(1))}</td><td>${box.birth?.version ?? "–"}</td></tr>`; })}</tbody></table></div>`
    : html`<p class="quiet">${say("noBoxes")}</p>`}</section>`;
}

function Cameras({ health, words, now }) {
  const { say, lasts } = words;
  return html`<section class="card cameras"><h3>${say("cameras")}</h3>${health.cameras.length ? html`<div class="scroll"><table><thead><tr><th>${say("camera")}</th><th>${say("state")}</th>
      <th class="number">${say("framesPerSecond")}</th><th class="number">${say("lastFrame")}</th><th class="number">${say("behind")}</th><th class="number">${say("reconnects")}</th><th>${say("remark")}</th></tr></thead>
    <tbody>${worstFirst(health.cameras).map((one) => { const told = one.health ?? {}; return html`<tr key=${`${one.edge}/${one.camera}`}><td><b>${one.camera}</b> <small>${one.site} / ${one.edge}</small></td>
      <td><${State} state=${one.state} since=${one.since} words=${words} now=${now} /></td>
      <td class="number">${told.fps == null ? "–" : told.fps.toFixed(1)}</td><td class="number">${lasts(told.last_frame_age_s)}</td>
      <td class="number ${told.lag_s > DELAYED_S ? "problem" : ""}">${told.lag_s == null ? "–" : say("seconds", told.lag_s.toFixed(1))}</td><td class="number">${told.reconnects ?? "–"}</td>
      <td>${[one.state === "up" ? "" : ailmentIn(words.language, one.reason), told.weather_mode ? say("weatherMode") : "", ailmentIn(words.language, told.last_error)].filter(Boolean).join(" · ")}</td></tr>`; })}</tbody></table></div>`
    : html`<p class="quiet">${say("noCameras")}</p>`}</section>`;
}

// Telephone, mail and webhook messages that wait, or that nobody has got.
function Untold({ words }) {
  const { say, when, language } = words;
  const { value, error } = useLoad(() => get("/notifications", { limit: 50 }), []);
  return html`<section class="card untold"><h3>${say("untold")}</h3><${Problem} error=${error} />
    ${value?.items.length ? html`<div class="scroll"><table class="stack"><thead><tr><th>${say("time")}</th><th>${say("toldTo")}</th><th>${say("toldOf")}</th><th>${say("state")}</th><th>${say("remark")}</th></tr></thead>
      <tbody>${value.items.map((one) => html`<tr key=${one.notification_id}><td><time datetime=${one.created_at}>${when(one.created_at)}</time></td><td><b>${one.channel}</b> <small>${say(`occasion_${one.occasion}`)}</small></td>
        <td><a href=${address("alerts", [one.alert_id])}>${one.titles[language]}</a></td>
        <td><span class=${one.state === "failed" ? "mark bad" : "mark"}>${say(`told_${one.state}`)}</span> ${one.next_at ? html`<small>${say("nextTry", when(one.next_at))}</small>` : null}</td><td>${one.error ?? ""}</td></tr>`)}</tbody></table></div>`
      : value ? html`<p class="quiet">${say("allTold")}</p>` : null}</section>`;
}
