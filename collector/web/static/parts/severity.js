// How urgent, by shape, colour and word: never by colour alone.
import { html } from "./lib.js";

const SIGNS = { critical: "▲", warning: "◆", info: "●" };

export function Severity({ severity, say }) {
  return html`<span class="severity ${severity}" title=${say(severity)}><span aria-hidden="true">${SIGNS[severity]}</span>
    <span class="word">${say(severity)}</span></span>`;
}
