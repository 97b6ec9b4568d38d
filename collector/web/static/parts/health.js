// The strip under the bar: does the installation work, and how fast.
import { get } from "./api.js";
import { html, useEffect, useRef, useState } from "./lib.js";
import { useLive } from "./live.js";
import { useLoad } from "./load.js";
import { address } from "./router.js";

const EVERY_MS = 5000;
const DELAYS = 20;

// → { edges, cameras, sequences, delay_s }; the delay is the median of the newest events that were no history.
export function useHealth(live) {
  const { value, loading, reload } = useLoad(async () => {
    const [edges, cameras, sequences] = await Promise.all([get("/edges"), get("/cameras"), get("/sequences")]);
    return { edges, cameras, sequences };
  }, []);
  const waits = useRef(false);
  waits.current = loading;
  const [newest, setNewest] = useState([]);
  useLoad(() => get("/events", { limit: DELAYS }).then((page) => setNewest((old) => [...old, ...page.items].slice(0, DELAYS))), []);
  useEffect(() => {
    const timer = setInterval(() => { if (!waits.current) reload(); }, EVERY_MS); // on a slow line they would pile up
    return () => clearInterval(timer);
  }, [reload]);
  useLive(live, "event", (item) => setNewest((old) => [item, ...old].slice(0, DELAYS)));
  const delays = newest.filter((item) => !item.late)
    .map((item) => (Date.parse(item.received_at) - Date.parse(item.event.time)) / 1000).sort((a, b) => a - b);
  return { edges: [], cameras: [], sequences: [], ...value, delay_s: delays.length ? delays[Math.floor(delays.length / 2)] : null };
}

export function HealthStrip({ health, words }) {
  const { say, lasts } = words;
  const waiting = health.edges.reduce((sum, edge) => sum + (edge.health?.outbox_depth ?? 0), 0);
  const missing = health.sequences.flatMap((outbox) => outbox.missing).reduce((sum, [low, high]) => sum + high - low + 1, 0);
  const offline = health.edges.filter((edge) => edge.state !== "online");
  const troubled = health.cameras.filter((camera) => camera.state !== "up");
  return html`<ul class="health" role="list" aria-label=${say("health")}>
    <${Chip} label=${say("edges")} value="${health.edges.length - offline.length}/${health.edges.length}"
      bad=${offline.map((edge) => `${edge.edge} ${say(edge.state ?? "unknown")}`)} />
    <${Chip} label=${say("cameras")} value="${health.cameras.length - troubled.length}/${health.cameras.length}"
      bad=${troubled.map((camera) => `${camera.camera} ${say(camera.state ?? "unknown")}`)} />
    <${Chip} label=${say("outbox")} value=${waiting} bad=${waiting > 100 ? [""] : []} />
    <${Chip} label=${say("gaps")} value=${missing} bad=${missing > 0 ? [""] : []} />
    <${Chip} label=${say("delay")} value=${health.delay_s == null || health.delay_s >= 90 ? lasts(health.delay_s) : say("seconds", health.delay_s.toFixed(1))} bad=${health.delay_s > 5 ? [""] : []} />
    <li><a href=${address("devices")}>${say("details")}</a></li>
  </ul>`;
}

function Chip({ label, value, bad }) {
  return html`<li class=${bad.length ? "bad" : "good"}><span class="lamp" aria-hidden="true"></span><span>${label}</span> <b>${value}</b>
    ${bad.some(Boolean) ? html`<small>${bad.slice(0, 3).join(", ")}${bad.length > 3 ? " …" : ""}</small>` : null}</li>`;
}
