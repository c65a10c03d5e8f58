module.exports = "Where to?";
