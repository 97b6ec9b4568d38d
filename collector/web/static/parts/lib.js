// The one place that names the third-party modules.
import { h, render } from "../vendor/preact.mjs";
import { useCallback, useEffect, useMemo, useRef, useState } from "../vendor/hooks.mjs";
import htm from "../vendor/htm.mjs";

export const html = htm.bind(h);
export { render, useCallback, useEffect, useMemo, useRef, useState };
