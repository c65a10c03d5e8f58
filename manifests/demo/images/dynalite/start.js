// node start.js <directory> <port>: a DynamoDB that keeps its data on disk and ends when it is told to.

const dynalite = require("dynalite");

const [path, port] = process.argv.slice(2);
dynalite({ path, createTableMs: 0 }).listen(Number(port), () => console.log(`dynalite answers on port ${port}`));
process.on("SIGTERM", () => process.exit(0));
