// Loading for a view: what came, what went wrong, and how to ask again.
import { ApiError } from "./api.js";
import { html, useCallback, useEffect, useRef, useState } from "./lib.js";

// useLoad(() => get("/units"), []) → { value, error, loading, reload, set }. An older answer never replaces a newer one.
export function useLoad(ask, watched) {
  const [state, setState] = useState({ value: null, error: null, loading: true });
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    setState((old) => ({ ...old, loading: true }));
    try {
      const value = await ask();
      if (mine === turn.current) setState({ value, error: null, loading: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine === turn.current) setState((old) => ({ value: old.value, error, loading: false }));
    }
  }, watched);
  useEffect(() => {
    reload();
    return () => { turn.current += 1; };
  }, [reload]);
  const set = useCallback((change) => setState((old) => ({ ...old, value: typeof change === "function" ? change(old.value) : change })), []);
  return { ...state, reload, set };
}

// useAction(async (…) => post(…)) → [run, { error, busy }]: for buttons and forms. `run` gives undefined when it failed.
export function useAction(act) {
  const [state, setState] = useState({ error: null, busy: false });
  const run = async (...values) => {
    setState({ error: null, busy: true });
    try {
      const done = await act(...values);
      setState({ error: null, busy: false });
      return done;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState({ error, busy: false });
      return undefined;
    }
  };
  return [run, state];
}

export function Problem({ error }) {
  return error ? html`<p class="problem" role="alert">${error.message}</p>` : null;
}
