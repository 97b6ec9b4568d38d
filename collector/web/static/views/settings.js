// What this browser does: language is in the bar; sound, notifications and large type are here.
import { put } from "../parts/api.js";
import { html, useState } from "../parts/lib.js";
import { Problem, useAction } from "../parts/load.js";
import { usePreference } from "../parts/preferences.js";
import { ring } from "../parts/sound.js";

export default function Settings({ words, who, leave }) {
  const { say } = words;
  const [sound, setSound] = usePreference("sound", true);
  const [repeat, setRepeat] = usePreference("repeat", true);
  const [notify, setNotify] = usePreference("notify", false);
  const [wall, setWall] = usePreference("wall", false);
  const [denied, setDenied] = useState(false);
  const askFirst = async (wanted) => {
    const allowed = wanted && (await Notification.requestPermission()) === "granted";
    setDenied(wanted && !allowed);
    setNotify(allowed);
  };
  return html`<div class="sheet"><h2>${say("settings")}</h2>
    <section class="card"><h3>${say("thisBrowser")}</h3>
      <${Switch} label=${say("soundOn")} why=${say("soundWhy")} value=${sound} set=${setSound}><button class="plain" onClick=${() => ring("critical")}>${say("tryIt")}</button><//>
      <${Switch} label=${say("repeatOn")} why=${say("repeatWhy")} value=${repeat} set=${setRepeat} />
      <${Switch} label=${say("notifyOn")} why=${denied ? say("notifyDenied") : say("notifyWhy")} value=${notify} set=${askFirst} />
      <${Switch} label=${say("wallOn")} why=${say("wallWhy")} value=${wall} set=${setWall} /></section>
    <section class="card"><h3>${say("signedInAs")}</h3><p><b>${who.name}</b> · ${say(who.role)}</p>
      <p><button class="do quiet-do" onClick=${leave}>${say("signOut")}</button></p></section>
    <${OwnPassword} say=${say} leave=${leave} />
    <section class="card"><h3>${say("keyboard")}</h3><p>${say("keys")}</p></section></div>`;
}

// All sessions of its owner end with the old password, this one too.
function OwnPassword({ say, leave }) {
  const [problem, setProblem] = useState(null);
  const [change, { error, busy }] = useAction(async (body) => {
    await put("/session/password", body);
    await leave();
  });
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const differ = form.get("new") !== form.get("again");
    setProblem(differ ? { message: say("passwordsDiffer") } : null);
    if (!differ) change({ old: form.get("old"), new: form.get("new") });
  };
  return html`<section class="card own-password"><h3>${say("ownPassword")}</h3><form class="row form" onSubmit=${submit}>
    <label class="field"><span>${say("oldPassword")}</span><input name="old" type="password" required autocomplete="current-password" /></label>
    <label class="field"><span>${say("newPassword")}</span><input name="new" type="password" required minlength="10" maxlength="200" autocomplete="new-password" /></label>
    <label class="field"><span>${say("newAgain")}</span><input name="again" type="password" required autocomplete="new-password" /></label>
    <button class="do" disabled=${busy}>${say("changePassword")}</button></form><p class="quiet">${say("passwordWhy")}</p><${Problem} error=${problem ?? error} /></section>`;
}

function Switch({ label, why, value, set, children }) {
  return html`<p class="switch"><label><input type="checkbox" role="switch" checked=${value} onChange=${({ target }) => set(target.checked)} /> <b>${label}</b></label>
    <small>${why}</small>${children}</p>`;
}
