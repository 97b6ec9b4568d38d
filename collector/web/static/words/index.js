// All words, by language. A module per view exports `en` and `zh` with the same keys; a key stands in one module only.
import * as alerts from "./alerts.js";
import * as administration from "./administration.js";
import * as audit from "./audit.js";
import * as devices from "./devices.js";
import * as duty from "./duty.js";
import * as holds from "./holds.js";
import * as map from "./map.js";
import * as reason from "./reason.js";
import * as settings from "./settings.js";
import * as shared from "./shared.js";
import * as signIn from "./sign-in.js";
import * as tasks from "./tasks.js";
import * as vehicles from "./vehicles.js";
import * as watchlist from "./watchlist.js";

const MODULES = [tasks, map, shared, signIn, alerts, settings, reason, vehicles, watchlist, audit, administration, devices, holds, duty];
const of = (language) => Object.assign({}, ...MODULES.map((module) => module[language]));

export const WORDS = { zh: of("zh"), en: of("en") };
