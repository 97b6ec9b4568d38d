// Keys of a view: useKeys({ j: () => …, Escape: () => … }). Not while somebody types or a modifier is held. Of two parts that
// want the same key the inner one gets it. A key that is held down counts once, but for those that move on (`held`).
import { useLayoutEffect, useRef } from "./lib.js";

const TYPING = ["INPUT", "TEXTAREA", "SELECT", "VIDEO"];
const parts = []; // the innermost last: it is drawn last

export function useKeys(actions, { held = false } = {}) {
  const newest = useRef(actions);
  newest.current = actions;
  useLayoutEffect(() => { // a key holds as soon as its button is seen
    const part = ({ key, repeat }) => (repeat && !held ? null : newest.current[key] ?? newest.current[key.toLowerCase()]);
    parts.push(part);
    return () => parts.splice(parts.indexOf(part), 1);
  }, []);
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const typing = TYPING.includes(document.activeElement?.tagName);
  if (typing && event.key === "Escape") document.activeElement.blur();
  if (typing) return;
  const act = parts.map((part) => part(event)).reverse().find(Boolean);
  if (!act) return;
  event.preventDefault();
  act(event);
}

// A double click is one click: under the hand there may be another button by then, such as "Resolve" after "On scene".
function click(event) {
  if (event.detail < 2 || !event.target.closest("main button")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

addEventListener("keydown", press);
addEventListener("click", click, true);
