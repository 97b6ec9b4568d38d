// Talks to the collector. Every answer that is not 2xx becomes an ApiError with the collector's own words.
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (answer.status === 204) return null;
  const content = await answer.json().catch(() => ({ detail: answer.statusText }));
  if (!answer.ok) throw new ApiError(answer.status, describe(content.detail, answer.status));
  return content;
}

function describe(detail, status) {
  if (typeof detail === "string") return detail;
  return Array.isArray(detail) ? detail.map((part) => part.msg).join("; ") : `HTTP ${status}`;
}

const send = (method, path, content) =>
  ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });

export const whoAmI = () => ask("/api/v1/session");
export const signIn = (code) => send("POST", "/api/v1/session", { code });
export const signOut = () => ask("/api/v1/session", { method: "DELETE" });
export const alerts = (query) => ask(`/api/v1/alerts?${new URLSearchParams(query)}`);
export const alert = (id) => ask(`/api/v1/alerts/${id}`);
export const takeStep = (id, state, reason) => send("POST", `/api/v1/alerts/${id}/steps`, { state, reason: reason || null });
export const events = (query) => ask(`/api/v1/events?${new URLSearchParams(query)}`);
export const event = (id) => ask(`/api/v1/events/${id}`);
export const edges = () => ask("/api/v1/edges");
export const cameras = () => ask("/api/v1/cameras");
export const sequences = () => ask("/api/v1/sequences");
export const overview = () => ask("/api/v1/overview?hours=24");
export const evidenceUrl = (sha256) => `/api/v1/evidence/${sha256}`;

// Server-sent events; the browser reconnects by itself and says where it was. Returns a function that ends it.
export function listen({ onAlert, onEvent, onState }) {
  const source = new EventSource("/api/v1/stream");
  source.addEventListener("open", () => onState("live"));
  source.addEventListener("error", () => onState(source.readyState === EventSource.CLOSED ? "closed" : "waiting"));
  source.addEventListener("alert", (message) => onAlert(JSON.parse(message.data)));
  source.addEventListener("event", (message) => onEvent(JSON.parse(message.data)));
  return () => source.close();
}
