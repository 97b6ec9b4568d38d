// One stream for all pages of a browser: it opens six connections to a collector at most, and each stream would keep one.
import { openSource } from "./source.js";

const pages = new Set();
let end = null;
let live = false;

function tell(message) {
  if (message.kind === "open") live = true;
  if (message.kind === "lost") live = false;
  for (const page of pages) page.postMessage(message);
}

addEventListener("connect", ({ ports: [page] }) => {
  pages.add(page);
  page.onmessage = () => { // it says only one thing: that it goes
    pages.delete(page);
    if (pages.size) return;
    end();
    end = null;
    live = false;
  };
  if (live) page.postMessage({ kind: "open" });
  end ??= openSource(tell);
});
