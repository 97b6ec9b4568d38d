// The ground: a site plan or a grid in metres, and what stands on it. Drawn by Leaflet, without tiles.
import { CRS, circleMarker, divIcon, imageOverlay, layerGroup, map as leafletMap, marker, polygon, polyline, control } from "../../vendor/leaflet.mjs";
import { html, useEffect, useMemo, useRef } from "../../parts/lib.js";

const DEGREE_M = 111195; // of latitude
const radians = (degrees) => (degrees * Math.PI) / 180;

// Between WGS 84 and metres on the plan: [up, right] from its middle; `bearing_deg` says where up is.
export function projection({ latitude, longitude }, bearing_deg = 0) {
  const [sin, cos] = [Math.sin(radians(bearing_deg)), Math.cos(radians(bearing_deg))];
  const across = DEGREE_M * Math.cos(radians(latitude));
  return {
    bearing_deg,
    to: (at) => {
      const [east, north] = [(at.longitude - longitude) * across, (at.latitude - latitude) * DEGREE_M];
      return [east * sin + north * cos, east * cos - north * sin];
    },
    from: ([up, right]) => ({
      latitude: Number((latitude + (up * cos - right * sin) / DEGREE_M).toFixed(6)),
      longitude: Number((longitude + (up * sin + right * cos) / across).toFixed(6)),
    }),
  };
}

const middle = (points) => {
  const sum = points.reduce((all, one) => [all[0] + one.latitude, all[1] + one.longitude], [0, 0]);
  return points.length ? { latitude: sum[0] / points.length, longitude: sum[1] / points.length } : { latitude: 0, longitude: 0 };
};

// A sign with a word: never markup of somebody else's making.
function pin(kind, sign, title) {
  const shown = document.createElement("span");
  shown.textContent = sign;
  return { icon: divIcon({ className: `pin ${kind}`, html: shown, iconSize: null }), title, keyboard: true, riseOnHover: true };
}

function word(text) {
  const shown = document.createElement("span");
  shown.textContent = text;
  return shown;
}

const DRAW = {
  pin: (item, to) => {
    const made = marker(to(item.at), pin(item.kind, item.sign, item.title));
    if (item.label) made.bindTooltip(word(item.label), { permanent: true, direction: "bottom", className: "pin-label" });
    return made;
  },
  view: (item, to, bearing_deg) => {
    const [up, right] = to(item.at);
    const steps = 24;
    const edge = Array.from({ length: steps + 1 }, (_, index) => {
      const angle = radians(item.bearing_deg - bearing_deg + item.angle_deg * (index / steps - 0.5));
      return [up + item.range_m * Math.cos(angle), right + item.range_m * Math.sin(angle)];
    });
    return polygon(item.angle_deg < 360 ? [[up, right], ...edge] : edge, { className: "view-cone", interactive: false });
  },
  heat: (item, to) => circleMarker(to(item.at), { radius: 12 + 26 * Math.sqrt(item.share), className: "heat-spot" })
    .bindTooltip(word(item.label), { permanent: true, direction: "center", className: "heat-count" }),
  line: (item, to) => polyline(item.points.map(to), { className: item.kind, interactive: false }),
};

const GRID_STEPS_M = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

function grid(low, high) {
  const size = Math.max(high[0] - low[0], high[1] - low[1]);
  const step = GRID_STEPS_M.find((one) => size / one <= 12) ?? 10000;
  const from = low.map((value) => Math.floor(value / step) * step);
  const to = high.map((value) => Math.ceil(value / step) * step);
  const lines = [];
  for (let up = from[0]; up <= to[0]; up += step) lines.push([[up, from[1]], [up, to[1]]]);
  for (let right = from[1]; right <= to[1]; right += step) lines.push([[from[0], right], [to[0], right]]);
  return polyline(lines, { className: "grid-line", interactive: false });
}

function extent(points, plan) {
  if (plan) {
    const half = [(plan.width_m * plan.height_px) / plan.width_px / 2, plan.width_m / 2];
    return [half.map((value) => -value), half];
  }
  const low = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis]), 0) - 60);
  return [low, [0, 1].map((axis) => Math.max(...points.map((point) => point[axis]), 0) + 60)];
}

// What only moves is moved, not drawn anew: it keeps the keyboard, and a click that has begun on it.
function placeAll({ layers, drawn }, items, flat) {
  const gone = new Set(drawn.keys());
  for (const item of items) {
    const { at, open, ...look } = item;
    const same = item.draw === "pin" ? JSON.stringify({ ...look, title: null }) : JSON.stringify({ ...look, at });
    gone.delete(item.key);
    const before = drawn.get(item.key);
    if (before?.same === same) {
      before.open = open;
      if (item.draw === "pin") before.layer.setLatLng(flat.to(at));
    } else {
      const held = document.activeElement?.dataset?.key === item.key;
      if (before) layers.removeLayer(before.layer);
      drawn.set(item.key, drawOne(item, layers, flat, same));
      if (held) drawn.get(item.key).layer.getElement()?.focus({ preventScroll: true });
    }
    if (item.draw === "pin") namePin(drawn.get(item.key), item);
  }
  for (const key of gone) {
    layers.removeLayer(drawn.get(key).layer);
    drawn.delete(key);
  }
}

function drawOne(item, layers, flat, same) {
  const made = { same, open: item.open, layer: DRAW[item.draw](item, flat.to, flat.bearing_deg).addTo(layers) };
  made.layer.on("click", () => made.open?.());
  return made;
}

// Leaflet lets the keyboard reach a pin, but not press it.
function namePin(made, { key, title }) {
  const element = made.layer.getElement();
  element.onkeydown = (event) => {
    if (!made.open || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    made.open();
  };
  element.dataset.key = key;
  element.title = title;
  element.setAttribute("aria-label", title);
}

// items: [{ draw: "pin" | "view" | "heat" | "line", key, at, …, open() }]; pick(at) is told where somebody clicks.
export function Ground({ plan, items, pick, label, words, focus }) {
  const place = useRef(null);
  const shown = useRef(null);
  const newest = useRef({});
  newest.current = { pick };
  const known = items.flatMap((item) => item.points ?? [item.at]);
  const anchor = plan ? JSON.stringify(plan) : JSON.stringify(known.length > 0);
  const flat = useMemo(() => projection(plan ?? middle(known), plan?.bearing_deg), [anchor]);
  useEffect(() => {
    const made = leafletMap(place.current, {
      crs: CRS.Simple, minZoom: -6, maxZoom: 6, zoomSnap: 0.25, attributionControl: false, zoomControl: false, keyboard: true,
    });
    control.zoom({ zoomInTitle: words.say("zoomIn"), zoomOutTitle: words.say("zoomOut") }).addTo(made);
    control.scale({ imperial: false }).addTo(made);
    const ends = extent(known.map(flat.to), plan);
    if (plan) imageOverlay(`/api/v1/map/plans/${plan.site}/picture?sha256=${plan.sha256}`, ends, { alt: label }).addTo(made);
    else grid(...ends).addTo(made);
    made.fitBounds(ends, { animate: false });
    made.on("click", ({ latlng }) => newest.current.pick?.(flat.from([latlng.lat, latlng.lng])));
    shown.current = { map: made, layers: layerGroup().addTo(made), drawn: new Map(), ends };
    const watch = new ResizeObserver(() => made.invalidateSize({ animate: false }));
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      made.remove();
      shown.current = null;
    };
  }, [flat, words.language]);
  useEffect(() => placeAll(shown.current, items, flat), [items, flat, words.language]);
  useEffect(() => {
    if (focus) shown.current.map.setView(flat.to(focus), Math.max(shown.current.map.getZoom(), 2), { animate: false });
  }, [focus, flat]);
  return html`<div class="ground-frame"><div class="ground" ref=${place} role="application" aria-label=${label}></div>
    <button class="plain whole" onClick=${() => shown.current.map.fitBounds(shown.current.ends, { animate: false })}>${words.say("wholeMap")}</button></div>`;
}
