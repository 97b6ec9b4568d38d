// Keys of a view: useKeys({ j: () => …, Escape: () => … }). Not while somebody types or a modifier is held.
import { useEffect, useRef } from "./lib.js";

const TYPING = ["INPUT", "TEXTAREA", "SELECT", "VIDEO"];

export function useKeys(actions) {
  const newest = useRef(actions);
  newest.current = actions;
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const typing = TYPING.includes(document.activeElement?.tagName);
      if (typing && event.key === "Escape") document.activeElement.blur();
      if (typing) return;
      const act = newest.current[event.key] ?? newest.current[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
