// Without a session: how to get one. With the code of a sign-in link: get it.
import { ApiError, post } from "../parts/api.js";
import { html, useEffect, useState } from "../parts/lib.js";

export default function SignIn({ words, signedIn }) {
  const { say } = words;
  const [problem, setProblem] = useState("");
  const code = location.pathname === "/sign-in" ? location.hash.slice(1) : "";
  useEffect(() => {
    if (!code) return;
    history.replaceState(null, "", "/");
    post("/session", { code }).then(signedIn, (error) => {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.message);
    });
  }, []);
  if (code && !problem) return html`<main class="sign-in"><p>${say("signingIn")}</p></main>`;
  return html`<main class="sign-in"><h1>${say("signInFirst")}</h1>
    ${problem ? html`<p class="problem" role="alert">${problem}</p>` : null}
    <p>${say("signInHow")}</p><pre>python -m collector sign-in-link --base-url ${location.origin}</pre></main>`;
}
