// The pages as HTML.

const greeting = require("./greeting.js");

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const page = (body) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Journeys</title><link rel="stylesheet" href="/assets/style.css"></head>
<body>${body}</body></html>
`;

function front(places) {
  const options = places.map(({ name }) => `<option>${escaped(name)}</option>`).join("");
  const choice = (name) => `<select name="${name}">${options}</select>`;
  return page(`<h1>${escaped(greeting)}</h1>
<form action="/journey">From ${choice("from")} to ${choice("to")} <button>Go</button></form>`);
}

const journey = ({ from, to, minutes }) =>
  page(`<h1>${escaped(from)} to ${escaped(to)}</h1><p class="minutes">${minutes} minutes</p><a href="/">Another</a>`);

const sorry = (message) => page(`<h1>Sorry</h1><p>${escaped(message)}</p><a href="/">Another</a>`);

module.exports = { front, journey, sorry };
