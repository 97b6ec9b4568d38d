// Alerts as they were told last, by id. The stream, answers and one's own steps overtake each other on their way: what is
// older never replaces what is newer, and what an answer no longer names is over.
export const CLOSED = ["resolved", "dismissed"];
const MOST = 1000; // a page that stays open for weeks must not grow with every alert

export const isClosed = (alert) => CLOSED.includes(alert.state);
const since = (alert) => alert.state_since.replace("Z", ""); // so that no fraction sorts before any

// An alert moves on in time, takes events in and becomes overdue; never back.
export function isOlder(alert, known) {
  if (!alert || !known || since(alert) > since(known)) return false;
  return since(alert) < since(known) || alert.events < known.events || Number(alert.overdue) < Number(known.overdue);
}

// Of too many the closed ones go first, the oldest before the others.
function few(alerts) {
  if (alerts.size <= MOST) return alerts;
  const order = [...alerts.values()].sort((a, b) => Number(isClosed(a)) - Number(isClosed(b)) || b.raised_at.localeCompare(a.raised_at));
  return new Map(order.slice(0, MOST).map((alert) => [alert.alert_id, alert]));
}

// `known` (id → alert) with what was told; closed ones stay, for an answer that is still on its way may call them open.
export function told(known, alerts) {
  const fresh = alerts.filter((alert) => !isOlder(alert, known.get(alert.alert_id)));
  return few(new Map([...known, ...fresh.map((alert) => [alert.alert_id, alert])]));
}

// `known` without what a page of an answer shows to be over: what was known already when it was asked for (`before`), was
// not told since, would be on this page (`belongs`) and is not. It was closed while nobody could tell.
export function withoutOver(known, before, page, belongs) {
  const named = new Set(page.items.map((alert) => alert.alert_id));
  const from = page.next_cursor ? page.items.at(-1).raised_at : "";
  const isOver = (alert) => alert === before.get(alert.alert_id) && !named.has(alert.alert_id) && alert.raised_at > from && belongs(alert);
  return new Map([...known].filter(([, alert]) => !isOver(alert)));
}

// `known` with a page of an answer.
export const answered = (known, before, page, belongs) => told(withoutOver(known, before, page, belongs), page.items);
