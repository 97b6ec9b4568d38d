// The strip at the top: does the installation work, and how fast.
import { cameras, edges, overview, sequences } from "./api.js";
import { html, useEffect, useState } from "./lib.js";

const EVERY_MS = 5000;
const CHART_EVERY_MS = 60000;

export function useHealth() {
  const [health, setHealth] = useState({ edges: [], cameras: [], sequences: [], overview: null });
  useEffect(() => {
    const look = async () => {
      const [foundEdges, foundCameras, foundSequences] = await Promise.all([edges(), cameras(), sequences()]);
      setHealth((old) => ({ ...old, edges: foundEdges, cameras: foundCameras, sequences: foundSequences }));
    };
    const count = async () => {
      const found = await overview();
      setHealth((old) => ({ ...old, overview: found }));
    };
    look();
    count();
    const timers = [setInterval(look, EVERY_MS), setInterval(count, CHART_EVERY_MS)];
    return () => timers.forEach(clearInterval);
  }, []);
  return health;
}

export function HealthStrip({ health, delay, words }) {
  const { say } = words;
  const waiting = health.edges.reduce((sum, edge) => sum + (edge.health?.outbox_depth ?? 0), 0);
  const missing = health.sequences.flatMap((outbox) => outbox.missing).reduce((sum, [low, high]) => sum + high - low + 1, 0);
  const offline = health.edges.filter((edge) => edge.state !== "online");
  const troubled = health.cameras.filter((camera) => camera.state !== "up");
  return html`<ul class="health" role="list">
    <${Chip} label=${say("edges")} value="${health.edges.length - offline.length}/${health.edges.length}"
      bad=${offline.map((edge) => `${edge.edge} ${say(edge.state ?? "unknown")}`)} />
    <${Chip} label=${say("cameras")} value="${health.cameras.length - troubled.length}/${health.cameras.length}"
      bad=${troubled.map((camera) => `${camera.camera} ${say(camera.state ?? "unknown")}`)} />
    <${Chip} label=${say("outbox")} value=${waiting} bad=${waiting > 100 ? [""] : []} />
    <${Chip} label=${say("gaps")} value=${missing} bad=${missing > 0 ? [""] : []} />
    <${Chip} label=${say("delay")} value=${delay == null ? "–" : say("seconds", delay.toFixed(1))} bad=${delay > 5 ? [""] : []} />
  </ul>`;
}

function Chip({ label, value, bad }) {
  return html`<li class=${bad.length ? "bad" : "good"}><span class="lamp" aria-hidden="true"></span><span>${label}</span> <b>${value}</b>
    ${bad.some(Boolean) ? html`<small>${bad.slice(0, 3).join(", ")}${bad.length > 3 ? " …" : ""}</small>` : null}</li>`;
}
