// Evidence on the page: a picture that may still be on its way, with the path drawn over it, and the clip.
import { evidenceUrl } from "./api.js";
import { useNow } from "./clock.js";
import { html, useEffect, useRef, useState } from "./lib.js";

const THUMB_PX = 168;
const MARK_EVERY_MS = 15000;
const RETRY_MS = [400, 600, 1000, 2000, 3000, 5000, 8000, 15000, 30000];

// Loads until it has arrived; "here", "waiting", "forbidden" or "missing".
function useArrival(sha256, stored) {
  const first = { state: stored ? "here" : "waiting", tries: 0 };
  const [arrival, setArrival] = useState(first);
  useEffect(() => {
    setArrival(first);
    if (!sha256 || stored) return undefined;
    let timer;
    let ended = false;
    const look = async (tries) => {
      const answer = await fetch(evidenceUrl(sha256), { method: "HEAD" }).catch(() => null);
      if (ended) return;
      if (answer?.ok) setArrival({ state: "here", tries });
      else if (answer?.status === 403) setArrival({ state: "forbidden", tries });
      else if (tries >= RETRY_MS.length) setArrival({ state: "missing", tries });
      else timer = setTimeout(() => look(tries + 1), RETRY_MS[tries]);
    };
    look(0);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [sha256, stored]);
  return arrival.state;
}

const WAITING = { waiting: "onItsWay", forbidden: "mayNotSee", missing: "missing" };

export function Picture({ proof, alt, say, children, small = false }) {
  const state = useArrival(proof?.sha256, small && proof?.stored); // a large one may be forbidden: asked for each time
  const [size, setSize] = useState(null);
  const [large, setLarge] = useState(false);
  if (!proof) return null;
  if (state !== "here") return html`<div class=${small ? "thumb empty" : "frame empty"}>${small ? "" : say(WAITING[state])}</div>`;
  const measure = ({ target }) => setSize([target.naturalWidth, target.naturalHeight]);
  const shown = html`<img src=${evidenceUrl(proof.sha256, small ? { width: THUMB_PX } : {})} alt=${alt} onLoad=${measure} />${size && children ? children(size) : null}`;
  if (small) return html`<div class="thumb">${shown}</div>`;
  return html`<div class="frame">${shown}<button class="enlarge" aria-label=${`${alt}: ${say("enlarge")}`} onClick=${() => setLarge(true)}><span aria-hidden="true">⤢</span></button></div>
    ${large ? html`<${Large} label=${alt} close=${() => setLarge(false)} say=${say} ratio=${size ? size[0] / size[1] : 1.78}>${shown}<//>` : null}`;
}

// Over the whole page, as large as it will go; any key that closes things closes it, and nothing behind it.
function Large({ label, close, say, ratio, children }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    box.current.style.setProperty("--ratio", ratio);
    const press = (event) => {
      event.stopImmediatePropagation();
      if (event.key === "Escape") close();
    };
    addEventListener("keydown", press, true);
    return () => {
      removeEventListener("keydown", press, true);
      before?.focus();
    };
  }, []);
  return html`<dialog class="large" ref=${box} aria-label=${label} onCancel=${close} onClick=${close}><div class="frame">${children}</div>
    <button class="do quiet-do" onClick=${close}>${say("shrink")}</button></dialog>`;
}

export function Path({ points, origin, size: [width, height], label }) {
  const at = (point) => `${(point.x * width).toFixed(1)},${(point.y * height).toFixed(1)}`;
  const unit = Math.max(width, height) / 100;
  const last = points.at(-1);
  return html`<svg class="path" viewBox="0 0 ${width} ${height}" role="img" aria-label=${label}>
    <polyline class="halo" points=${points.map(at).join(" ")} />
    <polyline class="line" points=${points.map(at).join(" ")} />
    ${points.map((point) => html`<circle class="dot" cx=${point.x * width} cy=${point.y * height} r=${unit * 0.35} />`)}
    <circle class="origin" cx=${origin.x * width} cy=${origin.y * height} r=${unit * 1.8} />
    <circle class="last" cx=${last.x * width} cy=${last.y * height} r=${unit * 0.8} />
  </svg>`;
}

export function Corners({ corners, size: [width, height] }) {
  const points = corners.map(([x, y]) => `${x * width},${y * height}`).join(" ");
  return html`<svg class="path" viewBox="0 0 ${width} ${height}" aria-hidden="true"><polygon class="plate-box" points=${points} /></svg>`;
}

// What is played bears no mark: on the page one stands over it, on the full screen too, for the page makes that screen
// itself. What is saved has it burnt in.
export function Clip({ proof, who, say }) {
  const state = useArrival(proof?.sha256);
  const frame = useRef(null);
  const now = useNow(MARK_EVERY_MS);
  if (!proof) return html`<p class="quiet">${say("noClip")}</p>`;
  if (state !== "here") return html`<div class="frame empty">${say(WAITING[state])}</div>`;
  const mark = `${who.name} ${new Date(now).toISOString().slice(0, 16).replace("T", " ")}Z`;
  const enlarge = () => (document.fullscreenElement ? document.exitFullscreen() : frame.current.requestFullscreen());
  return html`<div class="frame marked" ref=${frame}><video class="clip" controls loop muted playsinline preload="metadata" controlsList="nodownload nofullscreen noremoteplayback"
      disablePictureInPicture src=${evidenceUrl(proof.sha256)}></video>
    <p class="over" aria-hidden="true">${mark}</p><p class="over low" aria-hidden="true">${mark}</p></div>
    <p class="row">${document.fullscreenEnabled ? html`<button class="do quiet-do full-screen" onClick=${enlarge}>${say("fullScreen")}</button>` : null}
      <span><a class="save-clip" href=${evidenceUrl(proof.sha256, { download: true })} download>${say("saveClip")}</a> <small>${say("saveClipWhy")}</small></span></p>
    ${proof.note ? html`<p class="quiet">${proof.note}</p>` : null}`;
}
