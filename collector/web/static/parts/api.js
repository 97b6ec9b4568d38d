// Talks to the collector. Every answer that is not 2xx becomes an ApiError with the collector's own words
// (application/problem+json: `detail` for people, `status`, and `errors` by field where a request was not valid).
import { inChinese } from "../words/problems.js";
import { reason } from "./reason.js";

export const SIGNED_OUT = "watchpost-signed-out";
const PATIENCE_MS = 30000; // a network that is gone does not always say so

export class ApiError extends Error {
  constructor(status, problem) {
    super(describe(problem, status));
    if (document.documentElement.lang.startsWith("zh")) this.message = inChinese(this.message, status);
    this.status = status;
    this.problem = problem;
  }
}

function describe({ detail, errors }, status) {
  if (Array.isArray(errors) && errors.length) return errors.map((one) => `${one.field}: ${one.message}`).join("; ");
  return typeof detail === "string" && detail ? detail : `HTTP ${status}`;
}

async function ask(path, { headers, ...options } = {}) {
  const why = reason(); // plates are masked without one
  const given = why ? { ...headers, "Watchpost-Reason": encodeURIComponent(why) } : headers;
  const silent = () => { throw new ApiError(0, { detail: "the collector does not answer" }); };
  const answer = await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout?.(PATIENCE_MS), ...options, headers: given }).catch(silent);
  if (answer.status === 204) return null;
  const content = await answer.json().catch((error) => (error instanceof SyntaxError ? { detail: answer.statusText } : silent()));
  if (answer.ok) return content;
  if (answer.status === 401) dispatchEvent(new Event(SIGNED_OUT)); // the page shows the sign-in by itself
  throw new ApiError(answer.status, content);
}

// { a: 1, b: ["x", "y"], c: null } → "?a=1&b=x&b=y"
export function search(query = {}) {
  const pairs = Object.entries(query).flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((one) => [key, one]));
  const kept = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
}

const send = (method) => (path, content) =>
  ask(`/api/v1${path}`, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(content ?? {}) });

export const AS_LONG_AS_IT_TAKES = { signal: null };

// a file as it is, not JSON
export const upload = (method, path, file, query) =>
  ask(`/api/v1${path}${search(query)}`, { ...AS_LONG_AS_IT_TAKES, method, headers: { "Content-Type": file.type || "application/octet-stream" }, body: file });
export const get = (path, query, options) => ask(`/api/v1${path}${search(query)}`, options);
export const post = send("POST");
export const put = send("PUT");
export const patch = send("PATCH");
export const remove = (path) => ask(`/api/v1${path}`, { method: "DELETE" });
export const evidenceUrl = (sha256, more) => `/api/v1/evidence/${sha256}${search({ reason: reason(), ...more })}`;
