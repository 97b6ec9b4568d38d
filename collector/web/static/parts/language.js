// Words and formats of the chosen language: Chinese or English, the browser's choice until somebody switches.
import en from "../words/en.js";
import zh from "../words/zh.js";

const WORDS = { zh, en };
const LOCALES = { zh: "zh-CN", en: "en-GB" };

export const languages = Object.keys(WORDS);
export const firstLanguage = () =>
  localStorage.getItem("watchpost-language") ?? (navigator.languages.some((tag) => tag.startsWith("zh")) ? "zh" : browserDefault());
const browserDefault = () => (navigator.language.startsWith("en") ? "en" : "zh");

export function wording(language) {
  const words = WORDS[language];
  const locale = LOCALES[language];
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  const day = new Intl.DateTimeFormat(locale, { month: "2-digit", day: "2-digit" });
  const say = (key, ...values) => {
    const found = words[key] ?? key;
    return typeof found === "function" ? found(...values) : found;
  };
  const when = (text) => {
    const moment = new Date(text);
    const today = moment.toDateString() === new Date().toDateString();
    return today ? clock.format(moment) : `${day.format(moment)} ${clock.format(moment)}`;
  };
  return { say, when, language, locale };
}

export function keepLanguage(language) {
  localStorage.setItem("watchpost-language", language);
  document.documentElement.lang = LOCALES[language];
}
