// Before what cannot be taken back: the question, the act, and the way back, which Esc is too.
import { html, useEffect, useRef, useState } from "./lib.js";
import { useKeys } from "./keys.js";
import { Problem, useAction } from "./load.js";

// const ending = useConfirmed((name) => remove(…)): ending.ask(name) puts the question, <Confirm of=${ending} …/> shows it.
// `kept` is told when somebody leaves all as it was.
export function useConfirmed(act, kept = () => {}) {
  const [asked, ask] = useState(null);
  const [run, { error, busy }] = useAction(async (what) => {
    await act(what);
    ask((now) => (now === what ? null : now)); // another question may have been put meanwhile
  });
  const keep = () => {
    ask(null);
    kept();
  };
  return { asked, ask, run, keep, error, busy };
}

// question(what): in full, with the name of what is meant; act: the word on the button
export function Confirm({ of, question, act, say }) {
  const { asked, run, keep, error, busy } = of;
  if (asked === null) return null;
  return html`<${Question} key=${JSON.stringify(asked)} question=${question(asked)} act=${act} onAct=${() => run(asked)} onKeep=${keep} error=${error} busy=${busy} say=${say} />`;
}

// Whoever pressed a button goes on with the keyboard at the way back, and afterwards where he was; whoever types stays there.
export function Question({ question, act, onAct, onKeep, error, busy, say }) {
  const place = useRef(null);
  const wayBack = useRef(null);
  useKeys({ Escape: onKeep });
  useEffect(() => {
    const before = document.activeElement;
    place.current.scrollIntoView({ block: "nearest" }); // the list over it may be long
    if (before?.tagName !== "BUTTON") return undefined;
    wayBack.current.focus({ preventScroll: true });
    return () => before.isConnected && before.focus({ preventScroll: true });
  }, []);
  return html`<p class="row confirm" role="alert" ref=${place}><b>${question}</b>
    <button type="button" class="do" disabled=${busy} onClick=${onAct}>${act}</button>
    <button type="button" class="do quiet-do" ref=${wayBack} onClick=${onKeep}>${say("keepAsIs")}</button><${Problem} error=${error} /></p>`;
}
