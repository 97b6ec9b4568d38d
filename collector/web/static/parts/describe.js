// What an alert or event is, in the reader's language. Titles are composed here, from the data, not translated.
export const typeOf = (envelope) => envelope.type.replace(/^watchpost\./, "").replace(/\.v\d+$/, "");

export function origin(data, say) {
  const words = [];
  if (data.origin_floor) words.push(say("floor", Math.floor(data.origin_floor.value)));
  if (data.origin_column) words.push(say("column", Math.floor(data.origin_column.value)));
  return words.join(" · ");
}

// Where an alert of a fall came from, and whether something fell from there before.
export function fallWindow(alert, say) {
  const words = [];
  if (alert.floor != null) words.push(say("floor", alert.floor));
  if (alert.column != null) words.push(say("column", alert.column));
  if (alert.window_before) words.push(say("windowBefore", alert.window_before));
  return words;
}

// "lane 1", but not "lane lane-1": a lane may have a name of its own.
export const lane = (name, say) => (/^\d+$/.test(name) ? say("lane", name) : name);

// A plate was read, but only its keyed hash has left the box (a viewer is not given the hash itself).
export const isHashed = (data) => data.readable === true && !data.plate;

export function eventTitle(envelope, say) {
  const data = envelope.data;
  const type = typeOf(envelope);
  if (type === "falling_object") return [say(type), origin(data, say)].filter(Boolean).join(" · ");
  if (type === "plate_passage" || type === "watchlist_hit") {
    return `${say(type)} · ${data.plate?.text || say(isHashed(data) ? "hashedPlate" : "noPlate")}`;
  }
  if (type === "camera") return `${say(type)} ${data.camera} · ${say(data.state)}`;
  if (type === "sensor") return `${say(`kind_${data.kind}`).replace("kind_", "")} ${data.sensor}${data.alarm ? ` · ${say("alarm")}` : ""}`;
  return say(type);
}

// As the box names them: edge/plates/grammar.py.
export const PLATE_KINDS = ["small_blue", "large_yellow", "large_yellow_double", "trailer_double", "new_energy_small", "new_energy_large", "police", "police_double",
  "armed_police", "armed_police_double", "military", "military_double", "black", "hongkong", "macau", "learner", "embassy", "consulate", "aviation", "emergency",
  "tractor_double", "standard", "standard_double"];

// "small car" for small_blue; a kind that has no word of its own is said as it is
export const kindOfPlate = (kind, say) => say(`kind_${kind}`).replace(/^kind_/, "").replaceAll("_", " ");

// Frequent kinds of places have a word; any other is said as it was written.
export const PLACE_KINDS = ["building", "entrance", "hydrant", "school", "shop"];
export const placeKind = (kind, say) => (PLACE_KINDS.includes(kind) ? say(`place_${kind}`) : kind);

export const number = (value, digits = 1) => (value == null ? "–" : Number(value).toFixed(digits));
export const percent = (value) => `${Math.round(value * 100)} %`;
export const proof = (evidence, role) => evidence.find((part) => part.role === role);
