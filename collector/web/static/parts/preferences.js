// What this browser remembers of its user: sound, notifications, wall mode.
import { useEffect, useState } from "./lib.js";

const CHANGED = "watchpost-preference";
const read = (name, standard) => JSON.parse(localStorage.getItem(`watchpost-${name}`) ?? JSON.stringify(standard));

// usePreference("sound", true) → [value, set]; every part of the page that uses the name follows.
export function usePreference(name, standard) {
  const [value, setValue] = useState(() => read(name, standard));
  useEffect(() => {
    const follow = () => setValue(read(name, standard));
    addEventListener(CHANGED, follow);
    return () => removeEventListener(CHANGED, follow);
  }, []);
  const set = (next) => {
    localStorage.setItem(`watchpost-${name}`, JSON.stringify(next));
    dispatchEvent(new Event(CHANGED));
  };
  return [value, set];
}
