// All events as they come, one line each.
import { eventTitle, typeOf } from "../../parts/describe.js";
import { html } from "../../parts/lib.js";

export function Feed({ events, choose, words }) {
  const { say, when } = words;
  if (events.length === 0) return html`<p class="nothing">${say("noEvents")}</p>`;
  return html`<ol class="feed">${events.map(
    (item) => html`<li key=${item.row_id}><button class=${typeOf(item.event)} onClick=${() => choose({ event: item.event.id })}>
      <time datetime=${item.event.time}>${when(item.event.time)}</time>
      <span>${eventTitle(item.event, say)}</span><small>${item.event.source.split("/").at(-1)}</small></button></li>`)}</ol>`;
}
