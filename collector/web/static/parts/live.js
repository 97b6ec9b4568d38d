// The live stream: one connection for all pages of the browser; views listen to the kinds they show.
import { get } from "./api.js";
import { useEffect, useMemo, useRef, useState } from "./lib.js";
import { openSource } from "./source.js";

// → what ends it
function connect(hear) {
  if (typeof SharedWorker === "undefined") return openSource(hear); // some telephones
  const { port } = new SharedWorker("/static/parts/stream-worker.js", { type: "module", name: "watchpost-stream" });
  const leave = () => port.postMessage("leave");
  port.onmessage = ({ data }) => hear(data);
  addEventListener("pagehide", leave);
  return () => {
    removeEventListener("pagehide", leave);
    leave();
    port.close();
  };
}

// → { state: "waiting" | "live", start(), on(kind, listener) }. It begins with start(): whoever knows by then what
// there was can tell what is new. Kind "open" is told whenever the stream begins (again):
// load then what may have been missed. The browser reconnects by itself and says where it was.
export function useStream() {
  const [state, setState] = useState("waiting");
  const [started, setStarted] = useState(false);
  const listeners = useRef(new Map());
  const tell = (kind, item) => listeners.current.get(kind)?.forEach((listener) => listener(item));
  const start = useMemo(() => () => setStarted(true), []);
  useEffect(() => started ? connect(({ kind, data, closed }) => {
    if (kind === "open") setState("live");
    if (kind === "lost") setState("waiting");
    if (closed) get("/session").catch(() => null); // signed out: the page hears of it
    else if (kind !== "lost") tell(kind, data && JSON.parse(data));
  }) : undefined, [started]);
  const on = useMemo(() => (kind, listener) => {
    const own = listeners.current.get(kind) ?? new Set();
    listeners.current.set(kind, own.add(listener));
    return () => own.delete(listener);
  }, []);
  return { state, start, on };
}

// useLive(live, "alert", (alert) => …): the newest `listener` hears, without a new connection.
export function useLive(live, kind, listener) {
  const newest = useRef(listener);
  newest.current = listener;
  useEffect(() => live.on(kind, (item) => newest.current(item)), [live.on, kind]);
}
