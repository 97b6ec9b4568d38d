// The views, in the order of the navigation bar. A view is a module views/NAME.js whose default export is its component:
// it gets { words, who, route, live, health, leave }. `roles`: who may open it; without, everybody who has signed in.
// `everywhere`: nobody who is limited to sites.
export const VIEWS = [
  { name: "alerts", load: () => import("./alerts.js") },
  { name: "map", load: () => import("./map.js") },
  { name: "tasks", load: () => import("./tasks.js") },
  { name: "vehicles", load: () => import("./vehicles.js") },
  { name: "watchlist", load: () => import("./watchlist.js") },
  { name: "devices", load: () => import("./devices.js") },
  { name: "audit", roles: ["auditor", "admin"], everywhere: true, load: () => import("./audit.js") },
  { name: "administration", roles: ["admin"], load: () => import("./administration.js") },
  { name: "settings", load: () => import("./settings.js") },
];

export const mayOpen = (view, who) => !view.roles || view.roles.includes(who.role);
