// node start.js <directory> <port>: a Kinesis that keeps its data on disk and ends when it is told to.

const kinesalite = require("kinesalite");

const [path, port] = process.argv.slice(2);
const server = kinesalite({ path, createStreamMs: 0 });
server.listen(Number(port), () => console.log(`kinesalite answers on port ${port}`));
process.on("SIGTERM", () => process.exit(0));
