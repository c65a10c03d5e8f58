// Asks the www of this environment what a browser would, and writes what it found as JUnit.

const assert = require("node:assert");
const fs = require("node:fs");

const www = process.env.WWW_URL || "http://www";
const get = (path) => fetch(www + path, { signal: AbortSignal.timeout(10000) });
const order = (from, to) => fetch(`${www}/api/journeys`, { method: "POST", body: JSON.stringify({ from, to }) });

const suites = {
  pages: {
    "the front page greets": async () => {
      const page = await (await get("/")).text();
      assert.ok(page.includes("<h1>Where to?</h1>"), `no greeting in: ${page.match(/<h1>.*<\/h1>/)}`);
    },
    "the front page offers the places of ats": async () => {
      const page = await (await get("/")).text();
      for (const { name } of await (await fetch("http://ats/places")).json()) assert.ok(page.includes(name), name);
    },
    "nginx serves the style sheet": async () => {
      const answer = await get("/assets/style.css");
      assert.strictEqual(answer.headers.get("content-type"), "text/css");
    },
    "an unknown page is not found": async () => {
      assert.strictEqual((await get("/nowhere")).status, 404);
    },
  },
  journeys: {
    "a journey is put on the queue": async () => {
      const answer = await order("harbour", "station");
      assert.strictEqual(answer.status, 202);
      const { id } = await answer.json();
      assert.strictEqual((await get(`/api/journeys/${id}`)).status, 200);
    },
    "a journey to nowhere is refused": async () => {
      const answer = await get("/journey?from=harbour&to=atlantis");
      assert.strictEqual(answer.status, 404);
    },
  },
};

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

async function run(suite, tests) {
  const cases = [];
  for (const [name, test] of Object.entries(tests)) {
    const start = Date.now();
    const error = await test().then(() => null, (reason) => reason);
    console.log(error ? `FAILED ${suite}: ${name}: ${error.message}` : `passed ${suite}: ${name}`);
    cases.push({ name, error, seconds: (Date.now() - start) / 1000 });
  }
  const failures = cases.filter(({ error }) => error).length;
  const lines = cases.map(({ name, error, seconds }) => {
    const failure = error ? `<failure message="${escaped(error.message)}"/>` : "";
    return `<testcase classname="www.${suite}" name="${escaped(name)}" time="${seconds}">${failure}</testcase>`;
  });
  fs.mkdirSync("test/results", { recursive: true });
  fs.writeFileSync(
    `test/results/protractor-${suite}.xml`,
    `<testsuite name="www.${suite}" tests="${cases.length}" failures="${failures}">\n${lines.join("\n")}\n</testsuite>\n`,
  );
  return failures;
}

(async () => {
  let failures = 0;
  for (const [suite, tests] of Object.entries(suites)) failures += await run(suite, tests);
  process.exitCode = failures === 0 ? 0 : 1;
})();
