// Without a session: name and password. With the code of a sign-in link: at once. With the console's token: the first administrator.
import { ApiError, post } from "../parts/api.js";
import { html, useEffect, useState } from "../parts/lib.js";
import { Problem, useAction } from "../parts/load.js";

const FIRST = "first.";
const MUST_CHOOSE = 409; // the password is one that an administrator has set anew

export default function SignIn({ words, signedIn, ended }) {
  const { say } = words;
  const [code] = useState(() => (location.pathname === "/sign-in" ? location.hash.slice(1) : ""));
  const [problem, setProblem] = useState("");
  const first = code.startsWith(FIRST);
  useEffect(() => {
    if (code) history.replaceState(null, "", "/");
    if (!code || first) return;
    post("/session", { code }).then(signedIn, (error) => {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.message);
    });
  }, []);
  if (first) return html`<${FirstAdmin} token=${code.slice(FIRST.length)} say=${say} signedIn=${signedIn} />`;
  if (code && !problem) return html`<main class="sign-in"><p>${say("signingIn")}</p></main>`;
  return html`<${ByPassword} say=${say} signedIn=${signedIn} problem=${problem || (ended ? say("signedOutWhy") : "")} />`;
}

// Whose password was set anew by an administrator chooses one of his own first.
function ByPassword({ say, signedIn, problem }) {
  const [enter, { error, busy }] = useAction(async (body) => signedIn(await post("/session", body)));
  const [differ, setDiffer] = useState(false);
  const [choosing, setChoosing] = useState(false);
  useEffect(() => { if (error?.status === MUST_CHOOSE) setChoosing(true); }, [error]);
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const own = form.get("new");
    setDiffer(own !== form.get("again"));
    if (own === form.get("again")) enter({ name: form.get("name").trim(), password: form.get("password"), ...(own ? { new: own } : {}) });
  };
  const shown = differ ? { message: say("passwordsDiffer") } : error?.status === MUST_CHOOSE ? null : error;
  return html`<main class="sign-in"><h1>${say("signIn")}</h1>
    ${problem && !choosing ? html`<p class="problem" role="alert">${problem}</p>` : null}
    <form class="sign-in-form" onSubmit=${submit}>
      <label class="field"><span>${say("userName")}</span><input name="name" required autofocus autocomplete="username" autocapitalize="none" /></label>
      <label class="field"><span>${say("password")}</span><input name="password" type="password" required autocomplete="current-password" /></label>
      ${choosing ? html`<p class="choose-own" role="alert">${say("chooseOwn")}</p>
        <label class="field"><span>${say("newPassword")}</span><input name="new" type="password" required minlength="10" maxlength="200" autocomplete="new-password" /></label>
        <label class="field"><span>${say("newAgain")}</span><input name="again" type="password" required autocomplete="new-password" /></label>` : null}
      <${Problem} error=${shown} />
      <button class="do first" disabled=${busy}>${say("signIn")}</button></form>
    <p class="quiet">${say("signInHow")}</p></main>`;
}

function FirstAdmin({ token, say, signedIn }) {
  const [make, { error, busy }] = useAction(async (body) => signedIn(await post("/session/first-admin", body)));
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    make({ token, name: form.get("name").trim(), full_name: form.get("full_name"), password: form.get("password") });
  };
  return html`<main class="sign-in"><h1>${say("firstAdmin")}</h1><p>${say("firstAdminWhy")}</p>
    <form class="sign-in-form" onSubmit=${submit}>
      <label class="field"><span>${say("userName")}</span><input name="name" required pattern="[a-z0-9][a-z0-9._\\-]{1,39}" title=${say("userNameRule")}
        autocomplete="username" autocapitalize="none" /></label>
      <label class="field"><span>${say("fullName")}</span><input name="full_name" maxlength="80" autocomplete="name" /></label>
      <label class="field"><span>${say("passwordRule")}</span><input name="password" type="password" required minlength="10" maxlength="200" autocomplete="new-password" /></label>
      <${Problem} error=${error} />
      <button class="do first" disabled=${busy}>${say("makeAccount")}</button></form></main>`;
}
