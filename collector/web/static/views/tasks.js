// Who has to do what until when, and how fast that goes. Address: #/tasks, #/tasks/units, #/tasks/figures.
import { get, patch, post, search } from "../parts/api.js";
import { Due } from "../parts/clock.js";
import { html, useState } from "../parts/lib.js";
import { useLive } from "../parts/live.js";
import { Problem, useAction, useLoad } from "../parts/load.js";
import { address } from "../parts/router.js";
import { Severity } from "../parts/severity.js";

const ACTORS = ["operator", "admin"];
const KINDS = ["patrol", "guard", "fire", "repair", "property", "other"];
const TABS = ["tasks", "units", "figures"];
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export default function Tasks({ words, who, route, live, health }) {
  const { say } = words;
  const tab = TABS.includes(route.rest[0]) ? route.rest[0] : "tasks";
  const canAct = ACTORS.includes(who.role);
  return html`<div class="sheet"><header class="row"><h2>${say("tasks")}</h2>
      <nav class="tabs" aria-label=${say("tasks")}>${TABS.map((name) => html`<a class="tab" href=${address("tasks", name === "tasks" ? [] : [name])}
        aria-current=${name === tab ? "page" : null}>${say(`tab_${name}`)}</a>`)}</nav></header>
    ${tab === "tasks" ? html`<${Lists} words=${words} live=${live} />` : null}
    ${tab === "units" ? html`<${Units} words=${words} canAct=${canAct} sites=${[...new Set(health.edges.map((edge) => edge.site))]} />` : null}
    ${tab === "figures" ? html`<${Figures} words=${words} /><${Quality} words=${words} />` : null}</div>`;
}

function Lists({ words, live }) {
  const { say } = words;
  const { value, error, reload } = useLoad(() => get("/tasks"), []);
  useLive(live, "open", reload);
  useLive(live, "alert", reload);
  const lists = value ?? [];
  return html`<${Problem} error=${error} />
    ${value && !lists.length ? html`<p class="nothing">${say("noUnitsYet")} <a href=${address("tasks", ["units"])}>${say("addUnit")}</a></p>` : null}
    <div class="boards">${lists.map(({ unit, overdue, tasks }) => html`<section class="card board" aria-label=${unit.title}>
      <header class="row"><h3>${unit.title}</h3><span class="mark">${tasks.length}</span>${overdue ? html`<span class="mark bad">${say("overdueCount", overdue)}</span>` : null}
        <small>${[say(`unit_${unit.kind}`), unit.contact, unit.on_duty ? "" : say("offDuty")].filter(Boolean).join(" · ")}</small></header>
      ${tasks.length ? html`<ul role="list">${tasks.map((task) => html`<li><${Task} task=${task} words=${words} /></li>`)}</ul>` : html`<p class="quiet">${say("nothingToDo")}</p>`}
    </section>`)}</div>`;
}

function Task({ task, words }) {
  const { say, when, language } = words;
  return html`<a class="task ${task.severity}" href=${address("alerts", [task.alert_id])}>
    <strong>${task.titles[language]}</strong>
    <span class="marks"><${Severity} severity=${task.severity} say=${say} /><span class="mark">${say(task.state)}</span><${Due} at=${task.due_at} words=${words} />
      <time datetime=${task.occurred_at}>${when(task.occurred_at)}</time></span></a>`;
}

function Units({ words, canAct, sites }) {
  const { say } = words;
  const { value, error, reload } = useLoad(() => get("/units"), []);
  const [change, changing] = useAction(async (unit, what) => {
    await patch(`/units/${unit}`, what);
    reload();
  });
  return html`<section class="card"><${Problem} error=${error ?? changing.error} />
      <div class="scroll"><table class="stack"><thead><tr>${["unitName", "unitKind", "contact", "site", "duty"].map((name) => html`<th scope="col">${say(name)}</th>`)}</tr></thead>
      <tbody>${(value ?? []).map((unit) => html`<tr key=${unit.unit}><td><b>${unit.title}</b> <small>${unit.unit}</small></td><td>${say(`unit_${unit.kind}`)}</td><td>${unit.contact}</td><td>${unit.site}</td>
        <td><label class="switch"><input type="checkbox" role="switch" checked=${unit.on_duty} disabled=${!canAct} aria-label=${`${unit.title}: ${say("duty")}`}
          onChange=${({ target }) => change(unit.unit, { on_duty: target.checked })} /> ${say(unit.on_duty ? "onDuty" : "offDuty")}</label></td></tr>`)}</tbody></table></div></section>
    ${canAct ? html`<${AddUnit} say=${say} sites=${sites} added=${reload} />` : null}`;
}

function AddUnit({ say, sites, added }) {
  const [turn, setTurn] = useState(0);
  const [add, { error, busy }] = useAction(async (unit) => {
    await post("/units", unit);
    setTurn(turn + 1); // an empty form again
    added();
  });
  const submit = (event) => {
    event.preventDefault();
    add(Object.fromEntries(new FormData(event.target)));
  };
  return html`<section class="card"><h3>${say("addUnit")}</h3><form key=${turn} class="row form" onSubmit=${submit}>
    <label class="field"><span>${say("unitName")}</span><input name="title" required maxlength="100" /></label>
    <label class="field"><span>${say("unitId")}</span><input name="unit" required pattern="[a-z0-9][a-z0-9_\\-]{0,62}" title=${say("unitIdRule")} placeholder="patrol-1" /></label>
    <label class="field"><span>${say("unitKind")}</span><select name="kind">${KINDS.map((kind) => html`<option value=${kind}>${say(`unit_${kind}`)}</option>`)}</select></label>
    <label class="field"><span>${say("contact")}</span><input name="contact" maxlength="100" /></label>
    <label class="field"><span>${say("site")}</span><input name="site" required list="sites" defaultValue=${sites[0] ?? ""} /><datalist id="sites">${sites.map((site) => html`<option value=${site} />`)}</datalist></label>
    <button class="do first" disabled=${busy}>${say("add")}</button><${Problem} error=${error} /></form></section>`;
}

function Figures({ words }) {
  const { say, lasts, language } = words;
  const [weeks, setWeeks] = useState(8);
  const { value, error } = useLoad(() => get("/statistics/response", { weeks, zone }), [weeks]);
  const spread = ({ median_s: median, p90_s: p90 }) => html`<td class="number">${lasts(median)}</td><td class="number">${lasts(p90)}</td>`;
  return html`<section class="card"><header class="row"><h3>${say("responseTimes")}</h3>
      <label>${say("lastWeeks")} <select onChange=${({ target }) => setWeeks(Number(target.value))}>${[4, 8, 26, 52].map((count) => html`<option value=${count} selected=${count === weeks}>${count}</option>`)}</select></label>
      <a class="do quiet-do" href=${`/api/v1/statistics/tasks.csv${search({ weeks, zone, language })}`} download>${say("asCsv")}</a></header><${Problem} error=${error} />
    ${value && !value.length ? html`<p class="quiet">${say("noFigures")}</p>` : html`<div class="scroll"><table><thead>
      <tr><th scope="col" rowspan="2">${say("week")}</th><th scope="col" rowspan="2">${say("unit")}</th><th scope="col" rowspan="2" class="number">${say("alerts")}</th>
        <th scope="col" rowspan="2" class="number">${say("closedCount")}</th><th scope="col" rowspan="2" class="number">${say("overdueAlerts")}</th>
        ${["timeToAcknowledge", "timeToArrive", "timeToClose"].map((name) => html`<th scope="colgroup" colspan="2" class="number">${say(name)}</th>`)}</tr>
      <tr>${[1, 2, 3].map(() => html`<th scope="col" class="number">${say("median")}</th><th scope="col" class="number">90 %</th>`)}</tr></thead>
      <tbody>${(value ?? []).map((row) => html`<tr><td>${row.week}</td><td>${row.unit ?? say("nobody")}</td><td class="number">${row.alerts}</td><td class="number">${row.closed}</td>
        <td class="number">${row.overdue}</td>${spread(row.acknowledged)}${spread(row.arrived)}${spread(row.done)}</tr>`)}</tbody></table></div>`}</section>`;
}

function Quality({ words }) {
  const { say } = words;
  const { value, error } = useLoad(() => get("/statistics/quality", { zone }), []);
  const share = (row) => (row.valid + row.false ? `${Math.round((100 * row.valid) / (row.valid + row.false))} %` : "–");
  return html`<section class="card"><h3>${say("quality")}</h3><${Problem} error=${error} />
    ${value && !value.length ? html`<p class="quiet">${say("noFigures")}</p>` : html`<div class="scroll"><table><thead><tr>${["week", "place", "kind"].map((name) => html`<th scope="col">${say(name)}</th>`)}
      ${["valid", "false", "neither", "open", "shareValid"].map((name) => html`<th scope="col" class="number">${say(`count_${name}`)}</th>`)}<th scope="col">${say("mistakenFor")}</th></tr></thead>
      <tbody>${(value ?? []).map((row) => html`<tr><td>${row.week}</td><td>${row.site} / ${row.source}</td><td>${say(row.type)}</td>
        ${[row.valid, row.false, row.neither, row.open, share(row)].map((cell) => html`<td class="number">${cell}</td>`)}
        <td>${Object.entries(row.causes).map(([cause, count]) => `${say(`cause_${cause}`)} ${count}`).join(", ")}</td></tr>`)}</tbody></table></div>`}</section>`;
}
