-- Opens the door with a picture that was read from the database and written
-- beside it before, chunk by chunk. Whoever comes second with the same
-- intention does nothing.
--
-- KEYS[1] -> fr:{show}:door            hash: loaded, plan, version, fence, looks
-- KEYS[2] -> fr:{show}:door:states     string: a letter a seat, f h s b
-- KEYS[3] -> fr:{show}:door:leases     hash: ordinal -> "fence:deadline:hold" | "fence:sold" | "fence:free" | "fence:blocked"
-- KEYS[4] -> fr:{show}:door:deadlines  sorted set: ordinal -> deadline (µs)
-- KEYS[5] -> fr:{show}:door:leases:<incarnation>     what becomes KEYS[3]
-- KEYS[6] -> fr:{show}:door:deadlines:<incarnation>  what becomes KEYS[4]
-- ARGV[1] -> incarnation: a random name for this picture
-- ARGV[2] -> plan of the layout
-- ARGV[3] -> incarnation that this one replaces, or empty: only a door that is not loaded with this plan
-- ARGV[4] -> how many records KEYS[5] must have
-- ARGV[5] -> how many deadlines KEYS[6] must have
-- ARGV[6] -> highest fence in the database
-- ARGV[7] -> states: a letter a seat
--
-- Returns "ok"
--         "loaded"      somebody else has loaded it meanwhile
--         "incomplete"  a part of the picture was lost on the way
local door, states, leases, deadlines, new_leases, new_deadlines = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local incarnation, plan, replaces = ARGV[1], ARGV[2], ARGV[3]
local records, held, fence, letters = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]

local known = redis.call('HMGET', door, 'loaded', 'plan', 'version', 'fence')
if known[1] and known[2] == plan and known[1] ~= replaces then
  redis.call('DEL', new_leases, new_deadlines)
  return 'loaded'
end
if redis.call('HLEN', new_leases) ~= records or redis.call('ZCARD', new_deadlines) ~= held then
  redis.call('DEL', new_leases, new_deadlines)
  return 'incomplete'
end

redis.call('DEL', door, states, leases, deadlines)
if records > 0 then
  redis.call('RENAME', new_leases, leases)
  redis.call('PERSIST', leases)
end
if held > 0 then
  redis.call('RENAME', new_deadlines, deadlines)
  redis.call('PERSIST', deadlines)
end
redis.call('SET', states, letters)

-- Versions start from the time in ms and grow by one a change, so that they go
-- on growing for those who watch the states although the last one was lost.
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local version = math.max(tonumber(known[3] or '0') + 1, now_ms)
redis.call('HSET', door,
  'loaded', incarnation,
  'plan', plan,
  'version', string.format('%.0f', version),
  'fence', string.format('%.0f', math.max(fence, tonumber(known[4] or '0'))),
  'looks', 0)
return 'ok'
