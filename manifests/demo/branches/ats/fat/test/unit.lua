-- lua5.4 test/unit.lua <report>: looks whether every place can be found, and writes what it found as JUnit.
local names = {}
local places = require("places")
for name in pairs(places) do names[#names + 1] = name end
table.sort(names)

local cases, failed = {}, 0
for _, name in ipairs(names) do
  local place = places[name]
  local good = name:match("^%w+$") and math.type(place.x) == "integer" and math.type(place.y) == "integer"
  local inside = good and "" or '<failure message="its name is no word, or it is nowhere"/>'
  if not good then failed = failed + 1 end
  cases[#cases + 1] = string.format('<testcase classname="ats.places" name="%s">%s</testcase>', name, inside)
end

local report = assert(io.open(arg[1], "w"))
report:write(string.format('<testsuite name="ats.places" tests="%d" failures="%d">', #cases, failed))
report:write(table.concat(cases), "</testsuite>\n")
report:close()
os.exit(failed == 0 and #cases > 0)
