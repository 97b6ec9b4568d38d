// Addresses inside the page: `#/VIEW/PART/…?key=value`. The first part names the view, the rest is the view's own.
import { useEffect, useState } from "./lib.js";

export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...rest] = path.split("/").map(plain);
  return { view, rest: rest.filter(Boolean), query: Object.fromEntries(new URLSearchParams(query)) };
}

// An address that was cut off, or typed, must not keep the page from opening.
function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// address("alerts", [id], { state: "open" }) → "#/alerts/ID?state=open"; empty values are left out
export function address(view, rest = [], query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(kept).toString();
  return `#/${[view, ...rest].map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

// `replace`: without a new entry in the browser's history
export function go(view, rest = [], query = {}, { replace = false } = {}) {
  const target = address(view, rest, query);
  if (target === location.hash) return;
  if (!replace) {
    location.hash = target;
    return;
  }
  history.replaceState(null, "", target);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parse(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}
