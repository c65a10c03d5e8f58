// GET / is a form; GET /journey?from=harbour&to=station is the answer, as a page or, if asked for, as JSON.

const http = require("node:http");
const { places, travel } = require("./journey.js");
const pages = require("./pages.js");

function send(response, status, type, body) {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

async function answer(request, response) {
  const url = new URL(request.url, "http://www");
  const json = (request.headers.accept || "").includes("application/json");
  try {
    if (url.pathname === "/services/ping") return send(response, 200, "text/plain", "pong\n");
    if (url.pathname === "/") return send(response, 200, "text/html", pages.front(await places()));
    if (url.pathname !== "/journey") return send(response, 404, "text/html", pages.sorry("There is no such page."));
    const journey = await travel(url.searchParams.get("from"), url.searchParams.get("to"));
    if (json) return send(response, 200, "application/json", JSON.stringify(journey) + "\n");
    send(response, 200, "text/html", pages.journey(journey));
  } catch (error) {
    const status = error.status || 502;
    console.log(request.url, status, error.message);
    if (json) return send(response, status, "application/json", JSON.stringify({ error: error.message }) + "\n");
    send(response, status, "text/html", pages.sorry(error.message));
  }
}

const port = Number(process.env.APP_PORT || 8080);
http.createServer(answer).listen(port, "127.0.0.1", () => console.log(`the app answers on port ${port}`));
