// Tones for a new alert, made by the browser: no file, no request. Silent until the user has touched the page.
const TONES = { critical: [880, 660, 880], warning: [523] };
const TONE_S = 0.18;
let audio;

export function ring(severity) {
  const tones = TONES[severity];
  if (!tones || navigator.userActivation?.hasBeenActive === false) return;
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume();
  tones.forEach((frequency, index) => {
    const from = audio.currentTime + index * TONE_S * 1.2;
    const [tone, level] = [audio.createOscillator(), audio.createGain()];
    tone.frequency.value = frequency;
    level.gain.setValueAtTime(0.0001, from);
    level.gain.exponentialRampToValueAtTime(0.25, from + 0.02);
    level.gain.exponentialRampToValueAtTime(0.0001, from + TONE_S);
    tone.connect(level).connect(audio.destination);
    tone.start(from);
    tone.stop(from + TONE_S);
  });
}
