// The one place that names the third-party modules.
import { h, render } from "../vendor/preact.mjs";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.mjs";
import htm from "../vendor/htm.mjs";

export const html = htm.bind(h);
// A component that is drawn anew only when one of its props is another value.
export function memo(Part) {
  return function Memo(props) {
    this.shouldComponentUpdate = (next) => Object.keys({ ...this.props, ...next }).some((name) => this.props[name] !== next[name]);
    return h(Part, props);
  };
}

export { render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState };
