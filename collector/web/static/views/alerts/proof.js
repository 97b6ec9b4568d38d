// The proof of an event: pictures with the path drawn over them, the clip, the plate character by character, the facts.
import { isHashed, kindOfPlate, lane, number, origin, percent, proof, typeOf } from "../../parts/describe.js";
import { html } from "../../parts/lib.js";
import { Clip, Corners, Path, Picture } from "../../parts/picture.js";
import { Reason } from "../../parts/reason.js";

export function Proof({ item, who, words }) {
  const { say } = words;
  const data = item.event.data;
  const type = typeOf(item.event);
  const snapshot = proof(item.evidence, "snapshot") ?? proof(item.evidence, "path");
  const clip = proof(item.evidence, "clip");
  const plate = proof(item.evidence, "plate");
  const origin = proof(item.evidence, "origin");
  const drawn = (size) =>
    data.path
      ? html`<${Path} points=${data.path} origin=${data.origin} size=${size} label=${say("path")} />`
      : data.corners && html`<${Corners} corners=${data.corners} size=${size} />`;
  const masked = data.plate?.text?.includes("*");
  return html`
    ${masked ? html`<section><${Reason} who=${who} words=${words} /></section>` : null}
    ${item.watch_entry ? html`<${Watched} entry=${item.watch_entry} words=${words} />` : null}
    ${snapshot ? html`<section><${Picture} proof=${snapshot} alt=${say("picture")} say=${say}>${drawn}<//></section>` : null}
    ${origin ? html`<section><h3>${say("originBefore")}</h3><${Picture} proof=${origin} alt=${say("originBefore")} say=${say} /></section>` : null}
    ${data.plate ? html`<${Plate} data=${data} crop=${plate} words=${words} />` : null}
    <section class="facts"><h3>${say("facts")}</h3><dl>${facts(type, data, say).map(
      ([name, value, more]) => html`<div><dt>${say(name)}</dt><dd>${value}${more ? html` <small>${more}</small>` : null}</dd></div>`)}</dl>
      ${data.why ? html`<p class="why"><b>${say("why")}</b> ${reasons(data, words)}</p>` : null}</section>
    ${type === "falling_object" || clip ? html`<section><h3>${say("clip")}</h3><${Clip} proof=${clip} who=${who} say=${say} /></section>` : null}`;
}

// The box gives its reasons in English; in another language the same is said from its figures, with its words beside.
function reasons(data, { say, language }) {
  if (language === "en" || data.acceleration_g == null || !data.hypothesis) return data.why;
  return html`${say("whyFall", say(data.hypothesis), number(data.acceleration_g, 2), data.path?.length ?? "–")} <small lang="en">${data.why}</small>`;
}

function Watched({ entry, words }) {
  const { say } = words;
  const until = new Date(entry.expires_at).toLocaleDateString(words.locale);
  return html`<section class="watched"><h3>${say("whyWatched")}</h3><p><b>${entry.reason}</b></p>
    <p class="quiet">${say("proposedBy")} ${entry.author} · ${say("decidedBy")} ${entry.approver ?? "–"} · ${say("expires")} ${until}</p></section>`;
}

function facts(type, data, say) {
  const span = (interval) => say("between", number(interval.low), number(interval.high));
  const rows = [];
  if (data.origin_floor || data.origin_column) {
    rows.push(["origin", origin(data, say), data.origin_floor && span(data.origin_floor)]);
  }
  if (data.confidence != null) rows.push(["confidence", percent(data.confidence)]);
  if (data.hypothesis) rows.push(["hypothesis", say(data.hypothesis)]);
  if (data.acceleration_g != null) rows.push(["acceleration", `${number(data.acceleration_g, 2)} g`]);
  if (data.speed_mps != null) rows.push(["speed", `${number(data.speed_mps)} m/s`]);
  if (data.ground_speed_mps != null) rows.push(["atGround", `${number(data.ground_speed_mps)} m/s`, data.energy_class && say(data.energy_class)]);
  if (data.size_px != null) rows.push(["size", `${number(data.size_px, 0)} px`]);
  if (isHashed(data)) rows.push(["plate", say("hashedPlate"), say("hashedPlateWhy")]);
  if (data.plate_kind) rows.push(["kind", kindOfPlate(data.plate_kind, say), data.plate_colour && say(data.plate_colour)]);
  if (data.speed_class) rows.push(["speed", say(data.speed_class)]);
  if (data.withdrawn_hits?.length) rows.push(["withdrawn", data.withdrawn_hits.join(", ")]);
  if (data.lane && data.lane !== data.camera) rows.push(["place", lane(data.lane, say)]);
  if (data.direction) rows.push(["direction", say(data.direction)]);
  if (data.stage) rows.push(["stage", say(data.stage)]);
  if (data.frames_read != null) rows.push(["frames", data.frames_read]);
  if (data.rule) rows.push(["rule", say(data.rule)], ["entry", `${data.list_id} / ${data.entry_id}`]);
  for (const one of data.confused ?? []) rows.push(["confused", say("readAs", one.place, one.listed, one.read)]);
  if (data.state) rows.push(["state", say(data.state), data.reason]);
  if (type === "sensor") rows.push(["kind", say(`kind_${data.kind}`).replace("kind_", "")], ["alarm", data.alarm ? "✓" : "–", data.text]);
  if (data.value != null) rows.push(["value", `${data.value} ${data.unit ?? ""}`]);
  return rows;
}

function Plate({ data, crop, words }) {
  const { say } = words;
  const read = data.plate;
  const characters = read.characters ?? [];
  return html`<section class="plate"><h3>${say("plate")}</h3>
    <div class="plate-row">
      <span class="plate-text ${read.colour}">${read.text || say("noPlate")}</span>
      <${Picture} proof=${crop} alt=${say("plate")} say=${say} />
    </div>
    <p class="quiet">${kindOfPlate(read.kind, say)} · ${say(read.colour)} · ${say("confidence")} ${percent(read.confidence)}</p>
    ${characters.length ? html`<ol class="characters" aria-label=${say("certainty")}>${characters.map(
      (one) => html`<li class=${one.probability < 0.9 ? "unsure" : ""}><b>${one.character}</b>
        <meter min="0" max="1" low="0.6" high="0.9" optimum="1" value=${one.probability}></meter><small>${percent(one.probability)}</small>
        ${one.alternatives[0] && one.probability < 0.98 ? html`<small>${one.alternatives.slice(0, 2).map(([letter]) => letter).join(" ")}</small>` : null}</li>`)}</ol>` : null}
    ${read.alternatives?.length ? html`<p class="quiet">${say("alternatives")}: ${read.alternatives.slice(0, 3).map(([text, p]) => `${text} (${percent(p)})`).join(", ")}</p>` : null}
  </section>`;
}
