// What was done about an alert, what it stands for, and what happened near it in place and time.
import { eventTitle } from "../../parts/describe.js";
import { html } from "../../parts/lib.js";
import { address } from "../../parts/router.js";

const KINDS = { raised: "raised", reopened: "reopened", comment: "commented", event: "happenedAgain", overdue: "tooLate" };

export function History({ alert, words }) {
  const { say, when } = words;
  return html`<section><h3>${say("history")}</h3><ol class="steps">${alert.steps.map((step) => html`<li class=${step.kind}>
    <time datetime=${step.at}>${when(step.at)}</time> <b>${say(KINDS[step.kind] ?? step.state)}</b>
    <span>${[step.by ?? say("collectorItself"), step.unit, step.cause && say(`cause_${step.cause}`), step.reason].filter(Boolean).join(" · ")}</span></li>`)}</ol></section>`;
}

export function Earlier({ alert, words }) {
  const { say, when, language } = words;
  if (!alert.earlier.length) return null;
  return html`<section><h3>${say("sameAgain", alert.earlier.length)}</h3><ul class="near" role="list">${alert.earlier.map((one) => html`<li>
    <a href=${address("alerts", [one.alert_id])}><time datetime=${one.occurred_at}>${when(one.occurred_at)}</time> <span>${one.titles[language]}</span>
      <small>${say(one.state)}${one.cause ? ` · ${say(`cause_${one.cause}`)}` : ""}</small></a></li>`)}</ul></section>`;
}

export function Near({ title, items, words }) {
  const { say, when } = words;
  if (!items.length) return null;
  return html`<section><h3>${title}</h3><ul class="near" role="list">${items.map(({ event }) => html`<li>
    <a href=${address("alerts", ["event", event.id])}><time datetime=${event.time}>${when(event.time)}</time> <span>${eventTitle(event, say)}</span>
      <small>${event.source.split("/").at(-1)}</small></a></li>`)}</ul></section>`;
}
