// One alert or event: what happened, what to do about it, the proof, and what belongs to it.
import { get } from "../../parts/api.js";
import { Due } from "../../parts/clock.js";
import { eventTitle, typeOf } from "../../parts/describe.js";
import { html, useRef } from "../../parts/lib.js";
import { useKeys } from "../../parts/keys.js";
import { useLive } from "../../parts/live.js";
import { Problem, useLoad } from "../../parts/load.js";
import { isClosed, isOlder } from "../../parts/newest.js";
import { useReason } from "../../parts/reason.js";
import { Severity } from "../../parts/severity.js";
import { Keep } from "../holds.js";
import { Actions, CommentBox } from "./actions.js";
import { NearUnits } from "./near-units.js";
import { Proof } from "./proof.js";
import { Earlier, History, Near } from "./related.js";

const BELONGS = ["evidence"];
const KEEPERS = ["operator", "auditor", "admin"];

export function Detail({ chosen, words, who, canAct, close, changed, live, following, choose }) {
  const { say } = words;
  const load = async () => {
    const alert = chosen.alert ? await get(`/alerts/${chosen.alert}`) : null;
    return { alert, event: alert ? alert.event : await get(`/events/${chosen.event}`) };
  };
  const why = useReason(); // plates are shown, or masked again
  const { value, error, reload, set } = useLoad(load, [chosen.alert, chosen.event, why]);
  const own = useRef(null); // the answer to one's own last step: what was asked for before may be told after it
  useLive(live, "event", (item) => { // the clip comes later
    if (BELONGS.includes(typeOf(item.event)) && item.event.data.event_id === value?.event?.event.id) reload();
  });
  useLive(live, "alert", (alert) => alert.alert_id === chosen.alert && reload());
  useKeys({ Escape: close });
  if (error && !value) return html`<div class="detail"><${Back} close=${close} say=${say} /><${Problem} error=${error} /></div>`;
  if (!value) return html`<div class="detail"></div>`;
  const { alert, event } = isOlder(value.alert, own.current) ? { alert: own.current, event: own.current.event } : value;
  const done = (next) => {
    own.current = next;
    set({ alert: next, event: next.event });
    changed(next);
  };
  return html`<article class="detail" aria-labelledby="detail-title">
    <${Back} close=${close} say=${say} />
    <${Head} alert=${alert} event=${event} words=${words} />
    ${alert && canAct ? html`<${Actions} alert=${alert} done=${done} words=${words} />` : null}
    ${alert && canAct && following && isClosed(alert) ? html`<${Next} alert=${following} choose=${choose} words=${words} />` : null}
    ${event ? html`<${Proof} key=${why} item=${event} who=${who} words=${words} />` : null}
    ${alert ? html`<${NearUnits} alert=${alert} canAct=${canAct} done=${done} live=${live} words=${words} />` : null}
    ${alert ? html`<${History} alert=${alert} words=${words} />` : null}
    ${alert && canAct ? html`<${CommentBox} alert=${alert} done=${done} say=${say} />` : null}
    ${alert && KEEPERS.includes(who.role) ? html`<${Keep} kind="alert" subject=${alert.alert_id} say=${say} />` : null}
    ${alert ? html`<${Earlier} alert=${alert} words=${words} /><${Near} title=${say("alsoThis")} items=${alert.joined} words=${words} />
      <${Near} title=${say("near")} items=${alert.near} words=${words} />` : null}
  </article>`;
}

// The one that waits next stands where the hand is already.
const Next = ({ alert, choose, words }) => html`<button class="do first next" onClick=${() => choose({ alert: alert.alert_id })}>${words.say("nextWaiting")} ${alert.titles[words.language]}<kbd>J</kbd></button>`;

const Back = ({ close, say }) => html`<button class="back" onClick=${close}>← ${say("back")}</button>`;

function Head({ alert, event, words }) {
  const { say, when, language } = words;
  const about = alert ?? { site: event.event.site, edge: event.event.edge, source: event.event.source.split("/").at(-1), occurred_at: event.event.time, late: event.late };
  return html`<header class="head ${alert?.severity ?? "info"}">
    <p class="marks">${alert ? html`<${Severity} severity=${alert.severity} say=${say} /><span class="mark state">${say(alert.state)}${alert.unit ? ` · ${alert.unit}` : ""}</span>
        ${alert.cause ? html`<span class="mark">${say(`cause_${alert.cause}`)}</span>` : null}
        ${alert.certainty ? html`<span class="mark">${say(alert.certainty)}</span>` : null}
        ${alert.events > 1 ? html`<span class="mark">${say("times", alert.events)}</span>` : null}
        ${alert.window_before ? html`<span class="mark again">${say("windowBefore", alert.window_before)}</span>` : null}` : null}
      ${about.late ? html`<span class="mark">${say("late")}</span>` : null}
      ${alert ? html`<${Due} at=${alert.due_at} words=${words} />` : null}</p>
    <h2 id="detail-title">${alert ? alert.titles[language] : eventTitle(event.event, say)}</h2>
    <p>${when(about.occurred_at)} · ${about.site} / ${about.edge} / ${about.source}</p>
  </header>`;
}
