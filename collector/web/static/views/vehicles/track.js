// One vehicle over the checkpoints, oldest first, on a line of time; what no vehicle can drive stands out.
import { get } from "../../parts/api.js";
import { html } from "../../parts/lib.js";
import { Problem, useLoad } from "../../parts/load.js";
import { address } from "../../parts/router.js";

export function Track({ plate, why, words }) {
  const { say } = words;
  const { value, error } = useLoad(() => get(`/vehicles/${encodeURIComponent(plate)}/track`), [plate, why]);
  return html`<section class="card"><header class="row"><a class="do quiet-do" href=${address("vehicles")}>← ${say("back")}</a>
      <h3 class="plate-word">${plate}</h3>
      ${value?.points.some((point) => point.place) ? html`<a class="do quiet-do" href=${address("map", [value.points.find((point) => point.place).site], { plate })}>${say("showOnMap")}</a>` : null}</header>
    <${Problem} error=${error} />
    ${value && !error ? (value.points.length ? html`<ol class="track">${value.points.map((point) => html`<${Point} key=${point.passage_no} point=${point} words=${words} />`)}</ol>`
      : html`<p class="nothing">${say("noPassages")}</p>`) : null}
    ${value && !value.complete ? html`<p class="quiet">${say("onlyNewest")}</p>` : null}</section>`;
}

function Point({ point, words }) {
  const { say, when, lasts } = words;
  const km = point.metres_before == null ? null : (point.metres_before / 1000).toFixed(1);
  return html`<li class=${point.too_fast ? "too-fast" : ""}>
    ${point.seconds_before == null ? null : html`<p class="leg quiet">${say("later", lasts(point.seconds_before))}${km ? ` · ${km} km` : ""}
      ${point.too_fast ? html` <b class="mark bad">${say("tooFast")}</b>` : null}</p>`}
    <p><a href=${address("vehicles", [point.passage_no])}><time datetime=${point.seen_at}>${when(point.seen_at)}</time> <b>${point.place?.name ?? point.camera}</b></a> <span class="quiet">${point.site} / ${point.edge} / ${point.camera} · ${say(point.direction)}</span></p></li>`;
}
