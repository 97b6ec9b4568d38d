// The collector's stream as messages: { kind: "open" }, { kind: "lost", closed }, { kind: "alert" | "event" | "position" | "changed", data }.
const AGAIN_MS = 3000;
const KINDS = ["alert", "event", "position", "changed"];

// Opens the stream and keeps it; the browser reconnects by itself and says where it was. → what ends it
export function openSource(tell) {
  let source;
  let again;
  const open = () => {
    source = new EventSource("/api/v1/stream");
    source.addEventListener("open", () => tell({ kind: "open" }));
    source.addEventListener("error", () => {
      const closed = source.readyState === EventSource.CLOSED; // refused: nobody is signed in
      if (closed) again = setTimeout(open, AGAIN_MS);
      tell({ kind: "lost", closed });
    });
    for (const kind of KINDS) source.addEventListener(kind, ({ data }) => tell({ kind, data }));
  };
  open();
  return () => {
    clearTimeout(again);
    source.close();
  };
}
