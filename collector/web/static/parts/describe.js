// What an alert or event is, in the reader's language. Titles are composed here, from the data, not translated.
const PLACE_KEYS = new Set(["falling_object"]);

export const typeOf = (envelope) => envelope.type.replace(/^watchpost\./, "").replace(/\.v\d+$/, "");

export function origin(data, say) {
  const words = [];
  if (data.origin_floor) words.push(say("floor", Math.floor(data.origin_floor.value)));
  if (data.origin_column) words.push(say("column", Math.floor(data.origin_column.value)));
  return words.join(" · ");
}

// A plate was read, but only its keyed hash has left the box (a viewer is not given the hash itself).
export const isHashed = (data) => data.readable === true && !data.plate;

export function eventTitle(envelope, say) {
  const data = envelope.data;
  const type = typeOf(envelope);
  if (PLACE_KEYS.has(type)) return [say(type), origin(data, say)].filter(Boolean).join(" · ");
  if (type === "plate_passage" || type === "watchlist_hit") {
    return `${say(type)} · ${data.plate?.text || say(isHashed(data) ? "hashedPlate" : "noPlate")}`;
  }
  if (type === "camera") return `${say(type)} ${data.camera} · ${say(data.state)}`;
  if (type === "sensor") return `${say(type)} ${data.sensor} · ${data.kind}${data.alarm ? ` · ${say("alarm")}` : ""}`;
  return say(type);
}

// The list of alerts comes without events: the collector's English title says the rest.
export function alertTitle(alert, { say, language }) {
  if (alert.plate) return `${say(alert.type)} · ${alert.plate}`;
  if (language === "en") return alert.title;
  const found = alert.title.match(/floor (\d+)(?:, column (\d+))?/);
  const where = found ? [say("floor", found[1]), found[2] && say("column", found[2])].filter(Boolean).join(" · ") : "";
  if (alert.type === "camera") {
    const state = alert.title.match(/ is (\w+)/);
    return `${say("camera")} ${alert.source} · ${state ? say(state[1]) : ""}`;
  }
  if (alert.type === "gap") return `${say("gap")} · ${alert.edge}`;
  return [say(alert.type), where || alert.source].join(" · ");
}

export const number = (value, digits = 1) => (value == null ? "–" : Number(value).toFixed(digits));
export const percent = (value) => `${Math.round(value * 100)} %`;
export const proof = (evidence, role) => evidence.find((part) => part.role === role);
