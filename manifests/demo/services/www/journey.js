// One journey, from the order to the answer of the fleet.

const api = process.env.API_URL || "http://api";
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function ask(path, options) {
  const answer = await fetch(api + path, { signal: AbortSignal.timeout(5000), ...options });
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error), { status: answer.status });
  return value;
}

const places = () => ask("/places");

/** Orders a journey and waits until dispatch has stored how long it takes. */
async function travel(from, to, seconds = 8) {
  const end = Date.now() + seconds * 1000;
  let journey = await ask("/journeys", { method: "POST", body: JSON.stringify({ from, to }) });
  while (journey.state !== "done") {
    if (Date.now() > end) throw Object.assign(new Error("no car was found in time"), { status: 504 });
    await pause(50);
    journey = await ask(`/journeys/${journey.id}`);
  }
  return { from, to, ...journey };
}

module.exports = { places, travel };
