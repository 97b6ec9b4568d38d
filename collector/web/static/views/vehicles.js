// Vehicles: search for passages, one passage with its picture, one vehicle's way over the checkpoints.
import { html } from "../parts/lib.js";
import { Reason, useReason } from "../parts/reason.js";
import { Passage } from "./vehicles/passage.js";
import { Search } from "./vehicles/search.js";
import { Track } from "./vehicles/track.js";

export default function Vehicles({ words, who, route }) {
  const { say } = words;
  const why = useReason();
  const [first, second] = route.rest;
  const part = first === "track"
    ? html`<${Track} key=${second} plate=${second} why=${why} words=${words} />`
    : first
      ? html`<${Passage} key=${first} number=${first} why=${why} who=${who} words=${words} />`
      : html`<${Search} query=${route.query} why=${why} who=${who} words=${words} />`;
  return html`<div class="sheet vehicles"><h2>${say("vehicles")}</h2><section class="card"><${Reason} who=${who} words=${words} /></section>${part}</div>`;
}
