-- Looks at the door once for everybody who asks a gateway within a second.
-- Frees leases that have run out, a bounded number at a time, and counts the
-- looks: a gateway that sees fewer looks, or an older version, than it has seen
-- before knows that Redis was put back.
--
-- KEYS[1] -> fr:{show}:door            hash: loaded, plan, version, fence, looks
-- KEYS[2] -> fr:{show}:door:states     string: a letter a seat, f h s b
-- KEYS[3] -> fr:{show}:door:leases     hash: ordinal -> "fence:deadline:hold" | "fence:sold" | "fence:free" | "fence:blocked"
-- KEYS[4] -> fr:{show}:door:deadlines  sorted set: ordinal -> deadline (µs)
-- ARGV[1] -> plan of the layout
-- ARGV[2] -> incarnation whose states the caller has, or empty
-- ARGV[3] -> version of the states that the caller has
-- ARGV[4] -> how many leases to free at most
--
-- Returns {"ok", now, incarnation, version, looks, states}  states is empty if the caller has this version
--         {"unloaded", now}                                 the door is not loaded with this plan
local door, states, leases, deadlines = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local plan, had_incarnation, had_version, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local time = redis.call('TIME')
local now_text = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))

local known = redis.call('HMGET', door, 'loaded', 'plan', 'version')
if not known[1] or known[2] ~= plan then
  return {'unloaded', now_text}
end

local version = known[3]
local due = redis.call('ZRANGEBYSCORE', deadlines, '-inf', now_text, 'LIMIT', 0, most)
for _, ordinal in ipairs(due) do
  local fence = string.match(redis.call('HGET', leases, ordinal) or '0:', '^(%d+):')
  redis.call('HSET', leases, ordinal, fence .. ':free')
  redis.call('ZREM', deadlines, ordinal)
  redis.call('SETRANGE', states, ordinal, 'f')
end
if #due > 0 then
  version = string.format('%.0f', redis.call('HINCRBY', door, 'version', 1))
end

local looks = string.format('%.0f', redis.call('HINCRBY', door, 'looks', 1))
local letters = ''
if had_incarnation ~= known[1] or had_version ~= version then
  letters = redis.call('GET', states)
end
return {'ok', now_text, known[1], version, looks, letters}
