// The live stream: one connection for the whole page; views listen to the kinds they show.
import { get } from "./api.js";
import { useEffect, useMemo, useRef, useState } from "./lib.js";

const AGAIN_MS = 3000;
const KINDS = ["alert", "event", "position"];

// → { state: "waiting" | "live", on(kind, listener) }. Kind "open" is told whenever the stream begins (again):
// load then what may have been missed. The browser reconnects by itself and says where it was.
export function useStream() {
  const [state, setState] = useState("waiting");
  const listeners = useRef(new Map());
  const tell = (kind, item) => listeners.current.get(kind)?.forEach((listener) => listener(item));
  useEffect(() => {
    let source;
    let again;
    const open = () => {
      source = new EventSource("/api/v1/stream");
      source.addEventListener("open", () => {
        setState("live");
        tell("open");
      });
      source.addEventListener("error", async () => {
        setState("waiting");
        if (source.readyState !== EventSource.CLOSED) return; // the browser tries again
        again = setTimeout(open, AGAIN_MS);
        await get("/session").catch(() => null); // signed out: the page hears of it
      });
      for (const kind of KINDS) source.addEventListener(kind, (message) => tell(kind, JSON.parse(message.data)));
    };
    open();
    return () => {
      clearTimeout(again);
      source.close();
    };
  }, []);
  const on = useMemo(() => (kind, listener) => {
    const own = listeners.current.get(kind) ?? new Set();
    listeners.current.set(kind, own.add(listener));
    return () => own.delete(listener);
  }, []);
  return { state, on };
}

// useLive(live, "alert", (alert) => …): the newest `listener` hears, without a new connection.
export function useLive(live, kind, listener) {
  const newest = useRef(listener);
  newest.current = listener;
  useEffect(() => live.on(kind, (item) => newest.current(item)), [live.on, kind]);
}
