// What this browser does: language is in the bar; sound, notifications and large type are here.
import { html, useState } from "../parts/lib.js";
import { usePreference } from "../parts/preferences.js";
import { ring } from "../parts/sound.js";

export default function Settings({ words, who, leave }) {
  const { say } = words;
  const [sound, setSound] = usePreference("sound", true);
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
      <${Switch} label=${say("notifyOn")} why=${denied ? say("notifyDenied") : say("notifyWhy")} value=${notify} set=${askFirst} />
      <${Switch} label=${say("wallOn")} why=${say("wallWhy")} value=${wall} set=${setWall} /></section>
    <section class="card"><h3>${say("signedInAs")}</h3><p><b>${who.name}</b> · ${say(who.role)}</p>
      <p><button class="do quiet-do" onClick=${leave}>${say("signOut")}</button></p></section>
    <section class="card"><h3>${say("keyboard")}</h3><p>${say("keys")}</p></section></div>`;
}

function Switch({ label, why, value, set, children }) {
  return html`<p class="switch"><label><input type="checkbox" role="switch" checked=${value} onChange=${({ target }) => set(target.checked)} /> <b>${label}</b></label>
    <small>${why}</small>${children}</p>`;
}
