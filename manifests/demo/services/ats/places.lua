-- Kilometres east and north of the town hall.
return {
  airport = { x = 12, y = -3 },
  castle = { x = -2, y = 4 },
  harbour = { x = 3, y = 5 },
  station = { x = 1, y = -1 },
}
