// The list of alerts: newest first, by severity at a glance.
import { Due } from "../../parts/clock.js";
import { proof } from "../../parts/describe.js";
import { html, memo, useCallback, useEffect, useRef } from "../../parts/lib.js";
import { Picture } from "../../parts/picture.js";
import { Severity } from "../../parts/severity.js";

export function AlertList({ alerts, chosen, choose, words, more }) {
  const { say } = words;
  const newest = useRef(choose);
  newest.current = choose;
  const pick = useCallback((what) => newest.current(what), []);
  if (alerts.length === 0 && !more) return html`<p class="nothing">${say("noAlerts")}</p>`;
  return html`<ul class="alerts" role="list">
    ${alerts.map((alert) => html`<${AlertRow} key=${alert.alert_id} alert=${alert} chosen=${chosen === alert.alert_id}
      choose=${pick} words=${words} />`)}
    ${more ? html`<li><button class="more" onClick=${more}>${say("more")}</button></li>` : null}
  </ul>`;
}

// Drawn anew only when it changes: the list may be long, and news come often.
const AlertRow = memo(({ alert, chosen, choose, words }) => {
  const { say, when, language } = words;
  const row = useRef(null);
  useEffect(() => {
    if (chosen) row.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  // pictures of plates are opened one by one, on purpose: every look at them is recorded
  const picture = alert.type === "falling_object" ? proof(alert.evidence, "snapshot") : null;
  return html`<li>
    <button ref=${row} data-alert=${alert.alert_id} class="alert ${alert.severity} ${alert.state}" aria-current=${chosen ? "true" : "false"}
      onClick=${() => choose({ alert: alert.alert_id })}>
      ${picture ? html`<${Picture} proof=${picture} alt="" say=${say} small />` : html`<span class="thumb ${alert.type}" aria-hidden="true"></span>`}
      <span class="what">
        <span class="top"><strong>${alert.titles[language]}</strong><time datetime=${alert.occurred_at}>${when(alert.occurred_at)}</time></span>
        <span class="where">${alert.site} / ${alert.source}</span>
        <span class="marks"><${Severity} severity=${alert.severity} say=${say} />
          ${alert.events > 1 ? html`<span class="mark">${say("times", alert.events)}</span>` : null}
          ${alert.window_before ? html`<span class="mark again">${say("windowBefore", alert.window_before)}</span>` : null}
          ${alert.certainty === "suspected" ? html`<span class="mark">${say("suspected")}</span>` : null}
          ${alert.late ? html`<span class="mark">${say("late")}</span>` : null}
          ${alert.state === "new" ? null : html`<span class="mark">${say(alert.state)}${alert.unit ? ` · ${alert.unit}` : ""}</span>`}
          <${Due} at=${alert.due_at} words=${words} /></span>
      </span>
    </button>
  </li>`;
});
