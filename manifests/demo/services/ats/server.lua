-- Answers GET /places and GET /places/<name>, one request at a time.
local socket = require("socket")
local places = require("places")

local function as_json(name, place)
  return string.format('{"name":"%s","x":%d,"y":%d}', name, place.x, place.y)
end

local function list()
  local names = {}
  for name in pairs(places) do names[#names + 1] = name end
  table.sort(names)
  for index, name in ipairs(names) do names[index] = as_json(name, places[name]) end
  return "[" .. table.concat(names, ",") .. "]"
end

local function answer(path)
  if path == "/services/ping" then return "200 OK", '"pong"' end
  if path == "/places" then return "200 OK", list() end
  local name = path:match("^/places/(%w+)$")
  if name and places[name] then return "200 OK", as_json(name, places[name]) end
  return "404 Not Found", '{"error":"no such place"}'
end

local function serve(client)
  client:settimeout(2)
  local request = client:receive("*l")
  local line = request
  while line and line ~= "" do line = client:receive("*l") end
  local path = request and request:match("^%u+ (%S+)")
  if not path then return end
  local status, body = answer(path)
  client:send(string.format(
    "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
    status, #body, body))
  if path ~= "/services/ping" then print(status, path) io.stdout:flush() end
end

local server = assert(socket.bind("*", tonumber(os.getenv("PORT") or "80")))
print("ats answers on port " .. select(2, server:getsockname()))
io.stdout:flush()
while true do
  local client = server:accept()
  if client then
    serve(client)
    client:close()
  end
end
