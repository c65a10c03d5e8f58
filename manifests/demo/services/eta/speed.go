package main

// kilometresPerHour is how fast a car gets on in this town.
const kilometresPerHour = 30
