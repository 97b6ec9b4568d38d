// Words and formats of the chosen language: Chinese or English, the browser's choice until somebody switches.
import { WORDS } from "../words/index.js";

const LOCALES = { zh: "zh-CN", en: "en-GB" };

export const languages = Object.keys(WORDS);
const browserChoice = () => (navigator.languages.some((tag) => tag.startsWith("zh")) || !navigator.language.startsWith("en") ? "zh" : "en");
export const firstLanguage = () => localStorage.getItem("watchpost-language") ?? browserChoice();

// → { say(key, …values), when(instant), lasts(seconds), number(value, digits), language, locale }
export function wording(language) {
  const words = WORDS[language];
  const locale = LOCALES[language];
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(locale, { month: "2-digit", day: "2-digit" });
  const date = new Intl.DateTimeFormat(locale, { year: "numeric", month: "2-digit", day: "2-digit" });
  const say = (key, ...values) => {
    const found = words[key] ?? key;
    return typeof found === "function" ? found(...values) : found;
  };
  const when = (text) => {
    if (!text) return "–";
    const moment = new Date(text);
    const now = new Date();
    if (moment.toDateString() === now.toDateString()) return clock.format(moment);
    const year = moment.getFullYear() === now.getFullYear() ? day : date; // records are kept for years
    return `${year.format(moment)} ${clock.format(moment)}`;
  };
  const lasts = (seconds) => {
    if (seconds == null) return "–";
    if (seconds < 90) return say("seconds", Math.round(seconds));
    if (seconds < 5400) return say("minutes", Math.round(seconds / 60));
    return seconds < 172800 ? say("hours", (seconds / 3600).toFixed(1)) : say("days", Math.round(seconds / 86400));
  };
  return { say, when, lasts, language, locale };
}

export function keepLanguage(language) {
  localStorage.setItem("watchpost-language", language);
  document.documentElement.lang = LOCALES[language];
}
