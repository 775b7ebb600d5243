// Numbers, durations and dates as people read them, and small sums. What isn't known is a dash:
// numbers that aren't finite arrive as null.

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

// 0.5 → "0.50"
const fixed = (value, digits) =>
  isNumber(value) ? value.toFixed(digits).replace("-", "−") : "–";

// An SSIM, without the zero that all of them share: 0.9123 → ".9123"
const score = (value) => fixed(value, 4).replace(/^(−?)0\./, "$1.");

const LEAST_SHOWN = 5e-5; // less is 0 in a score's four digits

// A difference of scores: 0.0123 → "+.0123"
function signedScore(value) {
  if (!isNumber(value)) return "–";
  if (Math.abs(value) < LEAST_SHOWN) return "0";
  return (value < 0 ? "" : "+") + score(value);
}

// 10000 → "10,000"
const count = (value) => (isNumber(value) ? value.toLocaleString("en") : "–");
const counted = (value, noun, plural = `${noun}s`) => `${count(value)} ${value === 1 ? noun : plural}`;

// Four digits, for values of any size, such as losses.
function compact(value) {
  if (!isNumber(value)) return "–";
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1).replaceAll("-", "−");
  return String(+value.toPrecision(4)).replace("-", "−");
}

function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// "2026-01-31T12:34:56+01:00" → "2026-01-31 12:34"
const dateTime = (text) => (text ? text.slice(0, 16).replace("T", " ") : "–");
const date = (text) => dateTime(text).slice(0, 10);

const sum = (values) => values.reduce((total, value) => total + (value || 0), 0);
const mean = (values) => sum(values) / values.length;

// [lowest, highest] of the numbers in `values`. Not Math.min(...values), which runs out of stack
// where there are hundreds of thousands of them.
function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!isNumber(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
