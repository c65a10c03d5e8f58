module.exports = "Where from?";
