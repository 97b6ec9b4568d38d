// One vehicle over the checkpoints, as far as their places are known: a line with numbered points.
export function trackItems(track, words, open) {
  const placed = track.points.filter((point) => point.place);
  const line = placed.length > 1 ? [{ draw: "line", key: "track", kind: "vehicle-track", points: placed.map((point) => point.place) }] : [];
  const stops = new Map(); // one pin for each place, with the numbers of all passages there
  placed.forEach((point, index) => {
    const at = `${point.place.latitude},${point.place.longitude}`;
    const stop = stops.get(at) ?? { point, numbers: [], times: [] };
    stop.numbers.push(index + 1);
    stop.times.push(words.when(point.seen_at));
    stops.set(at, stop);
  });
  return [...line, ...[...stops.values()].map(({ point, numbers, times }) => ({
    draw: "pin", key: `track-${numbers[0]}`, at: point.place, kind: `stop ${point.too_fast ? "too-fast" : ""}`, sign: numbers.slice(0, 3).join(" "), label: point.place.name,
    title: `${point.place.name}: ${times.join(", ")}`, open: () => open(point),
  }))];
}
