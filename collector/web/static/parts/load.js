// Loading for a view: what came, what went wrong, and how to ask again.
import { ApiError } from "./api.js";
import { html, useCallback, useEffect, useRef, useState } from "./lib.js";

// useLoad(() => get("/units"), []) → { value, error, loading, reload, set }. An older answer never replaces a newer one, nor
// one to another question; one that is newer than what is shown is shown, though still newer ones are on their way.
export function useLoad(ask, watched) {
  const [state, setState] = useState({ value: null, error: null, loading: true });
  const asked = useRef(0);
  const shown = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++asked.current;
    setState((old) => ({ ...old, loading: true }));
    const found = await ask().then((value) => ({ value, error: null }), (error) => {
      if (!(error instanceof ApiError)) throw error;
      return { error };
    });
    if (mine <= shown.current) return;
    shown.current = mine;
    setState((old) => ({ ...old, ...found, loading: mine !== asked.current }));
  }, watched);
  useEffect(() => {
    reload();
    return () => { shown.current = asked.current; };
  }, [reload]);
  const set = useCallback((change) => setState((old) => ({ ...old, value: typeof change === "function" ? change(old.value) : change })), []);
  return { ...state, reload, set };
}

// usePages((cursor) => get("/audit", { …, cursor }), watched) → { items, value (the first page), error, loading, more }: a list, a page at a
// time. `more` asks for the next one, and is null on the last; what belongs to an earlier question is not put under this one.
export function usePages(ask, watched) {
  const first = useLoad(() => ask(), watched);
  const [rest, setRest] = useState({ of: null, pages: [] });
  const newest = useRef(null);
  newest.current = first.value;
  const pages = rest.of === first.value ? rest.pages : [];
  const last = pages.at(-1) ?? first.value;
  const [more, { error }] = useAction(async (cursor) => {
    const of = first.value;
    const page = await ask(cursor);
    if (of === newest.current) setRest({ of, pages: [...pages, page] });
  });
  const items = [first.value, ...pages].filter(Boolean).flatMap((page) => page.items);
  return { ...first, error: first.error ?? error, items, more: last?.next_cursor ? () => more(last.next_cursor) : null };
}

// useAction(async (…) => post(…)) → [run, { error, busy }]: for buttons and forms. `run` gives undefined when it failed.
// One after another, in the order in which they were asked for; what is on its way is not sent again.
export function useAction(act) {
  const [state, setState] = useState({ error: null, busy: false });
  const last = useRef(null); // what is on its way
  const perform = async (values, before, end) => {
    if (before) await before.done.catch(() => null);
    try {
      const done = await act(...values);
      end(null);
      return done;
    } catch (error) {
      end(error instanceof ApiError ? error : null);
      if (!(error instanceof ApiError)) throw error;
      return undefined;
    }
  };
  const run = (...values) => {
    const key = values.some((value) => value instanceof Blob || value instanceof FormData) ? {} : JSON.stringify(values);
    if (last.current?.key === key) return last.current.done;
    setState({ error: null, busy: true });
    const mine = { key };
    const before = last.current;
    last.current = mine;
    mine.done = perform(values, before, (error) => {
      if (last.current !== mine) return;
      last.current = null;
      setState({ error, busy: false });
    });
    return mine.done;
  };
  return [run, state];
}

export function Problem({ error }) {
  return error ? html`<p class="problem" role="alert">${error.message}</p>` : null;
}
